// How a detector does on its held-out scenes: curves, errors by kind at any confidence, and the pictures behind each.
import { fill, h } from '../dom.js';
import { compute } from '../explore.js';
import { css, number } from '../format.js';
import { canvas, inline, recorded, ticks } from '../stage.js';

const kinds = {
  hit: 'Hits', missed: 'Missed', class: 'Wrong class', place: 'Badly placed', both: 'Class and place', duplicate: 'Duplicates', background: 'Nothing there',
};
// By name: the theme may change under marks that are drawn.
const colour = kind => `var(${kind === 'hit' ? '--finished' : kind === 'missed' ? '--accent' : '--failed'})`;

export default {
  id: 'detection',
  title: 'Detection',
  summary: 'What a detector finds, misses and takes for something else, at any confidence.',
  guide: 'detection.md',
  command: 'cresset train detector-digits',
  commandOf: run => `cresset eval ${run.id}`,
  needsRun: true,
  fits: run => run.job === 'detector',
  show({ host, run, params, keep, canCompute }) {
    const live = h('div'), kept = h('div');
    const asked = { masks: params.get('masks') === 'true', iou: Number(params.get('iou') ?? 0.5), confidence: params.get('confidence'), kind: params.get('kind') ?? 'class' };
    let closed = false, shown = null, answer = null, chart = null, ask = 0;
    fill(host, live, kept);
    recorded(kept, run, ['detections', 'worst']).then(g => (shown = g), error => fill(kept, h('p', { class: 'message' }, error.message)));
    const close = () => {
      closed = true;
      chart?.close();
      shown?.close?.();
    };
    if (!canCompute) {
      fill(live, h('p', { class: 'hint' }, 'This server does not compute: below is what the run recorded.'));
      return { close };
    }

    const result = h('div', null, h('p', { class: 'hint', role: 'status' }, 'Computing…'));
    const said = h('output', { for: 'confidence' });
    const slider = h('input', { id: 'confidence', type: 'range', min: 0, max: 1, step: 0.01, value: asked.confidence ?? 0.5, 'aria-label': 'Confidence', oninput: () => moved() });
    const shape = h('select', { id: 'masks', onchange: () => load() }, h('option', { value: 'false', selected: !asked.masks }, 'boxes'), h('option', { value: 'true', selected: asked.masks }, 'masks'));
    const overlap = h('select', { id: 'iou', onchange: () => load() }, [0.3, 0.5, 0.75, 0.9].map(v => h('option', { value: v, selected: v === asked.iou }, v)));
    const summary = h('div', { class: 'tiles' }), buttons = h('div', { class: 'chips', role: 'group', 'aria-label': 'Kinds' }), pictures = h('div', { class: 'scenes' });
    fill(live, h('div', { class: 'controls' }, h('label', { class: 'wide' }, 'Confidence from', slider, said), h('label', { class: 'select' }, 'Count', shape), h('label', { class: 'select' }, 'IoU from', overlap)), result);

    async function load() {
      const turn = ++ask;
      try {
        const got = await compute('detection-errors', { run: run.id, iou: Number(overlap.value), masks: shape.value === 'true' });
        if (closed || turn !== ask) return;
        answer = got;
        if (asked.confidence === null) slider.value = answer.confidence;
        chart?.close();
        chart = canvas('Precision against recall: every class thin, their mean thick; the dot is the confidence', 0.62, draw);
        const ap = answer.statistics.find(s => s.name === 'AP');
        fill(result, summary, h('div', { class: 'panels' }, h('section', { class: 'panel' }, h('header', null, h('h3', null, `Precision and recall, AP ${number(ap?.value)}`)), chart.element, h('p', { class: 'hint' }, 'Thin: each class. Thick: all detections together. The dot moves with the confidence.')),
          h('section', { class: 'panel' }, h('header', null, h('h3', null, 'Classes')), table())), h('h2', null, 'Behind the numbers'), buttons, pictures);
        moved();
      } catch (error) {
        if (!closed && turn === ask) fill(result, h('p', { class: 'message', role: 'alert' }, error.message));
      }
    }

    const state = () => {
      const from = Number(slider.value), counted = answer.detections.filter(d => d.score >= from);
      const groups = Object.fromEntries(Object.keys(kinds).map(k => [k, counted.filter(d => d.kind === k)]));
      groups.missed = answer.objects.filter(o => o.foundAt === null || o.foundAt < from);
      const hits = groups.hit.length, precision = counted.length ? hits / counted.length : null, recall = answer.objects.length ? hits / answer.objects.length : null;
      return { from, counted, groups, precision, recall, f1: hits ? 2 * hits / (counted.length + answer.objects.length) : 0 };
    };

    function moved() {
      if (!answer) return;
      const now = state();
      said.textContent = now.from.toFixed(2);
      keep({ run: run.id, confidence: now.from, kind: asked.kind, masks: shape.value, iou: overlap.value });
      const tile = (name, value) => h('div', { class: 'tile' }, h('span', { class: 'key' }, name), h('strong', null, value === null ? '–' : number(value)));
      fill(summary, tile('Precision', now.precision), tile('Recall', now.recall), tile('F1', now.f1), Object.entries(kinds).map(([kind, name]) => tile(name, now.groups[kind].length)));
      fill(buttons, Object.entries(kinds).map(([kind, name]) => h('button', { id: `kind-${kind}`, type: 'button', class: 'chip', 'aria-pressed': String(kind === asked.kind), onclick: () => { asked.kind = kind; moved(); } }, name, h('b', null, now.groups[kind].length))));
      chart?.paint();
      show(now);
    }

    function show(now) {
      const group = now.groups[asked.kind], counts = new Map();
      group.forEach(g => counts.set(g.image, (counts.get(g.image) ?? 0) + 1));
      const chosen = [...counts].sort((a, b) => b[1] - a[1] || a[0] - b[0]).slice(0, 24).map(([id]) => id);
      fill(pictures, chosen.length ? chosen.map(id => {
        const scene = answer.images.find(i => i.id === id);
        const found = now.counted.filter(d => d.image === id), missed = now.groups.missed.filter(o => o.image === id);
        const words = [...found.map(d => `${name(d)} ${kinds[d.kind].toLowerCase()} ${d.score.toFixed(2)}`), ...missed.map(o => `${name(o)} missed`)].join(', ');
        return h('figure', { class: 'scene' }, h('div', { class: 'frame' }, inline(scene.png, `Scene ${id}: ${words}`),
          found.map(d => mark(d, d.kind, `${name(d)} ${d.score.toFixed(2)}`)), missed.map(o => mark(o, 'missed', name(o)))), h('figcaption', null, `Scene ${id}`));
      }) : h('p', { class: 'empty' }, 'None at this confidence.'));
    }

    const name = item => answer.classes.find(c => c.id === item.class)?.name ?? item.class;
    const mark = (item, kind, text) => h('div', { class: `mark ${kind}${asked.kind === kind ? '' : ' dim'}`, title: `${text}, ${kinds[kind].toLowerCase()}`, style: { left: `${item.box[0] * 100}%`, top: `${item.box[1] * 100}%`, width: `${item.box[2] * 100}%`, height: `${item.box[3] * 100}%`, borderColor: colour(kind) } }, h('span', { style: { background: colour(kind) } }, text));

    function table() {
      const rows = [...answer.classes].sort((a, b) => a.ap - b.ap);
      return h('div', { class: 'scroll', tabindex: 0 }, h('table', null, h('thead', null, h('tr', null, ['Class', 'Objects', 'AP at this IoU'].map(t => h('th', { scope: 'col' }, t)))), h('tbody', null, rows.map(c => h('tr', null, h('td', null, c.name), h('td', null, c.objects), h('td', null, number(c.ap)))))));
    }

    function draw(ctx, w, height) {
      const left = 34, bottom = 26, x = r => left + r * (w - left - 8), y = p => 8 + (1 - p) * (height - bottom - 8);
      ctx.font = `11px ${css('--mono')}`;
      ctx.fillStyle = css('--muted');
      ctx.strokeStyle = css('--grid');
      ctx.lineWidth = 1;
      for (const t of ticks(0, 1)) {
        ctx.beginPath();
        ctx.moveTo(x(0), y(t));
        ctx.lineTo(x(1), y(t));
        ctx.stroke();
        ctx.textAlign = 'right';
        ctx.fillText(t.toFixed(1), left - 5, y(t) + 4);
        ctx.textAlign = 'center';
        ctx.fillText(t.toFixed(1), x(t), height - 8);
      }
      const line = (recall, precision) => {
        ctx.beginPath();
        recall.forEach((r, i) => (i ? ctx.lineTo(x(r), y(precision[i])) : ctx.moveTo(x(r), y(precision[i]))));
        ctx.stroke();
      };
      ctx.strokeStyle = css('--muted');
      ctx.globalAlpha = 0.6;
      answer.classes.forEach(c => line(c.curve.recall, c.curve.precision));
      ctx.globalAlpha = 1;
      const ranked = [...answer.detections].sort((a, b) => b.score - a.score);
      let hits = 0;
      const all = ranked.map((d, i) => [(hits += d.kind === 'hit') / Math.max(1, answer.objects.length), hits / (i + 1)]);
      ctx.strokeStyle = css('--accent');
      ctx.lineWidth = 2.5;
      line(all.map(p => p[0]), all.map(p => p[1]));
      const now = state();
      if (now.precision === null) return;
      ctx.fillStyle = css('--accent');
      ctx.beginPath();
      ctx.arc(x(now.recall), y(now.precision), 6, 0, 2 * Math.PI);
      ctx.fill();
    }

    load();
    return { redraw: () => answer && moved(), close };
  },
};
