// Subject pages: what a model does, shown on real runs. Each page is a file of its own under subjects/; a file that is there is a page.
import { fill, h } from './dom.js';
import { get, post } from './api.js';

// Asks the process that computes; the answer is its result, or an error with its sentence.
export async function compute(what, args) {
  const answer = await post('/api/compute', { what, ...args });
  if (answer.problem) throw new Error(answer.problem);
  return answer.result;
}

export const command = text => h('p', { class: 'command' }, h('code', null, text));

export function explore({ main, params, go, remember, problem }) {
  let closed = false, shown = null;
  const host = h('div', { class: 'subject' });
  fill(main, h('p', { class: 'empty' }, 'Loading…'));
  document.title = 'Explore · Cresset';

  async function load() {
    try {
      const [{ pages, canCompute }, { runs }] = await Promise.all([get('/api/subjects'), get('/api/runs')]);
      const subjects = await Promise.all(pages.map(async file => (await import(`/page/${file}`)).default));
      if (closed) return;
      const asked = subjects.find(s => s.id === params.get('page'));
      if (!asked) return overview(subjects, runs);
      const own = runs.filter(r => asked.fits(r) && r.status !== 'failed');
      const run = own.find(r => r.id === params.get('run')) ?? own[0] ?? null;
      document.title = `${asked.title} · Cresset`;
      const runChoice = asked.needsRun ? h('label', { class: 'select' }, 'Run', h('select', { id: 'run', onchange: e => go(`/explore?page=${asked.id}&run=${encodeURIComponent(e.target.value)}`) }, own.map(r => h('option', { value: r.id, selected: r === run }, r.id)))) : null;
      fill(main, h('div', { class: 'row' }, h('h1', null, asked.title), h('span', { class: 'grow' }), own.length ? runChoice : null,
        run ? h('a', { class: 'button', href: `/run?id=${encodeURIComponent(run.id)}`, 'data-link': true }, 'Its curves') : null,
        h('a', { class: 'button', href: `/guide?name=${asked.guide.replace('.md', '')}`, 'data-link': true }, 'Guide')),
        h('p', { class: 'lead' }, asked.summary), command(run && asked.commandOf ? asked.commandOf(run) : asked.command), host);
      if (asked.needsRun && !run) return fill(host, h('p', { class: 'empty' }, 'There is no run to show yet. Make one with ', h('code', null, asked.command), '.'));
      const state = Object.fromEntries(params);
      const keep = change => remember(Object.assign(state, change, { page: asked.id }));
      shown = asked.show({ host, run, runs: own, params, keep, canCompute, problem });
    } catch (error) {
      if (!closed && error.status !== 401) problem(error.message);
    }
  }

  function overview(subjects, runs) {
    fill(main, h('h1', null, 'Explore'), h('p', { class: 'lead' }, 'What models do, on real runs: move a slider, drag a point, change a number.'), h('div', { class: 'cards' }, subjects.map(s => {
      const n = s.needsRun ? runs.filter(r => s.fits(r)).length : null;
      return h('article', { class: 'card' }, h('h2', null, h('a', { href: `/explore?page=${s.id}`, 'data-link': true }, s.title)), h('p', null, s.summary), h('p', { class: 'key' }, n === null ? 'needs no run' : n === 1 ? '1 run' : `${n} runs`), command(s.command));
    })));
  }

  load();
  return {
    redraw: () => shown?.redraw?.(),
    close() {
      closed = true;
      shown?.close?.();
    },
    key: event => shown?.key?.(event) ?? false,
  };
}
