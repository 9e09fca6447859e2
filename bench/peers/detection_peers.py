"""CPU seconds, wall seconds and peak memory of a peer from two JSON files to the statistics:
python3 detection_peers.py pycocotools|faster_coco_eval bbox|segm|keypoints|boundary GT DT
"""
import contextlib
import io
import json
import resource
import sys
import time

tool, kind, truth, results = sys.argv[1:5]
wall = time.time()
with contextlib.redirect_stdout(io.StringIO()):
    if tool == "pycocotools":
        from pycocotools.coco import COCO
        from pycocotools.cocoeval import COCOeval as Eval
    else:
        from faster_coco_eval import COCO
        from faster_coco_eval import COCOeval_faster as Eval
    gt = COCO(truth)
    e = Eval(gt, gt.loadRes(results), kind)
    e.evaluate()
    e.accumulate()
    e.summarize()
used = resource.getrusage(resource.RUSAGE_SELF)
print(json.dumps({"tool": tool, "kind": kind, "cpu": round(used.ru_utime + used.ru_stime, 2), "wall": round(time.time() - wall, 2), "mb": used.ru_maxrss // 1024, "AP": float(e.stats[0])}))
