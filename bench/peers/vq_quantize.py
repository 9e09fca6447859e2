# vector-quantize-pytorch: forward, moving-average update and input gradient of one codebook.
# usage: vq_quantize.py N K    prints "name milliseconds megabytes" for wall and processor time
import resource
import sys
import time

import torch
from vector_quantize_pytorch import VectorQuantize

n, k = int(sys.argv[1]), int(sys.argv[2])
torch.manual_seed(1)
torch.set_num_threads(2)
vq = VectorQuantize(dim=64, codebook_size=k, decay=0.99, commitment_weight=0.25, rotation_trick=False)
vq.train()
x = torch.randn(1, n, 64, requires_grad=True)
w = torch.randn(1, n, 64)


def step():
    q, _, loss = vq(x)
    torch.autograd.grad((q * w).sum() + loss.sum(), [x])


def peak():
    return int(next(l for l in open('/proc/self/status') if l.startswith('VmHWM')).split()[1]) / 1024


base = peak()
step()
wall = cpu = 1e9
for _ in range(3):
    c, t = time.process_time(), time.perf_counter()
    step()
    wall = min(wall, time.perf_counter() - t)
    cpu = min(cpu, time.process_time() - c)
print(f'vqp-wall {wall * 1e3:.1f} {peak() - base:.0f}')
print(f'vqp-processor {cpu * 1e3:.1f} {peak() - base:.0f}')
