"""Packs a trained classifier and the statistics of its features over the embedded garments into judge.safetensors.

    cresset train data/garments-judge/judge.yaml --runs runs
    python3 make.py runs/judge-.../model.safetensors
"""
import gzip, json, os, struct, sys
import numpy as np
import torch
from torch.nn import functional as F

TYPES = {"F32": "<f4", "F16": "<f2", "I64": "<i8"}


def read(path):
    data = open(path, "rb").read()
    n = struct.unpack("<Q", data[:8])[0]
    head = json.loads(data[8:8 + n])
    for name, entry in head.items():
        if name != "__metadata__":
            a, b = entry["data_offsets"]
            yield name, np.frombuffer(data[8 + n + a:8 + n + b], TYPES[entry["dtype"]]).reshape(entry["shape"])


def write(path, tensors):
    head, parts, at = {}, [], 0
    for name in sorted(tensors):
        value = np.asarray(tensors[name], order="C")  # ascontiguousarray would make a scalar an array of one
        dtype = next(k for k, v in TYPES.items() if np.dtype(v) == value.dtype)
        head[name] = {"dtype": dtype, "shape": list(value.shape), "data_offsets": [at, at + value.nbytes]}
        parts.append(value.tobytes())
        at += value.nbytes
    text = json.dumps(head, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as out:
        out.write(struct.pack("<Q", len(text)) + text + b"".join(parts))


weights = {name: value if value.dtype == np.int64 else value.astype("<f2") for name, value in read(sys.argv[1])}
net = {name: torch.tensor(value.astype("f4") if value.dtype != np.int64 else value) for name, value in weights.items()}
here = os.path.dirname(os.path.abspath(__file__))
pixels = np.frombuffer(gzip.open(os.path.join(here, "..", "garments", "garments-images-idx3-ubyte.gz")).read()[16:], np.uint8).reshape(-1, 1, 28, 28)


def features(pictures):
    x = (pictures - net["mean"]) / net["deviation"]
    for stage in range(3):
        for conv in (0, 3):
            at = f"stages.{7 * stage + conv}", f"stages.{7 * stage + conv + 1}"
            x = F.conv2d(x, net[at[0] + ".weight"], padding=1)
            x = F.relu(F.batch_norm(x, net[at[1] + ".running_mean"], net[at[1] + ".running_var"], net[at[1] + ".weight"], net[at[1] + ".bias"]))
        x = F.max_pool2d(x, 2)
    return x.mean((2, 3))


with torch.no_grad():
    found = torch.cat([features(torch.tensor(part.astype("f4") / 255)) for part in np.array_split(pixels, 40)]).double().numpy()
weights["feature_mean"] = found.mean(0).astype("<f4")
weights["feature_covariance"] = np.cov(found.T).astype("<f4")
write(os.path.join(here, "judge.safetensors"), weights)


def distance(a, b):
    ma, mb, ca, cb = a.mean(0), b.mean(0), np.cov(a.T), np.cov(b.T)
    values, vectors = np.linalg.eigh(ca)
    root = vectors @ np.diag(np.sqrt(values.clip(0))) @ vectors.T
    return ((ma - mb) ** 2).sum() + np.trace(ca) + np.trace(cb) - 2 * np.sqrt(np.linalg.eigvalsh(root @ cb @ root).clip(0)).sum()


print(f"{sum(v.nbytes for v in weights.values())} bytes; two halves of the garments are {distance(found[::2], found[1::2]):.2f} apart, 500 of them from all {distance(found[:500], found):.2f}")
