"""PyTorch's side of the benchmark of small calls: for every line read (a case, with + for backward) so many calls, their milliseconds of wall and
of processor time as answer. Arguments: number of elements, calls."""
import sys
import time

import torch
import torch.nn.functional as F

count, calls = int(sys.argv[1]), int(sys.argv[2])
torch.set_num_threads(1)
a, b = (torch.randn(count, requires_grad=True) for _ in range(2))
packed = torch.randn(16, count // 8, requires_grad=True)
g, packed_g = torch.randn(count), torch.randn(16, count // 16)


def packed_swiglu():
    gate, value = packed.chunk(2, -1)
    return F.silu(gate) * value


cases = {
    "silu": ([a], g, lambda: F.silu(a)),
    "gelu": ([a], g, lambda: F.gelu(a)),
    "gelu_tanh": ([a], g, lambda: F.gelu(a, approximate="tanh")),
    "swiglu": ([a, b], g, lambda: F.silu(a) * b),
    "swiglu_packed": ([packed], packed_g, packed_swiglu),
}
for line in sys.stdin:
    name = line.strip()
    inputs, gradient, forward = cases[name.rstrip("+")]
    begin, cpu = time.perf_counter(), time.process_time()
    if name.endswith("+"):
        for _ in range(calls):
            torch.autograd.grad([forward()], inputs, [gradient])
    else:
        with torch.no_grad():
            for _ in range(calls):
                forward()
    print((time.perf_counter() - begin) * 1e3, (time.process_time() - cpu) * 1e3, flush=True)
