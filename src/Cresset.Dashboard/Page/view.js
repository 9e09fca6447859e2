// What all panels of a page share: smoothing, axes, zoom; with the controls for it.
import { h, later } from './dom.js';

export function viewOf(params) {
  const numeric = key => (params.has(key) && Number.isFinite(Number(params.get(key))) ? Number(params.get(key)) : undefined);
  return { x: ['time', 'relative'].includes(params.get('x')) ? params.get('x') : 'step', smooth: Math.min(0.999, Math.max(0, numeric('smooth') ?? 0)), logX: params.get('logx') === '1', logY: params.get('logy') === '1', from: numeric('from'), to: numeric('to'), filter: params.get('series') ?? '', seeds: params.get('seeds') === '1' };
}

export const viewParams = v => ({ x: v.x === 'step' ? '' : v.x, smooth: v.smooth || '', logx: v.logX, logy: v.logY, from: v.from, to: v.to, series: v.filter, seeds: v.seeds });

export function viewControls(view, changed, ...more) {
  const shownSmooth = h('output', null, view.smooth.toFixed(2));
  const send = later(() => changed(true), 120);
  return h('div', { class: 'controls', role: 'group', 'aria-label': 'How curves are drawn' },
    h('label', null, 'Smoothing', h('input', { id: 'smooth', type: 'range', min: 0, max: 0.99, step: 0.01, value: view.smooth, oninput: e => {
      view.smooth = Number(e.target.value);
      shownSmooth.textContent = view.smooth.toFixed(2);
      send();
    } }), shownSmooth),
    h('label', { class: 'select' }, 'x', h('select', { id: 'xaxis', onchange: e => ((view.x = e.target.value), changed(false)) }, [['step', 'step'], ['relative', 'time since start'], ['time', 'clock']].map(([value, text]) => h('option', { value, selected: view.x === value }, text)))),
    h('label', null, h('input', { id: 'logx', type: 'checkbox', checked: view.logX, onchange: e => ((view.logX = e.target.checked), changed(false)) }), 'log x'),
    h('label', null, h('input', { id: 'logy', type: 'checkbox', checked: view.logY, onchange: e => ((view.logY = e.target.checked), changed(false)) }), 'log y'),
    more,
    h('button', { id: 'reset', type: 'button', disabled: view.from === undefined, onclick: () => {
      view.from = view.to = undefined;
      changed(true);
    } }, 'Whole range'),
    h('input', { id: 'series', type: 'search', placeholder: 'Series: part of the name', value: view.filter, 'aria-label': 'Show series whose name contains', oninput: later(e => ((view.filter = e.target.value), changed(true)), 200) }));
}
