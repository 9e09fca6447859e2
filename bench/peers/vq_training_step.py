# The small VQ-VAE of the research table in PyTorch with vector-quantize-pytorch: one training step, batch 128.
# Run with OPENBLAS_NUM_THREADS=1: OpenBLAS workers that spin slow the convolutions down. Prints "name milliseconds megabytes".
import time

import torch
from torch import nn
from vector_quantize_pytorch import VectorQuantize

torch.manual_seed(1)


class Residual(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.b = nn.Conv2d(64, 32, 3, padding=1), nn.Conv2d(32, 64, 1)

    def forward(self, x):
        return x + self.b(torch.relu(self.a(torch.relu(x))))


encoder = nn.Sequential(nn.Conv2d(1, 32, 4, 2, 1), nn.ReLU(), nn.Conv2d(32, 64, 4, 2, 1), nn.ReLU(), nn.Conv2d(64, 64, 3, padding=1), Residual(), Residual(), nn.ReLU(), nn.Conv2d(64, 64, 1))
decoder = nn.Sequential(nn.Conv2d(64, 64, 3, padding=1), Residual(), Residual(), nn.ReLU(), nn.ConvTranspose2d(64, 32, 4, 2, 1), nn.ReLU(), nn.ConvTranspose2d(32, 1, 4, 2, 1))
vq = VectorQuantize(dim=64, codebook_size=256, decay=0.99, commitment_weight=0.25, rotation_trick=False, accept_image_fmap=True, threshold_ema_dead_code=2)
x = torch.rand(128, 1, 28, 28)
optimizer = torch.optim.Adam([*encoder.parameters(), *decoder.parameters()], 1e-3)
wall = cpu = 1e9
for _ in range(14):
    c, t = time.process_time(), time.perf_counter()
    optimizer.zero_grad()
    q, _, loss = vq(encoder(x))
    (nn.functional.mse_loss(decoder(q), x) / 0.12463 + loss.sum()).backward()
    optimizer.step()
    wall = min(wall, time.perf_counter() - t)
    cpu = min(cpu, time.process_time() - c)
print(f'pytorch-wall {wall * 1e3:.1f} 0')
print(f'pytorch-processor {cpu * 1e3:.1f} 0')
