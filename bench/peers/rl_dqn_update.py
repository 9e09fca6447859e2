"""One DQN update in PyTorch: target values, loss, gradients, clipping, Adam. Timed in CPU seconds on request.

usage: rl_dqn_update.py HIDDEN BATCH REPEAT, then one line a request on standard input: fused or plain.
Answers "wall_ms cpu_ms" of REPEAT updates. Set OPENBLAS_NUM_THREADS=1: one thread is fastest for nets of this size.
"""
import sys
import time

import torch
import torch.nn as nn
import torch.nn.functional as F

hidden = [int(w) for w in sys.argv[1].split(",")]
batch, repeat = int(sys.argv[2]), int(sys.argv[3])
torch.set_num_threads(1)
torch.manual_seed(1)


def net():
    widths = [4, *hidden, 2]
    layers = []
    for i in range(len(widths) - 1):
        layers.append(nn.Linear(widths[i], widths[i + 1]))
        if i + 2 < len(widths):
            layers.append(nn.ReLU())
    return nn.Sequential(*layers)


online, target = net(), net()
target.load_state_dict(online.state_dict())
optimizers = {
    "fused": torch.optim.Adam(online.parameters(), lr=1e-4, fused=True),
    "plain": torch.optim.Adam(online.parameters(), lr=1e-4),
}
here, following = torch.randn(batch, 4), torch.randn(batch, 4)
actions = torch.randint(0, 2, (batch, 1))
rewards, discounts = torch.ones(batch), 0.99 * (torch.rand(batch) > 0.1).float()


def update(optimizer):
    with torch.no_grad():
        goal = rewards + discounts * target(following).max(1).values
    loss = F.mse_loss(online(here).gather(1, actions).squeeze(1), goal)
    optimizer.zero_grad()
    loss.backward()
    nn.utils.clip_grad_norm_(online.parameters(), 10)
    optimizer.step()
    return loss.item()


for line in sys.stdin:
    optimizer = optimizers[line.strip()]
    wall, cpu = time.perf_counter(), time.process_time()
    for _ in range(repeat):
        update(optimizer)
    print((time.perf_counter() - wall) * 1e3, (time.process_time() - cpu) * 1e3, flush=True)
