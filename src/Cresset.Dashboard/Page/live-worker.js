// One event stream that all tabs of this browser share.
const ports = new Set();
let source = null, version;

function open() {
  if (source) return;
  source = new EventSource(version ? `/api/live?since=${encodeURIComponent(version)}` : '/api/live');
  source.onmessage = event => {
    const change = JSON.parse(event.data);
    version = change.version;
    for (const port of ports) port.postMessage(change);
  };
  source.onopen = () => {
    for (const port of ports) port.postMessage({ lost: false });
  };
  source.onerror = () => {
    for (const port of ports) port.postMessage({ lost: true });
    // A refused connection is not tried again by the browser.
    if (source?.readyState === EventSource.CLOSED) {
      source = null;
      setTimeout(() => ports.size && open(), 2000);
    }
  };
}

onconnect = event => {
  const port = event.ports[0];
  port.onmessage = message => {
    if (message.data.hello) {
      ports.add(port);
      if (source) {
        // What went by while this tab was hidden it has to ask for.
        port.postMessage({ lost: source.readyState !== EventSource.OPEN });
        if (version && version !== message.data.version) port.postMessage({ version, all: true, runs: [], problem: null });
      } else {
        version = message.data.version ?? version;
        open();
      }
    }
    if (message.data.bye) {
      ports.delete(port);
      if (ports.size === 0) {
        source?.close();
        source = null;
      }
    }
  };
  port.start();
};
