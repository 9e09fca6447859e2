"""Masks, poses and oriented boxes under the rules of ultralytics: python3 make_yolo_shapes.py yolo_shapes.json.gz

A re-telling of the published rules in numpy, float64: each detection keeps the object of its class that it overlaps most, each object
the first detection in falling score; AP by trapezoids over 101 interpolated recalls. Masks are counted pixel by pixel; keypoints are
compared over 0.53 of the box (sigmas of COCO's 17 points, else 1/n); oriented boxes as Gaussians (arXiv:2106.06072).
"""
import gzip
import json
import math
import sys

import numpy as np

EPS = 1e-7
SIGMAS = np.array([.26, .25, .25, .35, .35, .79, .79, .72, .72, .62, .62, 1.07, 1.07, .87, .87, .89, .89]) / 10
THRESHOLDS = np.linspace(.5, .95, 10)
SIZE = 64


def area_under(recall, precision):
    last = recall[-1]
    r = np.concatenate(([0.], recall, [last, 1.]))
    p = np.concatenate(([1.], precision, [0., 0.]))
    p = np.maximum.accumulate(p[::-1])[::-1]
    x = np.linspace(0, 1, 101)
    y = np.interp(x, r, p)
    return float(((x[1:] - x[:-1]) * (y[1:] + y[:-1]) / 2).sum())


def averages(objects, detections, overlap, classes):
    """objects, detections: lists of dicts with image and class, detections with score. AP [class][threshold]."""
    order = sorted(range(len(detections)), key=lambda i: -detections[i]["score"])
    hits = np.zeros((len(detections), len(THRESHOLDS)), bool)
    best = {}
    for d in order:
        mates = [g for g, o in enumerate(objects) if o["image"] == detections[d]["image"] and o["class"] == detections[d]["class"]]
        if mates:
            values = [overlap(objects[g], detections[d]) for g in mates]
            best[d] = (mates[int(np.argmax(values))], max(values))
    for t, threshold in enumerate(THRESHOLDS):
        taken = set()
        for d in order:
            if d in best and best[d][1] >= threshold and best[d][0] not in taken:
                taken.add(best[d][0])
                hits[d, t] = True
    table = []
    for c in classes:
        own = [d for d in order if detections[d]["class"] == c]
        positives = sum(o["class"] == c for o in objects)
        row = []
        for t in range(len(THRESHOLDS)):
            tp = np.cumsum(hits[own, t])
            row.append(area_under(tp / positives, tp / np.arange(1, len(own) + 1)) if own and positives else 0.)
        table.append(row)
    return table


def mask_overlap(o, d):
    shared = np.logical_and(o["mask"], d["mask"]).sum()
    union = np.logical_or(o["mask"], d["mask"]).sum()
    return shared / union if union else 0.


def pose_overlap(o, d):
    a, b = np.array(o["points"]).reshape(-1, 3), np.array(d["points"]).reshape(-1, 3)
    n = len(a)
    sigma = SIGMAS if n == 17 else np.full(n, 1 / n)
    area = o["box"][2] * o["box"][3] * .53
    seen = a[:, 2] != 0
    e = ((a[:, :2] - b[:, :2]) ** 2).sum(1) / (2 * (2 * sigma) ** 2 * (area + EPS))
    return float((np.exp(-e) * seen).sum() / (seen.sum() + EPS))


def covariance(box):
    _, _, w, h, r = box
    a, b, c, s = w * w / 12, h * h / 12, math.cos(r), math.sin(r)
    return a * c * c + b * s * s, a * s * s + b * c * c, (a - b) * c * s


def gaussian_overlap(o, d):
    p, q = o["turned"], d["turned"]
    a1, b1, c1 = covariance(p)
    a2, b2, c2 = covariance(q)
    both = (a1 + a2) * (b1 + b2) - (c1 + c2) ** 2
    dx, dy = p[0] - q[0], p[1] - q[1]
    near = ((a1 + a2) * dy * dy + (b1 + b2) * dx * dx) / (both + EPS) * .25 - (c1 + c2) * dx * dy / (both + EPS) * .5
    single = math.sqrt(max(a1 * b1 - c1 * c1, 0) * max(a2 * b2 - c2 * c2, 0))
    distance = near + math.log(both / (4 * single + EPS) + EPS) * .5
    return 1 - math.sqrt(1 - math.exp(-min(max(distance, EPS), 100)) + EPS)


def ellipse(x, y, w, h):
    row, column = np.mgrid[:SIZE, :SIZE] + .5
    return ((column - x) / (w / 2)) ** 2 + ((row - y) / (h / 2)) ** 2 <= 1


def counts(mask):
    flat, runs, value = mask.T.ravel(), [], False
    length = 0
    for v in flat:
        if v != value:
            runs.append(length)
            length, value = 0, bool(v)
        length += 1
    return runs + [length]


def corners(box):
    x, y, w, h, r = box
    c, s = math.cos(r), math.sin(r)
    return [v for u, t in ((-w, -h), (w, -h), (w, h), (-w, h)) for v in (x + (u * c - t * s) / 2, y + (u * s + t * c) / 2)]


def make(rng, points):
    objects, detections = [], []
    for image in range(1, 11):
        for _ in range(rng.integers(2, 6)):
            kind = int(rng.integers(1, 4))
            x, y, w, h = rng.uniform(15, 49), rng.uniform(15, 49), rng.uniform(10, 26), rng.uniform(10, 26)
            pose = np.column_stack((rng.uniform(x - w / 2, x + w / 2, points), rng.uniform(y - h / 2, y + h / 2, points),
                                    rng.choice([0, 1, 2], points)))
            turn = rng.uniform(0, math.pi)
            objects.append(dict(image=image, kind=kind, box=[x - w / 2, y - h / 2, w, h], mask=ellipse(x, y, w, h), points=pose,
                                turned=[x, y, w, h, turn]))
            for _ in range(rng.integers(1, 6)):
                blur = rng.choice([.3, 1., 3.])
                u, v = x + rng.normal(0, blur), y + rng.normal(0, blur)
                p, q = max(4, w + rng.normal(0, blur)), max(4, h + rng.normal(0, blur))
                guess = pose + np.column_stack((rng.normal(0, blur, points), rng.normal(0, blur, points), np.zeros(points)))
                wrong = rng.random() < .15
                detections.append(dict(image=image, kind=kind % 3 + 1 if wrong else kind, box=[u - p / 2, v - q / 2, p, q],
                                       mask=ellipse(u, v, p, q), points=guess, turned=[u, v, p, q, turn + rng.normal(0, blur / 8)],
                                       score=round(float(rng.uniform(.05, 1)), 9)))
    for item in objects + detections:
        item["class"] = item.pop("kind")
        item["points"] = [float(v) for v in np.asarray(item["points"]).ravel()]
    return objects, detections


def record(item, number):
    kept = {"id": number, "image_id": item["image"], "category_id": item["class"], "bbox": [float(v) for v in item["box"]],
            "segmentation": {"size": [SIZE, SIZE], "counts": counts(item["mask"])}, "keypoints": item["points"],
            "corners": [float(v) for v in corners(item["turned"])]}
    if "score" in item:
        kept["score"] = item["score"]
    else:
        kept.update(area=int(item["mask"].sum()), iscrowd=0, num_keypoints=sum(v > 0 for v in item["points"][2::3]))
    return kept


def main(path):
    rng = np.random.default_rng(5)
    sets = []
    for points in (17, 5):
        objects, detections = make(rng, points)
        # One object without a labelled point, which nobody can meet.
        objects[0]["points"] = [0. if i % 3 == 2 else v for i, v in enumerate(objects[0]["points"])]
        truth = {"images": [{"id": i, "file_name": f"{i}.png", "width": SIZE, "height": SIZE} for i in range(1, 11)],
                 "categories": [{"id": c, "name": f"class {c}"} for c in (1, 2, 3)],
                 "annotations": [record(o, i + 1) for i, o in enumerate(objects)]}
        sets.append({"gt": truth, "dt": [record(d, i + 1) for i, d in enumerate(detections)],
                     "ap": {name: averages(objects, detections, overlap, (1, 2, 3)) for name, overlap in
                            (("segm", mask_overlap), ("keypoints", pose_overlap), ("obb", gaussian_overlap))}})
    with gzip.GzipFile(path, "wb", mtime=0) as file:
        file.write(json.dumps({"sets": sets}).encode())
    for s in sets:
        print(len(s["gt"]["annotations"]), len(s["dt"]), {k: round(float(np.mean(v)), 6) for k, v in s["ap"].items()})


main(sys.argv[1])
