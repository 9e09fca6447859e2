// A panel of curves: uPlot keeps axes, cursor and selection, strokes.js draws. A zoom shows what is known at once and asks the server for the rest.
import { h, later } from './dom.js';
import { colour, count, css, duration, isDark, number, pattern } from './format.js';
import { bands, fetchCurves, nearest, xs } from './curves.js';
import { drawLines } from './strokes.js';
import { savePng, saveSvg } from './export.js';

// The chart library is read while the points are on their way: the page does not wait for it.
const library = new Promise((resolve, reject) => document.head.append(h('script', { src: '/page/vendor/uplot.js', onload: resolve, onerror: () => reject(new Error('The chart library could not be fetched; load the page again.')) })));
library.catch(() => {});

const button = (text, label, act) => h('button', { class: 'icon', type: 'button', title: label, 'aria-label': label, onclick: act }, text);

export class CurvePanel {
  // view: {x, smooth, logX, logY, from, to} is shared by all panels of a page; runs: [{id, label, index, begun, epochs}]; more: controls for the header.
  constructor(tags, runs, view, onZoom, more) {
    Object.assign(this, { tags, tag: tags.join(' + '), runs, view, onZoom, curves: [], lines: [], plot: null, seen: false, stale: true, tall: false });
    this.note = h('span', { class: 'note' });
    this.last = h('span', { class: 'last' });
    this.area = h('div', { class: 'area', tabindex: 0, role: 'img', 'aria-label': `${tags.join(' + ')}: not loaded yet`, onkeydown: e => this.key(e) });
    this.tip = h('div', { class: 'tip', hidden: true });
    const { tag } = this;
    this.element = h('section', { class: 'panel', 'aria-label': tag },
      h('header', null, h('h3', { title: tag }, tag.replace(/^system\//, '')), this.last, h('span', { class: 'grow' }), this.note, h('span', { class: 'acts' }, more,
        button('≡', `Values of ${tag} as a table`, () => this.toggleTable()),
        button('PNG', `Save ${tag} as PNG`, () => savePng(this)),
        button('SVG', `Save ${tag} as SVG`, () => saveSvg(this)),
        button('⤢', `Show ${tag} wide`, () => this.toggleTall()))),
      tags.length > 1 ? h('p', { class: 'strokes' }, tags.map((t, k) => h('span', null, h('svg', { viewBox: '0 0 26 8', width: 26, height: 8, 'aria-hidden': 'true' }, h('line', { x1: 0, x2: 26, y1: 4, y2: 4, stroke: runs.length > 1 ? css('--muted') : colour(k), 'stroke-width': 2.5, 'stroke-dasharray': pattern(0, k).join(' ') })), t))) : null,
      this.area, this.tip);
    this.observer = new IntersectionObserver(entries => {
      this.seen = entries.some(e => e.isIntersecting);
      if (this.seen && this.stale) this.load();
    }, { rootMargin: '300px' });
    // Told when the first curves stand, or cannot.
    this.first = new Promise(resolve => (this.stands = resolve));
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

  // Of what stands at the top points are asked for at once: the browser tells what is seen a frame or two later.
  start() {
    this.seen = true;
    if (this.stale) this.load();
  }

  // Called when points were added or the view changed. What is there already shows the new range while the server is asked.
  refresh() {
    this.stale = true;
    if (!this.seen) return;
    if (this.lines.length) this.render();
    this.load();
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
      const { from, to, smooth, x } = this.view;
      const margin = from === undefined ? 0 : Math.ceil((to - from) * 0.02) + 1;
      // Of very many curves a pixel each is more than anybody tells apart; extremes stay in every bucket.
      const most = Math.max(100, Math.min(1600, Math.round(this.area.clientWidth), Math.round(30_000 / this.runs.length)));
      const asked = { from: from === undefined ? undefined : Math.floor(from - margin), to: to === undefined ? undefined : Math.ceil(to + margin), most, smooth, time: x === 'time' || x === 'relative' };
      const ids = this.runs.map(r => r.id);
      const answers = await Promise.all(this.tags.map(tag => fetchCurves(tag, ids, asked, this.abort.signal)));
      await library;
      this.curves = answers.flat();
      this.problems = answers.flatMap(a => a.problems);
      if (!this.gone) this.draw();
    } catch (error) {
      if (error.name !== 'AbortError' && !this.gone) this.note.textContent = error.message;
    } finally {
      this.loading = false;
      this.stands();
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
      if (!run || ((view.x === 'time' || view.x === 'relative') && !curve.time)) continue;
      const dash = this.tags.indexOf(curve.tag);
      const x = xs(curve, view, run);
      let keep = [], whole = true;
      for (let i = 0; i < x.length; i++) {
        if (Number.isNaN(x[i]) || (view.logX && !(x[i] > 0)) || (view.logY && curve.max[i] <= 0)) hidden++;
        else {
          whole &&= keep.length === 0 || x[i] >= x[i - 1];
          keep.push(i);
        }
      }
      // A run that recorded out of order is drawn in order of x.
      if (!whole) keep = keep.sort((a, b) => x[a] - x[b]);
      const take = list => (whole && keep.length === x.length ? list : keep.map(i => list[i]));
      const clip = list => (view.logY ? list.map(v => (v > 0 ? v : NaN)) : list);
      bad += curve.bad;
      buckets ||= !curve.exact;
      // Series of one run in one panel have a colour each; of several runs the colour tells the run and the pattern the series.
      lines.push({ run: this.runs.length > 1 || this.tags.length < 2 ? run : { ...run, index: dash, label: curve.tag }, tag: curve.tag, dash, exact: curve.exact, x: take(x), step: take(curve.step), mean: clip(take(curve.mean)), min: clip(take(curve.min)), max: clip(take(curve.max)), smooth: curve.smooth && clip(take(curve.smooth)) });
    }
    this.lines = view.seeds ? bands(lines) : lines;
    this.area.dataset.loads = (this.drawn = (this.drawn ?? 0) + 1);
    this.note.textContent = [...this.problems ?? [], bad && `${count(bad)} not finite`, hidden && (view.x === 'epoch' && this.runs.some(r => !r.epochs) ? 'no epochs were recorded' : `${count(hidden)} not above 0`)].filter(Boolean).join(', ');
    const last = lines.length === 1 && lines[0].mean.length ? lines[0].mean.at(-1) : undefined;
    this.last.textContent = last === undefined ? '' : number(last);
    const total = this.curves.reduce((sum, c) => sum + c.count, 0);
    this.area.setAttribute('aria-label', `${this.tag}: ${count(total)} points${buckets ? ', each pixel with its smallest and largest value' : ''}. ` +
      this.lines.slice(0, 6).map(l => `${l.run.label}: last ${number(l.mean.at(-1) ?? NaN)}`).join('; ') + '. Arrow keys move, plus and minus zoom, 0 shows all.');
    this.render();
  }

  render() {
    const { view } = this;
    const [left, right] = this.range = this.rangeX();
    const extent = this.extent();
    this.area.dataset.range = `${extent[0]} ${extent[1]}`;
    this.area.dataset.shown = `${left} ${right} ${this.lines.every(l => l.exact)}`;
    // What the plot is made of for its life; anything else is only drawn again.
    const made = `${view.x} ${view.logX} ${view.logY} ${isDark()} ${this.area.clientWidth} ${this.tall}`;
    const data = [[left, right], [null, null]];
    this.bounds = extent;
    if (this.plot && this.made === made) {
      this.plot.setData(data);
      return;
    }
    this.made = made;
    this.plot?.destroy();
    const grid = { stroke: css('--grid'), width: 1 };
    const axis = { stroke: css('--muted'), grid, ticks: { stroke: css('--grid'), size: 4 }, font: `11px ${css('--font')}` };
    this.plot = new uPlot({
      width: Math.max(120, this.area.clientWidth),
      height: this.tall ? 420 : 210,
      legend: { show: false },
      padding: [8, 10, 0, 0],
      cursor: { y: false, drag: { x: true, y: false, setScale: false }, sync: { key: 'curves', setSeries: false }, points: { show: false } },
      scales: {
        x: { time: view.x === 'time', distr: view.logX ? 3 : 1, range: () => this.range },
        y: { distr: view.logY ? 3 : 1, range: () => this.bounds },
      },
      axes: [
        { ...axis, size: 30, values: view.x === 'relative' ? (u, ticks) => ticks.map(t => (t === null ? '' : duration(t))) : view.x === 'time' ? undefined : (u, ticks) => ticks.map(shortStep) },
        { ...axis, size: 58, values: (u, ticks) => ticks.map(t => (t === null ? '' : number(t))) },
      ],
      series: [{}, { points: { show: false } }],
      hooks: {
        draw: [u => drawLines(u, this.lines, view)],
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
    const within = step => view.from === undefined || (step >= view.from && step <= view.to);
    for (const l of lines) for (let i = 0; i < l.x.length; i++) {
      if (!within(l.step[i])) continue;
      if (l.x[i] < low) low = l.x[i];
      if (l.x[i] > high) high = l.x[i];
    }
    if (low > high) return view.logX ? [1, 10] : [0, 1];
    return low === high ? (view.logX ? [low / 2, high * 2] : [low - 0.5, high + 0.5]) : [low, high];
  }

  extent() {
    const { view, lines } = this;
    const [left, right] = this.range;
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

  point(u) {
    for (const mark of this.marks ?? []) mark.remove();
    this.marks = [];
    const { left, top } = u.cursor;
    if (!(left >= 0) || !u.over.matches(':hover')) {
      this.tip.hidden = true;
      return;
    }
    const x = u.posToVal(left, 'x');
    const rows = this.lines.map(l => ({ l, i: nearest(l.x, x) })).filter(r => r.i >= 0)
      .sort((a, b) => (b.l.mean[b.i] ?? -Infinity) - (a.l.mean[a.i] ?? -Infinity)).slice(0, 12);
    if (!rows.length) return;
    for (const { l, i } of rows) {
      const y = (l.smooth ?? l.mean)[i];
      if (!Number.isFinite(y)) continue;
      const mark = h('i', { class: 'mark', style: { left: `${u.valToPos(l.x[i], 'x')}px`, top: `${u.valToPos(y, 'y')}px`, background: colour(l.run.index) } });
      this.marks.push(mark);
      u.over.append(mark);
    }
    const one = rows[0], at = { time: v => new Date(v * 1000).toLocaleTimeString(), relative: duration, epoch: v => `epoch ${number(Number(v.toPrecision(4)))}` }[this.view.x];
    this.tip.replaceChildren(
      h('b', null, `step ${shortStep(one.l.step[one.i], true)}${at ? ` · ${at(one.l.x[one.i])}` : ''}`),
      ...rows.map(({ l, i }) => h('div', null, h('i', { style: { background: colour(l.run.index) } }), h('span', null, this.tags.length > 1 && this.runs.length > 1 ? `${l.run.label} ${l.tag}` : l.run.label),
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
    if (low < high) this.onZoom(Math.floor(low), Math.ceil(high));
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
    for (const l of this.lines) {
      const stride = Math.max(1, Math.ceil(l.x.length / 100));
      for (let i = 0; i < l.x.length; i += stride) rows.push(h('tr', null, h('td', null, l.run.label), h('td', { class: 'n' }, shortStep(l.step[i], true)), h('td', { class: 'n' }, number(l.mean[i])), h('td', { class: 'n' }, number(l.min[i])), h('td', { class: 'n' }, number(l.max[i]))));
    }
    this.table = h('div', { class: 'values', tabindex: 0, role: 'region', 'aria-label': `Values of ${this.tag}` }, h('table', null, h('thead', null, h('tr', null, ['run', 'step', 'mean', 'min', 'max'].map(t => h('th', null, t)))), h('tbody', null, rows)));
    this.element.append(this.table);
  }

  fit() {
    if (this.plot && this.area.clientWidth && Math.abs(this.plot.width - this.area.clientWidth) > 2) this.render();
  }
}

export function shortStep(value, whole = false) {
  if (value === null || value === undefined) return '';
  if (whole || Math.abs(value) < 10000) return count(Math.round(value * 100) / 100);
  return Math.abs(value) >= 1e6 ? `${Number((value / 1e6).toPrecision(4))}M` : `${Number((value / 1e3).toPrecision(4))}k`;
}
