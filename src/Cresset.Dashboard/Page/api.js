// Questions to the server, and the stream of what changed.
export class Refused extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

async function ask(path, options, form = 'json') {
  let response;
  try {
    response = await fetch(path, { credentials: 'same-origin', ...options });
  } catch {
    throw new Refused(0, 'The server does not answer. Is it still running?');
  }
  if (!response.ok) {
    let text = `The server answered ${response.status}.`;
    try {
      text = (await response.json()).problem ?? text;
    } catch {
      // An answer without JSON, such as that of a proxy, is told by its number.
    }
    if (response.status === 401) document.dispatchEvent(new CustomEvent('locked'));
    throw new Refused(response.status, text);
  }
  return response[form]();
}

export function address(path, params) {
  const query = new URLSearchParams();
  for (const [key, value] of Object.entries(params ?? {})) {
    for (const one of Array.isArray(value) ? value : [value]) if (one !== undefined && one !== null && one !== '') query.append(key, one);
  }
  const text = query.toString();
  return text ? `${path}?${text}` : path;
}

export const get = (path, params, signal) => ask(address(path, params), { signal });

export const words = path => ask(path, {}, 'text');

export const numbers = (path, params, signal) => ask(address(path, params), { signal }, 'arrayBuffer');

export const post = (path, body) => ask(path, {
  method: 'POST',
  headers: { 'Content-Type': 'application/json', 'X-Cresset': '1' },
  body: JSON.stringify(body),
});

export const picture = (run, hash) => address('/media', { run, hash });

// One stream for all tabs: a browser opens six connections to a server and no more. A hidden tab lets go and catches up when it is seen again.
const listeners = new Set();
let worker, port, direct, version;

export function listen(listener) {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

const tell = message => {
  if (message.version) version = message.version;
  for (const listener of [...listeners]) listener(message);
};

function connect() {
  if (port) return port.postMessage({ hello: true, version });
  if (typeof SharedWorker === 'function') {
    worker = new SharedWorker('/page/live-worker.js');
    port = worker.port;
    port.onmessage = event => tell(event.data);
    port.start();
    port.postMessage({ hello: true, version });
    return;
  }
  direct?.close();
  direct = new EventSource(address('/api/live', { since: version }));
  direct.onmessage = event => tell(JSON.parse(event.data));
  direct.onerror = () => tell({ lost: true });
  direct.onopen = () => tell({ lost: false });
}

function leave() {
  port?.postMessage({ bye: true });
  direct?.close();
}

export function follow(from) {
  version = from;
  // A tab that was opened behind others begins when it is seen.
  if (!document.hidden) connect();
  document.addEventListener('visibilitychange', () => (document.hidden ? leave() : connect()));
  addEventListener('pagehide', leave);
  addEventListener('pageshow', event => event.persisted && connect());
}
