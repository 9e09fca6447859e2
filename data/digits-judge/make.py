"""Packs the judge network (safetensors) into judge.bin: float32, little endian, tensors in the order below."""
import json, struct, sys, os
import numpy as np

ORDER = ["judge.0.weight", "judge.0.bias", "judge.2.weight", "judge.2.bias", "judge.5.weight", "judge.5.bias",
         "judge.8.weight", "judge.8.bias", "judge.10.weight", "judge.10.bias", "feat_mean", "feat_cov"]
data = open(sys.argv[1], "rb").read()
n = struct.unpack("<Q", data[:8])[0]
head = json.loads(data[8:8 + n])
out = b""
for name in ORDER:
    a, b = head[name]["data_offsets"]
    kind = {"F32": "<f4", "F64": "<f8"}[head[name]["dtype"]]
    out += np.frombuffer(data[8 + n + a:8 + n + b], kind).astype("<f4").tobytes()
open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "judge.bin"), "wb").write(out)
print(len(out))
