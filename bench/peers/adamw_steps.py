"""PyTorch's side of the optimizer benchmark: one step for every line read, its milliseconds of wall and of processor time as answer.
Arguments: scenario (big, small, pipeline), threads, sizes separated by commas."""
import sys
import time

import torch

scenario, threads, sizes = sys.argv[1], int(sys.argv[2]), [int(s) for s in sys.argv[3].split(",")]
torch.set_num_threads(threads)


def weights():
    params = [torch.nn.Parameter(torch.randn(n)) for n in sizes]
    for p in params:
        p.grad = torch.randn(p.numel())
    return params


sides = {}
for kind in ["fused"] if scenario == "pipeline" else ["fused", "foreach"]:
    params = weights()
    sides[kind] = (params, torch.optim.AdamW(params, fused=kind == "fused", foreach=kind == "foreach"))
shadow = [p.detach().clone() for p in sides["fused"][0]]

for line in sys.stdin:
    params, optimizer = sides[line.strip()]
    begin, cpu = time.perf_counter(), time.process_time()
    if scenario == "pipeline":
        torch.nn.utils.clip_grad_norm_(params, 1.0, foreach=True)
    optimizer.step()
    if scenario == "pipeline":
        with torch.no_grad():
            torch._foreach_lerp_(shadow, [p.detach() for p in params], 0.001)
    print((time.perf_counter() - begin) * 1e3, (time.process_time() - cpu) * 1e3, flush=True)
