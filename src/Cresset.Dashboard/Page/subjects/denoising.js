// A picture from noise to what a prompt asks for, step by step.
import { fill, h } from '../dom.js';
import { compute } from '../explore.js';
import { inline, player, recorded } from '../stage.js';

export default {
  id: 'denoising',
  title: 'Denoising',
  summary: 'A diffusion model draws from a word: every step from noise to picture, for any prompt, seed and guidance.',
  guide: 'stable-diffusion-3.md',
  command: 'cresset train sd3-garments',
  commandOf: run => `cresset sample ${run.id}`,
  needsRun: true,
  fits: run => run.job === 'sd3-miniature',
  show({ host, run, params, keep, canCompute }) {
    const live = h('div'), kept = h('div');
    let closed = false, shown = null, steps = null;
    fill(host, live, kept);
    recorded(kept, run, ['samples']).then(g => (shown = g), error => fill(kept, h('p', { class: 'message' }, error.message)));
    const close = () => {
      closed = true;
      steps?.close();
      shown?.close?.();
    };
    if (!canCompute) {
      fill(live, h('p', { class: 'hint' }, 'This server does not compute: below is what the run recorded.'));
      return { close };
    }
    const field = (id, label, value, more) => h('label', null, label, h('input', { id, value, 'aria-label': label, ...more }));
    const prompt = field('prompt', 'Prompt', params.get('prompt') ?? '', { type: 'text', size: 24, maxlength: 200, placeholder: 'seven' });
    const seed = field('seed', 'Seed', params.get('seed') ?? 0, { type: 'number', min: 0, step: 1 });
    const guidance = field('guidance', 'Guidance', params.get('guidance') ?? 3, { type: 'number', min: 1, max: 100, step: 0.5 });
    const count = field('count', 'Steps', params.get('count') ?? 20, { type: 'number', min: 1, max: 200 });
    const value = label => label.querySelector('input').value;
    const result = h('div', null, h('p', { class: 'hint', role: 'status' }, 'Computing…'));
    fill(live, h('form', { class: 'controls', onsubmit: e => (e.preventDefault(), ask()) }, prompt, seed, guidance, count, h('button', { id: 'draw', type: 'submit' }, 'Draw')), result);

    async function ask() {
      keep({ run: run.id, prompt: value(prompt), seed: value(seed), guidance: value(guidance), count: value(count) });
      steps?.close();
      try {
        const answer = await compute('denoising-steps', { run: run.id, prompt: value(prompt), seed: Number(value(seed)), guidance: Number(value(guidance)), steps: Number(value(count)) });
        if (closed) return;
        prompt.querySelector('input').placeholder = answer.names.join(', ');
        const place = h('div', { class: 'large-picture' });
        const pictures = answer.frames.map((f, i) => inline(f, i === 0 ? 'noise' : `after step ${i} of ${answer.frames.length - 1}`));
        steps = player('denoise', 'Step', pictures.length, i => (fill(place, pictures[i]), i === 0 ? 'noise' : `step ${i} of ${pictures.length - 1}`), pictures.length - 1, 140);
        fill(result, steps.element, place, h('div', { class: 'strip', role: 'group', 'aria-label': 'All steps' }, answer.frames.map((f, i) => h('button', { type: 'button', 'aria-label': `Show step ${i}`, onclick: () => steps.set(i) }, inline(f, '')))), h('p', { class: 'hint' }, `Drawn for “${answer.prompt}”.`));
        steps.set(pictures.length - 1);
      } catch (error) {
        if (!closed) fill(result, h('p', { class: 'message', role: 'alert' }, error.message));
      }
    }
    ask();
    return { key: event => (event.key === '[' || event.key === ']') && steps ? (steps.move(event.key === ']' ? 1 : -1), true) : false, close };
  },
};
