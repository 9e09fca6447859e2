// The search box, with the conditions of `cresset runs --filter`: words, tag:x, status:running, lr<1e-3 and (tag:good or not accuracy<0.9), "what holds blanks".
const compare = {
  '<=': (a, b) => a <= b, '>=': (a, b) => a >= b, '!=': (a, b) => a !== b, '==': (a, b) => a === b, '<': (a, b) => a < b, '>': (a, b) => a > b, '=': (a, b) => a === b,
  '~': (a, b) => String(a).toLowerCase().includes(String(b).toLowerCase()),
};
const short = { lr: 'learning_rate', batch: 'batch_size' };
const fields = ['tag', 'status', 'kind', 'name', 'archived'];
const most = 200;

function operator(text) {
  for (let i = 0; i < text.length; i++) for (const sign of Object.keys(compare)) if (text.startsWith(sign, i)) return { at: i, sign };
  return null;
}

// Of a word counts as plain what stands before its first quote: there alone signs have a meaning.
function split(text) {
  const words = [];
  let word = '', plain = -1, quoted = false;
  const end = () => {
    if (word || plain >= 0) words.push({ text: word, plain: plain < 0 ? word.length : plain });
    [word, plain] = ['', -1];
  };
  for (const c of text) {
    if (c === '"') {
      quoted = !quoted;
      if (plain < 0) plain = word.length;
    } else if (!quoted && /\s/.test(c)) end();
    else if (!quoted && (c === '(' || c === ')')) {
      end();
      words.push({ text: c, plain: 1 });
    } else word += c;
  }
  if (quoted) throw new Error('a quote is not closed');
  end();
  return words;
}

const isQuoted = w => w.plain < w.text.length || !w.text;
const is = (w, text) => w !== undefined && !isQuoted(w) && w.text.toLowerCase() === text;
const isBracket = w => is(w, '(') || is(w, ')');

// "lr < 1e-3" is one condition as "lr<1e-3" is.
function join(words) {
  const joined = [];
  for (let i = 0; i < words.length; i++) {
    let word = words[i];
    const joins = () => {
      const next = words[i + 1], found = operator(word.text), alone = next && !isQuoted(next) && Object.hasOwn(compare, next.text);
      return next && !isQuoted(word) && !isBracket(word) && !isBracket(next) && (alone || (found && found.at + found.sign.length === word.text.length));
    };
    while (joins()) {
      const next = words[++i];
      word = { text: word.text + next.text, plain: word.text.length + next.plain };
    }
    joined.push(word);
  }
  return joined;
}

// {test(run, values), keys: what is compared, problem: why it is no condition (then every run passes)}.
export function parse(text) {
  const keys = [];
  try {
    const words = join(split(text));
    if (words.length > most) throw new Error(`more than ${most} words`);
    let at = 0;
    const take = word => is(words[at], word) && Boolean(++at);
    const either = () => {
      const all = [both()];
      while (take('or')) all.push(both());
      return (...run) => all.some(test => test(...run));
    };
    const both = () => {
      const all = [one()];
      while (take('and') || (at < words.length && !is(words[at], 'or') && !is(words[at], ')'))) all.push(one());
      return (...run) => all.every(test => test(...run));
    };
    const one = () => {
      if (take('not')) {
        const inner = one();
        return (...run) => !inner(...run);
      }
      if (take('(')) {
        const inner = either();
        if (!take(')')) throw new Error('a ( is not closed');
        return inner;
      }
      if (at >= words.length || ['and', 'or', ')'].some(w => is(words[at], w))) throw new Error('a condition is missing');
      return term(words[at++], keys);
    };
    if (!words.length) return { test: () => true, keys };
    const test = either();
    if (at < words.length) throw new Error('a ) closes nothing');
    return { test, keys };
  } catch (error) {
    return { test: () => true, keys: [], problem: error.message };
  }
}

function term({ text, plain }, keys) {
  const found = operator(text.slice(0, plain)), colon = text.slice(0, plain).indexOf(':');
  if (found?.at > 0) {
    const key = text.slice(0, found.at), wanted = text.slice(found.at + found.sign.length), test = compare[found.sign];
    if (!wanted) throw new Error(`${text} lacks a value`);
    keys.push(key);
    return (run, values) => lookUp(values, key).some(v => {
      const [a, b] = [Number(v), Number(wanted)];
      return Number.isNaN(a) || Number.isNaN(b) || found.sign === '~' ? test(String(v).toLowerCase(), wanted.toLowerCase()) : test(a, b);
    });
  }
  const field = text.slice(0, Math.max(0, colon)), value = text.slice(colon + 1).toLowerCase();
  if (field === 'tag') return run => run.tags.some(tag => tag.toLowerCase() === value);
  if (fields.includes(field)) return run => String(run[field]).toLowerCase() === value;
  return run => [run.id, run.name, run.kind, run.note, run.message, ...run.tags].some(t => t.toLowerCase().includes(text.toLowerCase()));
}

// values: key → figure or setting of the run. The end of a key is enough.
export function lookUp(values, key) {
  if (values?.has(key)) return [values.get(key)];
  const end = short[key] ?? key;
  return [...(values ?? [])].filter(([k]) => k.endsWith(`.${end}`) || k.endsWith(`/${end}`)).map(([, v]) => v);
}

// Numbers by size before words by letters; what is missing comes last either way.
export function inOrder(a, b, down) {
  const rank = v => (v === undefined || v === null || v === '' ? undefined : Number.isNaN(Number(v)) ? String(v) : Number(v));
  const [x, y] = [rank(a), rank(b)];
  if (x === undefined || y === undefined) return x === y ? 0 : x === undefined ? 1 : -1;
  return (typeof x === typeof y ? (x < y ? -1 : x > y ? 1 : 0) : typeof x === 'number' ? -1 : 1) * (down ? -1 : 1);
}
