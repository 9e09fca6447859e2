// A page of this sample: what the net of a run thinks of every point of the plane.
import { fill, h } from '../dom.js';
import { compute } from '../explore.js';
import { canvas } from '../stage.js';

export default {
  id: 'spirals',
  title: 'Spirals',
  summary: 'Where the net sees one spiral and where the other.',
  guide: 'own-task.md',
  command: 'dotnet run -- train spirals.yaml',
  needsRun: true,
  fits: run => run.job === 'spirals',
  show({ host, run }) {
    let answer = null;
    const said = h('p', { class: 'hint', role: 'status' }, 'Computing…');
    const field = canvas('Sureness over the plane', 1, (ctx, width) => {
      if (!answer) return;
      const cell = width / answer.side;
      answer.field.forEach((sure, i) => {
        ctx.fillStyle = `hsl(${210 - 180 * sure} 70% 55%)`;
        ctx.fillRect((i % answer.side) * cell, width - (Math.floor(i / answer.side) + 1) * cell, cell + 1, cell + 1);
      });
    });
    fill(host, h('section', { class: 'panel world' }, field.element), said);
    compute('spiral-field', { run: run.id }).then(found => {
      answer = found;
      said.textContent = `${run.id}: blue is one spiral, red the other.`;
      field.paint();
    }, error => (said.textContent = error.message));
    return { redraw: field.paint, close: field.close };
  },
};
