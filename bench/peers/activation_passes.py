"""PyTorch's side of the activation benchmark: one forward and backward for every line read (its name), the milliseconds of wall and of processor
time as answer. Arguments: threads, number of elements."""
import sys
import time

import torch
import torch.nn.functional as F

threads, count = int(sys.argv[1]), int(sys.argv[2])
torch.set_num_threads(threads)
a, b = (torch.randn(count, requires_grad=True) for _ in range(2))
g = torch.randn(count)
passes = {
    "swiglu": lambda: F.silu(a) * b,
    "mish": lambda: F.mish(a),
    "gelu_tanh": lambda: F.gelu(a, approximate="tanh"),
    "gelu": lambda: F.gelu(a),
    "silu": lambda: F.silu(a),
    "relu2": lambda: F.relu(a).square(),
}
for line in sys.stdin:
    name = line.strip()
    begin, cpu = time.perf_counter(), time.process_time()
    torch.autograd.grad([passes[name]()], [a, b] if name == "swiglu" else [a], [g])
    print((time.perf_counter() - begin) * 1e3, (time.process_time() - cpu) * 1e3, flush=True)
