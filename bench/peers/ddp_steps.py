"""Steps of PyTorch's DistributedDataParallel over Gloo, with and without its exchange in turns: ddp_steps.py BATCH ROUNDS.

Started by mpirun, which says the rank; the net is that of RankSteps.cs, buckets have 1 MiB, one thread per rank.
"""
import os
import sys
import time

import torch
import torch.distributed as dist
from torch import nn
from torch.nn.parallel import DistributedDataParallel

batch, rounds = int(sys.argv[1]), int(sys.argv[2])
rank, size = int(os.environ["OMPI_COMM_WORLD_RANK"]), int(os.environ["OMPI_COMM_WORLD_SIZE"])
os.environ.setdefault("MASTER_ADDR", "127.0.0.1")
os.environ.setdefault("MASTER_PORT", "29551")
torch.set_num_threads(1)
torch.manual_seed(1)
dist.init_process_group("gloo", rank=rank, world_size=size)
net = nn.Sequential(nn.Linear(64, 1024), nn.ReLU(), nn.Linear(1024, 1024), nn.ReLU(), nn.Linear(1024, 1024), nn.ReLU(), nn.Linear(1024, 10))
# Buckets as views of the gradients save DDP its two copies.
ddp = DistributedDataParallel(net, bucket_cap_mb=1, gradient_as_bucket_view="--views" in sys.argv)
optimizer = torch.optim.AdamW(net.parameters(), lr=1e-3)
x, y = torch.randn(batch, 64), torch.randint(10, (batch,))
times = {"no exchange": [], "during backward": []}
for turn in range(-3, rounds):
    for name in times:
        dist.barrier()
        start = time.perf_counter()
        if name == "no exchange":
            with ddp.no_sync():
                nn.functional.cross_entropy(ddp(x), y).backward()
        else:
            nn.functional.cross_entropy(ddp(x), y).backward()
        if turn >= 0:
            times[name].append((time.perf_counter() - start) * 1e3)
        optimizer.step()
        optimizer.zero_grad(set_to_none=False)
if rank == 0:
    median = {name: sorted(values)[len(values) // 2] for name, values in times.items()}
    best = {name: min(values) for name, values in times.items()}
    how = "buckets are views" if "--views" in sys.argv else "buckets are copies"
    for name in times:
        print(
            f"pytorch {torch.__version__}  mlp  batch {batch}  {name}, {how}: forward and backward {median[name]:.2f} ms (best {best[name]:.2f}), "
            f"exchange {median[name] - median['no exchange']:.2f} ms (best {best[name] - best['no exchange']:.2f})"
        )
