"""Masks and keypoints for a synthetic set of boxes: python3 detection_sets.py GT DT segm|keypoints OUT_GT OUT_DT

Masks are twelve-cornered shapes within the boxes (polygons in the truth, run lengths as text in the results, as models write them);
keypoints are seventeen points of the boxes, shaken in the results. Needs numpy and pycocotools.
"""
import json
import sys

import numpy as np

truth, results, kind, out_truth, out_results = sys.argv[1:6]
gt, dt = json.load(open(truth)), json.load(open(results))
rng = np.random.default_rng(7)
angles = np.arange(12) * (2 * np.pi / 12)
circle = np.stack([np.cos(angles), np.sin(angles)], 1)


def shape(box):
    x, y, w, h = box
    r = rng.uniform(.75, 1, (12, 1)) * circle * [w / 2, h / 2] + [x + w / 2, y + h / 2]
    return np.round(r, 2).ravel().tolist()


if kind == "segm":
    from pycocotools import mask

    size = {i["id"]: (i["height"], i["width"]) for i in gt["images"]}
    for a in gt["annotations"]:
        h, w = size[a["image_id"]]
        if a["iscrowd"]:
            m = mask.frPyObjects([shape(a["bbox"])], h, w)[0]
            a["segmentation"] = {"size": [h, w], "counts": m["counts"].decode()}
        else:
            a["segmentation"] = [shape(a["bbox"])]
    images = {}
    for d in dt:
        images.setdefault(d["image_id"], []).append(d)
    for image, found in images.items():
        h, w = size[image]
        for d, m in zip(found, mask.frPyObjects([shape(d["bbox"]) for d in found], h, w)):
            d["segmentation"] = {"size": [h, w], "counts": m["counts"].decode()}
else:
    places = np.stack([np.linspace(.1, .9, 17), (np.arange(17) * 5 % 17) / 17], 1)
    for a in gt["annotations"]:
        x, y, w, h = a["bbox"]
        points = places * [w, h] + [x, y]
        seen = rng.integers(0, 3, 17)
        a["keypoints"] = np.concatenate([np.round(points, 1) * (seen > 0)[:, None], seen[:, None]], 1).ravel().tolist()
        a["num_keypoints"] = int((seen > 0).sum())
    for d in dt:
        x, y, w, h = d["bbox"]
        points = places * [w, h] + [x, y] + rng.normal(0, .03 * np.sqrt(w * h) + .1, (17, 2))
        d["keypoints"] = np.concatenate([np.round(points, 1), np.ones((17, 1))], 1).ravel().tolist()
json.dump(gt, open(out_truth, "w"), separators=(",", ":"))
json.dump(dt, open(out_results, "w"), separators=(",", ":"))
