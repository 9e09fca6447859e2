"""The peers' side of the benchmark flow-steps: one training step per line of input.

Arguments: number of threads. Each line names a scenario; the answer is "wall cpu" in milliseconds, or "missing REASON".
zuko, nflows, normflows and torchdiffeq must be importable. The exact assignment of mini-batch optimal transport is
scipy's linear_sum_assignment followed by torchcfm's way of drawing pairs from the plan (torchcfm takes POT's emd, which is about
twice as fast as scipy's at 256 points).
"""
import math
import sys
import time
import types

import numpy as np
import torch

threads = int(sys.argv[1])
torch.set_num_threads(threads)
torch.manual_seed(0)
rng = np.random.default_rng(0)
x = torch.randn(512, 2)


def step_of(module, loss):
    optimizer = torch.optim.Adam(module.parameters(), lr=1e-3)

    def step():
        optimizer.zero_grad()
        loss().backward()
        optimizer.step()

    return step


def realnvp():
    import zuko

    flow = zuko.flows.RealNVP(2, transforms=8, hidden_features=(128, 128))
    return step_of(flow, lambda: -flow().log_prob(x).mean())


def handwritten():
    nets = torch.nn.ModuleList(torch.nn.Sequential(torch.nn.Linear(1, 128), torch.nn.ReLU(), torch.nn.Linear(128, 128), torch.nn.ReLU(), torch.nn.Linear(128, 2)) for _ in range(8))

    def loss():
        a, b = x.chunk(2, 1)
        log = 0
        for net in nets:
            s, t = net(a).chunk(2, 1)
            s = torch.tanh(s)
            a, b = b * s.exp() + t, a
            log = log + s.sum(1)
        return (0.5 * (a.square() + b.square()).sum(1) + math.log(2 * math.pi) - log).mean()

    return step_of(nets, loss)


def spline_autoregressive():
    import zuko

    flow = zuko.flows.NSF(2, transforms=8, hidden_features=(128, 128))
    return step_of(flow, lambda: -flow().log_prob(x).mean())


def spline_coupling():
    # nflows imports packages that its splines do not need.
    for name in ("UMNN", "matplotlib", "matplotlib.pyplot"):
        module = types.ModuleType(name)
        module.NeuralIntegral = module.ParallelNeuralIntegral = object
        sys.modules.setdefault(name, module)
    from nflows.distributions.normal import StandardNormal
    from nflows.flows.base import Flow
    from nflows.transforms.base import CompositeTransform
    from nflows.transforms.coupling import PiecewiseRationalQuadraticCouplingTransform

    class Net(torch.nn.Sequential):
        def __init__(self, inputs, outputs):
            super().__init__(torch.nn.Linear(inputs, 128), torch.nn.ReLU(), torch.nn.Linear(128, 128), torch.nn.ReLU(), torch.nn.Linear(128, outputs))

        def forward(self, value, context=None):
            return super().forward(value)

    parts = [PiecewiseRationalQuadraticCouplingTransform(torch.tensor([i % 2, 1 - i % 2]), Net, num_bins=8, tails="linear", tail_bound=5.0) for i in range(8)]
    flow = Flow(CompositeTransform(parts), StandardNormal([2]))
    return step_of(flow, lambda: -flow.log_prob(x).mean())


def cnf():
    from torchdiffeq import odeint

    net = torch.nn.Sequential(torch.nn.Linear(3, 64), torch.nn.Softplus(), torch.nn.Linear(64, 64), torch.nn.Softplus(), torch.nn.Linear(64, 64), torch.nn.Softplus(), torch.nn.Linear(64, 2))

    def field(t, state):
        z = state[0].requires_grad_(True)
        v = net(torch.cat([z, t.expand(z.shape[0], 1)], 1))
        divergence = sum(torch.autograd.grad(v[:, i].sum(), z, create_graph=True)[0][:, i] for i in range(2))
        return v, divergence

    def loss():
        z, change = odeint(field, (x.clone(), torch.zeros(512)), torch.tensor([1.0, 0.0]), rtol=1e-5, atol=1e-5, method="dopri5")
        return -(-0.5 * (z[-1] ** 2).sum(1) - math.log(2 * math.pi) + change[-1]).mean()

    return step_of(net, loss)


def otcfm():
    from scipy.optimize import linear_sum_assignment

    net = torch.nn.Sequential(torch.nn.Linear(3, 64), torch.nn.SELU(), torch.nn.Linear(64, 64), torch.nn.SELU(), torch.nn.Linear(64, 64), torch.nn.SELU(), torch.nn.Linear(64, 2))

    def loss():
        # Eight Gaussians to moons, drawn afresh as both sides do.
        angle = torch.randint(0, 8, (256,)) * (math.pi / 4)
        x0 = 5 * torch.stack([angle.cos(), angle.sin()], 1) + torch.randn(256, 2) * 0.1**0.25
        turn = torch.rand(256) * math.pi
        upper = torch.rand(256) < 0.5
        x1 = torch.stack([torch.where(upper, turn.cos(), 1 - turn.cos()), torch.where(upper, turn.sin(), 0.5 - turn.sin())], 1)
        x1 = (x1 + torch.randn(256, 2) * 0.2) * 3 - 1
        rows, columns = linear_sum_assignment(torch.cdist(x0, x1).square().numpy())
        plan = np.zeros((256, 256))
        plan[rows, columns] = 1 / 256
        pairs = rng.choice(256 * 256, p=plan.ravel() / plan.sum(), size=256)
        i, j = np.divmod(pairs, 256)
        x0, x1 = x0[i], x1[j]
        t = torch.rand(256, 1)
        xt = (1 - t) * x0 + t * x1 + 0.1 * torch.randn(256, 2)
        return (net(torch.cat([xt, t], 1)) - (x1 - x0)).square().mean()

    return step_of(net, loss)


def glow():
    import normflows as nf

    levels, steps, width, channels = 3, 8, 128, 3
    bases, merges, flows = [], [], []
    for i in range(levels):
        some = [nf.flows.GlowBlock(channels * 2 ** (levels + 1 - i), width, split_mode="channel", scale=True) for _ in range(steps)]
        flows.append(some + [nf.flows.Squeeze()])
        if i > 0:
            merges.append(nf.flows.Merge())
            shape = (channels * 2 ** (levels - i), 32 // 2 ** (levels - i), 32 // 2 ** (levels - i))
        else:
            shape = (channels * 2 ** (levels + 1), 32 // 2**levels, 32 // 2**levels)
        bases.append(nf.distributions.DiagGaussian(shape))
    model = nf.MultiscaleFlow(bases, flows, merges)
    images = torch.rand(16, 3, 32, 32)
    return step_of(model, lambda: model.forward_kld(images))


SCENARIOS = {
    "realnvp": realnvp,
    "realnvp-handwritten": handwritten,
    "spline-coupling": spline_coupling,
    "spline-autoregressive": spline_autoregressive,
    "cnf": cnf,
    "otcfm": otcfm,
    "glow": glow,
}

made = {}
for line in sys.stdin:
    name = line.strip()
    if name not in made:
        try:
            made[name] = SCENARIOS[name]()
        except Exception as error:  # noqa: BLE001
            made[name] = f"{type(error).__name__}: {error}"
    step = made[name]
    if isinstance(step, str):
        print("missing", step.replace("\n", " "), flush=True)
        continue
    cpu, wall = time.process_time(), time.perf_counter()
    step()
    print(f"{1e3 * (time.perf_counter() - wall):.3f} {1e3 * (time.process_time() - cpu):.3f}", flush=True)
