// Where a flow carries points of the noise: density, a slider over the steps, and a point that can be dragged.
import { fill, h } from '../dom.js';
import { compute } from '../explore.js';
import { colour, css, isDark, number } from '../format.js';
import { canvas, player, recorded } from '../stage.js';

export default {
  id: 'flows',
  title: 'Flows in the plane',
  summary: 'How a trained flow bends noise into data: step by step, and where one point of the noise goes.',
  guide: 'flows.md',
  command: 'cresset train nsf-checkerboard',
  commandOf: run => `cresset sample ${run.id}`,
  needsRun: true,
  fits: run => run.job === 'plane-flow' || run.job === 'flow-matching',
  show({ host, run, params, keep, canCompute }) {
    const live = h('div'), kept = h('div');
    let answer = null, own = null, closed = false, steps = null, shown = null, asking = false, again = false;
    let point = [Number(params.get('px') ?? 0.7), Number(params.get('py') ?? 0.7)];
    fill(host, live, kept);
    recorded(kept, run, ['density', 'samples', 'trajectories', 'particles', 'steps', 'morph']).then(g => (shown = g), error => fill(kept, h('p', { class: 'message' }, error.message)));
    if (!canCompute || run.job !== 'plane-flow') {
      fill(live, h('p', { class: 'hint' }, canCompute ? 'Runs of plane-flow can be followed point by point; of this run there is what it recorded.' : 'This server does not compute: below is what the run recorded.'));
      return { key: event => (event.key === '[' || event.key === ']') && shown ? (shown.move(event.key === ']' ? 1 : -1), true) : false, close: () => shown?.close?.() };
    }
    const at = () => steps?.at() ?? 0;
    const noise = canvas('Noise: drag the point, or move it with the arrow keys', 1, (ctx, w) => draw(ctx, w, 0, false), { tabindex: 0, id: 'noise' });
    const moved = canvas('Where the points are after the chosen step', 1, (ctx, w) => draw(ctx, w, at(), true));
    const said = h('p', { class: 'hint', role: 'status' }, 'Computing…');
    const slot = h('div');
    fill(live, slot, h('div', { class: 'panels two' }, h('section', { class: 'panel' }, h('header', null, h('h3', null, 'Noise (drag the point)')), noise.element), h('section', { class: 'panel' }, h('header', null, h('h3', null, 'On the way to data')), moved.element)), said);

    async function load() {
      try {
        answer = await compute('flow-steps', { run: run.id, count: 500, side: 72 });
        if (closed) return;
        steps = player('flowstep', 'Step', answer.steps.length, i => (noise.paint(), moved.paint(), tell(), answer.steps[i]));
        fill(slot, steps.element);
        steps.set(answer.steps.length - 1);
        await follow();
      } catch (error) {
        if (!closed) said.textContent = error.message;
      }
    }

    // One question at a time; while it is answered the newest place waits.
    async function follow() {
      if (asking) return (again = true);
      asking = true;
      try {
        const asked = point;
        const path = await compute('flow-steps', { run: run.id, count: 0, side: 0, own: asked });
        if (closed) return;
        own = path.states;
        noise.paint();
        moved.paint();
        tell();
      } catch (error) {
        if (!closed) said.textContent = error.message;
      } finally {
        asking = false;
        if (again && !closed) {
          again = false;
          follow();
        }
      }
    }

    function tell() {
      if (!own || !answer) return;
      const s = own[at()];
      said.textContent = `(${number(point[0].toFixed(2))}, ${number(point[1].toFixed(2))}) is at (${number(s[0])}, ${number(s[1])}): ${answer.steps[at()]}.`;
    }

    // The density as a small picture, which the browser smooths when it is drawn large.
    function shade() {
      const { side, density } = answer, most = Math.max(...density), small = Object.assign(document.createElement('canvas'), { width: side, height: side });
      const ctx = small.getContext('2d'), pixels = ctx.createImageData(side, side), [r, g, b] = isDark() ? [86, 180, 233] : [0, 114, 178];
      density.forEach((d, i) => pixels.data.set([r, g, b, 255 * Math.sqrt(d / most)], 4 * ((side - 1 - Math.floor(i / side)) * side + i % side)));
      ctx.putImageData(pixels, 0, 0);
      return small;
    }

    function draw(ctx, w, step, hasDensity) {
      if (!answer) return;
      const reach = answer.reach, p = v => (v + reach) / (2 * reach) * w;
      if (hasDensity && answer.side) {
        ctx.globalAlpha = 0.9;
        ctx.drawImage(shade(), 0, 0, w, w);
        ctx.globalAlpha = 1;
      }
      const state = answer.states[step];
      ctx.fillStyle = css('--text');
      ctx.globalAlpha = 0.75;
      for (let i = 0; i < state.length; i += 2) ctx.fillRect(p(state[i]) - 1, w - p(state[i + 1]) - 1, 2, 2);
      ctx.globalAlpha = 1;
      if (!own) return;
      ctx.strokeStyle = ctx.fillStyle = colour(5);
      if (hasDensity) {
        ctx.lineWidth = 2;
        ctx.beginPath();
        for (let i = 0; i <= step; i++) ctx.lineTo(p(own[i][0]), w - p(own[i][1]));
        ctx.stroke();
      }
      ctx.beginPath();
      ctx.arc(p(own[step][0]), w - p(own[step][1]), 7, 0, 7);
      ctx.fill();
    }

    function to(x, y) {
      const reach = answer?.reach ?? 4.5;
      point = [x, y].map(v => Math.max(-reach, Math.min(reach, v)));
      keep({ run: run.id, px: point[0].toFixed(3), py: point[1].toFixed(3) });
      follow();
    }
    const place = event => {
      const box = noise.element.getBoundingClientRect(), reach = answer?.reach ?? 4.5;
      to((event.clientX - box.left) / box.width * 2 * reach - reach, reach - (event.clientY - box.top) / box.height * 2 * reach);
    };
    noise.element.addEventListener('pointerdown', event => {
      noise.element.setPointerCapture(event.pointerId);
      place(event);
    });
    noise.element.addEventListener('pointermove', event => event.buttons && place(event));
    noise.element.addEventListener('keydown', event => {
      const by = { ArrowLeft: [-0.1, 0], ArrowRight: [0.1, 0], ArrowUp: [0, 0.1], ArrowDown: [0, -0.1] }[event.key];
      if (!by) return;
      event.preventDefault();
      event.stopPropagation();
      to(point[0] + by[0], point[1] + by[1]);
    });
    load();
    return {
      redraw: () => (noise.paint(), moved.paint()),
      key: event => (event.key === '[' || event.key === ']') && steps ? (steps.move(event.key === ']' ? 1 : -1), true) : false,
      close() {
        closed = true;
        steps?.close();
        noise.close();
        moved.close();
        shown?.close?.();
      },
    };
  },
};
