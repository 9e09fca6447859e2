"""Values for oriented boxes (the DOTA kit's first task), panoptic quality and semantic overlap, by their published formulas.

Areas are computed in fractions, so that nothing is rounded before the end. Needs numpy alone: python3 make_pixels_and_corners.py > ../pixels_and_corners.json
"""
import json
from fractions import Fraction as F

import numpy as np

rng = np.random.default_rng(18)


def area(p):
    return sum(p[i][0] * p[(i + 1) % len(p)][1] - p[(i + 1) % len(p)][0] * p[i][1] for i in range(len(p))) / 2


def clip(polygon, a, b):
    def side(p):
        return (b[0] - a[0]) * (p[1] - a[1]) - (b[1] - a[1]) * (p[0] - a[0])

    kept = []
    for i, p in enumerate(polygon):
        before = polygon[i - 1]
        s, t = side(before), side(p)
        if s * t < 0:
            u = s / (s - t)
            kept.append((before[0] + u * (p[0] - before[0]), before[1] + u * (p[1] - before[1])))
        if t >= 0:
            kept.append(p)
    return kept


def triangles(p):
    """A polygon of four corners as two triangles along the diagonal that lies inside."""
    if area(p) < 0:
        p = p[::-1]
    for k in range(4):
        a, b, c, d = (p[(k + i) % 4] for i in range(4))
        if area([a, b, c]) > 0 and area([a, c, d]) > 0:
            return [[a, b, c], [a, c, d]]
    raise ValueError("crosses itself")


def iou(p, q):
    shared = F(0)
    for s in triangles(p):
        for t in triangles(q):
            rest = s
            for i in range(3):
                rest = clip(rest, t[i], t[(i + 1) % 3]) if rest else rest
            if len(rest) > 2:
                shared += abs(area(rest))
    return shared / (abs(area(p)) + abs(area(q)) - shared)


def quad(kind):
    """Corners on eighths of a pixel, turned rectangles mostly, some of the other sense, some not convex."""
    while True:
        x, y, w, h, angle = rng.uniform(20, 80), rng.uniform(20, 80), rng.uniform(8, 40), rng.uniform(6, 30), rng.uniform(0, np.pi)
        c, s = np.cos(angle), np.sin(angle)
        corners = [(-w / 2, -h / 2), (w / 2, -h / 2), (w / 2, h / 2), (-w / 2, h / 2)]
        if kind == "dart":
            corners[2] = (-w / 8, -h / 8)
        p = [(F(round(8 * (x + u * c - v * s)), 8), F(round(8 * (y + u * s + v * c)), 8)) for u, v in corners]
        if kind == "reversed":
            p = p[::-1]
        try:
            triangles(p)
            return p
        except ValueError:
            continue


def shaken(p):
    while True:
        q = [(x + F(int(rng.integers(-24, 25)), 8), y + F(int(rng.integers(-24, 25)), 8)) for x, y in p]
        try:
            triangles(q)
            return q
        except ValueError:
            continue


def flat(p):
    return [float(v) for corner in p for v in corner]


def voc(truth, found, name, threshold, eleven):
    """voc_eval of the DOTA kit: the object of highest overlap, strictly above the threshold, difficult ones neutral."""
    objects = {}
    positives = 0
    for o in truth:
        if o["class"] == name:
            objects.setdefault(o["image"], []).append([o["quad"], o["difficult"], False])
            positives += not o["difficult"]
    ranked = sorted((d for d in found if d["class"] == name), key=lambda d: -d["score"])
    tp, fp = np.zeros(len(ranked)), np.zeros(len(ranked))
    for i, d in enumerate(ranked):
        best, over = None, F(-1)
        for o in objects.get(d["image"], []):
            v = iou(d["quad"], o[0])
            if v > over:
                best, over = o, v
        if best is not None and over > threshold:
            if not best[1]:
                if not best[2]:
                    tp[i] = 1
                    best[2] = True
                else:
                    fp[i] = 1
        else:
            fp[i] = 1
    tp, fp = np.cumsum(tp), np.cumsum(fp)
    recall = tp / positives
    precision = tp / np.maximum(tp + fp, np.finfo(float).eps)
    if eleven:
        return sum((precision[recall >= t].max() if (recall >= t).any() else 0) / 11 for t in np.arange(0, 1.1, 0.1))
    r, p = np.concatenate(([0], recall, [1])), np.concatenate(([0], precision, [0]))
    for i in range(len(p) - 1, 0, -1):
        p[i - 1] = max(p[i - 1], p[i])
    at = np.where(r[1:] != r[:-1])[0]
    return float(((r[at + 1] - r[at]) * p[at + 1]).sum())


def oriented():
    pairs = []
    for i in range(60):
        p = quad(["turned", "reversed", "dart"][i % 3])
        q = shaken(p) if i % 2 else quad("turned")
        pairs.append({"a": flat(p), "b": flat(q), "iou": float(iou(p, q))})
    truth, found, score = [], [], 0
    for image in range(12):
        for _ in range(int(rng.integers(2, 7))):
            p = quad("reversed" if rng.random() < .3 else "turned")
            c = ["plane", "ship"][int(rng.integers(2))]
            truth.append({"image": image, "class": c, "quad": p, "difficult": bool(rng.random() < .15)})
            for _ in range(int(rng.integers(0, 3))):
                found.append({"image": image, "class": c if rng.random() < .85 else "ship", "quad": shaken(p)})
        for _ in range(2):
            found.append({"image": image, "class": "plane", "quad": quad("turned")})
    for d, s in zip(found, rng.permutation(len(found))):
        d["score"] = float(s + 1) / (len(found) + 1)
    values = {str(t): {c: {"eleven": float(voc(truth, found, c, t, True)), "all": voc(truth, found, c, t, False)} for c in ("plane", "ship")} for t in (0.3, 0.5, 0.75)}
    return {"pairs": pairs, "truth": [o | {"quad": flat(o["quad"])} for o in truth], "found": [d | {"quad": flat(d["quad"])} for d in found], "ap": values}


def panoptic():
    """pq_compute_single_core and pq_average of the panoptic API."""
    categories = [(1, True), (2, True), (3, False), (4, False), (9, True)]
    things = dict(categories)
    images, stats = [], {c: [0.0, 0, 0, 0] for c, _ in categories}
    for _ in range(8):
        def draw(count):
            pixels, segments = np.zeros((12, 16), int), []
            for i in range(count):
                y, x, h, w = rng.integers(0, 9), rng.integers(0, 12), rng.integers(2, 8), rng.integers(2, 10)
                pixels[y:y + h, x:x + w] = 3 + 300 * i
            for number in np.unique(pixels):
                if number:
                    segments.append({"id": int(number), "category": int(rng.choice([1, 2, 3, 4])), "crowd": False})
            return pixels, segments

        pixels, segments = draw(6)
        guess, found = pixels.copy(), []
        for _ in range(3):
            y, x = rng.integers(0, 10), rng.integers(0, 14)
            guess[y:y + 3, x:x + 3] = int(rng.choice([0, 303, 7777]))
        for number in np.unique(guess):
            if number:
                same = [s["category"] for s in segments if s["id"] == number]
                found.append({"id": int(number), "category": same[0] if same and rng.random() < .8 else int(rng.choice([1, 2, 3, 4]))})
        for s in segments:
            s["crowd"] = bool(things[s["category"]] and rng.random() < .2)
        count = {}
        for a, b in zip(pixels.ravel(), guess.ravel()):
            count[a, b] = count.get((a, b), 0) + 1
        gt, pred = {s["id"]: s for s in segments}, {s["id"]: s for s in found}
        gone, used = set(), set()
        for (a, b), n in sorted(count.items()):
            if a not in gt or b not in pred or gt[a]["crowd"] or gt[a]["category"] != pred[b]["category"]:
                continue
            v = n / ((pixels == a).sum() + (guess == b).sum() - n - count.get((0, b), 0))
            if v > .5:
                stats[gt[a]["category"]][0] += v
                stats[gt[a]["category"]][1] += 1
                gone.add(a)
                used.add(b)
        crowds = {}
        for a, s in gt.items():
            if a in gone:
                continue
            if s["crowd"]:
                crowds[s["category"]] = a
            else:
                stats[s["category"]][3] += 1
        for b, s in pred.items():
            if b in used:
                continue
            n = count.get((0, b), 0) + (count.get((crowds[s["category"]], b), 0) if s["category"] in crowds else 0)
            if n / (guess == b).sum() <= .5:
                stats[s["category"]][2] += 1
        images.append({"truth": pixels.ravel().tolist(), "truth_segments": segments, "found": guess.ravel().tolist(), "found_segments": found})
    means = {}
    for name, keep in (("all", lambda t: True), ("things", lambda t: t), ("stuff", lambda t: not t)):
        pq = sq = rq = n = 0
        for c, thing in categories:
            v, tp, fp, fn = stats[c]
            if keep(thing) and tp + fp + fn > 0:
                n += 1
                pq += v / (tp + .5 * fp + .5 * fn)
                sq += v / tp if tp else 0
                rq += tp / (tp + .5 * fp + .5 * fn)
        means[name] = [pq / n, sq / n, rq / n]
    return {"height": 12, "width": 16, "categories": [{"id": c, "thing": t} for c, t in categories], "images": images, "means": means}


def semantic():
    truth = rng.choice([0, 1, 2, 255], size=400, p=[.5, .3, .1, .1])
    found = np.where(rng.random(400) < .7, truth, rng.integers(0, 4, 400))
    found[truth == 255] = rng.integers(0, 4, (truth == 255).sum())
    seen = truth != 255
    t, f = truth[seen], found[seen]
    both = np.array([((t == c) & (f == c)).sum() for c in range(5)])
    either = np.array([((t == c) | (f == c)).sum() for c in range(5)])
    there = np.array([(t == c).sum() for c in range(5)])
    with np.errstate(invalid="ignore", divide="ignore"):
        iou, acc = both / either, both / there
    return {"truth": truth.tolist(), "found": found.tolist(), "mIoU": float(np.nanmean(iou)), "mAcc": float(np.nanmean(acc)), "aAcc": float(both.sum() / len(t)), "fwIoU": float((there[there > 0] * iou[there > 0]).sum() / len(t))}


print(json.dumps({"oriented": oriented(), "panoptic": panoptic(), "semantic": semantic()}, separators=(",", ":")))
