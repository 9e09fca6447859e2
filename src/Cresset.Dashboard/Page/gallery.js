// Pictures by step: one slider for all runs that are shown, so that rows stand side by side at the same step.
import { fill, h, image } from './dom.js';
import { picture } from './api.js';
import { count, bytes } from './format.js';

// moved: told the step that the reader chose, '' for the newest.
export function gallery(host, runs, startStep, moved) {
  const asked = startStep === null || startStep === undefined || startStep === '' ? null : Number(startStep);
  let all = new Map(), steps = [], at = -1, follow = asked === null, playing = 0;
  const slider = h('input', { id: 'step', type: 'range', min: 0, max: 0, value: 0, 'aria-label': 'Step', oninput: () => set(Number(slider.value)) });
  const label = h('output', { for: 'step' });
  const play = h('button', { type: 'button', id: 'play', onclick: toggle }, 'Play');
  const grid = h('div', { class: runs.length > 1 ? 'gallery' : 'gallery one' });
  fill(host, h('div', { class: 'controls' }, h('label', { class: 'wide' }, 'Step', slider, label), play), grid);

  function toggle() {
    if (playing) {
      clearInterval(playing);
      playing = 0;
    } else {
      if (at >= steps.length - 1) set(0);
      playing = setInterval(() => (at >= steps.length - 1 ? toggle() : set(at + 1)), 500);
    }
    play.textContent = playing ? 'Pause' : 'Play';
  }

  function set(index) {
    at = Math.max(0, Math.min(steps.length - 1, index));
    follow = at === steps.length - 1;
    moved?.(follow ? '' : steps[at]);
    draw();
  }

  // Of every tag the newest picture that is not after the step.
  function draw() {
    const step = steps[at];
    slider.max = Math.max(0, steps.length - 1);
    slider.value = at;
    slider.setAttribute('aria-valuetext', step === undefined ? 'no pictures' : `step ${step}`);
    label.textContent = step === undefined ? '' : `${count(step)}  (${at + 1} of ${steps.length})`;
    const tags = [...new Set([...all.values()].flat().map(p => p.tag))];
    if (!tags.length) {
      fill(grid, h('p', { class: 'empty' }, 'No pictures yet.'));
      return;
    }
    fill(grid, tags.map(tag => h('section', { class: 'group' }, h('h2', null, tag), h('div', { class: runs.length > 2 ? 'pictures many' : 'pictures' }, runs.map(run => {
      const list = (all.get(run.id) ?? []).filter(p => p.tag === tag);
      const shown = list.filter(p => p.step <= step).at(-1) ?? list[0];
      if (!shown) return null;
      return h('figure', null, h('button', { type: 'button', class: 'zoom', 'aria-label': `Show ${tag} of step ${shown.step} large`, onclick: () => large(run, shown) }, image(picture(run.id, shown.sha256), shown.caption || `${tag} of step ${shown.step}`)),
        h('figcaption', null, runs.length > 1 ? h('b', null, run.label, ' ') : null, `step ${count(shown.step)}`, shown.caption ? ` · ${shown.caption}` : ''));
    })))));
  }

  function large(run, shown) {
    const dialog = h('dialog', { class: 'large', 'aria-label': `${shown.tag} of step ${shown.step}` }, image(picture(run.id, shown.sha256), shown.caption || shown.tag), h('p', null, `${run.label} · ${shown.tag} · step ${count(shown.step)} · ${bytes(shown.bytes)} ${shown.caption}`), h('button', { type: 'button', onclick: () => dialog.close() }, 'Close'));
    dialog.addEventListener('close', () => dialog.remove());
    dialog.addEventListener('click', e => e.target === dialog && dialog.close());
    document.body.append(dialog);
    dialog.showModal();
  }

  return {
    update(pictures) {
      const key = [...pictures.values()].flat().map(p => p.sha256 + p.step).join();
      if (this.key === key) return;
      this.key = key;
      const before = steps[at];
      all = pictures;
      steps = [...new Set([...all.values()].flat().map(p => p.step))].sort((a, b) => a - b);
      at = asked !== null && at < 0 ? Math.max(0, steps.findLastIndex(s => s <= asked)) : follow || at < 0 ? steps.length - 1 : Math.max(0, steps.indexOf(before));
      draw();
    },
    move: by => set(at + by),
    close: () => clearInterval(playing),
  };
}
