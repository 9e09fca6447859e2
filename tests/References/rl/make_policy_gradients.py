"""Writes policy_gradients.json: losses and gradients of PPO and A2C, Adam steps, GAE and densities by PyTorch autograd. Needs torch and NumPy."""
import json

import numpy as np
import torch
from torch import nn

torch.manual_seed(0)
ROWS, INPUTS, HIDDEN = 24, 4, 8


def mlp(outputs):
    return nn.Sequential(nn.Linear(INPUTS, HIDDEN), nn.Tanh(), nn.Linear(HIDDEN, HIDDEN), nn.Tanh(), nn.Linear(HIDDEN, outputs))


def numbers(x):
    return [float(v) for v in x.detach().reshape(-1)]


def layers(net):
    return [{"weight": numbers(m.weight), "bias": numbers(m.bias)} for m in net if isinstance(m, nn.Linear)]


def gradients(net):
    return [{"weight": numbers(m.weight.grad), "bias": numbers(m.bias.grad)} for m in net if isinstance(m, nn.Linear)]


def case(continuous, clip, value_clip, normalize, entropy_coefficient, steps, rate, clip_norm, beta1, beta2):
    actor, critic = mlp(2 if continuous else 3), mlp(1)
    log_std = nn.Parameter(torch.tensor([-0.3, 0.2])) if continuous else None
    out = {"continuous": continuous, "clip": clip, "value_clip": value_clip, "normalize": normalize, "entropy_coefficient": entropy_coefficient,
           "learning_rate": rate, "clip_norm": clip_norm, "beta1": beta1, "beta2": beta2, "policy": layers(actor), "value": layers(critic)}
    x = torch.randn(ROWS, INPUTS)
    actions = torch.randn(ROWS, 2) if continuous else torch.randint(0, 3, (ROWS,))

    def distribution():
        raw = actor(x)
        return torch.distributions.Independent(torch.distributions.Normal(raw, log_std.exp()), 1) if continuous else torch.distributions.Categorical(logits=raw)

    old = distribution().log_prob(actions).detach() + 0.25 * torch.randn(ROWS)
    old_values = critic(x).detach()[:, 0] + 0.3 * torch.randn(ROWS)
    returns, advantages = 2 * torch.randn(ROWS), 3 * torch.randn(ROWS) + 1
    out.update(observations=numbers(x), actions=numbers(actions.float()), log_probs=numbers(old), values=numbers(old_values), returns=numbers(returns), advantages=numbers(advantages), log_std=numbers(log_std) if continuous else [])
    parameters = [*actor.parameters(), *critic.parameters()] + ([log_std] if continuous else [])
    optimizer = torch.optim.Adam(parameters, lr=rate, eps=1e-5, betas=(beta1, beta2))
    for step in range(steps):
        a = (advantages - advantages.mean()) / (advantages.std() + 1e-8) if normalize else advantages
        d = distribution()
        log_prob = d.log_prob(actions)
        ratio = (log_prob - old).exp()
        policy_loss = -torch.min(ratio * a, ratio.clamp(1 - clip, 1 + clip) * a).mean() if clip else -(log_prob * a).mean()
        value = critic(x)[:, 0]
        squares = (value - returns) ** 2
        if value_clip:
            squares = torch.max(squares, (old_values + (value - old_values).clamp(-value_clip, value_clip) - returns) ** 2)
        value_loss = squares.mean()
        entropy = d.entropy().mean()
        loss = policy_loss + 0.5 * value_loss - entropy_coefficient * entropy
        optimizer.zero_grad()
        loss.backward()
        if step == 0:
            out.update(policy_loss=float(policy_loss), value_loss=float(value_loss), entropy=float(entropy), kl=float(((ratio - 1) - (log_prob - old)).mean()),
                       clipped=float(((ratio - 1).abs() > clip).float().mean()) if clip else 0.0,
                       policy_gradient=gradients(actor), value_gradient=gradients(critic), log_std_gradient=numbers(log_std.grad) if continuous else [])
        norm = nn.utils.clip_grad_norm_(parameters, clip_norm)
        if step == 0:
            out["norm"] = float(norm)
        optimizer.step()
    out.update(steps=steps, policy_after=layers(actor), value_after=layers(critic), log_std_after=numbers(log_std) if continuous else [])
    return out


def gae(count, gamma, lam):
    rng = np.random.default_rng(3)
    rewards, values, following = rng.normal(size=count), rng.normal(size=count), rng.normal(size=count)
    terminated, truncated = rng.random(count) < 0.15, rng.random(count) < 0.15
    # By the definition: the sum of discounted errors up to the end of the episode (or of the stretch).
    errors = rewards + gamma * following * (1 - terminated) - values
    advantages = []
    for t in range(count):
        total, weight = 0.0, 1.0
        for k in range(t, count):
            total += weight * errors[k]
            weight *= gamma * lam
            if terminated[k] or truncated[k]:
                break
        advantages.append(total)
    return {"gamma": gamma, "lambda": lam, "rewards": rewards.tolist(), "values": values.tolist(), "next_values": following.tolist(),
            "terminated": [bool(x) for x in terminated], "truncated": [bool(x) for x in truncated], "advantages": advantages}


with open("policy_gradients.json", "w") as f:
    json.dump({
        "made_with": "PyTorch " + torch.__version__ + ", NumPy " + np.__version__,
        "ppo_discrete": case(False, 0.2, 0.0, True, 0.01, 3, 1e-2, 0.5, 0.9, 0.999),
        "ppo_value_clip": case(False, 0.1, 0.2, True, 0.0, 3, 1e-2, 0.5, 0.9, 0.999),
        "ppo_continuous": case(True, 0.2, 0.0, True, 0.02, 3, 1e-2, 0.5, 0.9, 0.999),
        "a2c_discrete": case(False, 0.0, 0.0, False, 0.01, 3, 1e-3, 0.5, 0.0, 0.99),
        "gae": [gae(40, 0.99, 0.95), gae(25, 0.9, 1.0), gae(25, 0.9, 0.0)],
    }, f)
