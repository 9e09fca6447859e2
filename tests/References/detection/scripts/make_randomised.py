"""Values of pycocotools and lvis-api on sets made from seeds; RandomSet.cs makes the same sets.

Needs numpy, scipy, pycocotools 2.0.11 and lvis (github lvis-dataset/lvis-api) on the path:
    python3 make_randomised.py randomised.json
Only + - * / and floor are used, so every language gives the same numbers.
"""
import contextlib, copy, io, json, math, sys
import numpy as np
from scipy import ndimage
from pycocotools import mask as M
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

MASK = (1 << 64) - 1


class Stream:
    def __init__(self, seed): self.s = seed

    def u(self):
        self.s = (self.s + 0x9E3779B97F4A7C15) & MASK
        z = self.s
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
        return ((z ^ (z >> 31)) >> 11) * 2.0 ** -53

    def i(self, n): return int(math.floor(self.u() * n))


def quarter(x): return math.floor(x * 4 + .5) / 4


def polygon(b):
    x, y, w, h = b
    return [x, y + h / 2, x + w / 4, y, x + w, y + h / 4, x + w * 3 / 4, y + h, x + w / 4, y + h]


def make(seed):
    r = Stream(seed)
    W, H = 120, 90
    cats = [dict(id=2 + 3 * k, name='c%d' % k, frequency='rcf'[k % 3]) for k in range(4)]
    images, gts, dts = [], [], []
    for n in range(10):
        image = dict(id=100 - 7 * n, width=W, height=H)
        image['neg_category_ids'] = [c['id'] for c in cats if r.u() < .4]
        image['not_exhaustive_category_ids'] = [c['id'] for c in cats if r.u() < .25]
        images.append(image)
        boxes = []
        for _ in range(r.i(7)):
            w, h = quarter(4 + 60 * r.u() * r.u()), quarter(4 + 50 * r.u() * r.u())
            b = [quarter(r.u() * (W - w)), quarter(r.u() * (H - h)), w, h]
            c = cats[r.i(4)]['id']
            g = dict(id=len(gts) + 1, image_id=image['id'], category_id=c, bbox=b, area=w * h * .75, iscrowd=1 if r.u() < .08 else 0)
            if r.u() < .08: g['ignore'] = 1
            g['segmentation'] = [polygon(b)]
            k = []
            for _ in range(17):
                k += [quarter(b[0] + r.u() * w), quarter(b[1] + r.u() * h), r.i(3)]
            if r.u() < .1: k = [v if p % 3 < 2 else 0 for p, v in enumerate(k)]
            g['keypoints'] = k
            g['num_keypoints'] = sum(1 for v in k[2::3] if v > 0)
            gts.append(g)
            boxes.append(g)
        for _ in range(r.i(15)):
            if boxes and r.u() < .75:
                g = boxes[r.i(len(boxes))]
                b = [quarter(g['bbox'][0] + (r.u() - .5) * 8), quarter(g['bbox'][1] + (r.u() - .5) * 8), max(1.0, quarter(g['bbox'][2] + (r.u() - .5) * 8)), max(1.0, quarter(g['bbox'][3] + (r.u() - .5) * 8))]
                c = g['category_id'] if r.u() < .85 else cats[r.i(4)]['id']
                k = [quarter(v + (r.u() - .5) * 10) if p % 3 < 2 else 1 for p, v in enumerate(g['keypoints'])]
            else:
                b = [quarter(r.u() * 80), quarter(r.u() * 60), quarter(2 + r.u() * 40), quarter(2 + r.u() * 30)]
                c = cats[r.i(4)]['id']
                k = []
                for _ in range(17): k += [quarter(r.u() * W), quarter(r.u() * H), 1]
            dts.append(dict(image_id=image['id'], category_id=c, bbox=b, score=math.floor(r.u() * 40) / 40, segmentation=[polygon(b)], keypoints=k))
    return dict(info={}, images=images, annotations=gts, categories=cats), dts


def coco(gt, dt, kind):
    with contextlib.redirect_stdout(io.StringIO()):
        g = COCO(); g.dataset = copy.deepcopy(gt); g.createIndex()
        d = copy.deepcopy(dt)
        if kind == 'keypoints':
            for x in d: x.pop('bbox'); x.pop('segmentation')
        elif kind == 'segm':
            for x in d:
                x.pop('bbox')
                x['segmentation'] = rle(x['segmentation'])
        e = COCOeval(g, g.loadRes(d), kind)
        e.evaluate(); e.accumulate(); e.summarize()
    return e.stats.tolist(), float(np.sum(e.eval['precision'])), float(np.sum(e.eval['recall']))


def rle(polygons):
    r = M.merge(M.frPyObjects(polygons, 90, 120))
    return dict(size=r['size'], counts=r['counts'].decode())


def edge(r):
    m = M.decode(r)
    n = max(1, int(round(.02 * math.sqrt(m.shape[0] ** 2 + m.shape[1] ** 2))))
    e = ndimage.binary_erosion(np.pad(m, 1), np.ones((3, 3)), iterations=n)[1:-1, 1:-1]
    return M.encode(np.asfortranarray((m - (m & e)).astype(np.uint8)))


class BoundaryEval(COCOeval):
    def computeIoU(self, image, cat):
        p = self.params
        g, d = self._gts[image, cat], self._dts[image, cat]
        if not g or not d: return []
        order = np.argsort([-x['score'] for x in d], kind='mergesort')
        d = [d[i] for i in order][:p.maxDets[-1]]
        crowd = [int(x['iscrowd']) for x in g]
        plain = M.iou([x['segmentation'] for x in d], [x['segmentation'] for x in g], crowd)
        band = M.iou([edge(x['segmentation']) for x in d], [edge(x['segmentation']) for x in g], crowd)
        keep = np.array(crowd) == 0
        plain[:, keep] = np.minimum(plain, band)[:, keep]
        return plain


def boundary(gt, dt):
    with contextlib.redirect_stdout(io.StringIO()):
        g = COCO(); g.dataset = copy.deepcopy(gt); g.createIndex()
        d = copy.deepcopy(dt)
        for x in d:
            x.pop('bbox')
            x['segmentation'] = rle(x['segmentation'])
        e = BoundaryEval(g, g.loadRes(d), 'segm')
        e.evaluate(); e.accumulate(); e.summarize()
    return e.stats.tolist()


def lvis(gt, dt):
    from lvis import LVIS, LVISEval, LVISResults
    import tempfile, os
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, 'gt.json')
        data = copy.deepcopy(gt)
        for a in data['annotations']: a.pop('iscrowd')
        json.dump(data, open(path, 'w'))
        g = LVIS(path)
        e = LVISEval(g, LVISResults(g, copy.deepcopy(dt), max_dets=6), 'bbox')
        e.params.max_dets = 6
        e.run()
    return {k: float(v) for k, v in e.get_results().items()}, float(np.sum(e.eval['precision'])), float(np.sum(e.eval['recall']))


out = []
for seed in range(1, 13):
    gt, dt = make(seed)
    row = dict(seed=seed, gt=len(gt['annotations']), dt=len(dt), check=sum(d['score'] + sum(d['bbox']) + sum(d['keypoints']) for d in dt))
    for kind in ('bbox', 'segm', 'keypoints'):
        row[kind], row[kind + '_precision'], row[kind + '_recall'] = coco(gt, dt, kind)
    row['boundary'] = boundary(gt, dt)
    row['lvis'], row['lvis_precision'], row['lvis_recall'] = lvis(gt, dt)
    out.append(row)
json.dump(dict(engine='pycocotools 2.0.11, lvis-api 0.5.3', sets=out), open(sys.argv[1], 'w'), indent=1)
