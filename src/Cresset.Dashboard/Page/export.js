// Pictures and tables of what is shown, made in the page.
import { colour, css, number, pattern } from './format.js';

export function download(blob, name) {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

const fileName = (name, extension) => `${name.replace(/[^A-Za-z0-9._-]+/g, '_')}.${extension}`;

// A line of a panel as a legend names it.
const nameOf = (panel, line) => (panel.tags.length > 1 && panel.runs.length > 1 ? `${line.run.label} ${line.tag}` : line.run.label);

export function savePng(panel) {
  const from = panel.plot.ctx.canvas, unit = devicePixelRatio, top = 30 * unit, row = 18 * unit;
  const canvas = Object.assign(document.createElement('canvas'), { width: from.width, height: from.height + top + row * panel.lines.length });
  const ctx = canvas.getContext('2d');
  ctx.fillStyle = css('--surface');
  ctx.fillRect(0, 0, canvas.width, canvas.height);
  ctx.drawImage(from, 0, top);
  ctx.fillStyle = css('--text');
  ctx.font = `600 ${14 * unit}px ${css('--font')}`;
  ctx.fillText(panel.tag, 12 * unit, 20 * unit);
  ctx.font = `${12 * unit}px ${css('--font')}`;
  panel.lines.forEach((l, k) => {
    const y = top + from.height + row * k + 10 * unit;
    ctx.strokeStyle = colour(l.run.index);
    ctx.lineWidth = 2 * unit;
    ctx.setLineDash(pattern(l.run.index, l.dash).map(n => n * unit));
    ctx.beginPath();
    ctx.moveTo(12 * unit, y - 4 * unit);
    ctx.lineTo(36 * unit, y - 4 * unit);
    ctx.stroke();
    ctx.fillText(nameOf(panel, l), 44 * unit, y);
  });
  canvas.toBlob(blob => download(blob, fileName(panel.tag, 'png')));
}

// A drawing of the page as a file of its own: what the style sheet says of it is written into it.
const styles = ['fill', 'fill-opacity', 'stroke', 'stroke-width', 'stroke-opacity', 'stroke-dasharray', 'opacity', 'paint-order', 'font-family', 'font-size', 'font-weight', 'text-anchor'];

function standalone(drawing) {
  const copy = drawing.cloneNode(true), [, , width, height] = drawing.getAttribute('viewBox').split(' ').map(Number);
  const own = [drawing, ...drawing.querySelectorAll('*')];
  [copy, ...copy.querySelectorAll('*')].forEach((element, i) => {
    const style = getComputedStyle(own[i]);
    for (const name of styles) element.setAttribute(name, style.getPropertyValue(name));
    element.removeAttribute('class');
  });
  copy.setAttribute('xmlns', 'http://www.w3.org/2000/svg');
  copy.setAttribute('width', width);
  copy.setAttribute('height', height);
  copy.prepend(document.createElementNS('http://www.w3.org/2000/svg', 'rect'));
  copy.firstChild.setAttribute('width', '100%');
  copy.firstChild.setAttribute('height', '100%');
  copy.firstChild.setAttribute('fill', css('--surface'));
  return { blob: new Blob([new XMLSerializer().serializeToString(copy)], { type: 'image/svg+xml' }), width, height };
}

export const saveDrawing = (drawing, name) => download(standalone(drawing).blob, fileName(name, 'svg'));

export async function saveDrawingPng(drawing, name) {
  const { blob, width, height } = standalone(drawing);
  const picture = new Image(), address = URL.createObjectURL(blob);
  picture.src = address;
  await picture.decode();
  const canvas = Object.assign(document.createElement('canvas'), { width: 2 * width, height: 2 * height });
  canvas.getContext('2d').drawImage(picture, 0, 0, canvas.width, canvas.height);
  URL.revokeObjectURL(address);
  canvas.toBlob(png => download(png, fileName(name, 'png')));
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
    parts.push(`<path d="${path(l.smooth ?? l.mean)}" stroke="${stroke}" stroke-width="1.6" stroke-dasharray="${pattern(l.run.index, l.dash).join(' ')}" fill="none"/>`);
    const y = height - bottom + 40 + 18 * k;
    parts.push(`<path d="M${left},${y - 4}h24" stroke="${stroke}" stroke-width="2" stroke-dasharray="${pattern(l.run.index, l.dash).join(' ')}"/><text x="${left + 32}" y="${y}" fill="${css('--text')}">${escape(nameOf(panel, l))}</text>`);
  });
  parts.push('</svg>');
  download(new Blob(parts, { type: 'image/svg+xml' }), fileName(panel.tag, 'svg'));
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
