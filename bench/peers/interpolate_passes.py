"""PyTorch's side of the upsampling benchmark: one forward and backward for every line read (its name), the milliseconds of wall and of processor
time as answer. Argument: threads."""
import sys
import time

import torch
import torch.nn.functional as F

torch.set_num_threads(int(sys.argv[1]))
x = torch.randn(8, 32, 128, 128, requires_grad=True)
wide = torch.randn(8, 128, 128, 128, requires_grad=True)
g = torch.randn(8, 32, 256, 256)
passes = {
    "nearest": lambda: F.interpolate(x, scale_factor=2),
    "nearest-exact": lambda: F.interpolate(x, scale_factor=2, mode="nearest-exact"),
    "bilinear": lambda: F.interpolate(x, scale_factor=2, mode="bilinear"),
    "bilinear-aligned": lambda: F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=True),
    "bilinear-antialias": lambda: F.interpolate(x, scale_factor=2, mode="bilinear", antialias=True),
    "bicubic": lambda: F.interpolate(x, scale_factor=2, mode="bicubic"),
    "area": lambda: F.interpolate(x, scale_factor=2, mode="area"),
    "pixel-shuffle": lambda: F.pixel_shuffle(wide, 2),
}
for line in sys.stdin:
    name = line.strip()
    begin, cpu = time.perf_counter(), time.process_time()
    torch.autograd.grad([passes[name]()], [wide if name == "pixel-shuffle" else x], [g])
    print((time.perf_counter() - begin) * 1e3, (time.process_time() - cpu) * 1e3, flush=True)
