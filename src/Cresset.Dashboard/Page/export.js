// Pictures and tables of what is shown, made in the page.
import { colour, css, number, pattern } from './format.js';

export function download(blob, name) {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

const fileName = (panel, extension) => `${panel.tag.replace(/[^A-Za-z0-9._-]+/g, '_')}.${extension}`;

export function savePng(panel) {
  const from = panel.plot.ctx.canvas;
  const canvas = Object.assign(document.createElement('canvas'), { width: from.width, height: from.height });
  const ctx = canvas.getContext('2d');
  ctx.fillStyle = css('--surface');
  ctx.fillRect(0, 0, canvas.width, canvas.height);
  ctx.drawImage(from, 0, 0);
  canvas.toBlob(blob => download(blob, fileName(panel, 'png')));
}

const escape = text => String(text).replace(/[&<>"']/g, c => `&#${c.charCodeAt(0)};`);

export function saveSvg(panel) {
  const width = 800, height = 420, left = 70, right = 20, top = 40, bottom = 40 + 18 * panel.lines.length;
  const u = panel.plot;
  const ends = { x: [u.scales.x.min, u.scales.x.max], y: [u.scales.y.min, u.scales.y.max] };
  const scale = (key, log) => {
    const f = log ? Math.log10 : v => v;
    const [a, b] = ends[key].map(f);
    return value => (f(value) - a) / (b - a);
  };
  const sx = scale('x', panel.view.logX), sy = scale('y', panel.view.logY);
  const px = x => left + sx(x) * (width - left - right);
  const py = y => height - bottom - sy(y) * (height - top - bottom);
  const parts = [`<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" font-family="sans-serif" font-size="12">`,
    `<rect width="100%" height="100%" fill="${css('--surface')}"/><text x="${left}" y="24" font-size="15" fill="${css('--text')}">${escape(panel.tag)}</text>`];
  for (let i = 0; i <= 4; i++) {
    const at = key => (panel.view[key === 'x' ? 'logX' : 'logY'] ? 10 ** (Math.log10(ends[key][0]) + (Math.log10(ends[key][1]) - Math.log10(ends[key][0])) * i / 4) : ends[key][0] + (ends[key][1] - ends[key][0]) * i / 4);
    const x = at('x'), y = at('y');
    parts.push(`<path d="M${left},${py(y).toFixed(1)}H${width - right}" stroke="${css('--grid')}"/><text x="${left - 6}" y="${(py(y) + 4).toFixed(1)}" text-anchor="end" fill="${css('--muted')}">${escape(number(y))}</text>`);
    parts.push(`<text x="${px(x).toFixed(1)}" y="${height - bottom + 18}" text-anchor="middle" fill="${css('--muted')}">${escape(number(x))}</text>`);
  }
  panel.lines.forEach((l, k) => {
    const path = list => {
      let text = '', pen = false;
      l.x.forEach((x, i) => {
        if (!Number.isFinite(list[i]) || x < ends.x[0] || x > ends.x[1]) pen = false;
        else {
          text += `${pen ? 'L' : 'M'}${px(x).toFixed(1)},${py(list[i]).toFixed(1)}`;
          pen = true;
        }
      });
      return text;
    };
    const stroke = colour(l.run.index);
    if (!l.exact) {
      const bars = l.x.map((x, i) => (Number.isFinite(l.max[i]) && Number.isFinite(l.min[i]) && x >= ends.x[0] && x <= ends.x[1] ? `M${px(x).toFixed(1)},${py(l.max[i]).toFixed(1)}V${py(l.min[i]).toFixed(1)}` : '')).join('');
      parts.push(`<path d="${bars}" stroke="${stroke}" stroke-opacity=".4" fill="none"/>`);
    } else if (l.smooth) parts.push(`<path d="${path(l.mean)}" stroke="${stroke}" stroke-opacity=".3" fill="none"/>`);
    parts.push(`<path d="${path(l.smooth ?? l.mean)}" stroke="${stroke}" stroke-width="1.6" stroke-dasharray="${pattern(l.run.index).join(' ')}" fill="none"/>`);
    const y = height - bottom + 40 + 18 * k;
    parts.push(`<path d="M${left},${y - 4}h24" stroke="${stroke}" stroke-width="2" stroke-dasharray="${pattern(l.run.index).join(' ')}"/><text x="${left + 32}" y="${y}" fill="${css('--text')}">${escape(l.run.label)}</text>`);
  });
  parts.push('</svg>');
  download(new Blob(parts, { type: 'image/svg+xml' }), fileName(panel, 'svg'));
}

// Cells that a spreadsheet would take for a formula get an apostrophe; numbers stay numbers.
const cell = value => {
  const text = String(value ?? '');
  const safe = /^[=+@\t\r-]/.test(text) && Number.isNaN(Number(text)) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
};

export function saveTable(columns, rows, name) {
  download(new Blob([[columns, ...rows].map(r => r.map(cell).join(',')).join('\n') + '\n'], { type: 'text/csv' }), name);
}
