// Home: what runs, what came of what ran; as cards or as a table.
import { fill, h, image, later, paced } from './dom.js';
import { get, picture } from './api.js';
import { ago, better, count, duration, number, shortId } from './format.js';
import { spark } from './spark.js';
import { fetchCurves, isEpoch } from './curves.js';
import { chosen } from './chosen.js';
import { inOrder, lookUp, parse } from './filter.js';
import { saveTable } from './export.js';

const batch = 48;
const states = ['running', 'finished', 'stopped', 'failed', 'interrupted'];

export function status(run) {
  return h('span', { class: `status ${run.status}` }, run.status);
}

export function progress(run) {
  const share = run.steps ? Math.min(1, run.step / run.steps) : null;
  const text = [run.steps ? `step ${count(run.step)} of ${count(run.steps)}` : run.step ? `step ${count(run.step)}` : null,
    run.left !== null ? `${duration(run.left)} left` : null, run.status === 'running' ? `${duration(run.active)} so far` : `took ${duration(run.active)}`].filter(Boolean).join(' · ');
  return h('div', { class: 'progress' },
    run.status === 'running' && share !== null ? h('div', { class: 'bar', role: 'progressbar', 'aria-label': 'Progress', 'aria-valuemin': 0, 'aria-valuemax': 100, 'aria-valuenow': Math.round(share * 100) }, h('i', { style: { width: `${share * 100}%` } })) : null,
    h('span', null, text));
}

export function home({ main, params, go, remember, problem }) {
  let runs = [], shown = [], figures = new Map(), loaded = false, closed = false;
  let view = { q: params.get('q') ?? '', as: params.get('as') ?? 'cards', sort: params.get('sort') ?? '-latest', state: params.get('state') ?? '', archived: params.get('archived') === '1' };
  let limit = batch, cursor = -1;
  const sparks = new Map();

  const search = h('input', { id: 'search', type: 'search', placeholder: 'Search: words  tag:x  lr<1e-3 and (accuracy>0.9 or not kind:train)', value: view.q, 'aria-label': 'Search runs', oninput: later(() => set({ q: search.value }), 150) });
  const doubt = h('p', { class: 'hint', role: 'status' });
  const chips = h('div', { class: 'chips', role: 'group', 'aria-label': 'Status' });
  const tools = h('div', { class: 'tools' });
  const list = h('div', { id: 'list' });
  const more = h('div', { class: 'more' });
  fill(main, h('h1', { class: 'hidden' }, 'Runs'), h('div', { class: 'bar-top' }, search, chips, h('span', { class: 'grow' }), tools), doubt, list, more);
  document.title = 'Runs · Cresset';

  function set(change) {
    view = { ...view, ...change };
    limit = batch;
    remember({ q: view.q, as: view.as === 'cards' ? '' : view.as, sort: view.sort === '-latest' ? '' : view.sort, state: view.state, archived: view.archived });
    render();
  }

  async function load() {
    try {
      const answer = await get('/api/runs');
      if (closed) return;
      runs = answer.runs;
      loaded = true;
      problem(answer.problems.join(' '));
      await loadFigures();
      render();
    } catch (error) {
      if (error.status !== 401) problem(error.message);
    }
  }

  // Figures and settings of all runs are asked for only when something compares or lists them.
  async function loadFigures() {
    if (view.as !== 'table' && !parse(view.q).keys.length) return;
    const all = new Map(runs.map(r => [r.id, new Map(r.summary.map(s => [s.key, Number(s.value)]))]));
    for (const { id, series } of await get('/api/figures')) for (const s of series) if (!isEpoch(s.tag) && !all.get(id)?.has(s.tag)) all.get(id)?.set(s.tag, Number(s.value));
    const ids = runs.map(r => r.id);
    for (let i = 0; i < ids.length; i += 100) {
      const settings = await get('/api/settings', { run: ids.slice(i, i + 100) });
      for (const [id, config] of Object.entries(settings)) for (const [key, value] of Object.entries(config)) all.get(id)?.set(key, value);
    }
    figures = all;
  }

  function render() {
    if (closed || !loaded) return;
    const wanted = parse(view.q);
    if (wanted.keys.length && figures.size === 0 && runs.length) {
      loadFigures().then(render);
      return;
    }
    const visible = runs.filter(r => (view.archived || !r.archived) && wanted.test(r, figures.get(r.id)));
    search.setAttribute('aria-invalid', String(Boolean(wanted.problem)));
    fill(doubt, wanted.problem ? `All runs: ${wanted.problem}.` : '');
    fill(chips, [['', visible.length], ...states.map(s => [s, visible.filter(r => r.status === s).length])].filter(([s, n]) => s === '' || n > 0 || view.state === s)
      .map(([s, n]) => h('button', { id: `chip-${s}`, type: 'button', class: 'chip', 'aria-pressed': view.state === s ? 'true' : 'false', onclick: () => set({ state: s }) }, s || 'all', h('b', null, count(n)))));
    shown = visible.filter(r => !view.state || r.status === view.state);
    order();
    fill(tools,
      h('label', { class: 'select' }, 'Sort', h('select', { id: 'sort', onchange: e => set({ sort: e.target.value }) }, sortings().map(([value, text]) => h('option', { value, selected: value === view.sort }, text)))),
      h('button', { id: 'as', type: 'button', onclick: () => (set({ as: view.as === 'cards' ? 'table' : 'cards' }), view.as === 'table' && loadFigures().then(render)) }, view.as === 'cards' ? 'Table' : 'Cards'),
      view.as === 'table' ? h('button', { type: 'button', onclick: exportTable }, 'CSV') : null);
    if (runs.length === 0) fill(list, h('div', { class: 'empty' }, h('p', null, 'Nothing is recorded here yet.'), h('p', null, 'Start with ', h('code', null, 'cresset train'), '; this page shows it by itself.')));
    else if (shown.length === 0) fill(list, h('p', { class: 'empty' }, ['No run fits the search.', ...wanted.keys.filter(k => !runs.some(r => lookUp(figures.get(r.id), k).length)).map(k => `No run has a figure or setting ${k}.`)].join(' ')));
    else if (view.as === 'table') table();
    else cards();
    fill(more, shown.length > limit ? h('button', { type: 'button', onclick: () => ((limit += 2 * batch), render()) }, `Show more of ${count(shown.length)}`) : null);
  }

  const sortings = () => {
    const fixed = [['-latest', 'latest news'], ['-created', 'newest'], ['created', 'oldest'], ['name', 'name'], ['-active', 'longest'], ['status', 'status']];
    return fixed.some(([value]) => value === view.sort) ? fixed : [...fixed, [view.sort, view.sort.replace(/^(-?)f:/, (_, d) => (d ? '↓ ' : '↑ '))]];
  };

  // What goes on first, then what ended last.
  const latest = r => (r.status === 'running' ? 1e15 + Date.parse(r.created) : Date.parse(r.ended ?? r.heartbeat));

  function order() {
    const down = view.sort.startsWith('-');
    const key = view.sort.replace(/^-/, '');
    const value = key === 'latest' ? latest : key.startsWith('f:') ? r => figures.get(r.id)?.get(key.slice(2)) : r => r[key];
    shown.sort((a, b) => inOrder(value(a), value(b), down));
  }

  function cards() {
    fill(list, h('div', { class: 'cards' }, shown.slice(0, limit).map(card)));
    drawSparks();
  }

  function card(run, index) {
    const best = run.headline && better(run.headline.tag), isLive = run.status === 'running';
    const figure = run.summary[0] ? { key: run.summary[0].key, value: run.summary[0].value } : run.headline ? { key: run.headline.tag, value: run.headline.value } : null;
    return h('article', { class: `card${index === cursor ? ' current' : ''}`, data: { id: run.id } },
      h('div', { class: 'row' }, status(run), h('span', { class: 'grow' }), h('span', { class: 'when', title: `began ${new Date(run.created).toLocaleString()}` }, isLive ? 'began ' : 'ended ', h('time', { datetime: isLive ? run.created : run.ended ?? run.heartbeat }, ago(isLive ? run.created : run.ended ?? run.heartbeat))),
        h('label', { class: 'pick', title: 'Choose for comparing (x)' }, h('input', { type: 'checkbox', id: `pick-${run.id}`, checked: chosen.has(run.id), 'aria-label': `Choose ${run.id} for comparing`, onchange: () => chosen.toggle(run.id) }))),
      h('h2', null, h('a', { href: `/run?id=${encodeURIComponent(run.id)}`, 'data-link': true, id: `open-${run.id}` }, run.name, ' ', h('small', null, shortId(run.id)))),
      h('div', { class: 'middle' },
        h('div', { class: 'figures' }, figure ? [h('span', { class: 'key', title: figure.key }, figure.key), h('b', null, number(figure.value)), best && run.headline.count > 1 ? h('span', { class: 'key', title: run.headline.tag }, run.summary[0] ? `best ${run.headline.tag} ` : 'best so far ', h('strong', null, number(run.headline[best]))) : null] : h('span', { class: 'key' }, run.points ? `${count(run.points)} points` : 'no figures yet'), h('div', { class: 'sparkbox' }, sparks.get(run.id)?.element)),
        run.picture ? image(picture(run.id, run.picture.sha256), `${run.picture.tag} of step ${run.picture.step}`, { loading: 'lazy' }) : null),
      progress(run),
      run.message ? h('p', { class: 'message' }, run.message) : null,
      run.note ? h('p', { class: 'notetext' }, run.note) : null,
      run.tags.length ? h('div', { class: 'tags' }, run.tags.map(t => h('button', { type: 'button', class: 'tag', onclick: () => ((search.value = /[\s()"]/.test(t) ? `tag:"${t.replaceAll('"', '')}"` : `tag:${t}`), set({ q: search.value })) }, t))) : null);
  }

  // One request for all cards that show the same series.
  async function drawSparks() {
    const wanted = Map.groupBy(shown.slice(0, limit).filter(r => r.headline && sparks.get(r.id)?.points !== r.points), r => r.headline.tag);
    for (const [tag, group] of wanted) {
      for (let i = 0; i < group.length; i += 100) {
        const part = group.slice(i, i + 100);
        const curves = await fetchCurves(tag, part.map(r => r.id), { most: 60 }).catch(() => []);
        if (closed) return;
        for (const curve of curves) {
          const run = part.find(r => r.id === curve.run);
          if (curve.mean.length < 2) continue;
          const element = spark(curve, 0);
          sparks.set(run.id, { points: run.points, element });
          list.querySelector(`[data-id="${CSS.escape(run.id)}"] .sparkbox`)?.replaceChildren(element);
        }
      }
    }
  }

  function columns() {
    const rows = shown.slice(0, 400);
    const seen = new Map();
    for (const r of rows) for (const [key, value] of figures.get(r.id) ?? []) {
      const entry = seen.get(key) ?? { n: 0, values: new Set(), figure: r.summary.some(s => s.key === key) };
      entry.n++;
      entry.values.add(String(value));
      entry.figure ||= r.summary.some(s => s.key === key);
      seen.set(key, entry);
    }
    const known = [...seen];
    const results = known.filter(([, e]) => e.figure).map(([key]) => key);
    const series = known.filter(([key, e]) => !e.figure && rows.some(r => typeof figures.get(r.id)?.get(key) === 'number')).map(([key]) => key);
    // Only the settings that differ tell runs apart.
    const settings = known.filter(([key, e]) => !e.figure && !series.includes(key) && e.n > 1 && e.values.size > 1).map(([key]) => key);
    return [...results.slice(0, 8), ...settings.slice(0, 8), ...series.slice(0, 6)];
  }

  function table() {
    const cells = columns();
    const head = (key, text, title, isNumber) => {
      const sorted = view.sort.replace(/^-/, '') === key;
      return h('th', { class: isNumber ? 'n' : null, 'aria-sort': sorted ? (view.sort.startsWith('-') ? 'descending' : 'ascending') : 'none', title: title ?? null },
        h('button', { type: 'button', id: `sort-${key}`, onclick: () => set({ sort: view.sort === `-${key}` ? key : `-${key}` }) }, text, sorted ? (view.sort.startsWith('-') ? ' ↓' : ' ↑') : ''));
    };
    fill(list, h('div', { class: 'scroll', tabindex: 0, role: 'region', 'aria-label': 'Table of runs' }, h('table', { class: 'runs' },
      h('thead', null, h('tr', null, h('th', null, h('span', { class: 'hidden' }, 'chosen')), head('name', 'run'), head('status', 'status'), head('created', 'began'), head('active', 'time', null, true), head('step', 'step', null, true), cells.map(c => head(`f:${c}`, c.split('/').at(-1).split('.').at(-1), c, shown.some(r => isNumeric(figures.get(r.id)?.get(c))))))),
      h('tbody', null, shown.slice(0, limit * 2).map((r, i) => h('tr', { class: i === cursor ? 'current' : null, data: { id: r.id } },
        h('td', null, h('input', { type: 'checkbox', id: `pick-${r.id}`, checked: chosen.has(r.id), 'aria-label': `Choose ${r.id} for comparing`, onchange: () => chosen.toggle(r.id) })),
        h('td', null, h('a', { href: `/run?id=${encodeURIComponent(r.id)}`, 'data-link': true, id: `open-${r.id}` }, r.name, ' ', h('small', null, shortId(r.id)))),
        h('td', null, status(r)), h('td', null, ago(r.created)), h('td', { class: 'n' }, duration(r.active)), h('td', { class: 'n' }, count(r.step)),
        cells.map(c => value(figures.get(r.id)?.get(c)))))))));
  }

  const isNumeric = v => v !== undefined && !Number.isNaN(Number(v));
  const value = v => (typeof v === 'number' ? h('td', { class: 'n' }, number(v)) : h('td', { class: isNumeric(v) ? 'n' : null, title: String(v ?? '') }, v === undefined ? '' : String(v).slice(0, 40)));

  function exportTable() {
    const cells = columns();
    saveTable(['run', 'name', 'status', 'created', 'seconds', 'step', ...cells], shown.map(r => [r.id, r.name, r.status, r.created, r.active, r.step, ...cells.map(c => figures.get(r.id)?.get(c))]), 'runs.csv');
  }

  function move(by) {
    cursor = Math.max(0, Math.min(shown.length - 1, cursor + by));
    if (cursor >= limit) limit += batch;
    render();
    const at = list.querySelector(`[data-id="${CSS.escape(shown[cursor]?.id ?? '')}"]`);
    at?.scrollIntoView({ block: 'nearest' });
    at?.querySelector('a')?.focus({ preventScroll: true });
  }

  const reload = paced(load, 300);
  const clock = setInterval(() => {
    for (const time of list.querySelectorAll('time')) time.textContent = ago(time.dateTime);
  }, 10000);
  load();
  return {
    changed: reload,
    redraw: () => (sparks.clear(), render()),
    close() {
      closed = true;
      clearInterval(clock);
    },
    key(event) {
      if (event.key === '/') search.focus();
      else if (event.key === 'j') move(1);
      else if (event.key === 'k') move(-1);
      else if (event.key === 'Enter' && cursor >= 0 && event.target === document.body) go(`/run?id=${encodeURIComponent(shown[cursor].id)}`);
      else if (event.key === 'x' && shown[cursor]) {
        chosen.toggle(shown[cursor].id);
        render();
      } else return false;
      return true;
    },
  };
}
