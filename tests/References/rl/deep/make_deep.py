"""Reference values of the DQN family from PyTorch (autograd, float64 where nothing else is said), written to standard output.

Plain definitions, nothing vectorised that need not be: the projection of C51 goes atom by atom, the quantile loss pair by pair.
"""
import json
import sys

import torch
import torch.nn as nn
import torch.nn.functional as F

torch.set_default_dtype(torch.float64)
torch.manual_seed(20)
out = {}


def rnd(*shape):
    return torch.randn(*shape)


def project(ret, discount, p, low, high):
    n = len(p)
    dz = (high - low) / (n - 1)
    m = [0.0] * n
    for j in range(n):
        z = min(max(ret + discount * (low + j * dz), low), high)
        for k in range(n):
            m[k] += p[j] * max(0.0, 1.0 - abs(z - (low + k * dz)) / dz)
    return m


out["projection"] = []
for n, low, high in [(5, -2.0, 2.0), (11, -10.0, 10.0), (51, -10.0, 10.0)]:
    for ret, discount in [(0.3, 0.97), (1.0, 0.0), (-20.0, 0.9), (20.0, 0.9), (0.0, 1.0), (low + 1 * (high - low) / (n - 1), 0.0)]:
        p = torch.softmax(rnd(n), 0).tolist()
        out["projection"].append(dict(low=low, high=high, ret=ret, discount=discount, probabilities=p, projected=project(ret, discount, p, low, high)))

out["cross_entropy"] = []
for n in [5, 51]:
    logits = (3 * rnd(n)).requires_grad_()
    target = torch.softmax(rnd(n), 0)
    loss = -(target * torch.log_softmax(logits, 0)).sum()
    loss.backward()
    out["cross_entropy"].append(dict(logits=logits.tolist(), target=target.tolist(), loss=loss.item(), gradient=logits.grad.tolist()))

out["quantile"] = []
for n, m, kappa in [(5, 5, 1.0), (8, 3, 0.5), (51, 51, 1.0)]:
    theta = (2 * rnd(n)).requires_grad_()
    goal = 2 * rnd(m)
    loss = 0
    for i in range(n):
        tau = (2 * i + 1) / (2 * n)
        for j in range(m):
            u = goal[j] - theta[i]
            loss = loss + abs(tau - float(u.item() < 0)) * F.huber_loss(theta[i], goal[j], delta=kappa) / kappa / m
    loss.backward()
    out["quantile"].append(dict(predicted=theta.tolist(), target=goal.tolist(), kappa=kappa, loss=loss.item(), gradient=theta.grad.tolist()))

out["targets"] = []
for _ in range(4):
    a = 4
    here, online, target = rnd(a), rnd(a), rnd(a)
    ret, discount, action = rnd(1).item(), 0.9, 2
    for tau in [0.03, 0.5]:
        logpi = F.log_softmax(here / tau, 0)
        logpi2 = F.log_softmax(target / tau, 0)
        bonus = min(max((tau * logpi[action]).item(), -1.0), 0.0)
        soft = (logpi2.exp() * (target - tau * logpi2)).sum().item()
        out["targets"].append(dict(
            here=here.tolist(), online=online.tolist(), target=target.tolist(), ret=ret, discount=discount, action=action, tau=tau,
            dqn=ret + discount * target.max().item(), double=ret + discount * target[online.argmax()].item(),
            munchausen=ret + 0.9 * bonus + discount * soft))

# Q(lambda) forwards: the weighted sum of n-step returns, each written out.
rewards, values = rnd(9), rnd(9)
terminated = [False, False, False, True, False, False, False, False, False]
truncated = [False, False, False, False, False, False, True, False, False]
gamma, lam = 0.93, 0.65
returns = []
for t in range(9):
    total, weight, sum_r, disc = 0.0, 1.0, 0.0, 1.0
    for k in range(t, 9):
        sum_r += disc * rewards[k].item()
        disc *= gamma
        if terminated[k]:
            total += weight * sum_r
            break
        here = sum_r + disc * values[k].item()
        if truncated[k] or k == 8:
            total += weight * here
            break
        total += weight * (1 - lam) * here
        weight *= lam
    returns.append(total)
out["lambda"] = dict(rewards=rewards.tolist(), values=values.tolist(), terminated=terminated, truncated=truncated, gamma=gamma, lam=lam, returns=returns)

# A trace of twelve float32 updates: the network, Adam and clipping of PyTorch.
torch.set_default_dtype(torch.float32)
torch.manual_seed(21)
sizes = [4, 20, 12, 2]


def net(norm):
    layers = []
    for i in range(3):
        layers.append(nn.Linear(sizes[i], sizes[i + 1]))
        if i < 2:
            if norm:
                layers.append(nn.LayerNorm(sizes[i + 1]))
            layers.append(nn.ReLU())
    return nn.Sequential(*layers)


def dump(model):
    state, linear, norm = {}, 0, 0
    for layer in model:
        if isinstance(layer, nn.Linear):
            state[f"layers.{linear}.weight"] = layer.weight.flatten().tolist()
            state[f"layers.{linear}.bias"] = layer.bias.tolist()
            linear += 1
        if isinstance(layer, nn.LayerNorm):
            state[f"norms.{norm}.weight"] = layer.weight.tolist()
            state[f"norms.{norm}.bias"] = layer.bias.tolist()
            norm += 1
    return state


out["traces"] = []
for name, norm, double, loss_kind in [("dqn", False, False, "huber"), ("double", False, True, "squared"), ("normalized", True, False, "squared")]:
    online, target = net(norm), net(norm)
    target.load_state_dict(online.state_dict())
    optimizer = torch.optim.Adam(online.parameters(), lr=3e-3, eps=1e-8)
    trace = dict(name=name, layer_norm=norm, double=double, loss=loss_kind, start=dump(online), batches=[], losses=[], norms=[])
    for step in range(12):
        here, following = torch.randn(16, 4), torch.randn(16, 4)
        actions = torch.randint(0, 2, (16,))
        returns, discounts = 5 * torch.randn(16), 0.99 * (torch.rand(16) > 0.2).float()
        weights = torch.rand(16) * 0.9 + 0.1
        with torch.no_grad():
            q = target(following)
            best = (online(following) if double else q).argmax(1)
            goal = returns + discounts * q.gather(1, best.unsqueeze(1)).squeeze(1)
        value = online(here).gather(1, actions.unsqueeze(1)).squeeze(1)
        each = F.huber_loss(value, goal, reduction="none") if loss_kind == "huber" else (value - goal) ** 2
        loss = (weights * each).mean()
        optimizer.zero_grad()
        loss.backward()
        trace["norms"].append(nn.utils.clip_grad_norm_(online.parameters(), 2.0).item())
        optimizer.step()
        if step % 5 == 4:
            with torch.no_grad():
                for t, o in zip(target.parameters(), online.parameters()):
                    t.add_(0.5 * (o - t))
        trace["losses"].append(loss.item())
        trace["batches"].append(dict(here=here.flatten().tolist(), next=following.flatten().tolist(), actions=actions.tolist(), returns=returns.tolist(), discounts=discounts.tolist(), weights=weights.tolist()))
    trace["end"] = dump(online)
    out["traces"].append(trace)

json.dump(out, sys.stdout)
