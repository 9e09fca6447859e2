// Values and policy of a grid world by iteration, with a player.
import { fill, h } from '../dom.js';
import { compute } from '../explore.js';
import { css, isDark, number } from '../format.js';
import { canvas, player, recorded } from '../stage.js';

export default {
  id: 'gridworlds',
  title: 'Grid worlds',
  summary: 'How values spread from the goal and the policy settles, sweep by sweep.',
  guide: 'reinforcement-learning.md',
  command: 'cresset train zhao-gridworld-value-iteration',
  commandOf: run => `cresset eval ${run.id}`,
  needsRun: true,
  fits: run => run.job === 'rl-solve' || run.job === 'rl-curves',
  show({ host, run, canCompute }) {
    const live = h('div'), kept = h('div');
    let closed = false, shown = null, part = null, steps = null, answer = null, frames = [];
    fill(host, live, kept);
    recorded(kept, run).then(g => (shown = g), error => fill(kept, h('p', { class: 'message' }, error.message)));
    const close = () => {
      closed = true;
      part?.close();
      steps?.close();
      shown?.close?.();
    };
    if (!canCompute) {
      fill(live, h('p', { class: 'hint' }, 'This server does not compute: below is what the run recorded.'));
      return { close };
    }
    fill(live, h('p', { class: 'hint', role: 'status' }, 'Computing…'));

    async function load() {
      try {
        answer = await compute('grid-iterations', { run: run.id });
        if (closed) return;
        frames = [...answer.frames.map(f => ({ ...f, name: `${answer.planner}, sweep ${f.iteration}` })), ...answer.final ? [{ ...answer.final, name: `what the run ended with (${answer.algorithm})` }] : []];
        part = canvas('Values as colours and numbers, the policy as arrows', answer.rows / answer.columns, draw);
        steps = player('sweep', 'Sweep', frames.length, i => (part.paint(), frames[i].name), 0);
        fill(live, steps.element, h('section', { class: 'panel world' }, part.element), h('p', { class: 'hint' }, `gamma ${number(answer.gamma)}. ${answer.frames.length ? 'Sweeps are planned anew from the world’s model; the last frame is the run’s own result.' : 'The world has no model to plan with: this is the run’s own result.'}`));
        steps.set(0);
      } catch (error) {
        if (!closed) fill(live, h('p', { class: 'message', role: 'alert' }, error.message));
      }
    }

    function draw(ctx, w) {
      const cell = w / answer.columns, frame = frames[steps?.at() ?? 0];
      if (!frame) return;
      const all = frames.flatMap(f => f.values).map(Number).filter(Number.isFinite), low = Math.min(...all), high = Math.max(...all);
      ctx.textAlign = 'center';
      answer.cells.forEach((place, s) => {
        const kind = answer.kinds[place], x = (place % answer.columns) * cell, y = Math.floor(place / answer.columns) * cell, value = Number(frame.values[s]);
        const share = high > low ? (value - low) / (high - low) : 0.5;
        ctx.fillStyle = kind === 'Wall' ? css('--grid') : isDark() ? `hsl(${215 - 170 * share} 45% ${18 + 22 * share}%)` : `hsl(${215 - 170 * share} 70% ${86 - 16 * share}%)`;
        ctx.fillRect(x, y, cell - 1, cell - 1);
        if (kind === 'Goal' || kind === 'Trap') {
          ctx.strokeStyle = kind === 'Goal' ? css('--finished') : css('--failed');
          ctx.lineWidth = 3;
          ctx.strokeRect(x + 2, y + 2, cell - 5, cell - 5);
        }
        if (kind === 'Wall') return;
        ctx.fillStyle = css('--text');
        if (cell >= 44) {
          ctx.font = `${Math.min(14, cell / 4)}px ${css('--mono')}`;
          ctx.fillText(number(Number(value.toFixed(2))), x + cell / 2, y + cell - cell / 8);
        }
        const move = answer.moves[frame.actions[s]];
        if (!move) return;
        const [cx, cy, r] = [x + cell / 2, y + cell * (cell >= 44 ? 0.42 : 0.5), cell * 0.22];
        ctx.strokeStyle = ctx.fillStyle = css('--text');
        ctx.lineWidth = Math.max(1, cell / 28);
        ctx.lineJoin = ctx.lineCap = 'round';
        ctx.beginPath();
        if (!move[0] && !move[1]) ctx.arc(cx, cy, r / 2, 0, 7);
        else {
          const [dx, dy] = [move[1] * r, move[0] * r];
          ctx.moveTo(cx - dx, cy - dy);
          ctx.lineTo(cx + dx, cy + dy);
          ctx.lineTo(cx + dx - (dx + dy) * 0.5, cy + dy - (dy - dx) * 0.5);
          ctx.moveTo(cx + dx, cy + dy);
          ctx.lineTo(cx + dx - (dx - dy) * 0.5, cy + dy - (dy + dx) * 0.5);
        }
        ctx.stroke();
      });
    }
    load();
    return { redraw: () => part?.paint(), key: event => (event.key === '[' || event.key === ']') && steps ? (steps.move(event.key === ']' ? 1 : -1), true) : false, close };
  },
};
