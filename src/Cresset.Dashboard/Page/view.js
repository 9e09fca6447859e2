// What all panels of a page share: smoothing, axes, zoom, which series stand together; with the controls for it.
import { h, later } from './dom.js';

const axes = [['step', 'step'], ['relative', 'time since start'], ['time', 'clock'], ['epoch', 'epoch']];

export function viewOf(params) {
  const numeric = key => (params.has(key) && Number.isFinite(Number(params.get(key))) ? Number(params.get(key)) : undefined);
  return {
    x: axes.some(([value]) => value === params.get('x')) ? params.get('x') : 'step', smooth: Math.min(0.999, Math.max(0, numeric('smooth') ?? 0)),
    logX: params.get('logx') === '1', logY: params.get('logy') === '1', from: numeric('from'), to: numeric('to'), filter: params.get('series') ?? '', seeds: params.get('seeds') === '1',
    together: params.get('together') === '1', joined: params.getAll('join').map(text => text.split('\t')),
  };
}

export const viewParams = v => ({ x: v.x === 'step' ? '' : v.x, smooth: v.smooth || '', logx: v.logX, logy: v.logY, from: v.from, to: v.to, series: v.filter, seeds: v.seeds, together: v.together, join: v.joined.map(list => list.join('\t')) });

// changed(true): points have to be asked for anew; changed(false): drawing again is enough.
export function viewControls(view, changed, ...more) {
  const shownSmooth = h('output', null, view.smooth.toFixed(2));
  const send = later(() => changed(true), 120);
  const tick = (id, key, text, title) => h('label', { title }, h('input', { id, type: 'checkbox', checked: view[key], onchange: e => ((view[key] = e.target.checked), changed(false)) }), text);
  return h('div', { class: 'controls', role: 'group', 'aria-label': 'How curves are drawn' },
    h('label', null, 'Smoothing', h('input', { id: 'smooth', type: 'range', min: 0, max: 0.99, step: 0.01, value: view.smooth, oninput: e => {
      view.smooth = Number(e.target.value);
      shownSmooth.textContent = view.smooth.toFixed(2);
      send();
    } }), shownSmooth),
    h('label', { class: 'select' }, 'x', h('select', { id: 'xaxis', onchange: e => ((view.x = e.target.value), changed(true)) }, axes.map(([value, text]) => h('option', { value, selected: view.x === value }, text)))),
    tick('logx', 'logX', 'log x'), tick('logy', 'logY', 'log y'),
    tick('together', 'together', 'same names together', 'Series of one name, such as train/loss and eval/loss, in one panel'),
    more,
    h('button', { id: 'reset', type: 'button', disabled: view.from === undefined, onclick: () => {
      view.from = view.to = undefined;
      changed(true);
    } }, 'Whole range'),
    h('input', { id: 'series', type: 'search', placeholder: 'Series: part of the name', value: view.filter, 'aria-label': 'Show series whose name contains', oninput: later(e => ((view.filter = e.target.value), changed(true)), 200) }));
}

// For the header of a panel: takes another series into it, or gives each its own again.
export function joining(view, tags, all, changed) {
  const apart = view.joined.some(list => tags.every(t => list.includes(t)));
  const others = all.filter(t => !tags.includes(t));
  const add = h('select', { class: 'join', title: 'Draw another series here, too', 'aria-label': `Draw another series with ${tags[0]}`, onchange: () => {
    view.joined = [...view.joined.filter(list => !list.some(t => tags.includes(t) || t === add.value)), [...tags, add.value]];
    changed(false);
  } }, h('option', { value: '' }, '+'), others.map(t => h('option', { value: t }, t)));
  return [others.length ? add : null, apart ? h('button', { class: 'icon', type: 'button', title: 'A panel for each', 'aria-label': `A panel for each of ${tags.join(' and ')}`, onclick: () => {
    view.joined = view.joined.filter(list => !list.some(t => tags.includes(t)));
    changed(false);
  } }, '⊟') : null];
}
