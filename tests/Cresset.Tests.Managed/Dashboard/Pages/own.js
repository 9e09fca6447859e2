// A page of another assembly than the dashboard's: what PageTests adds.
import { fill, h } from '../dom.js';

export default {
  id: 'own',
  title: 'Own page',
  summary: 'Made by a test.',
  guide: 'dashboard.md',
  command: 'cresset serve',
  needsRun: false,
  fits: () => false,
  show: ({ host }) => (fill(host, h('p', null, 'own')), {}),
};
