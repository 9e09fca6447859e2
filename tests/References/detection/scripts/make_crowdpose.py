"""A small set of the CrowdPose kind and what faster_coco_eval (1.7.1, areas from the boxes) says of it: python3 make_crowdpose.py > ../crowdpose.json"""
import contextlib
import io
import json
import os
import tempfile

import numpy as np
from faster_coco_eval import COCO, COCOeval_faster

rng = np.random.default_rng(14)
sigmas = np.array([.79, .79, .72, .72, .62, .62, 1.07, 1.07, .87, .87, .89, .89, .79, .79]) / 10
places = rng.uniform(0, 1, (14, 2))
gt = {"images": [], "categories": [{"id": 1, "name": "person"}], "annotations": []}
dt = []
for i in range(30):
    gt["images"].append({"id": i + 1, "file_name": f"{i}.jpg", "width": 400, "height": 400, "crowdIndex": round(float(rng.uniform(0, 1)), 2)})
    for _ in range(int(rng.integers(1, 5))):
        x, y, w, h = (float(v) for v in np.round([rng.uniform(0, 200), rng.uniform(0, 200), rng.uniform(30, 180), rng.uniform(60, 190)], 1))
        points = np.round(places * [w, h] + [x, y], 1)
        seen = rng.integers(0, 3, 14)
        gt["annotations"].append({"id": len(gt["annotations"]) + 1, "image_id": i + 1, "category_id": 1, "bbox": [x, y, w, h], "iscrowd": 0,
                                  "keypoints": np.concatenate([points * (seen > 0)[:, None], seen[:, None]], 1).ravel().tolist(), "num_keypoints": int((seen > 0).sum())})
        for _ in range(int(rng.integers(0, 3))):
            found = np.round(points + rng.normal(0, rng.uniform(1, 12), (14, 2)), 1)
            dt.append({"image_id": i + 1, "category_id": 1, "keypoints": np.concatenate([found, np.ones((14, 1))], 1).ravel().tolist(), "score": round(float(rng.uniform(.1, 1)), 4)})
with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(io.StringIO()):
    path = os.path.join(folder, "gt.json")
    # The tool wants the field to be there and does not read it.
    json.dump(gt | {"annotations": [a | {"area": 1.0} for a in gt["annotations"]]}, open(path, "w"))
    truth = COCO(path)
    e = COCOeval_faster(truth, truth.loadRes([dict(d) for d in dt]), "keypoints_crowd", kpt_oks_sigmas=sigmas, use_area=False)
    e.evaluate()
    e.accumulate()
    e.summarize()
print(json.dumps({"gt": gt, "dt": dt, "stats": [float(s) for s in e.stats[:9]]}, separators=(",", ":")))
