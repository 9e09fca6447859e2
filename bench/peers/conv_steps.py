"""PyTorch's side of the benchmark of convolutional nets: one forward and backward of the classifier, weights and pictures with channels last, for
every line read; milliseconds of wall and of processor time as answer. Argument: threads."""
import sys
import time

import torch
from torch import nn

torch.set_num_threads(int(sys.argv[1]))
layers, width = [], 3
for wide in (32, 64, 128):
    for _ in range(2):
        layers += [nn.Conv2d(width, wide, 3, padding=1, bias=False), nn.BatchNorm2d(wide), nn.ReLU()]
        width = wide
    layers.append(nn.MaxPool2d(2))
net = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(width, 10)).to(memory_format=torch.channels_last)
pictures = torch.rand(64, 3, 32, 32).contiguous(memory_format=torch.channels_last)
for line in sys.stdin:
    begin, cpu = time.perf_counter(), time.process_time()
    net.zero_grad()
    net(pictures).square().mean().backward()
    print((time.perf_counter() - begin) * 1e3, (time.process_time() - cpu) * 1e3, flush=True)
