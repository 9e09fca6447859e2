// How a tokenizer uses its codes, and the codes of one picture.
import { fill, h } from '../dom.js';
import { compute } from '../explore.js';
import { count, css, isDark, number } from '../format.js';
import { canvas, inline, recorded } from '../stage.js';

export default {
  id: 'codebooks',
  title: 'Codebooks',
  summary: 'Which codes a tokenizer uses, how often, and what a picture looks like as codes.',
  guide: 'vq-vae.md',
  command: 'cresset train vqvae-digits',
  commandOf: run => `cresset eval ${run.id}`,
  needsRun: true,
  fits: run => run.job === 'tokenizer',
  show({ host, run, params, keep, canCompute }) {
    const live = h('div'), kept = h('div');
    let closed = false, shown = null, picture = Number(params.get('picture') ?? 0);
    const parts = [];
    fill(host, live, kept);
    recorded(kept, run, ['usage', 'codes', 'reconstructions', 'distances']).then(g => (shown = g), error => fill(kept, h('p', { class: 'message' }, error.message)));
    const close = () => {
      closed = true;
      parts.forEach(p => p.close());
      shown?.close?.();
    };
    if (!canCompute) {
      fill(live, h('p', { class: 'hint' }, 'This server does not compute: below is what the run recorded.'));
      return { close };
    }
    const result = h('div', null, h('p', { class: 'hint', role: 'status' }, 'Computing…'));
    const choice = h('input', { id: 'picture', type: 'range', min: 0, max: 511, value: picture, 'aria-label': 'Picture', onchange: () => ask(Number(choice.value)) });
    fill(live, h('div', { class: 'controls' }, h('label', { class: 'wide' }, 'Held-out picture', choice)), result);

    // Colours far apart for codes of near numbers; three lightnesses, since hues alone come near again.
    const hue = code => `hsl(${(code * 137.508) % 360} 62% ${(isDark() ? 48 : 44) + (code % 3) * 13}%)`;
    const ink = code => (code % 3 ? '#000' : '#fff');

    async function ask(which) {
      picture = which;
      keep({ run: run.id, picture });
      try {
        const answer = await compute('picture-codes', { run: run.id, picture });
        if (closed) return;
        parts.splice(0).forEach(p => p.close());
        choice.max = answer.of - 1;
        const grids = answer.levels.map((level, k) => {
          const [, rows, columns] = level.shape;
          const stages = level.codes.length / (rows * columns);
          const part = canvas(`Codes of level ${k + 1}: ${rows} × ${columns}`, rows / columns, (ctx, w) => {
            const cell = w / columns;
            ctx.textAlign = 'center';
            ctx.font = `${Math.max(8, Math.min(14, cell / 3))}px ${css('--mono')}`;
            for (let i = 0; i < rows * columns; i++) {
              const code = level.codes[i * stages], x = (i % columns) * cell, y = Math.floor(i / columns) * cell;
              ctx.fillStyle = hue(code);
              ctx.fillRect(x, y, cell - 1, cell - 1);
              if (cell < 22) continue;
              ctx.fillStyle = ink(code);
              ctx.fillText(code, x + cell / 2, y + cell / 2 + 5);
            }
          }, { class: 'stage small' });
          parts.push(part);
          return h('section', { class: 'panel' }, h('header', null, h('h3', null, `Codes${answer.levels.length > 1 ? `, level ${k + 1}` : ''} (${rows} × ${columns}${stages > 1 ? `, first of ${stages}` : ''})`)), part.element);
        });
        const bars = answer.usage.map((u, k) => {
          const sorted = [...u.counts].sort((a, b) => b - a), total = sorted.reduce((a, b) => a + b, 0);
          const part = canvas(`Use of codebook ${k + 1}: ${u.used} of ${u.size} codes`, 0.5, (ctx, w, height) => {
            const shown = Math.min(u.size, 2048), width = w / shown;
            ctx.fillStyle = css('--accent');
            sorted.slice(0, shown).forEach((n, i) => ctx.fillRect(i * width, height - n / sorted[0] * (height - 8), Math.max(1, width - (width > 4 ? 1 : 0)), n / sorted[0] * (height - 8)));
          });
          parts.push(part);
          return h('section', { class: 'panel' }, h('header', null, h('h3', null, `Use${answer.usage.length > 1 ? ` of codebook ${k + 1}` : ''}: ${count(u.used)} of ${count(u.size)} codes, perplexity ${number(u.perplexity)}`)), part.element, h('p', { class: 'hint' }, `${count(total)} choices on ${count(answer.of)} held-out pictures, most frequent first.`));
        });
        fill(result, h('div', { class: 'panels' }, h('section', { class: 'panel' }, h('header', null, h('h3', null, 'Picture and what comes back')), h('div', { class: 'pair' }, inline(answer.original, `Held-out picture ${picture}`), inline(answer.rebuilt, 'Rebuilt from its codes'))), grids, bars));
      } catch (error) {
        if (!closed) fill(result, h('p', { class: 'message', role: 'alert' }, error.message));
      }
    }
    ask(picture);
    return { redraw: () => parts.forEach(p => p.paint()), close };
  },
};
