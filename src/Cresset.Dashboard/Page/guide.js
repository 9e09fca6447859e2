// A guide of the project, read where the page is: the Markdown that the guides use, made of elements.
import { fill, h } from './dom.js';
import { words } from './api.js';

export function guide({ main, params }) {
  const name = (params.get('name') ?? 'dashboard').replace(/\.md$/, '');
  let closed = false;
  document.title = `${name} · Cresset`;
  words(`/page/guides/${encodeURIComponent(name)}.md`).then(text => closed || fill(main, h('article', { class: 'guide' }, blocks(text))), error => closed || fill(main, h('p', { class: 'empty' }, error.message)));
  return { close: () => (closed = true) };
}

// Code, emphasis and links of one line; a link to another guide stays here, one to elsewhere shows its address as text.
function spans(text) {
  const parts = [];
  let at = 0;
  for (const found of text.matchAll(/`([^`]+)`|!\[([^\]]*)\]\([^)]*\)|\[([^\]]+)\]\(([^)]+)\)|\*\*([^*]+)\*\*|(?<![\w*])\*([^*\s][^*]*)\*/g)) {
    parts.push(text.slice(at, found.index));
    const [all, code, picture, label, target, strong, soft] = found;
    const other = /^([\w-]+)\.md(?:#.*)?$/.exec(target ?? '');
    if (code !== undefined) parts.push(h('code', null, code));
    else if (picture !== undefined) parts.push(h('em', { class: 'pictured' }, picture));
    else if (label !== undefined) parts.push(other ? h('a', { href: `/guide?name=${other[1]}`, 'data-link': true }, spans(label)) : h('span', { title: target }, spans(label)));
    else parts.push(strong !== undefined ? h('strong', null, spans(strong)) : h('em', null, soft));
    at = found.index + all.length;
  }
  return [...parts, text.slice(at)];
}

function blocks(text) {
  const lines = text.replaceAll('\r\n', '\n').split('\n'), out = [];
  for (let i = 0; i < lines.length;) {
    const line = lines[i], heading = /^(#{1,4}) (.*)$/.exec(line);
    if (line.startsWith('```')) {
      const end = lines.indexOf('```', i + 1), code = lines.slice(i + 1, end < 0 ? lines.length : end);
      out.push(h('pre', { tabindex: 0 }, h('code', null, code.join('\n'))));
      i = end < 0 ? lines.length : end + 1;
    } else if (heading) {
      out.push(h(`h${heading[1].length}`, null, spans(heading[2])));
      i++;
    } else if (line.startsWith('|')) {
      const rows = [];
      for (; i < lines.length && lines[i].startsWith('|'); i++) rows.push(lines[i].replace(/^\||\|\s*$/g, '').split(/(?<!\\)\|/).map(cell => cell.trim().replaceAll('\\|', '|')));
      const [head, , ...body] = rows;
      out.push(h('div', { class: 'scroll', tabindex: 0, role: 'region', 'aria-label': `Table: ${head.join(', ')}` }, h('table', null, h('thead', null, h('tr', null, head.map(c => h('th', null, spans(c))))), h('tbody', null, body.map(r => h('tr', null, r.map(c => h('td', null, spans(c)))))))));
    } else if (/^(?:[-*]|\d+\.) /.test(line)) {
      const items = [], isOrdered = /^\d/.test(line);
      for (; i < lines.length && /^(?:(?:[-*]|\d+\.) |  +\S)/.test(lines[i]); i++) {
        if (/^\s/.test(lines[i])) items[items.length - 1] += ` ${lines[i].trim()}`;
        else items.push(lines[i].replace(/^(?:[-*]|\d+\.) /, ''));
      }
      out.push(h(isOrdered ? 'ol' : 'ul', null, items.map(item => h('li', null, spans(item)))));
    } else if (line.trim() === '') i++;
    else {
      const words = [];
      for (; i < lines.length && lines[i].trim() !== '' && !/^(#{1,4} |```|\||(?:[-*]|\d+\.) )/.test(lines[i]); i++) words.push(lines[i]);
      out.push(h('p', null, spans(words.join(' '))));
    }
  }
  return out;
}
