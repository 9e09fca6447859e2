// The page of one run.
import { fill, h, later, paced, say } from './dom.js';
import { address, get, post } from './api.js';
import { bytes, count, duration, number, when } from './format.js';
import { CurvePanel, shortStep } from './charts.js';
import { fetchCurves, isEpoch, panelsOf } from './curves.js';
import { progress, status } from './home.js';
import { gallery } from './gallery.js';
import { ridges } from './plots.js';
import { chosen } from './chosen.js';
import { joining, viewControls, viewOf, viewParams } from './view.js';

const parts = [['curves', 'Curves'], ['pictures', 'Pictures'], ['distributions', 'Distributions'], ['settings', 'Settings'], ['texts', 'Texts'], ['console', 'Console'], ['system', 'System'], ['about', 'About']];

const isSystem = s => s.tag.startsWith('system/');

// Series that were recorded often tell how training goes; they come first.
const longest = list => Math.max(...list.map(s => s.count));

export function run({ main, params, remember, problem }) {
  const id = params.get('id') ?? '';
  const view = viewOf(params);
  const self = { id, label: id, index: 0, begun: 0 };
  let part = params.get('part') ?? 'curves', step = params.get('step'), detail = null, closed = false, shown = '', pictures = null, texts = null, ridgesShown = null;
  // A note that could not be kept stays on the page.
  let unkept = null;
  const panels = new Map();
  const head = h('div', { class: 'run-head' });
  const tabs = h('div', { class: 'tabs', role: 'tablist', 'aria-label': 'Parts of the run' });
  const body = h('div', { class: 'part', role: 'tabpanel', id: 'part' });
  fill(main, head, tabs, body);

  const save = () => remember({ id, part: part === 'curves' ? '' : part, step: part === 'pictures' ? step : '', ...viewParams(view) });
  const saveLater = later(() => closed || save(), 150);

  async function load() {
    try {
      detail = await get('/api/run', { id });
      if (closed) return;
      document.title = `${detail.run.name} · Cresset`;
      Object.assign(self, { label: detail.run.name, begun: Date.parse(detail.run.created) / 1000 });
      await loadEpochs();
      renderHead();
      renderTabs();
      renderPart();
    } catch (error) {
      if (closed || error.status === 401) return;
      if (error.status === 404) fill(main, h('p', { class: 'empty' }, error.message));
      else problem(error.message);
    }
  }

  function renderHead() {
    const r = detail.run;
    // What is being typed is not taken away by news from the run.
    const typed = document.activeElement;
    if (head.contains(typed) && typed.matches('textarea, input:not([type=checkbox])') && typed.value !== typed.defaultValue) return;
    fill(head,
      h('div', { class: 'row' }, h('h1', null, r.name, ' ', h('small', null, r.id)), status(r), h('span', { class: 'grow' }),
        h('label', { class: 'pick' }, h('input', { id: 'pick', type: 'checkbox', checked: chosen.has(id), onchange: () => chosen.toggle(id) }), 'compare'),
        h('a', { class: 'button', href: address('/api/csv', { id }), download: '' }, 'CSV of every point')),
      h('div', { class: 'row' }, progress(r), h('span', { class: 'grow' }), controls()),
      r.message ? h('p', { class: 'message' }, r.message) : null,
      detail.problems.length ? h('ul', { class: 'message', 'aria-label': 'What cannot be read' }, detail.problems.map(p => h('li', null, p))) : null,
      r.summary.length ? h('dl', { class: 'summary' }, r.summary.map(s => h('div', null, h('dt', { title: s.key }, s.key), h('dd', null, number(s.value))))) : null,
      h('div', { class: 'row' }, tags(), note()),
      requests());
  }

  function controls() {
    if (!detail.canWrite || detail.run.status !== 'running') return null;
    const rate = h('input', { id: 'rate', type: 'text', size: 8, placeholder: 'x0.5', 'aria-label': 'New learning rate, such as 1e-4 or x0.5' });
    return h('div', { class: 'steer', role: 'group', 'aria-label': 'Steer the run' },
      h('form', { onsubmit: e => (e.preventDefault(), ask('rate', rate.value), (rate.value = '')) }, rate, h('button', { type: 'submit' }, 'Set learning rate')),
      h('button', { id: 'evaluate', type: 'button', onclick: () => ask('evaluate') }, 'Evaluate now'),
      h('button', { id: 'sample', type: 'button', title: 'Draw pictures of the present weights', onclick: () => ask('sample') }, 'Sample now'),
      h('button', { id: 'save', type: 'button', onclick: () => ask('save') }, 'Save now'),
      h('button', { id: 'stop', type: 'button', class: 'danger', onclick: stop }, 'Stop'));
  }

  function stop() {
    const dialog = h('dialog', { 'aria-label': 'Stop the run' }, h('h2', null, 'Stop this run?'), h('p', null, 'It finishes its step, saves a checkpoint and ends. ', h('code', null, `cresset train --resume ${id}`), ' goes on with it.'),
      h('div', { class: 'row' }, h('button', { type: 'button', onclick: () => dialog.close() }, 'No'), h('button', { id: 'really', type: 'button', class: 'danger', onclick: () => (dialog.close(), ask('stop')) }, 'Stop')));
    dialog.addEventListener('close', () => dialog.remove());
    document.body.append(dialog);
    dialog.showModal();
  }

  async function change(path, body, done) {
    try {
      await post(path, { id, ...body });
      if (done) say(done);
      await load();
    } catch (error) {
      say(error.message, true);
    }
  }

  const ask = (command, value = '') => change('/api/ask', { command, value }, 'Asked; the run answers after its current step.');

  function requests() {
    if (!detail.requests.length) return null;
    return h('ul', { class: 'requests', 'aria-label': 'What was asked of the run' }, detail.requests.slice(-4).reverse().map(r => h('li', null, h('b', null, `${r.command} ${r.value}`.trim()), ' ', r.answer || (r.taken ? 'taken up' : 'waiting for the run'))));
  }

  function tags() {
    const input = h('input', { id: 'newtag', type: 'text', size: 10, maxlength: 100, placeholder: 'add a tag', 'aria-label': 'Add a tag' });
    return h('div', { class: 'tags' }, detail.run.tags.map(t => h('span', { class: 'tag' }, t, detail.canWrite ? h('button', { type: 'button', 'aria-label': `Remove the tag ${t}`, onclick: () => change('/api/tag', { tag: t, remove: true }) }, '×') : null)),
      detail.canWrite ? h('form', { onsubmit: e => (e.preventDefault(), input.value.trim() && (change('/api/tag', { tag: input.value.trim() }), (input.value = ''))) }, input) : null);
  }

  function note() {
    if (!detail.canWrite) return detail.run.note ? h('p', { class: 'notetext' }, detail.run.note) : null;
    const shown = unkept ?? detail.run.note;
    const text = h('textarea', { id: 'note', rows: Math.min(6, shown.split('\n').length), maxlength: 20000, placeholder: 'A note', 'aria-label': 'Note', value: shown, onchange: async () => {
      unkept = text.defaultValue = text.value;
      try {
        await post('/api/note', { id, note: unkept });
        unkept = null;
        say('The note is kept.');
        await load();
      } catch (error) {
        say(error.message, true);
      }
    } }, shown);
    return text;
  }

  function renderTabs() {
    const n = { curves: detail.series.filter(s => !isSystem(s)).length, system: detail.series.filter(isSystem).length, pictures: detail.pictures.length, distributions: detail.histograms.length, settings: Object.keys(detail.config).length, texts: detail.texts, about: detail.checkpoints.length };
    fill(tabs, parts.map(([key, text]) => h('button', { id: `tab-${key}`, type: 'button', role: 'tab', 'aria-selected': key === part ? 'true' : 'false', 'aria-controls': 'part', onclick: () => open(key) }, text, key === 'about' || key === 'console' ? null : h('b', null, count(n[key])))));
  }

  function open(key) {
    part = key;
    save();
    renderTabs();
    renderPart();
  }

  function renderPart() {
    const isNew = shown !== part;
    if (isNew) {
      dropPanels();
      pictures?.close();
      pictures = texts = ridgesShown = null;
      body.replaceChildren();
      shown = part;
    }
    ({ curves, system: curves, pictures: showPictures, distributions, settings, texts: showTexts, console: showLog, about })[part]?.(isNew);
  }

  // What is drawn anew when the reader changes how curves are drawn; asks: the points have to be asked for, too.
  async function redrawn(asks) {
    save();
    document.getElementById('reset').disabled = view.from === undefined;
    await loadEpochs();
    curves(false);
    for (const panel of panels.values()) asks || !panel.curves.length ? panel.refresh() : panel.draw();
  }

  async function loadEpochs() {
    const tag = view.x === 'epoch' && detail.series.find(s => isEpoch(s.tag))?.tag;
    if (tag) self.epochs = (await fetchCurves(tag, [id], { most: 2000 }).catch(() => []))[0];
  }

  function curves(isNew) {
    if (isNew) fill(body, viewControls(view, redrawn), h('div', { id: 'groups' }));
    const groups = body.querySelector('#groups');
    const known = detail.series.filter(s => isSystem(s) === (part === 'system') && !isEpoch(s.tag));
    const wanted = known.filter(s => s.tag.toLowerCase().includes(view.filter.toLowerCase()));
    if (!wanted.length) {
      dropPanels();
      fill(groups, h('p', { class: 'empty' }, part === 'system' ? 'Nothing is recorded of processor and memory: the run is shorter than a second, or was not recorded by a recipe.' : detail.series.length ? 'No series has this in its name.' : 'No curves yet.'));
      return;
    }
    const points = tags => wanted.reduce((sum, s) => sum + (tags.includes(s.tag) ? s.count : 0), 0);
    const lists = panelsOf(wanted.map(s => s.tag), view);
    if (lists.map(tags => tags.join('\t')).join('\n') !== [...panels.keys()].join('\n')) {
      dropPanels();
      for (const tags of lists) {
        const panel = new CurvePanel(tags, [self], view, zoom, joining(view, tags, known.map(s => s.tag), () => redrawn(false)));
        panel.points = points(tags);
        panels.set(tags.join('\t'), panel);
      }
      const byTag = new Map(wanted.map(s => [s.tag, s]));
      const sections = [...Map.groupBy([...panels.values()], p => (new Set(p.tags.map(t => t.split('/')[0])).size === 1 && p.tags[0].includes('/') ? p.tags[0].split('/')[0] : ''))];
      sections.sort((a, b) => longest(b[1].flatMap(p => p.tags.map(t => byTag.get(t)))) - longest(a[1].flatMap(p => p.tags.map(t => byTag.get(t)))));
      fill(groups, sections.map(([name, list]) => h('section', { class: 'group' }, name ? h('h2', null, name, h('small', null, ` ${list.length}`)) : null, h('div', { class: 'panels' }, list.map(p => p.element)))));
      for (const panel of sections[0][1].slice(0, 2)) panel.start();
      return;
    }
    for (const panel of panels.values()) {
      if (panel.points === points(panel.tags)) continue;
      panel.points = points(panel.tags);
      panel.refresh();
    }
  }

  function dropPanels() {
    for (const panel of panels.values()) panel.dispose();
    panels.clear();
  }

  function zoom(from, to) {
    Object.assign(view, { from, to });
    saveLater();
    const reset = document.getElementById('reset');
    if (reset) reset.disabled = from === undefined;
    for (const panel of panels.values()) panel.refresh();
  }

  function showPictures() {
    pictures ??= gallery(body, [{ id, label: detail.run.name }], step, at => {
      step = at;
      save();
    });
    pictures.update(new Map([[id, detail.pictures]]));
  }

  async function distributions() {
    const signature = `${detail.histograms.length} ${detail.run.points}`;
    if (ridgesShown === signature) return;
    ridgesShown = signature;
    if (!detail.histograms.length) return fill(body, h('p', { class: 'empty' }, 'No distributions were recorded.'));
    const all = await get('/api/histograms', { id }).catch(error => (problem(error.message), []));
    if (part === 'distributions' && !closed) fill(body, h('div', { class: 'panels' }, [...Map.groupBy(all, x => x.tag)].map(([tag, list]) => ridges(tag, list))));
  }

  function settings() {
    // Settings that were changed when the run began stand out, with what the recipe itself says.
    const own = new Map(Object.entries(detail.environment).filter(([key]) => key.startsWith('recipe:')).map(([key, value]) => [key.slice(7), value]));
    const environment = Object.fromEntries(Object.entries(detail.environment).filter(([key]) => !key.startsWith('recipe:')));
    const rows = object => Object.entries(object).sort(([a], [b]) => own.has(b) - own.has(a)).map(([key, value]) => h('tr', { class: own.has(key) ? 'changed' : null }, h('td', null, key), h('td', null, h('code', null, value), own.has(key) ? h('small', null, ` the recipe says ${own.get(key)}`) : null)));
    fill(body, h('div', { class: 'columns' },
      h('section', null, h('h2', null, 'Settings'), Object.keys(detail.config).length ? h('table', { class: 'pairs' }, h('tbody', null, rows(detail.config))) : h('p', { class: 'empty' }, 'None were recorded.')),
      h('section', null, h('h2', null, 'Environment'), h('table', { class: 'pairs' }, h('tbody', null, rows(environment))))));
  }

  // Follows the end as a terminal does, unless somebody reads further up.
  async function showLog() {
    const log = await get('/api/log', { id }).catch(error => (problem(error.message), null));
    if (!log || part !== 'console' || closed) return;
    if (!log.lines.length) return fill(body, h('p', { class: 'empty' }, 'Nothing was written down: log.txt of the run is empty or not there.'));
    const before = document.getElementById('log');
    const follows = !before || before.scrollTop + before.clientHeight >= before.scrollHeight - 20;
    const text = h('pre', { id: 'log', class: 'log', tabindex: 0, role: 'log', 'aria-label': 'What the run said' }, log.lines.join('\n'));
    fill(body, log.isWhole ? null : h('p', { class: 'hint' }, `The end of ${bytes(log.bytes)}; the whole is log.txt in the run’s folder.`), text);
    text.scrollTop = follows ? text.scrollHeight : before.scrollTop;
  }

  async function showTexts() {
    if (texts === detail.texts) return;
    texts = detail.texts;
    const all = await get('/api/texts', { id }).catch(error => (problem(error.message), []));
    if (part !== 'texts' || closed) return;
    fill(body, all.length ? [...Map.groupBy(all, t => t.tag)].map(([tag, list]) => h('section', { class: 'group' }, h('h2', null, tag), list.reverse().map(t => h('article', { class: 'text' }, h('header', null, `step ${shortStep(t.step, true)} · ${when(t.time)}`), h('pre', { tabindex: 0 }, t.text))))) : h('p', { class: 'empty' }, 'No texts were recorded.'));
  }

  function about() {
    const r = detail.run;
    const rows = [['Kind', r.kind], ['Began', when(r.created)], ['Ended', r.ended ? when(r.ended) : '—'], ['Recorded for', duration(r.active)], ['Sessions', r.sessions], ['Machine', `${detail.host}, process ${detail.processId}`], ['Folder', detail.folder], ['Points', count(r.points)]];
    fill(body, h('div', { class: 'columns' },
      h('section', null, h('h2', null, 'Run'), h('table', { class: 'pairs' }, h('tbody', null, rows.map(([key, value]) => h('tr', null, h('td', null, key), h('td', null, value)))))),
      h('section', null, h('h2', null, 'Checkpoints'), detail.checkpoints.length ? h('table', { class: 'runs' }, h('thead', null, h('tr', null, ['step', 'figure', 'size', 'written'].map(t => h('th', { class: t === 'written' ? null : 'n' }, t)))), h('tbody', null, detail.checkpoints.map(c => h('tr', null, h('td', { class: 'n' }, count(c.step)), h('td', { class: 'n' }, c.metric === null ? '' : number(c.metric)), h('td', { class: 'n' }, bytes(c.bytes)), h('td', null, when(c.written)))))) : h('p', { class: 'empty' }, 'None.'),
        h('h2', null, 'Go on from here'), ['runs show', 'train --resume', 'eval', 'sample', 'runs export'].map(verb => h('p', null, h('code', null, `cresset ${verb} ${r.id}`))))));
  }

  const reload = paced(load, 250);
  load();
  return {
    changed: change => (change.all || change.runs.includes(id)) && reload(),
    redraw() {
      for (const panel of panels.values()) panel.lines.length && panel.draw();
      ridgesShown = null;
      if (detail && part === 'distributions') renderPart();
    },
    close() {
      closed = true;
      dropPanels();
      pictures?.close();
    },
    key(event) {
      const at = Number(event.key);
      if (at >= 1 && at <= parts.length) open(parts[at - 1][0]);
      else if ((event.key === '[' || event.key === ']') && pictures) pictures.move(event.key === ']' ? 1 : -1);
      else if (event.key === 'x') {
        chosen.toggle(id);
        renderHead();
      } else if (event.key === '/') document.getElementById('series')?.focus();
      else return false;
      return true;
    },
  };
}
