"""Upsampling outputs and gradients by CPU PyTorch 2.6, float64. Upstream gradient everywhere: cos(0.37 k + 0.1), k the flat index."""
import itertools
import json

import numpy as np
import torch
import torch.nn.functional as F

from make_safetensors import save

torch.set_num_threads(1)
torch.manual_seed(3)
out, cases = {}, []


def wave(shape, a=1.7):
    n = int(np.prod(shape))
    return (2 * torch.sin(a * torch.arange(n, dtype=torch.float64))).reshape(shape)


def add(name, f, *tensors):
    leaves = [t.clone().requires_grad_() for t in tensors]
    y = f(*leaves)
    g = torch.cos(0.37 * torch.arange(y.numel(), dtype=torch.float64) + 0.1).reshape(y.shape)
    grads = torch.autograd.grad((y * g).sum(), leaves)
    out[f"{name}/y"] = y.detach().numpy()
    for i, (t, d) in enumerate(zip(tensors, grads)):
        out[f"{name}/in{i}"], out[f"{name}/d{i}"] = t.detach().numpy(), d.numpy()


shapes = {1: (1, 2, 7), 2: (1, 2, 5, 6), 3: (1, 1, 3, 4, 5)}
modes = {1: ["nearest", "nearest-exact", "area", "linear"], 2: ["nearest", "nearest-exact", "area", "bilinear", "bicubic"], 3: ["nearest", "nearest-exact", "area", "trilinear"]}
sizes = {1: [(14,), (10,), (4,)], 2: [(10, 12), (8, 9), (3, 4)], 3: [(6, 8, 10), (4, 5, 7), (2, 3, 3)]}
factors = {1: [(2.0,), (1.7,), (0.6,)], 2: [(2.0, 2.0), (1.7, 1.3), (0.6, 0.75)], 3: [(2.0, 2.0, 2.0), (1.5, 1.3, 1.7), (0.7, 0.6, 0.8)]}
for d, shape in shapes.items():
    x = wave(shape)
    for mode in modes[d]:
        aligns = [False, True] if "linear" in mode or mode == "bicubic" else [None]
        for align in aligns:
            for kind, values in (("size", sizes[d]), ("scale", factors[d]), ("recompute", factors[d][1:])):
                for value in values:
                    antis = [False, True] if mode in ("bilinear", "bicubic") else [False]
                    for anti in antis:
                        name = f"i{len(cases)}"
                        cases.append({"name": name, "mode": mode, "align": align, "kind": kind, "value": value, "antialias": anti})
                        kw = {"size": value} if kind == "size" else {"scale_factor": value}
                        add(name, lambda t: F.interpolate(t, mode=mode, align_corners=align, antialias=anti, recompute_scale_factor=True if kind == "recompute" else None, **kw), x)

x = wave((2, 8, 3, 4))
add("shuffle2", lambda t: F.pixel_shuffle(t, 2), x)
add("unshuffle2", lambda t: F.pixel_unshuffle(t, 2), wave((2, 3, 4, 6)))
add("channel_shuffle4", lambda t: torch.nn.ChannelShuffle(4)(t), x)
add("nearest2d", lambda t: torch.nn.UpsamplingNearest2d(scale_factor=3)(t), wave((1, 2, 3, 4)))
add("bilinear2d", lambda t: torch.nn.UpsamplingBilinear2d(scale_factor=2)(t), wave((1, 2, 3, 4)))

pools = []
for d, shape, k, s, p, size in [(1, (2, 3, 9), 2, 2, 0, (9,)), (1, (1, 2, 10), 3, 2, 1, (10,)), (2, (1, 2, 7, 9), 2, 2, 0, (7, 9)), (2, (1, 2, 8, 8), 2, 2, 0, None), (2, (1, 2, 9, 9), 3, 2, 0, (9, 9)), (2, (1, 1, 8, 10), 3, 2, 1, (8, 10)), (3, (1, 2, 5, 4, 6), 2, 2, 0, (5, 4, 6))]:
    x = wave(shape, 2.3)
    pool, unpool = getattr(F, f"max_pool{d}d"), getattr(F, f"max_unpool{d}d")
    y, idx = pool(x, k, s, p, return_indices=True)
    name = f"pool{len(pools)}"
    out[f"{name}/x"], out[f"{name}/idx"], out[f"{name}/pooled"] = x.numpy(), idx.numpy(), y.numpy()
    pools.append({"name": name, "dims": d, "kernel": k, "stride": s, "padding": p, "size": size})
    add(name, lambda t: unpool(t, idx, k, s, p, output_size=size), y)

for align, mode in itertools.product([False, True], ["zeros", "border", "reflection"]):
    grid = (torch.rand(1, 4, 5, 2, dtype=torch.float64) * 3 - 1.5)
    add(f"grid_{mode}_{int(align)}", lambda t, g: F.grid_sample(t, g, mode="bicubic", padding_mode=mode, align_corners=align), wave((1, 2, 5, 6)), grid)


def carafe(x, w, k, groups, s):
    n, c, h, wd = x.shape
    u = F.unfold(x, k, padding=k // 2).view(n, c * k * k, h, wd)
    u = F.interpolate(u, scale_factor=s, mode="nearest").view(n, groups, c // groups, k * k, s * h, s * wd)
    return (u * w.view(n, groups, 1, k * k, s * h, s * wd)).sum(3).view(n, c, s * h, s * wd)


for k, groups, s in ((3, 1, 2), (5, 2, 2), (3, 2, 3)):
    w = F.softmax(wave((2, groups, k * k, 4 * s, 3 * s), 0.9), 2).view(2, groups * k * k, 4 * s, 3 * s)
    add(f"carafe_{k}_{groups}_{s}", lambda t, m: carafe(t, m, k, groups, s), wave((2, 4, 4, 3)), w)


def dysample(x, offset_w, offset_b, scope_w, scope_b, s, g, style, dyscope):
    n, c, h, w = x.shape
    seen = F.pixel_shuffle(x, s) if style == "pl" else x
    o = F.conv2d(seen, offset_w, offset_b)
    o = o * F.conv2d(seen, scope_w, scope_b).sigmoid() * 0.5 if dyscope else o * 0.25
    if style == "pl":
        o = F.pixel_unshuffle(o, s)
    o = o.view(n, 2, g, s, s, h, w)
    ks = (torch.arange(s, dtype=torch.float64) + 0.5 * (1 - s)) / s
    px = o[:, 0] + ks.view(1, 1, 1, s, 1, 1) + torch.arange(w, dtype=torch.float64).view(1, 1, 1, 1, 1, w)
    py = o[:, 1] + ks.view(1, 1, s, 1, 1, 1) + torch.arange(h, dtype=torch.float64).view(1, 1, 1, 1, h, 1)
    px, py = (t.permute(0, 1, 4, 2, 5, 3).reshape(n * g, s * h, s * w) for t in (px, py))
    grid = torch.stack([(2 * px + 1) / w - 1, (2 * py + 1) / h - 1], -1)
    return F.grid_sample(x.reshape(n * g, c // g, h, w), grid, align_corners=False, padding_mode="border").view(n, c, s * h, s * w)


for style, dyscope in itertools.product(["lp", "pl"], [False, True]):
    c, s, g = 8, 2, 4
    ci, co = (c // 4, 2 * g) if style == "pl" else (c, 2 * g * 4)
    weights = [0.3 * wave((co, ci, 1, 1), 0.7), 0.1 * wave((co,), 1.1), 0.2 * wave((co, ci, 1, 1), 1.3), 0.1 * wave((co,), 0.4)]
    used = weights if dyscope else weights[:2]
    add(f"dysample_{style}_{int(dyscope)}", lambda t, *a: dysample(t, *a, *([None, None] if len(a) == 2 else []), s, g, style, dyscope), wave((1, c, 4, 5), 0.53), *used)
save("upsampling.safetensors", out, {"cases": json.dumps(cases), "pools": json.dumps(pools), "torch": torch.__version__})
print(len(cases))
