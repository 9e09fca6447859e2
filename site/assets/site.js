// Theme, search, copy buttons. Loaded in the head so that a dark page is never first a light one.
'use strict';
const root = document.currentScript.dataset.root;
const wanted = () => { try { return localStorage.getItem('cresset-theme'); } catch { return null; } };
const system = matchMedia('(prefers-color-scheme: dark)');
const show = () => { document.documentElement.dataset.theme = wanted() ?? (system.matches ? 'dark' : 'light'); };
show();
system.addEventListener('change', show);

addEventListener('DOMContentLoaded', () => {
  document.getElementById('theme').addEventListener('click', () => {
    const next = document.documentElement.dataset.theme === 'dark' ? 'light' : 'dark';
    try { localStorage.setItem('cresset-theme', next); } catch { /* a page opened from a folder may not store: then it lasts until the next page */ }
    document.documentElement.dataset.theme = next;
  });

  const fold = document.querySelector('.side-fold');
  if (fold && matchMedia('(max-width: 900px)').matches) fold.open = false;
  document.querySelector('.side [aria-current]')?.scrollIntoView({ block: 'nearest' });
  document.querySelector('.tabs [aria-current]')?.scrollIntoView({ block: 'nearest', inline: 'center' });
  scrollTo(scrollX, location.hash ? scrollY : 0);

  for (const block of document.querySelectorAll('.code')) {
    if (block.classList.contains('help')) continue;
    const button = document.createElement('button');
    button.type = 'button';
    button.className = 'copy';
    button.textContent = document.documentElement.lang.startsWith('zh') ? '复制' : 'Copy';
    button.addEventListener('click', async () => {
      const before = button.textContent;
      await navigator.clipboard.writeText(block.querySelector('code').textContent);
      button.textContent = '✓';
      setTimeout(() => { button.textContent = before; }, 1200);
    });
    block.append(button);
  }
  search();
});

function search() {
  const box = document.getElementById('search');
  const results = document.getElementById('results');
  const chinese = document.documentElement.lang.startsWith('zh');
  let loading;
  let chosen = -1;

  // The index is a script: a page opened from a folder may not fetch, but may load scripts.
  const load = () => loading ??= new Promise((done, failed) => {
    const script = document.createElement('script');
    script.src = `${root}assets/search-index.js`;
    script.onload = () => done(window.cressetIndex.map(([path, section, title, text]) => ({ path, section, title, text, low: title.toLowerCase(), all: text.toLowerCase() })));
    script.onerror = failed;
    document.head.append(script);
  });

  const preferred = { start: 15, article: chinese ? 5 : 40, 文章: chinese ? 40 : 3, guide: 20, recipe: 7, reference: 6, gallery: 5, update: 4, api: 3, source: 1 };

  function score(page, words) {
    let sum = preferred[page.section] ?? 2;
    for (const word of words) {
      const at = page.low.indexOf(word);
      if (at >= 0) sum += page.low === word ? 120 : at === 0 ? 60 : /[\s.(:/-]/.test(page.low[at - 1]) ? 45 : 25;
      const inside = page.all.indexOf(word);
      if (inside >= 0) sum += 8 + Math.min(8, page.all.split(word).length - 1);
      if (at < 0 && inside < 0) return 0;
    }
    return sum;
  }

  function excerpt(page, words) {
    const at = Math.max(0, ...words.map((word) => page.all.indexOf(word)));
    const from = Math.max(0, at - 50);
    return (from > 0 ? '… ' : '') + page.text.slice(from, from + 150) + (page.text.length > from + 150 ? ' …' : '');
  }

  function marked(text, words) {
    const line = document.createElement('span');
    const low = text.toLowerCase();
    let at = 0;
    while (at < text.length) {
      const next = words.map((word) => [low.indexOf(word, at), word.length]).filter(([place]) => place >= 0).sort((a, b) => a[0] - b[0] || b[1] - a[1])[0];
      if (!next) break;
      line.append(text.slice(at, next[0]));
      const mark = document.createElement('mark');
      mark.textContent = text.slice(next[0], next[0] + next[1]);
      line.append(mark);
      at = next[0] + next[1];
    }
    line.append(text.slice(at));
    return line;
  }

  async function find() {
    const words = box.value.trim().toLowerCase().split(/\s+/).filter(Boolean);
    chosen = -1;
    if (words.length === 0) { results.hidden = true; return; }
    const pages = await load();
    const found = pages.map((page) => [score(page, words), page]).filter(([points]) => points > 0).sort((a, b) => b[0] - a[0]).slice(0, 12);
    results.replaceChildren(...found.map(([, page]) => {
      const link = document.createElement('a');
      link.href = root + page.path;
      const kind = document.createElement('small');
      kind.textContent = page.section;
      const title = document.createElement('b');
      title.append(marked(page.title, words));
      link.append(kind, title, marked(excerpt(page, words), words));
      return link;
    }));
    if (found.length === 0) results.textContent = chinese ? '没有找到。' : 'Nothing found.';
    results.hidden = false;
  }

  box.addEventListener('focus', () => { load(); if (box.value) find(); });
  box.addEventListener('input', find);
  box.addEventListener('keydown', (event) => {
    const links = [...results.querySelectorAll('a')];
    if (event.key === 'Escape') { results.hidden = true; box.blur(); }
    if (event.key === 'Enter' && links.length) links[Math.max(chosen, 0)].click();
    if (event.key !== 'ArrowDown' && event.key !== 'ArrowUp') return;
    event.preventDefault();
    chosen = Math.min(links.length - 1, Math.max(0, chosen + (event.key === 'ArrowDown' ? 1 : -1)));
    links.forEach((link, i) => link.classList.toggle('chosen', i === chosen));
    links[chosen]?.scrollIntoView({ block: 'nearest' });
  });
  document.addEventListener('click', (event) => { if (!results.contains(event.target) && event.target !== box) results.hidden = true; });
  document.addEventListener('keydown', (event) => {
    if (event.key !== '/' || event.ctrlKey || event.metaKey || /^(input|textarea)$/i.test(document.activeElement.tagName)) return;
    event.preventDefault();
    box.focus();
  });
  const asked = new URLSearchParams(location.search).get('q');
  if (asked) { box.value = asked; find(); }
}
