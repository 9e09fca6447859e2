// Chosen runs beside each other: curves in one panel, the settings that differ, figures against settings, pictures at the same step.
import { fill, h, later } from './dom.js';
import { get } from './api.js';
import { colour, count, number, pattern, shortId } from './format.js';
import { CurvePanel } from './charts.js';
import { status } from './home.js';
import { gallery } from './gallery.js';
import { parallel, scatter } from './plots.js';
import { chosen } from './chosen.js';
import { saveTable } from './export.js';
import { viewControls, viewOf, viewParams } from './view.js';

const most = 100;

export function compare({ main, params, go, remember, problem }) {
  let ids = [...new Set(params.getAll('run'))].slice(0, most);
  const view = viewOf(params);
  const asked = { by: params.get('by') ?? '', figure: params.get('figure') ?? '' };
  let closed = false, details = [], settings = {}, figures = new Map(), pictures = null;
  const off = new Set();
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
  const redrawn = asks => {
    save();
    document.getElementById('reset').disabled = view.from === undefined;
    renderCurves();
    for (const panel of panels.values()) asks ? panel.refresh() : panel.curves.length ? panel.draw() : panel.refresh();
  };
  const seeds = h('label', { title: 'Runs that differ in nothing but seeds as their mean and range' }, h('input', { id: 'seeds', type: 'checkbox', checked: view.seeds, onchange: e => ((view.seeds = e.target.checked), redrawn(false)) }), 'bands over seeds');
  fill(main, h('h1', null, 'Compare'), legend, viewControls(view, redrawn, seeds), curves, differ, against, shots);

  const save = () => remember({ run: ids, ...viewParams(view), by: asked.by, figure: asked.figure });

  async function load() {
    try {
      // A run that was deleted since is left out and named.
      const answers = await Promise.all(ids.map(id => get('/api/run', { id }).catch(error => ({ missing: id, error }))));
      if (closed) return;
      const missing = answers.filter(a => a.missing);
      problem(missing.map(m => m.error.message).join(' '));
      details = answers.filter(a => !a.missing);
      settings = Object.fromEntries(details.map(d => [d.run.id, d.config]));
      figures = new Map(details.map(d => [d.run.id, new Map([...d.series.map(s => [s.tag, Number(s.value)]), ...d.run.summary.map(s => [s.key, Number(s.value)])])]));
      render();
    } catch (error) {
      if (error.status !== 401) problem(error.message);
    }
  }

  const differing = () => {
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

  const rows = () => details.map((d, index) => ({ id: d.run.id, label: label(d), index, begun: Date.parse(d.run.created) / 1000, group: group(d), values: new Map([...Object.entries(d.config), ...figures.get(d.run.id)]) }));

  function render() {
    const all = rows();
    fill(legend, all.map((r, i) => h('span', { class: `entry${off.has(r.id) ? ' off' : ''}` },
      h('button', { id: `show-${r.id}`, type: 'button', 'aria-pressed': off.has(r.id) ? 'false' : 'true', title: 'Show or hide', onclick: () => ((off.has(r.id) ? off.delete(r.id) : off.add(r.id)), render(), panels.forEach(p => p.refresh())) },
        h('svg', { viewBox: '0 0 26 8', width: 26, height: 8, 'aria-hidden': 'true' }, h('line', { x1: 0, x2: 26, y1: 4, y2: 4, stroke: colour(r.index), 'stroke-width': 3, 'stroke-dasharray': pattern(r.index).join(' ') })), r.label),
      status(details[i].run),
      h('a', { href: `/run?id=${encodeURIComponent(r.id)}`, 'data-link': true, 'aria-label': `Open ${r.id}` }, '↗'),
      h('button', { type: 'button', class: 'icon', 'aria-label': `Take ${r.id} out`, onclick: () => remove(r.id) }, '×'))));
    renderCurves();
    renderDifferences(all);
    renderAgainst(all);
    const withPictures = details.filter(d => d.pictures.length);
    if (withPictures.length) {
      if (!pictures) {
        const host = h('div');
        fill(shots, h('h2', null, 'Pictures at the same step'), host);
        pictures = gallery(host, all.filter(r => withPictures.some(d => d.run.id === r.id)));
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
    const tags = [...new Set(details.flatMap(d => d.series.map(s => s.tag)))].filter(t => t.toLowerCase().includes(view.filter.toLowerCase())).sort((a, b) => a.startsWith('system/') - b.startsWith('system/') || (a < b ? -1 : 1));
    const signature = JSON.stringify([tags, all.map(r => [r.id, r.label])]);
    const points = tag => details.reduce((sum, d) => sum + (d.series.find(s => s.tag === tag)?.count ?? 0), 0);
    if (renderCurves.signature === signature) {
      for (const [tag, panel] of panels) {
        if (panel.points === points(tag)) continue;
        panel.points = points(tag);
        panel.refresh();
      }
      return;
    }
    renderCurves.signature = signature;
    for (const panel of panels.values()) panel.dispose();
    panels.clear();
    fill(curves, h('div', { class: 'panels' }, tags.map(tag => {
      const panel = new CurvePanel(tag, all, view, zoom);
      panel.points = points(tag);
      panels.set(tag, panel);
      return panel.element;
    })));
  }

  function zoom(from, to) {
    Object.assign(view, { from, to });
    save();
    document.getElementById('reset').disabled = from === undefined;
    for (const panel of panels.values()) panel.refresh();
  }

  function renderDifferences(all) {
    const keys = differing();
    const results = [...new Set(details.flatMap(d => d.run.summary.map(s => s.key)))];
    const columns = ['run', ...keys, ...results];
    fill(differ, h('div', { class: 'row' }, h('h2', null, keys.length ? 'Settings that differ, and results' : 'Results'), h('span', { class: 'grow' }),
      h('button', { type: 'button', onclick: () => saveTable(['id', ...columns], all.map(r => [r.id, r.label, ...keys.map(k => r.values.get(k)), ...results.map(k => r.values.get(k))]), 'compare.csv') }, 'CSV')),
    h('div', { class: 'scroll', tabindex: 0, role: 'region', 'aria-label': 'Settings that differ, and results' }, h('table', { class: 'runs' }, h('thead', null, h('tr', null, columns.map(c => h('th', null, c)))),
      h('tbody', null, all.map(r => h('tr', null, h('td', null, h('i', { class: 'swatch', style: { background: colour(r.index) } }), r.label), keys.map(k => h('td', null, r.values.get(k) ?? '—')), results.map(k => h('td', { class: `n${isBest(all, k, r) ? ' best' : ''}` }, r.values.has(k) ? number(r.values.get(k)) : '—'))))))),
    !keys.length && details.length > 1 ? h('p', { class: 'hint' }, 'All settings are the same.') : null);
  }

  // Whether small or large is good is said by the name, where it can be told.
  function isBest(all, key, row) {
    const values = all.map(r => r.values.get(key)).filter(Number.isFinite);
    if (values.length < 2 || !Number.isFinite(row.values.get(key))) return false;
    const small = /loss|error|nll|nats|bits|fid|distance|mse|perplexity|seconds/i.test(key), large = /acc|return|psnr|ssim|map|score|f1|iou|per_second/i.test(key);
    return small ? row.values.get(key) === Math.min(...values) : large ? row.values.get(key) === Math.max(...values) : false;
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
      h('div', { class: 'plots' }, h('div', { class: 'panel' }, scatter(all, by, figure, open)), h('div', { class: 'panel scroll', tabindex: 0, role: 'region', 'aria-label': 'Parallel coordinates' }, parallel(all, [...keys.slice(0, 7), figure], open))),
      ids.length >= most ? h('p', { class: 'hint' }, `At most ${count(most)} runs are compared at once.`) : null);
  }

  const reload = later(load, 400);
  load();
  return {
    changed: change => (change.all || change.runs.some(id => ids.includes(id))) && reload(),
    redraw() {
      for (const panel of panels.values()) panel.lines && panel.draw();
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
