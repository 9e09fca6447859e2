// Curves: uPlot draws lines and axes, the range of every bucket is drawn below them so that no spike is lost. A zoom asks the server again.
import { h, later } from './dom.js';
import { get } from './api.js';
import { colour, count, css, number, pattern, duration } from './format.js';
import { savePng, saveSvg } from './export.js';

const toNumbers = list => list?.map(Number);

export async function fetchCurves(tag, runs, { from, to, most, smooth }, signal) {
  const answer = await get('/api/curves', { run: runs, tag, from, to, most, smooth: smooth || undefined }, signal);
  // Curves that are damaged come with a sentence instead of points.
  const curves = answer.curves.filter(c => !c.problem);
  curves.problems = answer.curves.filter(c => c.problem).map(c => c.problem);
  for (const c of curves) {
    for (const key of ['mean', 'min', 'max', 'smooth']) c[key] = toNumbers(c[key]);
    c.min ??= c.mean;
    c.max ??= c.mean;
  }
  return curves;
}

// The points of a curve on the asked x axis.
export function xs(curve, view, begun) {
  return view.x === 'time' ? curve.time : view.x === 'relative' ? curve.time.map(t => t - begun) : curve.step;
}

export class CurvePanel {
  // view: {x, smooth, logX, logY, from, to} is shared by all panels of a page; runs: [{id, label, index, begun}].
  constructor(tag, runs, view, onZoom) {
    Object.assign(this, { tag, runs, view, onZoom, curves: [], plot: null, seen: false, stale: true, tall: false });
    this.note = h('span', { class: 'note' });
    this.last = h('span', { class: 'last' });
    this.area = h('div', { class: 'area', tabindex: 0, role: 'img', onkeydown: e => this.key(e) });
    this.tip = h('div', { class: 'tip', hidden: true });
    this.element = h('section', { class: 'panel', 'aria-label': tag },
      h('header', null, h('h3', { title: tag }, tag.replace(/^system\//, '')), this.last, h('span', { class: 'grow' }), this.note,
        h('button', { class: 'icon', type: 'button', title: 'Values as a table', 'aria-label': `Values of ${tag} as a table`, onclick: () => this.toggleTable() }, '≡'),
        h('button', { class: 'icon', type: 'button', title: 'Save as PNG', 'aria-label': `Save ${tag} as PNG`, onclick: () => savePng(this) }, '⤓'),
        h('button', { class: 'icon', type: 'button', title: 'Save as SVG', 'aria-label': `Save ${tag} as SVG`, onclick: () => saveSvg(this) }, '⬡'),
        h('button', { class: 'icon', type: 'button', title: 'Wide', 'aria-label': `Show ${tag} wide`, onclick: () => this.toggleTall() }, '⤢')),
      this.area, this.tip);
    this.observer = new IntersectionObserver(entries => {
      this.seen = entries.some(e => e.isIntersecting);
      if (this.seen && this.stale) this.load();
    }, { rootMargin: '300px' });
    this.observer.observe(this.element);
    this.resizer = new ResizeObserver(later(() => this.fit(), 60));
    this.resizer.observe(this.area);
  }

  dispose() {
    this.observer.disconnect();
    this.resizer.disconnect();
    this.abort?.abort();
    this.plot?.destroy();
    this.gone = true;
  }

  // Called when points were added or the view changed.
  refresh() {
    this.stale = true;
    if (this.seen) this.load();
  }

  async load() {
    if (this.loading) {
      this.again = true;
      return;
    }
    this.loading = true;
    this.stale = false;
    this.abort = new AbortController();
    try {
      const { from, to, smooth } = this.view;
      const margin = from === undefined ? 0 : Math.ceil((to - from) * 0.02) + 1;
      const most = Math.max(100, Math.min(1600, Math.round(this.area.clientWidth * 1.2)));
      this.curves = await fetchCurves(this.tag, this.runs.map(r => r.id), { from: from === undefined ? undefined : Math.floor(from - margin), to: to === undefined ? undefined : Math.ceil(to + margin), most, smooth }, this.abort.signal);
      if (!this.gone) this.draw();
    } catch (error) {
      if (error.name !== 'AbortError' && !this.gone) this.note.textContent = error.message;
    } finally {
      this.loading = false;
      if (this.again && !this.gone) {
        this.again = false;
        this.load();
      }
    }
  }

  draw() {
    const { view } = this;
    const lines = [];
    let hidden = 0, bad = 0, buckets = false;
    for (const curve of this.curves) {
      const run = this.runs.find(r => r.id === curve.run);
      if (!run) continue;
      const x = xs(curve, view, run.begun);
      const keep = [];
      for (let i = 0; i < x.length; i++) {
        if ((view.logX && !(x[i] > 0)) || (view.logY && curve.max[i] <= 0)) hidden++;
        else keep.push(i);
      }
      const take = list => (keep.length === x.length ? list : keep.map(i => list[i]));
      const clip = list => (view.logY ? list.map(v => (v > 0 ? v : NaN)) : list);
      bad += curve.bad;
      buckets ||= !curve.exact;
      lines.push({ run, exact: curve.exact, x: take(x), step: take(curve.step), mean: clip(take(curve.mean)), min: clip(take(curve.min)), max: clip(take(curve.max)), smooth: curve.smooth && clip(take(curve.smooth)) });
    }
    this.lines = view.seeds ? bands(lines) : lines;
    this.note.textContent = [...this.curves.problems ?? [], bad && `${count(bad)} not finite`, hidden && `${count(hidden)} not above 0`].filter(Boolean).join(', ');
    const last = lines.length === 1 && lines[0].mean.length ? lines[0].mean.at(-1) : undefined;
    this.last.textContent = last === undefined ? '' : number(last);
    const total = this.curves.reduce((sum, c) => sum + c.count, 0);
    this.area.setAttribute('aria-label', `${this.tag}: ${count(total)} points${buckets ? ', each pixel with its smallest and largest value' : ''}. ` +
      this.lines.slice(0, 6).map(l => `${l.run.label}: last ${number(l.mean.at(-1) ?? NaN)}`).join('; ') + '. Arrow keys move, plus and minus zoom, 0 shows all.');
    this.render();
  }

  render() {
    const { lines, view } = this;
    const data = lines.length ? uPlot.join(lines.map(l => [l.x, l.smooth ?? l.mean].map(list => sorted(l.x, list)))) : [[], []];
    const extent = this.extent();
    this.area.dataset.range = `${extent[0]} ${extent[1]}`;
    this.plot?.destroy();
    const grid = { stroke: css('--grid'), width: 1 };
    const axis = { stroke: css('--muted'), grid, ticks: { stroke: css('--grid'), size: 4 }, font: `11px ${css('--font')}` };
    this.plot = new uPlot({
      width: Math.max(120, this.area.clientWidth),
      height: this.tall ? 420 : 210,
      legend: { show: false },
      padding: [8, 10, 0, 0],
      cursor: { y: false, drag: { x: true, y: false, setScale: false }, sync: { key: 'curves', setSeries: false }, points: { size: 7 } },
      scales: {
        x: { time: view.x === 'time', distr: view.logX ? 3 : 1, range: () => this.rangeX() },
        y: { distr: view.logY ? 3 : 1, range: () => extent },
      },
      axes: [
        { ...axis, size: 30, values: view.x === 'relative' ? (u, ticks) => ticks.map(t => (t === null ? '' : duration(t))) : view.x === 'time' ? undefined : (u, ticks) => ticks.map(shortStep) },
        { ...axis, size: 58, values: (u, ticks) => ticks.map(t => (t === null ? '' : number(t))) },
      ],
      series: [{}, ...lines.map(l => ({ label: l.run.label, stroke: colour(l.run.index), dash: pattern(l.run.index), width: 1.6, spanGaps: true, points: { show: l.x.length < 2 } }))],
      hooks: {
        drawAxes: [u => this.drawRanges(u)],
        setCursor: [u => this.point(u)],
        setSelect: [u => this.zoomTo(u)],
      },
    }, data, this.area);
    this.plot.over.addEventListener('dblclick', () => this.onZoom(undefined, undefined));
  }

  rangeX() {
    const { view, lines } = this;
    if (view.x === 'step' && view.from !== undefined) return [Math.max(view.from, view.logX ? 1 : -Infinity), view.to];
    let low = Infinity, high = -Infinity;
    for (const l of lines) for (const x of l.x) {
      if (x < low) low = x;
      if (x > high) high = x;
    }
    if (low > high) return view.logX ? [1, 10] : [0, 1];
    return low === high ? (view.logX ? [low / 2, high * 2] : [low - 0.5, high + 0.5]) : [low, high];
  }

  extent() {
    const { view, lines } = this;
    const [left, right] = this.rangeX();
    let low = Infinity, high = -Infinity;
    for (const l of lines) for (let i = 0; i < l.x.length; i++) {
      if (l.x[i] < left || l.x[i] > right) continue;
      if (l.min[i] < low) low = l.min[i];
      if (l.max[i] > high) high = l.max[i];
    }
    if (low > high) return view.logY ? [0.1, 1] : [0, 1];
    if (view.logY) return [10 ** Math.floor(Math.log10(low)), 10 ** Math.ceil(Math.log10(high) + 1e-9)];
    if (low === high) return [low - Math.abs(low || 1) * 0.1, high + Math.abs(high || 1) * 0.1];
    const pad = (high - low) * 0.06;
    return [low - pad, high + pad];
  }

  drawRanges(u) {
    const { ctx } = u;
    ctx.save();
    ctx.beginPath();
    ctx.rect(u.bbox.left, u.bbox.top, u.bbox.width, u.bbox.height);
    ctx.clip();
    ctx.lineWidth = devicePixelRatio;
    for (const l of this.lines) {
      if (l.exact && !l.smooth) continue;
      if (l.isBand) {
        this.fillBand(u, l);
        continue;
      }
      const px = l.x.map(x => u.valToPos(x, 'x', true));
      ctx.strokeStyle = colour(l.run.index);
      ctx.fillStyle = colour(l.run.index);
      if (l.exact) {
        // Under a smoothed line the recorded values stay visible.
        ctx.globalAlpha = 0.3;
        ctx.beginPath();
        let pen = false;
        l.mean.forEach((v, i) => {
          if (!Number.isFinite(v)) pen = false;
          else if (pen) ctx.lineTo(px[i], u.valToPos(v, 'y', true));
          else {
            ctx.moveTo(px[i], u.valToPos(v, 'y', true));
            pen = true;
          }
        });
        ctx.stroke();
        continue;
      }
      const bottom = u.bbox.top + u.bbox.height;
      ctx.beginPath();
      for (let i = 0; i < px.length; i++) {
        if (!Number.isFinite(l.max[i])) continue;
        const top = u.valToPos(l.max[i], 'y', true);
        const low = Number.isFinite(l.min[i]) ? u.valToPos(l.min[i], 'y', true) : bottom;
        ctx.moveTo(px[i], top);
        ctx.lineTo(px[i], Math.max(low, top + devicePixelRatio));
      }
      ctx.globalAlpha = 0.38;
      ctx.stroke();
    }
    ctx.restore();
  }

  fillBand(u, l) {
    const { ctx } = u;
    const at = (x, y) => [u.valToPos(x, 'x', true), u.valToPos(y, 'y', true)];
    const known = [...l.x.keys()].filter(i => Number.isFinite(l.min[i]) && Number.isFinite(l.max[i]));
    ctx.fillStyle = colour(l.run.index);
    ctx.globalAlpha = 0.2;
    ctx.beginPath();
    known.forEach(i => ctx.lineTo(...at(l.x[i], l.max[i])));
    known.reverse().forEach(i => ctx.lineTo(...at(l.x[i], l.min[i])));
    ctx.fill();
  }

  point(u) {
    const { idx, left, top } = u.cursor;
    if (idx === null || idx === undefined || left < 0 || !u.over.matches(':hover')) {
      this.tip.hidden = true;
      return;
    }
    const x = u.posToVal(left, 'x');
    const rows = this.lines.map(l => ({ l, i: nearest(l.x, x) })).filter(r => r.i >= 0)
      .sort((a, b) => (b.l.mean[b.i] ?? -Infinity) - (a.l.mean[a.i] ?? -Infinity)).slice(0, 12);
    if (!rows.length) return;
    this.tip.replaceChildren(
      h('b', null, `step ${shortStep(rows[0].l.step[rows[0].i], true)}`),
      ...rows.map(({ l, i }) => h('div', null, h('i', { style: { background: colour(l.run.index) } }), h('span', null, l.run.label),
        h('b', null, number((l.smooth ?? l.mean)[i])), l.min[i] < l.max[i] ? h('small', null, `${number(l.min[i])} … ${number(l.max[i])}`) : l.smooth ? h('small', null, number(l.mean[i])) : null)));
    this.tip.hidden = false;
    const width = this.tip.offsetWidth, room = this.area.clientWidth;
    this.tip.style.left = `${Math.max(4, left + 74 + width > room ? left + 46 - width : left + 74)}px`;
    this.tip.style.top = `${Math.min(top + 44, this.area.clientHeight - 10)}px`;
  }

  // A range of x as a range of steps, which the server is asked by.
  zoomTo(u) {
    if (u.select.width < 4) return;
    const left = u.posToVal(u.select.left, 'x'), right = u.posToVal(u.select.left + u.select.width, 'x');
    u.setSelect({ left: 0, width: 0, top: 0, height: 0 }, false);
    if (this.view.x === 'step') return this.onZoom(Math.floor(left), Math.ceil(right));
    let low = Infinity, high = -Infinity;
    for (const l of this.lines) l.x.forEach((x, i) => {
      if (x < left || x > right) return;
      low = Math.min(low, l.step[i]);
      high = Math.max(high, l.step[i]);
    });
    if (low < high) this.onZoom(low, high);
  }

  key(event) {
    const steps = this.curves.flatMap(c => [c.firstStep, c.lastStep]);
    if (!steps.length || event.ctrlKey || event.metaKey || event.altKey) return;
    const all = [Math.min(...steps), Math.max(...steps)];
    let [from, to] = this.view.from === undefined ? all : [this.view.from, this.view.to];
    const width = to - from;
    if (event.key === 'ArrowLeft') [from, to] = [from - width / 4, to - width / 4];
    else if (event.key === 'ArrowRight') [from, to] = [from + width / 4, to + width / 4];
    else if (event.key === '+' || event.key === '=') [from, to] = [from + width / 4, to - width / 4];
    else if (event.key === '-') [from, to] = [from - width / 2, to + width / 2];
    else if (event.key === '0') [from, to] = [undefined, undefined];
    else return;
    event.preventDefault();
    event.stopPropagation();
    if (from !== undefined) {
      [from, to] = [Math.round(from), Math.round(to)];
      const span = Math.min(to - from, all[1] - all[0]);
      if (span < 1) return;
      from = Math.max(all[0], Math.min(from, all[1] - span));
      to = from + span;
      if (from <= all[0] && to >= all[1]) [from, to] = [undefined, undefined];
    }
    this.onZoom(from, to);
  }

  toggleTall() {
    this.tall = !this.tall;
    this.element.classList.toggle('tall', this.tall);
    requestAnimationFrame(() => this.load());
  }

  toggleTable() {
    if (this.table) {
      this.table.remove();
      this.table = null;
      return;
    }
    const rows = [];
    for (const l of this.lines ?? []) {
      const stride = Math.max(1, Math.ceil(l.x.length / 100));
      for (let i = 0; i < l.x.length; i += stride) rows.push(h('tr', null, h('td', null, l.run.label), h('td', { class: 'n' }, shortStep(l.step[i], true)), h('td', { class: 'n' }, number(l.mean[i])), h('td', { class: 'n' }, number(l.min[i])), h('td', { class: 'n' }, number(l.max[i]))));
    }
    this.table = h('div', { class: 'values', tabindex: 0, role: 'region', 'aria-label': `Values of ${this.tag}` }, h('table', null, h('thead', null, h('tr', null, ['run', 'step', 'mean', 'min', 'max'].map(t => h('th', null, t)))), h('tbody', null, rows)));
    this.element.append(this.table);
  }

  fit() {
    if (this.plot && this.area.clientWidth && Math.abs(this.plot.width - this.area.clientWidth) > 2) this.plot.setSize({ width: this.area.clientWidth, height: this.tall ? 420 : 210 });
  }
}

// Runs that differ only in seeds as one line: the mean, with the range from the lowest to the highest of them.
function bands(lines) {
  return [...Map.groupBy(lines, l => l.run.group ?? l.run.id).values()].map(group => {
    if (group.length < 2) return group[0];
    const x = [...new Set(group.flatMap(l => l.x))].sort((a, b) => a - b);
    const rows = group.map(l => ({ line: between(l.x, l.smooth ?? l.mean, x), low: between(l.x, l.min, x), high: between(l.x, l.max, x), step: between(l.x, l.step, x) }));
    const over = (key, take) => x.map((_, i) => {
      const values = rows.map(r => r[key][i]).filter(Number.isFinite);
      return values.length ? take(values) : NaN;
    });
    const mean = values => values.reduce((a, b) => a + b, 0) / values.length;
    const run = { ...group[0].run, label: `${group[0].run.label.replace(/,? ?seed [^,]*/, '')} (${group.length} seeds)`.trim() };
    const smoothed = group.some(l => l.smooth);
    return { run, x, isBand: true, exact: false, step: over('step', mean), mean: over('line', mean), min: over(smoothed ? 'line' : 'low', v => Math.min(...v)), max: over(smoothed ? 'line' : 'high', v => Math.max(...v)) };
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

// uPlot wants rising x; a run that logged out of order is drawn in order of x.
function sorted(x, list) {
  for (let i = 1; i < x.length; i++) {
    if (x[i] < x[i - 1]) return Array.from(x.keys()).sort((a, b) => x[a] - x[b]).map(k => list[k]);
  }
  return list;
}

function nearest(x, value) {
  let low = 0, high = x.length - 1;
  if (high < 0) return -1;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (x[middle] < value) low = middle;
    else high = middle;
  }
  return Math.abs(x[low] - value) <= Math.abs(x[high] - value) ? low : high;
}

export function shortStep(value, whole = false) {
  if (value === null || value === undefined) return '';
  if (whole || Math.abs(value) < 10000) return count(Math.round(value * 100) / 100);
  return Math.abs(value) >= 1e6 ? `${Number((value / 1e6).toPrecision(4))}M` : `${Number((value / 1e3).toPrecision(4))}k`;
}

// A small line without axes, for cards and tables.
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
