"""Makes muon_family.json: 20 steps of NorMuon (Li et al. 2025, algorithm 1) and AdaMuon (Si et al. 2025, algorithm 1) on the first
parameter of optim_torch.safetensors, in float64 from the definitions. Usage: python make_muon_family.py IN OUT."""
import json
import struct
import sys

import numpy as np

raw = open(sys.argv[1], "rb").read()
length = struct.unpack("<Q", raw[:8])[0]
header = json.loads(raw[8:8 + length])


def read(name):
    entry = header[name]
    begin, end = entry["data_offsets"]
    return np.frombuffer(raw[8 + length + begin:8 + length + end], dtype=np.float64)


def orthogonal(g):
    x = g.T if g.shape[0] > g.shape[1] else g
    x = x / (np.linalg.norm(x) + 1e-7)
    for _ in range(5):
        a = x @ x.T
        x = 3.4445 * x + (-4.7750 * a + 2.0315 * a @ a) @ x
    return x.T if g.shape[0] > g.shape[1] else x


start, gradients = read("problem/p0").reshape(5, 4), read("problem/g0").reshape(20, 5, 4)
lr, decay, beta, eps = 0.02, 0.05, 0.95, 1e-8
result = {}
for name in ("normuon", "adamuon"):
    w, m, v, path = start.copy(), np.zeros((5, 4)), np.zeros((5, 1) if name == "normuon" else (5, 4)), []
    for g in gradients:
        if name == "normuon":
            m = beta * m + (1 - beta) * g
            o = orthogonal(m)
            v = beta * v + (1 - beta) * np.mean(o * o, axis=1, keepdims=True)
        else:
            m = beta * m + g
            o = orthogonal(np.sign(m))
            v = beta * v + (1 - beta) * o * o
        o = o / (np.sqrt(v) + eps)
        w = w - lr * decay * w - lr * 0.2 * np.sqrt(o.size) / np.linalg.norm(o) * o
        path += w.reshape(-1).tolist()
    result[name] = path
json.dump(result, open(sys.argv[2], "w"))
