// The runs chosen for comparing: kept while the tab lives.
const key = 'chosen';
const listeners = [];
let ids = new Set();
try {
  ids = new Set(JSON.parse(sessionStorage.getItem(key) ?? '[]'));
} catch {
  // Without storage the choice lasts as long as the page.
}

function changed() {
  try {
    sessionStorage.setItem(key, JSON.stringify([...ids]));
  } catch {
    // See above.
  }
  for (const listener of listeners) listener();
}

export const chosen = {
  all: () => [...ids],
  has: id => ids.has(id),
  toggle(id) {
    if (!ids.delete(id)) ids.add(id);
    changed();
  },
  set(list) {
    ids = new Set(list);
    changed();
  },
  onChange: listener => listeners.push(listener),
};
