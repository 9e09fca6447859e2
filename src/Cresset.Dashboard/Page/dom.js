// Elements from plain values. Text is always text: nothing that a run recorded is ever read as HTML.
const svgNames = new Set(['svg', 'g', 'path', 'line', 'circle', 'rect', 'text', 'polyline', 'title']);

export function h(name, props, ...children) {
  const element = svgNames.has(name) ? document.createElementNS('http://www.w3.org/2000/svg', name) : document.createElement(name);
  for (const [key, value] of Object.entries(props ?? {})) {
    if (value === null || value === undefined || value === false) continue;
    if (key.startsWith('on')) element.addEventListener(key.slice(2), value);
    else if (key === 'style') Object.assign(element.style, value);
    else if (key === 'data') Object.assign(element.dataset, value);
    else if (key === 'value') element.value = value;
    else element.setAttribute(key, value === true ? '' : value);
  }
  append(element, children);
  return element;
}

function append(element, children) {
  for (const child of children.flat(Infinity)) {
    if (child === null || child === undefined || child === false) continue;
    element.append(child instanceof Node ? child : document.createTextNode(String(child)));
  }
}

// Replaces what an element holds and keeps the focus where it was, by id.
export function fill(element, ...children) {
  const focused = element.contains(document.activeElement) ? document.activeElement.id : '';
  element.replaceChildren();
  append(element, children);
  if (focused) document.getElementById(focused)?.focus({ preventScroll: true });
  return element;
}

// A picture that cannot be shown says so in its place.
export function image(src, alt, more) {
  const element = h('img', { src, alt, ...more, onerror: () => element.replaceWith(h('span', { class: 'broken', role: 'img', 'aria-label': `${alt} cannot be shown` }, 'This picture cannot be shown: its file is gone, changed or damaged.')) });
  return element;
}

export function later(work, delay) {
  let timer = 0;
  return (...args) => {
    clearTimeout(timer);
    timer = setTimeout(() => work(...args), delay);
  };
}

// Calls that come close together as one, and never so often that the work and its drawing fill more than a twentieth of the time: what is watched needs the processor.
export function paced(work, least) {
  let asked = false, busy = false, next = 0;
  return async function call() {
    asked = true;
    if (busy) return;
    busy = true;
    await pause(Math.max(least, next - performance.now()));
    asked = false;
    const began = performance.now();
    try {
      await work();
      await drawn();
    } finally {
      next = performance.now() + 19 * (performance.now() - began);
      busy = false;
    }
    if (asked) call();
  };
}

// Until what was changed is on the screen; a hidden page draws nothing.
const drawn = () => new Promise(resolve => (document.hidden ? resolve() : requestAnimationFrame(() => setTimeout(resolve))));

export const pause = delay => new Promise(resolve => setTimeout(resolve, delay));

let toast;
export function say(text, isBad = false) {
  toast?.remove();
  toast = h('div', { class: isBad ? 'toast bad' : 'toast', role: isBad ? 'alert' : 'status' }, text);
  document.body.append(toast);
  setTimeout((shown => () => shown.remove())(toast), isBad ? 9000 : 4000);
}
