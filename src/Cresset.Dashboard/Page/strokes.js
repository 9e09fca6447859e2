// Lines, ranges and bands on the canvas of a chart. Only what lies in view is drawn, so a zoom into many curves is quick.
import { colour, pattern } from './format.js';
import { lowerBound } from './curves.js';

export function drawLines(u, lines, view) {
  const { ctx, bbox } = u;
  const px = scale(u, 'x', view.logX), py = scale(u, 'y', view.logY);
  const bottom = bbox.top + bbox.height;
  ctx.save();
  ctx.beginPath();
  // A little room, so that points at the edge stay round.
  const room = 4 * devicePixelRatio;
  ctx.rect(bbox.left - room, bbox.top - room, bbox.width + 2 * room, bbox.height + 2 * room);
  ctx.clip();
  // Among very many lines patterns cannot be told apart, and dashes and round joins take most of the time.
  const isCrowd = lines.length > 24;
  ctx.lineJoin = isCrowd ? 'bevel' : 'round';
  for (const l of lines) {
    const first = Math.max(0, lowerBound(l.x, u.scales.x.min) - 1), last = Math.min(l.x.length, lowerBound(l.x, u.scales.x.max) + 1);
    ctx.strokeStyle = ctx.fillStyle = colour(l.run.index);
    if (l.isBand) fillBand(ctx, l, first, last, px, py);
    else if (!l.exact) {
      // From the smallest to the largest value of what a pixel stands for: no spike is lost.
      ctx.globalAlpha = 0.38;
      ctx.lineWidth = devicePixelRatio;
      ctx.beginPath();
      for (let i = first; i < last; i++) {
        if (!Number.isFinite(l.max[i]) || l.max[i] === l.min[i]) continue;
        const x = px(l.x[i]), top = py(l.max[i]), low = Number.isFinite(l.min[i]) ? py(l.min[i]) : bottom;
        // The line itself covers a range of a pixel.
        if (low - top < devicePixelRatio) continue;
        ctx.moveTo(x, top);
        ctx.lineTo(x, low);
      }
      ctx.stroke();
    } else if (l.smooth) {
      // Under a smoothed line the recorded values stay visible.
      ctx.globalAlpha = 0.3;
      ctx.lineWidth = devicePixelRatio;
      stroke(ctx, l.x, l.mean, first, last, px, py);
    }
    ctx.globalAlpha = 1;
    ctx.lineWidth = (isCrowd ? 1 : 1.6) * devicePixelRatio;
    if (!isCrowd) ctx.setLineDash(pattern(l.run.index, l.dash).map(n => n * devicePixelRatio));
    stroke(ctx, l.x, l.smooth ?? l.mean, first, last, px, py);
    ctx.setLineDash([]);
    if (l.exact && last - first < bbox.width / devicePixelRatio / 16) dots(ctx, l, first, last, px, py);
  }
  ctx.restore();
}

function scale(u, key, log) {
  const { left, top, width, height } = u.bbox, { min, max } = u.scales[key];
  const [a, b] = log ? [Math.log10(min), Math.log10(max)] : [min, max];
  const [start, length] = key === 'x' ? [left, width] : [top + height, -height];
  const k = length / (b - a);
  return log ? v => start + (Math.log10(v) - a) * k : v => start + (v - a) * k;
}

function stroke(ctx, x, y, first, last, px, py) {
  let pen = false;
  ctx.beginPath();
  for (let i = first; i < last; i++) {
    if (!Number.isFinite(y[i])) pen = false;
    else if (pen) ctx.lineTo(px(x[i]), py(y[i]));
    else {
      ctx.moveTo(px(x[i]), py(y[i]));
      pen = true;
    }
  }
  ctx.stroke();
}

function dots(ctx, l, first, last, px, py) {
  ctx.beginPath();
  for (let i = first; i < last; i++) {
    if (!Number.isFinite(l.mean[i])) continue;
    const x = px(l.x[i]), y = py(l.mean[i]);
    ctx.moveTo(x, y);
    ctx.arc(x, y, 2.2 * devicePixelRatio, 0, 7);
  }
  ctx.fill();
}

function fillBand(ctx, l, first, last, px, py) {
  const known = [];
  for (let i = first; i < last; i++) if (Number.isFinite(l.min[i]) && Number.isFinite(l.max[i])) known.push(i);
  ctx.globalAlpha = 0.2;
  ctx.beginPath();
  for (const i of known) ctx.lineTo(px(l.x[i]), py(l.max[i]));
  for (const i of known.reverse()) ctx.lineTo(px(l.x[i]), py(l.min[i]));
  ctx.fill();
}
