// Curves as numbers: fetched, put on the asked x axis, gathered into panels, averaged over seeds.
import { numbers } from './api.js';

// The server sends numbers as they lie in memory: a hundred curves are there in a few milliseconds.
export async function fetchCurves(tag, runs, { from, to, most, smooth, time }, signal) {
  const bytes = await numbers('/api/curves', { run: runs, tag, from, to, most, smooth: smooth || undefined, time: time ? 'true' : undefined, form: 'binary' }, signal);
  const length = new DataView(bytes).getUint32(0, true);
  const header = JSON.parse(new TextDecoder().decode(new Uint8Array(bytes, 4, length)));
  let at = 8 * Math.ceil((4 + length) / 8);
  const take = n => {
    const list = new Float64Array(bytes, at, n);
    at += 8 * n;
    return list;
  };
  // Curves that are damaged come with a sentence instead of points.
  const curves = header.filter(c => !c.problem);
  curves.problems = header.filter(c => c.problem).map(c => c.problem);
  for (const c of curves) {
    c.tag = tag;
    for (const column of c.columns) c[column] = take(c.length);
    c.min ??= c.mean;
    c.max ??= c.mean;
  }
  return curves;
}

// The points of a curve on the asked x axis. run: {begun, epochs: {step, mean} or nothing}.
export function xs(curve, view, run) {
  if (view.x === 'time') return curve.time;
  if (view.x === 'relative') return curve.time.map(t => t - run.begun);
  if (view.x === 'epoch') return run.epochs ? along(run.epochs.step, run.epochs.mean, curve.step) : curve.step.map(() => NaN);
  return curve.step;
}

export const isEpoch = tag => tag.split('/').at(-1).toLowerCase() === 'epoch';

// Which series share a panel: those that the reader put together, else one each, or all of one last name.
export function panelsOf(tags, view) {
  const joined = view.joined.map(list => list.filter(t => tags.includes(t))).filter(list => list.length > 1);
  const rest = tags.filter(t => !joined.some(list => list.includes(t)));
  const key = view.together ? t => t.split('/').at(-1) : t => t;
  return [...joined, ...Map.groupBy(rest, key).values()].sort((a, b) => tags.indexOf(a[0]) - tags.indexOf(b[0]));
}

// Runs that differ only in seeds as one line: the mean, with the range from the lowest to the highest of them.
export function bands(lines) {
  return [...Map.groupBy(lines, l => `${l.run.group ?? l.run.id}\n${l.tag}`).values()].map(group => {
    if (group.length < 2) return group[0];
    const x = [...new Set(group.flatMap(l => [...l.x]))].sort((a, b) => a - b);
    const rows = group.map(l => ({ line: between(l.x, l.smooth ?? l.mean, x), low: between(l.x, l.min, x), high: between(l.x, l.max, x), step: between(l.x, l.step, x) }));
    const over = (key, take) => x.map((_, i) => {
      const values = rows.map(r => r[key][i]).filter(Number.isFinite);
      return values.length ? take(values) : NaN;
    });
    const mean = values => values.reduce((a, b) => a + b, 0) / values.length;
    const run = { ...group[0].run, label: `${group[0].run.label.replace(/,? ?seed [^,]*/, '')} (${group.length} seeds)`.trim() };
    const smoothed = group.some(l => l.smooth);
    return { run, tag: group[0].tag, dash: group[0].dash, x, isBand: true, exact: false, step: over('step', mean), mean: over('line', mean), min: over(smoothed ? 'line' : 'low', v => Math.min(...v)), max: over(smoothed ? 'line' : 'high', v => Math.max(...v)) };
  });
}

// A curve at other places than its own, straight between its points and nowhere beyond them.
function between(x, y, at) {
  let i = 0;
  return at.map(v => {
    while (i < x.length - 2 && x[i + 1] < v) i++;
    if (!x.length || v < x[0] || v > x.at(-1)) return NaN;
    if (v === x[i] || x.length === 1) return y[i];
    return y[i] + (y[i + 1] - y[i]) * (v - x[i]) / (x[i + 1] - x[i]);
  });
}

// The same, going on with the last slope: what is measured after the last logged step has an epoch, too.
function along(x, y, at) {
  if (x.length < 2) return at.map(() => y[0] ?? NaN);
  let i = 0;
  return at.map(v => {
    while (i < x.length - 2 && x[i + 1] < v) i++;
    while (i > 0 && x[i] > v) i--;
    return y[i] + (y[i + 1] - y[i]) * (v - x[i]) / (x[i + 1] - x[i]);
  });
}

// The place of the first element that is not below a value, in a rising list.
export function lowerBound(list, value) {
  let low = 0, high = list.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (list[middle] < value) low = middle + 1;
    else high = middle;
  }
  return low;
}

export function nearest(list, value) {
  const i = lowerBound(list, value);
  if (i >= list.length) return list.length - 1;
  return i > 0 && value - list[i - 1] <= list[i] - value ? i - 1 : i;
}
