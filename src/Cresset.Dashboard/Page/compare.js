// Chosen runs beside each other: curves in one panel, the settings that differ, figures against settings, pictures at the same step.
import { fill, h, later, paced, pause } from './dom.js';
import { get } from './api.js';
import { better, colour, count, number, pattern, shortId } from './format.js';
import { CurvePanel } from './charts.js';
import { fetchCurves, isEpoch, panelsOf } from './curves.js';
import { status } from './home.js';
import { gallery } from './gallery.js';
import { parallel, saveable, scatter } from './plots.js';
import { chosen } from './chosen.js';
import { saveTable } from './export.js';
import { inOrder } from './filter.js';
import { joining, viewControls, viewOf, viewParams } from './view.js';

const most = 100;

export function compare({ main, params, go, remember, problem }) {
  let ids = [...new Set(params.getAll('run'))].slice(0, most);
  const view = viewOf(params);
  const asked = { by: params.get('by') ?? '', figure: params.get('figure') ?? '', sort: params.get('sort') ?? '', step: params.get('step') };
  let closed = false, details = [], settings = {}, figures = new Map(), pictures = null, differs = null, isWhole = false;
  const off = new Set(params.getAll('hide')), epochs = new Map();
  const panels = new Map();
  document.title = 'Compare · Cresset';
  if (!ids.length) {
    fill(main, h('div', { class: 'empty' }, h('h1', null, 'Compare'), h('p', null, 'Choose runs on the first page (the boxes, or the key x), then come back here.'), h('a', { class: 'button', href: '/', 'data-link': true }, 'All runs')));
    return { close() {} };
  }
  if (ids.join() !== chosen.all().join()) chosen.set(ids);
  const legend = h('div', { class: 'legend', role: 'group', 'aria-label': 'Runs' });
  const curves = h('div');
  const differ = h('section', { class: 'group' });
  const against = h('section', { class: 'group' });
  const shots = h('section', { class: 'group' });
  const redrawn = async asks => {
    save();
    document.getElementById('reset').disabled = view.from === undefined;
    await loadEpochs();
    renderCurves();
    for (const panel of panels.values()) asks || !panel.curves.length ? panel.refresh() : panel.draw();
  };
  const seeds = h('label', { title: 'Runs that differ in nothing but seeds as their mean and range' }, h('input', { id: 'seeds', type: 'checkbox', checked: view.seeds, onchange: e => ((view.seeds = e.target.checked), redrawn(false)) }), 'bands over seeds');
  const same = h('p', { class: 'command' }, h('code', null, `cresset runs compare ${ids.join(' ')}`));
  fill(main, h('div', { class: 'row' }, h('h1', null, 'Compare'), h('span', { class: 'grow' }), h('a', { class: 'button', href: '/guide?name=dashboard', 'data-link': true }, 'Guide')), legend, viewControls(view, redrawn, seeds), curves, differ, against, shots, same);

  const save = () => remember({ run: ids, hide: [...off], ...viewParams(view), ...asked });
  // A zoom is drawn first: writing the address down takes as long as a hundred curves.
  const saveLater = later(() => closed || save(), 150);

  async function load() {
    try {
      const answers = await get('/api/compare', { run: ids });
      if (closed) return;
      problem(answers.flatMap(a => a.problems).join(' '));
      details = answers.filter(a => !a.missing);
      differs = null;
      settings = Object.fromEntries(details.map(d => [d.run.id, d.config]));
      figures = new Map(details.map(d => [d.run.id, new Map([...d.series.map(s => [s.tag, Number(s.value)]), ...d.run.summary.map(s => [s.key, Number(s.value)])])]));
      await loadEpochs();
      render();
    } catch (error) {
      if (error.status !== 401) problem(error.message);
    }
  }

  async function loadEpochs() {
    if (view.x !== 'epoch') return;
    const tags = Map.groupBy(details, d => d.series.find(s => isEpoch(s.tag))?.tag);
    for (const [tag, list] of tags) if (tag) for (const curve of await fetchCurves(tag, list.map(d => d.run.id), { most: 1000 }).catch(() => [])) epochs.set(curve.run, curve);
  }

  const differing = () => (differs ??= findDiffering());

  const findDiffering = () => {
    const keys = [...new Set(details.flatMap(d => Object.keys(d.config)))];
    return keys.filter(key => new Set(details.map(d => d.config[key] ?? '')).size > 1);
  };

  // What tells a run apart: the settings that differ when they are few, else the end of its id.
  function label(d) {
    const keys = differing();
    const said = keys.slice(0, 3).map(k => `${k.split('.').at(-1)} ${d.config[k] ?? '—'}`).join(', ');
    const told = keys.length && keys.length <= 3 ? said : shortId(d.run.id);
    return new Set(details.map(x => x.run.name)).size > 1 || !keys.length || keys.length > 3 ? `${d.run.name} ${told}` : told;
  }

  // Runs of one group differ in nothing but seeds.
  const isSeed = key => /(^|[._])seed$/.test(key);
  const group = d => JSON.stringify([d.run.name, Object.entries(d.config).filter(([key]) => !isSeed(key)).sort()]);

  // Runs of the same settings are told apart by their ids.
  function labels() {
    const all = details.map(label);
    return all.map((text, i) => (all.indexOf(text) === all.lastIndexOf(text) || text.endsWith(shortId(details[i].run.id)) ? text : `${text} ${shortId(details[i].run.id)}`));
  }

  const rows = (said = labels()) => details.map((d, index) => ({ id: d.run.id, label: said[index], index, begun: Date.parse(d.run.created) / 1000, group: group(d), epochs: epochs.get(d.run.id), values: new Map([...Object.entries(d.config), ...figures.get(d.run.id)]) }));

  function render() {
    const all = rows();
    fill(legend, all.map((r, i) => h('span', { class: `entry${off.has(r.id) ? ' off' : ''}` },
      h('button', { id: `show-${r.id}`, type: 'button', 'aria-pressed': off.has(r.id) ? 'false' : 'true', title: 'Show or hide', onclick: () => ((off.has(r.id) ? off.delete(r.id) : off.add(r.id)), save(), render()) },
        h('svg', { viewBox: '0 0 26 8', width: 26, height: 8, 'aria-hidden': 'true' }, h('line', { x1: 0, x2: 26, y1: 4, y2: 4, stroke: colour(r.index), 'stroke-width': 3, 'stroke-dasharray': pattern(r.index).join(' ') })), r.label),
      status(details[i].run),
      h('a', { href: `/run?id=${encodeURIComponent(r.id)}`, 'data-link': true, 'aria-label': `Open ${r.id}` }, '↗'),
      h('button', { type: 'button', class: 'icon', 'aria-label': `Take ${r.id} out`, onclick: () => remove(r.id) }, '×'))));
    renderCurves();
    // Tables and drawings below wait until the first curves stand.
    if (isWhole) return renderRest(all);
    isWhole = true;
    const top = [...panels.values()].slice(0, 1).map(panel => panel.first);
    Promise.race([Promise.all(top), pause(1000)]).then(() => requestAnimationFrame(() => setTimeout(() => closed || renderRest(rows()))));
  }

  function renderRest(all) {
    renderDifferences(all);
    renderAgainst(all);
    const withPictures = details.filter(d => d.pictures.length);
    if (withPictures.length) {
      if (!pictures) {
        const host = h('div');
        fill(shots, h('h2', null, 'Pictures at the same step'), host);
        pictures = gallery(host, all.filter(r => withPictures.some(d => d.run.id === r.id)), asked.step, at => {
          asked.step = at;
          save();
        });
      }
      pictures.update(new Map(withPictures.map(d => [d.run.id, d.pictures])));
    }
  }

  function remove(id) {
    ids = ids.filter(x => x !== id);
    chosen.set(ids);
    go(ids.length ? `/compare?${ids.map(x => `run=${encodeURIComponent(x)}`).join('&')}` : '/compare', true);
  }

  function renderCurves() {
    const all = rows().filter(r => !off.has(r.id));
    const known = [...new Set(details.flatMap(d => d.series.map(s => s.tag)))].filter(t => !isEpoch(t)).sort((a, b) => a.startsWith('system/') - b.startsWith('system/') || (a < b ? -1 : 1));
    const lists = panelsOf(known.filter(t => t.toLowerCase().includes(view.filter.toLowerCase())), view);
    const signature = JSON.stringify([lists, all.map(r => [r.id, r.label, Boolean(r.epochs)])]);
    const points = tags => details.reduce((sum, d) => sum + d.series.reduce((n, s) => n + (tags.includes(s.tag) ? s.count : 0), 0), 0);
    if (renderCurves.signature === signature) {
      for (const panel of panels.values()) {
        if (panel.points === points(panel.tags)) continue;
        panel.points = points(panel.tags);
        panel.refresh();
      }
      return;
    }
    renderCurves.signature = signature;
    for (const panel of panels.values()) panel.dispose();
    panels.clear();
    fill(curves, h('div', { class: 'panels' }, lists.map(tags => {
      const panel = new CurvePanel(tags, all, view, zoom, joining(view, tags, known, () => redrawn(false)));
      panel.points = points(tags);
      panels.set(tags.join('\t'), panel);
      return panel.element;
    })));
    for (const panel of [...panels.values()].slice(0, 2)) panel.start();
  }

  function zoom(from, to) {
    Object.assign(view, { from, to });
    document.getElementById('reset').disabled = from === undefined;
    for (const panel of panels.values()) panel.refresh();
    saveLater();
  }

  function renderDifferences(all) {
    const keys = differing();
    const results = [...new Set(details.flatMap(d => d.run.summary.map(s => s.key)))];
    const columns = ['run', ...keys, ...results];
    const by = asked.sort.replace(/^-/, ''), down = asked.sort.startsWith('-');
    const value = r => (by === 'run' ? r.label : r.values.get(by));
    const sorted = columns.includes(by) ? [...all].sort((a, b) => inOrder(value(a), value(b), down)) : all;
    const head = c => h('th', { class: results.includes(c) ? 'n' : null, 'aria-sort': c === by ? (down ? 'descending' : 'ascending') : 'none' },
      h('button', { id: `sort-${c}`, type: 'button', onclick: () => ((asked.sort = asked.sort === `-${c}` ? c : `-${c}`), save(), renderDifferences(rows())) }, c, c === by ? (down ? ' ↓' : ' ↑') : ''));
    fill(differ, h('div', { class: 'row' }, h('h2', null, keys.length ? 'Settings that differ, and results' : 'Results'), h('span', { class: 'grow' }),
      h('button', { type: 'button', onclick: () => saveTable(['id', ...columns], sorted.map(r => [r.id, r.label, ...keys.map(k => r.values.get(k)), ...results.map(k => r.values.get(k))]), 'compare.csv') }, 'CSV')),
    h('div', { class: 'scroll', tabindex: 0, role: 'region', 'aria-label': 'Settings that differ, and results' }, h('table', { class: 'runs' }, h('thead', null, h('tr', null, columns.map(head))),
      h('tbody', null, sorted.map(r => h('tr', null, h('td', null, h('i', { class: 'swatch', style: { background: colour(r.index) } }), r.label), keys.map(k => h('td', null, r.values.get(k) ?? '—')), results.map(k => h('td', { class: `n${isBest(all, k, r) ? ' best' : ''}` }, r.values.has(k) ? number(r.values.get(k)) : '—'))))))),
    !keys.length && details.length > 1 ? h('p', { class: 'hint' }, 'All settings are the same.') : null);
  }

  function isBest(all, key, row) {
    const values = all.map(r => r.values.get(key)).filter(Number.isFinite), good = better(key);
    return good !== '' && values.length > 1 && Number.isFinite(row.values.get(key)) && row.values.get(key) === Math[good](...values);
  }

  function renderAgainst(all) {
    const keys = differing();
    const results = [...new Set(details.flatMap(d => [...d.run.summary.map(s => s.key), ...d.series.map(s => s.tag)]))];
    if (!keys.length || !results.length || details.length < 2) return fill(against);
    const by = keys.includes(asked.by) ? asked.by : keys[0];
    const figure = results.includes(asked.figure) ? asked.figure : results[0];
    const open = r => go(`/run?id=${encodeURIComponent(r.id)}`);
    const choose = (id, list, value, set) => h('select', { id, 'aria-label': id === 'by' ? 'Setting' : 'Figure', onchange: e => (set(e.target.value), save(), renderAgainst(rows())) }, list.map(k => h('option', { value: k, selected: k === value }, k)));
    fill(against, h('div', { class: 'row' }, h('h2', null, 'Figure against setting'), choose('figure', results, figure, v => (asked.figure = v)), 'against', choose('by', keys, by, v => (asked.by = v))),
      h('div', { class: 'plots' }, saveable(`${figure} against ${by}`, scatter(all, by, figure, open)), saveable('Parallel coordinates', parallel(all, [...keys.slice(0, 7), figure], open))),
      ids.length >= most ? h('p', { class: 'hint' }, `At most ${count(most)} runs are compared at once.`) : null);
  }

  const reload = paced(load, 400);
  load();
  return {
    changed: change => (change.all || change.runs.some(id => ids.includes(id))) && reload(),
    redraw() {
      for (const panel of panels.values()) panel.lines.length && panel.draw();
      if (details.length) render();
    },
    close() {
      closed = true;
      for (const panel of panels.values()) panel.dispose();
      pictures?.close();
    },
    key(event) {
      if ((event.key === '[' || event.key === ']') && pictures) pictures.move(event.key === ']' ? 1 : -1);
      else if (event.key === '/') document.getElementById('series').focus();
      else return false;
      return true;
    },
  };
}
