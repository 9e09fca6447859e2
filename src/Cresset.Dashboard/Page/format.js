// Numbers, times and colours as people read them.
export function number(value) {
  const x = Number(value);
  if (Number.isNaN(x)) return 'NaN';
  if (!Number.isFinite(x)) return x > 0 ? '∞' : '−∞';
  if (x === 0) return '0';
  const size = Math.abs(x);
  const text = size >= 1e6 || size < 1e-3 ? x.toExponential(3).replace(/\.?0+e/, 'e').replace('e+', 'e') : String(Number(x.toPrecision(size >= 1000 ? 6 : 5)));
  return text.replace('-', '−');
}

export const count = value => Number(value).toLocaleString('en-US');

export function duration(seconds) {
  const s = Number(seconds);
  if (!Number.isFinite(s)) return '?';
  if (s < 10) return `${s.toFixed(1)} s`;
  if (s < 60) return `${Math.round(s)} s`;
  if (s < 3600) return `${Math.floor(s / 60)} min ${String(Math.round(s % 60)).padStart(2, '0')} s`;
  if (s < 86400) return `${Math.floor(s / 3600)} h ${String(Math.floor(s / 60) % 60).padStart(2, '0')} min`;
  return `${Math.floor(s / 86400)} d ${Math.floor(s / 3600) % 24} h`;
}

export function ago(time) {
  const s = (Date.now() - new Date(time).getTime()) / 1000;
  if (s < 5) return 'just now';
  if (s < 90) return `${Math.round(s)} s ago`;
  if (s < 5400) return `${Math.round(s / 60)} min ago`;
  if (s < 129600) return `${Math.round(s / 3600)} h ago`;
  return `${Math.round(s / 86400)} d ago`;
}

export const when = time => new Date(time).toLocaleString(undefined, { dateStyle: 'medium', timeStyle: 'medium' });

export function bytes(value) {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  let x = Number(value), unit = 0;
  while (x >= 1000 && unit < units.length - 1) [x, unit] = [x / 1000, unit + 1];
  return `${x >= 100 || unit === 0 ? Math.round(x) : x.toFixed(1)} ${units[unit]}`;
}

// Okabe and Ito's colours, which hold for colour-blind readers, darkened or lightened until they stand out from the ground; then line patterns.
const dark = ['#56b4e9', '#f2a93b', '#2fc79a', '#e58fc0', '#f0e14a', '#ff7f50', '#a99bf0', '#c4cad4'];
const light = ['#0072b2', '#b26a00', '#00805d', '#b0477f', '#7a6f00', '#c24a00', '#5b47b8', '#5c636e'];
const patterns = [[], [8, 4], [2, 3], [10, 3, 2, 3]];

export const isDark = () => {
  const asked = document.documentElement.dataset.theme;
  return asked === 'auto' ? matchMedia('(prefers-color-scheme: dark)').matches : asked === 'dark';
};
export const colour = index => (isDark() ? dark : light)[index % 8];
export const pattern = (index, more = 0) => patterns[(Math.floor(index / 8) + more) % patterns.length];
export const css = name => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

// The end of an id tells runs of one name apart.
export const shortId = id => id.split('-').slice(-1)[0];

// Whether small or large is good is said by the name, where it can be told.
export const better = key => (/loss|error|nll|nats|bits|fid|distance|mse|perplexity|seconds/i.test(key) ? 'min' : /acc|return|psnr|ssim|map|score|f1|iou|per_second/i.test(key) ? 'max' : '');
