"""DQN on CartPole as CleanRL's and Stable-Baselines3's loops do it: Gymnasium's environment, a replay buffer of NumPy arrays, PyTorch for the network.

A plain loop written for this comparison; Stable-Baselines3 itself adds callbacks, loggers and wrappers on top and is slower.
usage: PYTHONPATH=<gymnasium> rl_dqn_cartpole.py cleanrl|zoo STEPS. Prints steps/s in CPU seconds. Set OPENBLAS_NUM_THREADS=1.
"""
import random
import sys
import time

import gymnasium as gym
import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

kind, steps = sys.argv[1], int(sys.argv[2])
zoo = kind == "zoo"
torch.set_num_threads(1)
torch.manual_seed(1)
rng = np.random.default_rng(1)
random.seed(1)
hidden, batch, capacity, starts = ([256, 256], 64, 100_000, 1000) if zoo else ([120, 84], 128, 10_000, 10_000)
every, updates, target_every, rate = (256, 128, 10, 2.3e-3) if zoo else (10, 1, 500, 2.5e-4)
end, decay = (0.04, 8000) if zoo else (0.05, 250_000)


def net():
    widths = [4, *hidden, 2]
    layers = []
    for i in range(len(widths) - 1):
        layers.append(nn.Linear(widths[i], widths[i + 1]))
        if i + 2 < len(widths):
            layers.append(nn.ReLU())
    return nn.Sequential(*layers)


env = gym.make("CartPole-v1")
online, target = net(), net()
target.load_state_dict(online.state_dict())
optimizer = torch.optim.Adam(online.parameters(), lr=rate, fused=True)
obs_buffer = np.zeros((capacity, 4), np.float32)
next_buffer = np.zeros((capacity, 4), np.float32)
action_buffer = np.zeros(capacity, np.int64)
reward_buffer = np.zeros(capacity, np.float32)
done_buffer = np.zeros(capacity, np.float32)
size = at = done_updates = 0


def learn():
    rows = rng.integers(0, size, batch)
    here, following = torch.from_numpy(obs_buffer[rows]), torch.from_numpy(next_buffer[rows])
    actions, rewards, dones = (torch.from_numpy(b[rows]) for b in (action_buffer, reward_buffer, done_buffer))
    with torch.no_grad():
        goal = rewards + 0.99 * (1 - dones) * target(following).max(1).values
    value = online(here).gather(1, actions.unsqueeze(1)).squeeze(1)
    loss = F.smooth_l1_loss(value, goal) if zoo else F.mse_loss(value, goal)
    optimizer.zero_grad()
    loss.backward()
    if zoo:
        nn.utils.clip_grad_norm_(online.parameters(), 10)
    optimizer.step()


began, wall = time.process_time(), time.perf_counter()
obs, _ = env.reset(seed=1)
for step in range(1, steps + 1):
    epsilon = max(end, 1 - (1 - end) * step / decay)
    if step <= starts or random.random() < epsilon:
        action = random.randrange(2)
    else:
        with torch.no_grad():
            action = int(online(torch.from_numpy(obs).unsqueeze(0)).argmax())
    following, reward, terminated, truncated, _ = env.step(action)
    obs_buffer[at], next_buffer[at], action_buffer[at], reward_buffer[at], done_buffer[at] = obs, following, action, reward, terminated
    at, size = (at + 1) % capacity, min(size + 1, capacity)
    obs = env.reset()[0] if terminated or truncated else following
    if step > starts and step % every == 0:
        for _ in range(updates):
            learn()
            done_updates += 1
    if step % target_every == 0:
        target.load_state_dict(online.state_dict())
cpu = time.process_time() - began
print(f"{kind}: {steps} steps, {done_updates} updates, {cpu:.2f} CPU s, {time.perf_counter() - wall:.2f} wall s, {steps / cpu:.0f} steps/s", flush=True)
