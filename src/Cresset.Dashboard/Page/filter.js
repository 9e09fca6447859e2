// The search box: words, tag:x, status:running, kind:train, and comparisons of figures and settings such as accuracy>0.9 or optimizer.lr<=1e-3.
const operators = {
  '<': (a, b) => a < b, '<=': (a, b) => a <= b, '>': (a, b) => a > b, '>=': (a, b) => a >= b, '=': (a, b) => a === b, '!=': (a, b) => a !== b,
};

export function parse(text) {
  const terms = [];
  for (const [word] of text.matchAll(/"[^"]*"|\S+/g)) {
    const field = /^(tag|status|kind|name):(.+)$/.exec(word);
    const comparison = /^([\w./-]+)(<=|>=|!=|<|>|=)(.+)$/.exec(word);
    if (field) terms.push({ field: field[1], value: field[2].toLowerCase() });
    else if (comparison) terms.push({ key: comparison[1], test: operators[comparison[2]], value: comparison[3] });
    else terms.push({ word: word.replaceAll('"', '').toLowerCase() });
  }
  return terms;
}

export const needsFigures = terms => terms.some(t => t.key);

// values: key → figure or setting of the run.
export function matches(run, terms, values) {
  return terms.every(t => {
    if (t.word !== undefined) return [run.id, run.name, run.kind, run.note, run.message, ...run.tags].some(text => text.toLowerCase().includes(t.word));
    if (t.field === 'tag') return run.tags.some(tag => tag.toLowerCase() === t.value);
    if (t.field) return String(run[t.field]).toLowerCase() === t.value;
    const found = values?.get(t.key) ?? [...(values ?? [])].find(([key]) => key.split(/[./]/).at(-1) === t.key)?.[1];
    if (found === undefined) return false;
    const [a, b] = [Number(found), Number(t.value)];
    return Number.isNaN(a) || Number.isNaN(b) ? t.test(String(found), t.value) : t.test(a, b);
  });
}

// Numbers by size before words by letters; what is missing comes last either way.
export function inOrder(a, b, down) {
  const rank = v => (v === undefined || v === null || v === '' ? undefined : Number.isNaN(Number(v)) ? String(v) : Number(v));
  const [x, y] = [rank(a), rank(b)];
  if (x === undefined || y === undefined) return x === y ? 0 : x === undefined ? 1 : -1;
  return (typeof x === typeof y ? (x < y ? -1 : x > y ? 1 : 0) : typeof x === 'number' ? -1 : 1) * (down ? -1 : 1);
}
