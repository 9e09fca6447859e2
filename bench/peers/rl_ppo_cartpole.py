"""PPO on CartPole as a plain PyTorch loop over Gymnasium, with rl-zoo3's settings: CPU seconds of 100,000 steps.

Needs torch, gymnasium and NumPy. The other side: dotnet run -c Release --project bench/Cresset.Benchmarks -- rl-ppo-cartpole
"""
import sys
import time
import warnings
from collections import deque

import gymnasium as gym
import numpy as np
import torch
from torch import nn

warnings.filterwarnings("ignore")
torch.set_num_threads(1)
COPIES, ROLLOUT, EPOCHS, STEPS, GAMMA, LAMBDA, CLIP = 8, 32, 20, 100_000, 0.98, 0.8, 0.2


def network(outputs):
    return nn.Sequential(nn.Linear(4, 64), nn.Tanh(), nn.Linear(64, 64), nn.Tanh(), nn.Linear(64, outputs))


def run(seed):
    torch.manual_seed(seed)
    envs = gym.vector.SyncVectorEnv([lambda: gym.make("CartPole-v1", disable_env_checker=True)] * COPIES, autoreset_mode=gym.vector.AutoresetMode.SAME_STEP)
    actor, critic = network(2), network(1)
    with torch.no_grad():
        actor[-1].weight *= 0.01
        actor[-1].bias *= 0.01
    parameters = [*actor.parameters(), *critic.parameters()]
    optimizer = torch.optim.Adam(parameters, lr=1e-3, eps=1e-5, fused=True)
    obs = torch.zeros(ROLLOUT, COPIES, 4)
    actions = torch.zeros(ROLLOUT, COPIES, dtype=torch.long)
    log_probs, rewards, values, following, ended = (torch.zeros(ROLLOUT, COPIES) for _ in range(5))
    state = torch.as_tensor(envs.reset(seed=seed)[0])
    running, recent, solved, step = np.zeros(COPIES), deque(maxlen=100), None, 0
    before = time.process_time()
    while step < STEPS:
        for group in optimizer.param_groups:
            group["lr"] = 1e-3 * (1 - step / STEPS)
        for t in range(ROLLOUT):
            with torch.no_grad():
                d = torch.distributions.Categorical(logits=actor(state))
                obs[t], actions[t] = state, d.sample()
                log_probs[t], values[t] = d.log_prob(actions[t]), critic(state)[:, 0]
            if t > 0:
                following[t - 1] = torch.where(ended[t - 1] > 0, following[t - 1], values[t])
            seen, reward, terminated, truncated, info = envs.step(actions[t].numpy())
            done = terminated | truncated
            rewards[t], ended[t] = torch.as_tensor(reward, dtype=torch.float32), torch.as_tensor(done, dtype=torch.float32)
            following[t] = 0
            if truncated.any():
                with torch.no_grad():
                    for i in np.flatnonzero(truncated & ~terminated):
                        following[t, i] = critic(torch.as_tensor(info["final_obs"][i]))[0]
            running += reward
            for i in np.flatnonzero(done):
                recent.append(running[i])
                running[i] = 0
            state = torch.as_tensor(seen)
            step += COPIES
        with torch.no_grad():
            following[-1] = torch.where(ended[-1] > 0, following[-1], critic(state)[:, 0])
            advantages, last = torch.zeros(ROLLOUT, COPIES), torch.zeros(COPIES)
            for t in reversed(range(ROLLOUT)):
                last = rewards[t] + GAMMA * following[t] - values[t] + GAMMA * LAMBDA * (1 - ended[t]) * last
                advantages[t] = last
        x, a, old, adv = obs.reshape(-1, 4), actions.reshape(-1), log_probs.reshape(-1), advantages.reshape(-1)
        returns = adv + values.reshape(-1)
        adv = (adv - adv.mean()) / (adv.std() + 1e-8)
        for _ in range(EPOCHS):
            d = torch.distributions.Categorical(logits=actor(x), validate_args=False)
            ratio = (d.log_prob(a) - old).exp()
            loss = -torch.min(ratio * adv, ratio.clamp(1 - CLIP, 1 + CLIP) * adv).mean() + 0.5 * ((critic(x)[:, 0] - returns) ** 2).mean()
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(parameters, 0.5)
            optimizer.step()
        if solved is None and len(recent) == 100 and np.mean(recent) >= 475:
            solved = step
    seconds = time.process_time() - before
    print(f"seed {seed}  {seconds:.2f} CPU s  {step / seconds:.0f} steps/s  mean of 100 >= 475 at {solved or '-'}", flush=True)


for s in range(int(sys.argv[1]) if len(sys.argv) > 1 else 1):
    run(s)
