// Drawings beside curves: distributions over steps, scatter and parallel coordinates of settings against figures.
import { h } from './dom.js';
import { colour, css, number } from './format.js';
import { saveDrawing, saveDrawingPng } from './export.js';

// A drawing in a panel that saves it.
export function saveable(name, drawing) {
  const save = (text, act) => h('button', { class: 'icon', type: 'button', title: `Save as ${text}`, 'aria-label': `Save ${name} as ${text}`, onclick: () => act(drawing, name) }, text);
  return h('section', { class: 'panel' }, h('header', null, h('h3', { title: name }, name), h('span', { class: 'acts' }, save('PNG', saveDrawingPng), save('SVG', saveDrawing))), h('div', { class: 'sideways', tabindex: 0, role: 'region', 'aria-label': name }, drawing));
}

// One ridge a step, the newest in front.
export function ridges(tag, list) {
  const width = 460, height = 240, left = 10, right = 56, top = 50, bottom = 26;
  const shown = list.length <= 40 ? list : list.filter((_, i) => i % Math.ceil(list.length / 40) === 0 || i === list.length - 1);
  const low = Math.min(...shown.map(x => Number(x.min))), high = Math.max(...shown.map(x => Number(x.max)));
  const px = v => left + (high > low ? (v - low) / (high - low) : 0.5) * (width - left - right);
  const densities = shown.map(x => x.buckets.map((n, i) => n / Math.max(1e-300, x.limits[i] - (i ? x.limits[i - 1] : x.min))));
  const highest = Math.max(...densities.flat(), 1e-300);
  const rows = shown.map((x, k) => {
    const base = top + (shown.length > 1 ? k / (shown.length - 1) : 1) * (height - top - bottom);
    let path = `M${px(Number(x.min)).toFixed(1)},${base.toFixed(1)}`;
    x.buckets.forEach((_, i) => {
      const from = px(i ? x.limits[i - 1] : Number(x.min)), to = px(x.limits[i]);
      const y = (base - densities[k][i] / highest * (top - 8)).toFixed(1);
      path += `L${from.toFixed(1)},${y}L${to.toFixed(1)},${y}`;
    });
    path += `L${px(Number(x.max)).toFixed(1)},${base.toFixed(1)}Z`;
    return h('g', null, h('path', { d: path, fill: css('--surface'), 'fill-opacity': 0.85, stroke: colour(0), 'stroke-opacity': 0.35 + 0.65 * (k + 1) / shown.length }, h('title', null, `step ${x.step}: ${number(x.count)} values from ${number(x.min)} to ${number(x.max)}${x.nonFinite ? `, ${x.nonFinite} not finite` : ''}`)),
      k === 0 || k === shown.length - 1 || shown.length <= 8 ? h('text', { x: width - right + 6, y: base + 4 }, `${x.step}`) : null);
  });
  return saveable(tag, h('svg', { class: 'drawing', viewBox: `0 0 ${width} ${height}`, role: 'img', 'aria-label': `${tag}: distribution at ${list.length} steps, values from ${number(low)} to ${number(high)}` },
    rows, [low, (low + high) / 2, high].map((v, i) => h('text', { x: px(v), y: height - 8, 'text-anchor': ['start', 'middle', 'end'][i] }, number(v)))));
}

// An axis for numbers (log where they span three decades) or for words.
function axisOf(values) {
  const known = values.filter(v => v !== undefined && v !== null && v !== '');
  const numeric = known.length > 0 && known.every(v => !Number.isNaN(Number(v)) && String(v).trim() !== '');
  if (!numeric) {
    const words = [...new Set(known.map(String))].sort();
    return { at: v => (v === undefined ? null : words.length > 1 ? words.indexOf(String(v)) / (words.length - 1) : 0.5), ticks: words.slice(0, 12).map(w => [words.length > 1 ? words.indexOf(w) / (words.length - 1) : 0.5, w.length > 16 ? `${w.slice(0, 15)}…` : w]) };
  }
  const numbers = known.map(Number).filter(Number.isFinite);
  const low = Math.min(...numbers), high = Math.max(...numbers);
  const log = low > 0 && high / low >= 1000;
  const f = log ? Math.log : v => v;
  const at = v => (v === undefined || v === null || !Number.isFinite(Number(v)) ? null : high > low ? (f(Number(v)) - f(low)) / (f(high) - f(low)) : 0.5);
  const middle = log ? Math.exp((Math.log(low) + Math.log(high)) / 2) : (low + high) / 2;
  return { at, log, ticks: high > low ? [[0, number(low)], [0.5, number(middle)], [1, number(high)]] : [[0.5, number(low)]] };
}

// rows: [{label, index, values: Map}].
export function parallel(rows, keys, open) {
  const width = Math.max(640, keys.length * 150), height = 300, top = 40, bottom = 24, side = 70;
  const axes = keys.map(key => axisOf(rows.map(r => r.values.get(key))));
  const x = k => side + (keys.length > 1 ? k / (keys.length - 1) : 0.5) * (width - 2 * side);
  const y = v => height - bottom - v * (height - top - bottom);
  return h('svg', { class: 'drawing parallel', viewBox: `0 0 ${width} ${height}`, role: 'img', 'aria-label': `Parallel coordinates of ${rows.length} runs: ${keys.join(', ')}` },
    rows.map(r => {
      let path = '', pen = false;
      axes.forEach((axis, k) => {
        const v = axis.at(r.values.get(keys[k]));
        if (v === null) pen = false;
        else {
          path += `${pen ? 'L' : 'M'}${x(k).toFixed(1)},${y(v).toFixed(1)}`;
          pen = true;
        }
      });
      return h('path', { d: path, class: 'line', fill: 'none', stroke: colour(r.index), 'stroke-width': 1.8, onclick: () => open(r) }, h('title', null, `${r.label}: ${keys.map(k => `${k} ${r.values.get(k) ?? '—'}`).join(', ')}`));
    }),
    axes.map((axis, k) => h('g', null, h('line', { x1: x(k), x2: x(k), y1: top, y2: height - bottom, class: 'axis' }), h('text', { x: k === 0 ? 8 : k === keys.length - 1 ? width - 8 : x(k), y: 16, 'text-anchor': k === 0 ? 'start' : k === keys.length - 1 ? 'end' : 'middle', class: 'name' }, short(keys[k])),
      axis.ticks.map(([v, text]) => h('text', { x: x(k) + 6, y: y(v) + 4 }, text)))));
}

export function scatter(rows, xKey, yKey, open) {
  const width = 640, height = 320, left = 80, right = 24, top = 34, bottom = 48;
  const ax = axisOf(rows.map(r => r.values.get(xKey))), ay = axisOf(rows.map(r => r.values.get(yKey)));
  const px = v => left + v * (width - left - right), py = v => height - bottom - v * (height - top - bottom);
  return h('svg', { class: 'drawing', viewBox: `0 0 ${width} ${height}`, role: 'img', 'aria-label': `${yKey} against ${xKey} of ${rows.length} runs` },
    ax.ticks.map(([v, text]) => h('g', null, h('line', { class: 'axis', x1: px(v), x2: px(v), y1: top, y2: height - bottom }), h('text', { x: px(v), y: height - bottom + 18, 'text-anchor': 'middle' }, text))),
    ay.ticks.map(([v, text]) => h('g', null, h('line', { class: 'axis', x1: left, x2: width - right, y1: py(v), y2: py(v) }), h('text', { x: left - 8, y: py(v) + 4, 'text-anchor': 'end' }, text))),
    h('text', { x: (left + width - right) / 2, y: height - 8, 'text-anchor': 'middle', class: 'name' }, xKey + (ax.log ? ' (log)' : '')), h('text', { x: 8, y: 14, class: 'name' }, yKey + (ay.log ? ' (log)' : '')),
    rows.map(r => {
      const [u, v] = [ax.at(r.values.get(xKey)), ay.at(r.values.get(yKey))];
      return u === null || v === null ? null : h('circle', { cx: px(u), cy: py(v), r: 6, fill: colour(r.index), class: 'dot', onclick: () => open(r) }, h('title', null, `${r.label}: ${xKey} ${r.values.get(xKey)}, ${yKey} ${number(r.values.get(yKey))}`));
    }));
}

const short = key => (key.length > 20 ? `…${key.slice(-19)}` : key);
