"""Three updates of soft actor-critic over choices (Christodoulou 2019, equations 10 to 13) by autograd in double precision.

Networks of one hidden layer with ReLU, two critics with slow targets, a learned temperature. The second half of the transitions' observations allow
only some of the choices. Order of an update: critics, policy by the new critics, temperature, targets; all with the temperature of its beginning.
"""
import json
import os

import torch

torch.manual_seed(11)
torch.set_default_dtype(torch.float64)
SIZE, CHOICES, HIDDEN, ROWS, UPDATES = 3, 4, 5, 6, 3
RATE, GAMMA, FOLLOW, SHARE, START = 0.01, 0.9, 0.1, 0.6, 0.3


def rounded(*shape):
    return torch.round(torch.randn(*shape) * 1e4) / 1e4


def network():
    weights = {
        "layers.0.weight": rounded(HIDDEN, SIZE),
        "layers.0.bias": rounded(HIDDEN),
        "layers.1.weight": rounded(CHOICES, HIDDEN),
        "layers.1.bias": rounded(CHOICES),
    }
    return {key: value.requires_grad_() for key, value in weights.items()}


def forward(net, x):
    hidden = torch.relu(x @ net["layers.0.weight"].T + net["layers.0.bias"])
    return hidden @ net["layers.1.weight"].T + net["layers.1.bias"]


def chances(net, x, mask):
    logits = forward(net, x).masked_fill(~mask, -torch.inf)
    logs = logits.log_softmax(-1)
    # What is not allowed has no chance, and counts as 0 in sums of p log p.
    return logs.exp(), logs.masked_fill(~mask, 0.0)


def listed(net):
    return {key: value.detach().flatten().tolist() for key, value in net.items()}


def gradients(net):
    return {key: value.grad.flatten().tolist() for key, value in net.items()}


def masks():
    mask = torch.ones(ROWS, CHOICES, dtype=torch.bool)
    for row in range(ROWS // 2, ROWS):
        mask[row] = torch.randperm(CHOICES) < (row - ROWS // 2 + 1)
    return mask


policy, critics, targets = network(), [network(), network()], [network(), network()]
log_temperature = torch.tensor(START).log().requires_grad_()
out = {
    "made_with": f"PyTorch {torch.__version__}",
    "options": {"rate": RATE, "follow": FOLLOW, "share": SHARE, "start": START, "hidden": HIDDEN, "rows": ROWS},
    "policy": listed(policy),
    "critics": [listed(c) for c in critics],
    "targets": [listed(t) for t in targets],
    "updates": [],
}
of_critics = torch.optim.Adam([p for c in critics for p in c.values()], lr=RATE)
of_policy = torch.optim.Adam(list(policy.values()), lr=RATE)
of_temperature = torch.optim.Adam([log_temperature], lr=RATE)
for update in range(UPDATES):
    here, after = rounded(ROWS, SIZE), rounded(ROWS, SIZE)
    mask, next_mask = masks(), masks()[torch.randperm(ROWS)]
    actions = torch.multinomial(mask.double(), 1).squeeze(1)
    returns, ended = rounded(ROWS), torch.rand(ROWS) < 0.3
    discounts = torch.where(ended, 0.0, GAMMA)
    temperature = log_temperature.exp().detach()
    with torch.no_grad():
        p, logs = chances(policy, after, next_mask)
        least = torch.minimum(forward(targets[0], after), forward(targets[1], after))
        goal = returns + discounts * (p * (least - temperature * logs)).sum(-1)
    loss = sum(0.5 * (forward(c, here).gather(1, actions[:, None]).squeeze(1) - goal).square().mean() for c in critics)
    of_critics.zero_grad()
    loss.backward()
    by_critics = [gradients(c) for c in critics]
    of_critics.step()
    p, logs = chances(policy, here, mask)
    with torch.no_grad():
        least = torch.minimum(forward(critics[0], here), forward(critics[1], here))
    policy_loss = (p * (temperature * logs - least)).sum(-1).mean()
    of_policy.zero_grad()
    policy_loss.backward()
    by_policy = gradients(policy)
    of_policy.step()
    wanted = SHARE * mask.sum(-1).double().log()
    surprise = (p * logs).sum(-1).detach()
    temperature_loss = (-log_temperature * (surprise + wanted)).mean()
    of_temperature.zero_grad()
    temperature_loss.backward()
    of_temperature.step()
    with torch.no_grad():
        for target, critic in zip(targets, critics):
            for key in target:
                target[key].lerp_(critic[key], FOLLOW)
    out["updates"].append({
        "here": here.flatten().tolist(), "next": after.flatten().tolist(), "mask": mask.flatten().tolist(), "next_mask": next_mask.flatten().tolist(),
        "actions": actions.tolist(), "returns": returns.tolist(), "discounts": discounts.tolist(), "loss": loss.item(),
        "policy_loss": policy_loss.item(), "entropy": -surprise.mean().item(), "temperature": temperature.item(),
        "temperature_loss": temperature_loss.item(), "by_critics": by_critics, "by_policy": by_policy,
    })
out["after"] = {"policy": listed(policy), "critics": [listed(c) for c in critics], "targets": [listed(t) for t in targets],
                "temperature": log_temperature.exp().item()}
with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "discrete_sac.json"), "w") as file:
    json.dump(out, file, indent=None, separators=(",", ":"))
