// f, f' and f'' of chosen activations, computed by the library itself.
import { fill, h, later } from '../dom.js';
import { compute } from '../explore.js';
import { colour, css, number, pattern } from '../format.js';
import { canvas, ticks } from '../stage.js';

const titles = { f: 'f(x)', first: 'f′(x)', second: 'f″(x)' };

export default {
  id: 'activations',
  title: 'Activations',
  summary: 'A function, its slope and its curvature, for any activation of the catalog and any of its parameters.',
  guide: 'activations.md',
  command: 'cresset activations plot silu gelu mish -o gates.png',
  needsRun: false,
  fits: run => run.job === 'activation-study',
  show({ host, params, keep, canCompute }) {
    if (!canCompute) {
      fill(host, h('p', { class: 'empty' }, 'This server does not compute; ‘cresset serve’ does.'));
      return {};
    }
    let names = (params.get('names') ?? 'silu;gelu;mish').split(';').filter(Boolean), answer = null, closed = false, x = Number(params.get('x') ?? 1);
    const said = h('p', { class: 'message', role: 'alert' });
    const input = h('input', { id: 'names', type: 'text', size: 48, value: names.join('; '), 'aria-label': 'Activations, separated by semicolons', oninput: later(() => (names = input.value.split(';').map(n => n.trim()).filter(Boolean), ask()), 400) });
    const range = key => h('input', { id: key, type: 'number', step: 0.5, value: params.get(key) ?? (key === 'from' ? -5 : 5), 'aria-label': key, onchange: () => ask() });
    const from = range('from'), to = range('to');
    const at = h('input', { id: 'x', type: 'range', min: -5, max: 5, step: 0.01, value: x, 'aria-label': 'x', oninput: () => ((x = Number(at.value)), paint()) });
    const add = h('select', { id: 'add', 'aria-label': 'Add an activation', onchange: () => {
      names = [...names, add.value];
      input.value = names.join('; ');
      add.value = '';
      ask();
    } });
    const panels = Object.keys(titles).map(key => canvas(titles[key], 0.72, (ctx, w, hgt) => draw(ctx, w, hgt, key)));
    const table = h('div', { class: 'scroll', tabindex: 0, role: 'region', 'aria-label': 'Values at x' });
    fill(host, h('div', { class: 'controls' }, h('label', null, 'Functions', input), add, h('label', null, 'from', from), h('label', null, 'to', to), h('label', { class: 'wide' }, 'x', at)), said,
      h('div', { class: 'panels' }, panels.map((p, i) => h('section', { class: 'panel' }, h('header', null, h('h3', null, Object.values(titles)[i])), p.element))), table);

    async function ask() {
      keep({ names: names.join(';'), from: from.value, to: to.value });
      if (!names.length) return;
      try {
        answer = await compute('activation-curves', { names, from: Number(from.value), to: Number(to.value) });
        if (closed) return;
        said.textContent = '';
        at.min = from.value;
        at.max = to.value;
        fill(add, h('option', { value: '' }, 'add …'), answer.known.map(a => h('option', { value: a.name, title: a.formula }, a.name)));
        paint();
      } catch (error) {
        if (!closed) said.textContent = error.message;
      }
    }

    const index = () => Math.max(0, Math.min(answer.x.length - 1, Math.round((x - answer.x[0]) / (answer.x.at(-1) - answer.x[0]) * (answer.x.length - 1))));

    function draw(ctx, w, height, key) {
      if (!answer) return;
      const left = 40, bottom = 22, curves = answer.curves.map(c => c[key]?.map(Number));
      const all = curves.flatMap(c => c ?? []).filter(Number.isFinite);
      const low = Math.min(0, ...all), high = Math.max(0.1, ...all), pad = (high - low) * 0.06;
      const px = v => left + (v - answer.x[0]) / (answer.x.at(-1) - answer.x[0]) * (w - left - 8), py = v => height - bottom - (v - low + pad) / (high - low + 2 * pad) * (height - bottom - 8);
      ctx.font = `11px ${css('--font')}`;
      ctx.fillStyle = css('--muted');
      ctx.strokeStyle = css('--grid');
      const line = (x0, y0, x1, y1) => {
        ctx.beginPath();
        ctx.moveTo(x0, y0);
        ctx.lineTo(x1, y1);
        ctx.stroke();
      };
      ctx.textAlign = 'right';
      for (const v of ticks(low - pad, high + pad)) {
        line(left, py(v), w - 8, py(v));
        ctx.fillText(number(v), left - 5, py(v) + 4);
      }
      ctx.textAlign = 'center';
      for (const u of ticks(answer.x[0], answer.x.at(-1))) {
        line(px(u), 8, px(u), height - bottom);
        ctx.fillText(number(u), px(u), height - 6);
      }
      ctx.strokeStyle = css('--muted');
      ctx.beginPath();
      ctx.moveTo(px(x), 8);
      ctx.lineTo(px(x), height - bottom);
      ctx.stroke();
      curves.forEach((c, k) => {
        if (!c) return;
        ctx.strokeStyle = colour(k);
        ctx.setLineDash(pattern(k));
        ctx.lineWidth = 2;
        ctx.beginPath();
        let pen = false;
        c.forEach((v, i) => {
          if (!Number.isFinite(v)) pen = false;
          else if (pen) ctx.lineTo(px(answer.x[i]), py(v));
          else ctx.moveTo(px(answer.x[i]), py(v));
          pen = Number.isFinite(v);
        });
        ctx.stroke();
        ctx.setLineDash([]);
        ctx.lineWidth = 1;
      });
    }

    function paint() {
      for (const p of panels) p.paint();
      if (!answer) return;
      const i = index(), cell = list => h('td', { class: 'n' }, list ? number(list[i]) : '—');
      fill(table, h('table', { class: 'runs' }, h('thead', null, h('tr', null, ['function', 'formula', `f(${number(answer.x[i])})`, 'f′', 'f″', 'smooth', 'source', 'used by'].map(t => h('th', { class: t.startsWith('f') && t !== 'function' && t !== 'formula' ? 'n' : null }, t)))),
        h('tbody', null, answer.curves.map((c, k) => h('tr', null, h('td', null, h('i', { class: 'swatch', style: { background: colour(k) } }), c.name), h('td', null, c.formula), cell(c.f), cell(c.first), cell(c.second), h('td', null, c.smoothness), h('td', null, c.paper), h('td', null, c.usedBy))))));
    }

    ask();
    return { redraw: paint, close: () => ((closed = true), panels.forEach(p => p.close())) };
  },
};
