"""CPU seconds of pycocotools from two JSON files to the statistics: python3 detection_pycocotools.py GT DT"""
import contextlib, io, json, sys, time
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

truth, results = sys.argv[1:3]
start = time.process_time()
with contextlib.redirect_stdout(io.StringIO()):
    gt = COCO(truth)
    dt = gt.loadRes(results)
    loaded = time.process_time()
    e = COCOeval(gt, dt, 'bbox')
    e.evaluate()
    matched = time.process_time()
    e.accumulate()
    e.summarize()
done = time.process_time()
print(json.dumps(dict(stats=e.stats.tolist(), load=loaded - start, evaluate=matched - loaded, accumulate=done - matched, cpu=time.process_time())))
