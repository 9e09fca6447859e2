"""A quantizer over scales and its prior, written out with PyTorch's own resizing.

    python3 make_next_scale.py next_scale.safetensors

PyTorch 1.13 or later, NumPy. Everything is computed in float64 from float32 numbers and stored in float32 (indices: int64).
"""
import json
import struct
import sys

import numpy as np
import torch
import torch.nn.functional as F

random = np.random.default_rng(7)
kept = {}


def draw(name, *shape, scale=1.0):
    value = torch.tensor((random.standard_normal(shape) * scale).astype(np.float32))
    kept[name] = value
    return value.double()


# The quantizer: residuals over scales, one table of codes, two convolutions for five scales.
SCALES, SIDE, WIDTH, CODES, SHARE = [1, 2, 3, 4, 5], 5, 6, 12, 0.5
z = draw("z", 3, WIDTH, SIDE, SIDE).requires_grad_()
table = draw("table", CODES, WIDTH, scale=0.7).requires_grad_()
phi = [draw(f"phi.{i}", WIDTH, WIDTH, 3, 3, scale=0.2).requires_grad_() for i in range(2)]


def smooth(x, k):
    # 0, 0, 0, 1, 1: equal shares of the scales in order.
    return (1 - SHARE) * x + SHARE * F.conv2d(x, phi[k * 2 // len(SCALES)], padding=1)


def lifted(codes, k, side):
    """Vectors of codes [N, s, s] on the last map."""
    h = table[codes].permute(0, 3, 1, 2)
    return smooth(F.interpolate(h, size=(side, side), mode="bicubic", align_corners=False) if h.shape[2] != side else h, k)


rest, total, indices = z.detach().clone(), 0, []
commitment, codebook = [], []
for k, side in enumerate(SCALES):
    down = F.interpolate(rest, size=(side, side), mode="area")
    rows = down.permute(0, 2, 3, 1).reshape(-1, WIDTH)
    nearest = ((rows[:, None] - table.detach()[None]) ** 2).sum(2).argmin(1).reshape(3, side, side)
    part = lifted(nearest, k, SIDE)
    total = total + part
    rest = rest - part.detach()
    indices.append(nearest.reshape(3, -1))
    commitment.append(((z - total.detach()) ** 2).mean())
    codebook.append(((total - z.detach()) ** 2).mean())
kept["indices"] = torch.cat(indices, 1)
kept["values"] = total.detach()
kept["commitment"] = torch.stack(commitment).detach()
kept["codebook"] = torch.stack(codebook).detach()
loss = (0.25 * sum(commitment) + sum(codebook)) / len(SCALES)
kept["loss"] = loss.detach()
upstream = draw("upstream", 3, WIDTH, SIDE, SIDE)
((z + (total - z).detach()) * upstream).sum().add(loss).backward()
kept["grad.z"], kept["grad.table"] = z.grad, table.grad
for i in range(2):
    kept[f"grad.phi.{i}"] = phi[i].grad
# What the first three scales alone decode to.
starts = [sum(s * s for s in SCALES[:k]) for k in range(3)]
kept["coarse"] = sum(
    lifted(kept["indices"][:, start:start + SCALES[k] ** 2].reshape(3, SCALES[k], SCALES[k]), k, SIDE)
    for k, start in enumerate(starts)).detach()

# The prior: every scale from the sum of what the coarser ones bring up, all of its places at once.
STEPS, LAST, K, D, HEADS, LAYERS, CLASSES = [1, 2, 3], 3, 7, 8, 2, 2, 3
L = sum(s * s for s in STEPS)
w = {"tok.weight": draw("net.tok.weight", K, D), "cls.weight": draw("net.cls.weight", CLASSES, D), "pos": draw("net.pos", L, D),
     "head.weight": draw("net.head.weight", K, D), "ln_f.weight": draw("net.ln_f.weight", D), "ln_f.bias": draw("net.ln_f.bias", D)}
for i in range(LAYERS):
    for name, rows, columns in (("qkv", 3 * D, D), ("proj", D, D), ("fc", 4 * D, D), ("out", D, 4 * D)):
        w[f"blocks.{i}.{name}.weight"] = draw(f"net.blocks.{i}.{name}.weight", rows, columns, scale=0.5)
        w[f"blocks.{i}.{name}.bias"] = draw(f"net.blocks.{i}.{name}.bias", rows, scale=0.5)
    for name in ("ln_1", "ln_2"):
        for part in ("weight", "bias"):
            w[f"blocks.{i}.{name}.{part}"] = draw(f"net.blocks.{i}.{name}.{part}", D)
codes = torch.tensor(random.integers(0, K, (4, L)))
labels = torch.tensor(random.integers(0, CLASSES, 4))
kept["net.codes"], kept["net.labels"] = codes, labels


def norm(x, name):
    return F.layer_norm(x, (D,), w[f"{name}.weight"], w[f"{name}.bias"], 1e-5)


def linear(x, name):
    return x @ w[f"{name}.weight"].T + w[f"{name}.bias"]


def logits_of(known):
    """Logits [N, places of the scale, K] of scale len(known), from the maps of codes of the scales before."""
    inputs, seen = [], []
    for k in range(len(known) + 1):
        side = STEPS[k]
        told = torch.zeros(4, D, side, side, dtype=torch.float64)
        if k > 0:
            up = [w["tok.weight"][known[j]].permute(0, 3, 1, 2) for j in range(k)]
            sum_of = sum(F.interpolate(h, size=(LAST, LAST), mode="bicubic", align_corners=False) for h in up)
            told = F.interpolate(sum_of, size=(side, side), mode="area")
        inputs.append(told.flatten(2).transpose(1, 2))
        seen += [k] * (side * side)
    count = len(seen)
    x = torch.cat(inputs, 1) + w["pos"][:count] + w["cls.weight"][labels][:, None]
    seen = torch.tensor(seen)
    hidden = seen[None, :] > seen[:, None]
    for i in range(LAYERS):
        q, key, v = linear(norm(x, f"blocks.{i}.ln_1"), f"blocks.{i}.qkv").reshape(4, count, 3, HEADS, D // HEADS).permute(2, 0, 3, 1, 4)
        scores = (q @ key.transpose(2, 3) / (D // HEADS) ** 0.5).masked_fill(hidden, -torch.inf)
        x = x + linear((scores.softmax(3) @ v).transpose(1, 2).reshape(4, count, D), f"blocks.{i}.proj")
        x = x + linear(F.gelu(linear(norm(x, f"blocks.{i}.ln_2"), f"blocks.{i}.fc")), f"blocks.{i}.out")
    last = STEPS[len(known)] ** 2
    return (norm(x, "ln_f") @ w["head.weight"].T)[:, -last:]


maps, start, all_logits = [], 0, []
for side in STEPS:
    all_logits.append(logits_of(maps))
    maps.append(codes[:, start:start + side * side].reshape(4, side, side))
    start += side * side
logits = torch.cat(all_logits, 1)
kept["net.logits"] = logits.transpose(1, 2)
kept["net.nll"] = F.cross_entropy(logits.transpose(1, 2), codes, reduction="none")

header, body = {}, b""
for name, value in kept.items():
    array = value.detach().numpy()
    array = np.ascontiguousarray(array if array.dtype == np.int64 else array.astype(np.float32))
    header[name] = {"dtype": "I64" if array.dtype == np.int64 else "F32", "shape": list(value.shape),
                    "data_offsets": [len(body), len(body) + array.nbytes]}
    body += array.tobytes()
text = json.dumps(header).encode()
text += b" " * (-len(text) % 8)
with open(sys.argv[1], "wb") as file:
    file.write(struct.pack("<Q", len(text)) + text + body)
