// The frame of all pages: address, navigation, theme, keys, the stream of changes.
import { fill, h, say } from './dom.js';
import { follow, get, listen, post } from './api.js';
import { home } from './home.js';
import { chosen } from './chosen.js';

// Pages beside the first are fetched when they are opened.
const pages = { '/run': async () => (await import('./run.js')).run, '/compare': async () => (await import('./compare.js')).compare, '/explore': async () => (await import('./explore.js')).explore, '/guide': async () => (await import('./guide.js')).guide };
const main = document.getElementById('main');
const banner = document.getElementById('banner');
const pulse = document.getElementById('pulse');
let page = null, following = false;

export function go(path, replace = false) {
  if (path !== location.pathname + location.search) history[replace ? 'replaceState' : 'pushState'](null, '', path);
  show();
}

// The address holds the view: changing it in place keeps the page.
export function remember(params) {
  const query = new URLSearchParams();
  for (const [key, value] of Object.entries(params)) {
    for (const one of Array.isArray(value) ? value : [value]) if (one !== undefined && one !== null && one !== '' && one !== false) query.append(key, one === true ? '1' : one);
  }
  const text = query.toString();
  history.replaceState(null, '', text ? `${location.pathname}?${text}` : location.pathname);
}

async function show() {
  page?.close?.();
  page = null;
  problem('');
  fill(main, h('p', { class: 'empty' }, 'Loading…'));
  navigation();
  const asked = location.href;
  const make = pages[location.pathname] ? await pages[location.pathname]().catch(() => null) : home;
  // Somebody went on while the page was fetched.
  if (asked !== location.href) return;
  if (make) page = make({ main, params: new URLSearchParams(location.search), go, remember, problem });
  else problem('The server does not answer. Is it still running?');
}

function navigation() {
  const picked = chosen.all();
  const entry = (path, text) => h('a', { href: path, 'data-link': true, 'aria-current': location.pathname === path.split('?')[0] ? 'page' : null }, text);
  fill(document.getElementById('nav'), entry('/', 'Runs'), entry(compareAddress(picked), picked.length ? `Compare ${picked.length}` : 'Compare'), entry('/explore', 'Explore'));
}

const compareAddress = ids => ids.length ? `/compare?${ids.map(id => `run=${encodeURIComponent(id)}`).join('&')}` : '/compare';
chosen.onChange(navigation);

// What is wrong with the store, and what the page itself met: one does not take the other's place.
const wrong = { store: '', page: '' };

function tell(what, text) {
  wrong[what] = text ?? '';
  const said = [wrong.store, wrong.page].filter((t, i, all) => t && all.indexOf(t) === i).join(' ');
  banner.hidden = !said;
  banner.textContent = said;
}

export const problem = text => tell('page', text);

function setTheme(theme) {
  document.documentElement.dataset.theme = theme;
  try {
    localStorage.setItem('theme', theme);
  } catch {
    // Without storage the choice lasts as long as the page.
  }
  page?.redraw?.();
}

const dark = matchMedia('(prefers-color-scheme: dark)');
const nextTheme = () => setTheme((document.documentElement.dataset.theme === 'auto' ? dark.matches : document.documentElement.dataset.theme === 'dark') ? 'light' : 'dark');
document.getElementById('theme').addEventListener('click', nextTheme);
dark.addEventListener('change', () => page?.redraw?.());

const keys = [
  ['/', 'search runs'], ['j  k', 'next, previous run'], ['Enter', 'open the run'], ['x', 'choose the run for comparing'], ['c', 'compare the chosen runs'],
  ['g', 'all runs'], ['1 … 8', 'part of a run’s page'], ['[  ]', 'earlier, later picture'], ['t', 'dark or light'],
  ['← →  + −  0', 'in a chart: move, zoom, show all'], ['?', 'these keys'], ['Esc', 'close'],
];

function showKeys() {
  const dialog = h('dialog', { 'aria-label': 'Keyboard shortcuts' }, h('h2', null, 'Keys'), h('table', null, h('tbody', null, keys.map(([key, text]) => h('tr', null, h('td', null, h('kbd', null, key)), h('td', null, text))))),
    h('button', { type: 'button', onclick: () => dialog.close() }, 'Close'));
  dialog.addEventListener('close', () => dialog.remove());
  dialog.addEventListener('click', event => event.target === dialog && dialog.close());
  document.body.append(dialog);
  dialog.showModal();
}
document.getElementById('keys').addEventListener('click', showKeys);

document.addEventListener('keydown', event => {
  if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector('dialog[open]')) return;
  const typing = event.target.matches('input:not([type=checkbox]):not([type=range]), textarea, select, [contenteditable]');
  if (typing) {
    if (event.key === 'Escape') event.target.blur();
    return;
  }
  if (page?.key?.(event)) event.preventDefault();
  else if (event.key === '?') showKeys();
  else if (event.key === 't') nextTheme();
  else if (event.key === 'g') go('/');
  else if (event.key === 'c') go(compareAddress(chosen.all()));
  else return;
  event.preventDefault();
});

document.addEventListener('click', event => {
  const link = event.target.closest('a[data-link]');
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey || event.button !== 0) return;
  event.preventDefault();
  go(link.getAttribute('href'));
});
addEventListener('popstate', show);

document.addEventListener('locked', () => {
  page?.close?.();
  page = null;
  const input = h('input', { type: 'password', id: 'token', autocomplete: 'off', 'aria-label': 'Token' });
  fill(main, h('form', { class: 'door', onsubmit: e => (e.preventDefault(), enter(input.value)) }, h('h1', null, 'This dashboard asks for its token'), h('p', null, 'It was printed where the server was started.'), input, h('button', { type: 'submit' }, 'Enter')));
  input.focus();
});

async function enter(token) {
  try {
    await post('/api/enter', { token: token.trim() });
    start();
  } catch (error) {
    say(error.message, true);
  }
}

listen(change => {
  if (change.lost !== undefined) {
    pulse.textContent = change.lost ? 'waiting for the server' : 'live';
    pulse.classList.toggle('off', change.lost);
    return;
  }
  if (change.problem !== undefined) tell('store', change.problem);
  // The dot beats when something has come.
  pulse.classList.toggle('beat');
  page?.changed?.(change);
});

async function start() {
  show();
  if (following) return;
  try {
    const { folder, version } = await get('/api/state');
    following = true;
    const place = document.getElementById('folder');
    place.textContent = folder.split(/[/\\]/).slice(-2).join('/');
    place.title = folder;
    // The worker that follows the news starts when the page stands; what happened meanwhile it is told by the version.
    (window.requestIdleCallback ?? setTimeout)(() => follow(version), { timeout: 500 });
  } catch (error) {
    if (error.status !== 401) problem(error.message);
  }
}

try {
  document.documentElement.dataset.theme = localStorage.getItem('theme') ?? 'auto';
} catch {
  // Storage may be forbidden.
}
const token = /^#token=([0-9a-f]+)$/.exec(location.hash)?.[1];
if (token) {
  history.replaceState(null, '', location.pathname + location.search);
  enter(token);
} else start();
