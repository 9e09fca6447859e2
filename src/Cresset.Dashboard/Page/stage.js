// What several subject pages share: a canvas that follows theme and width, a slider with a player, recorded pictures where nothing is computed.
import { fill, h } from './dom.js';
import { get, picture } from './api.js';
import { gallery } from './gallery.js';

export function canvas(label, aspect, draw, more) {
  const element = h('canvas', { class: 'stage', role: 'img', 'aria-label': label, ...more });
  const paint = () => {
    const width = element.clientWidth || 480, height = Math.round(width * aspect);
    [element.width, element.height] = [width * devicePixelRatio, height * devicePixelRatio];
    const ctx = element.getContext('2d');
    ctx.scale(devicePixelRatio, devicePixelRatio);
    ctx.clearRect(0, 0, width, height);
    draw(ctx, width, height);
  };
  const observer = new ResizeObserver(() => element.isConnected && paint());
  observer.observe(element);
  return { element, paint, close: () => observer.disconnect() };
}

// Round numbers for an axis, about as many as asked.
export function ticks(low, high, about = 5) {
  const rough = (high - low) / about, size = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map(k => k * size).find(k => k >= rough * 0.999);
  const found = [];
  for (let v = Math.ceil(low / step - 1e-9) * step; v <= high + step * 1e-9; v += step) found.push(Number(v.toPrecision(10)));
  return found;
}

export function player(id, label, count, changed, start = count - 1, delay = 220) {
  let at = start, timer = 0;
  const slider = h('input', { id, type: 'range', min: 0, max: Math.max(0, count - 1), value: at, 'aria-label': label, oninput: () => set(Number(slider.value)) });
  const said = h('output', { for: id });
  const button = h('button', { type: 'button', onclick: () => toggle() }, 'Play');
  function set(value) {
    at = Math.max(0, Math.min(count - 1, value));
    slider.value = at;
    const text = changed(at);
    said.textContent = text ?? '';
    slider.setAttribute('aria-valuetext', text ?? `${at}`);
  }
  function toggle() {
    if (timer) {
      clearInterval(timer);
      timer = 0;
    } else {
      if (at >= count - 1) set(0);
      timer = setInterval(() => (at >= count - 1 ? toggle() : set(at + 1)), delay);
    }
    button.textContent = timer ? 'Pause' : 'Play';
  }
  return { element: h('div', { class: 'controls' }, h('label', { class: 'wide' }, label, slider, said), button), set, move: by => set(at + by), at: () => at, close: () => clearInterval(timer) };
}

// Pictures that the run kept, by step; tags narrows them to what the page is about.
export async function recorded(host, run, tags) {
  const detail = await get('/api/run', { id: run.id });
  const pictures = detail.pictures.filter(p => !tags || tags.some(t => p.tag.includes(t)));
  if (!pictures.length) return fill(host, h('p', { class: 'empty' }, 'The run kept no pictures of this yet.'));
  const box = h('div');
  fill(host, h('h2', null, 'Recorded while it learned'), box);
  const shown = gallery(box, [{ id: run.id, label: run.name }]);
  shown.update(new Map([[run.id, pictures]]));
  return shown;
}

export const inline = (base64, alt, more) => h('img', { src: `data:image/png;base64,${base64}`, alt, class: 'pixels', ...more });
export { picture };
