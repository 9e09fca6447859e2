// A small line without axes, for cards and tables: apart from the panels, so that the first page needs no chart library.
import { h } from './dom.js';
import { colour } from './format.js';

export function spark(curve, index, width = 150, height = 36) {
  const values = curve.mean, steps = curve.step;
  const low = Math.min(...curve.min.filter(Number.isFinite)), high = Math.max(...curve.max.filter(Number.isFinite));
  const span = steps.at(-1) - steps[0] || 1, rise = high - low || 1;
  let path = '';
  values.forEach((v, i) => {
    if (Number.isFinite(v)) path += `${path ? 'L' : 'M'}${((steps[i] - steps[0]) / span * (width - 4) + 2).toFixed(1)},${(height - 3 - (v - low) / rise * (height - 6)).toFixed(1)}`;
  });
  return h('svg', { class: 'spark', viewBox: `0 0 ${width} ${height}`, preserveAspectRatio: 'none', 'aria-hidden': 'true' }, h('path', { d: path, fill: 'none', stroke: colour(index), 'stroke-width': 1.6, 'vector-effect': 'non-scaling-stroke' }));
}
