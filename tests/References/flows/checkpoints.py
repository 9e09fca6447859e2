"""Checkpoints of small flows as nflows, zuko, normflows, FrEIA and glow-pytorch write them, and their values on a few points.

Run with the sources of the five packages on the path (PyTorch 1.13 or later):
    PYTHONPATH=nflows:zuko:normalizing-flows:FrEIA:glow-pytorch python3 checkpoints.py checkpoints
Each NAME.pt is torch.save(model.state_dict()); values.safetensors holds NAME.x, NAME.c (where there is a context), NAME.z and NAME.log_prob.
"""
import json
import math
import struct
import sys
from unittest.mock import MagicMock

import torch

# The packages import these for parts that are not used here.
for name in ("UMNN", "matplotlib", "matplotlib.pyplot", "scipy", "scipy.stats", "scipy.special", "tqdm", "larsflow", "residual_flows", "h5py", "sklearn", "pandas"):
    sys.modules.setdefault(name, MagicMock())

torch.set_default_dtype(torch.float64)
folder = sys.argv[1]
values = {}


def unsettle(module, by=0.3):
    """Trained weights are no identity; gently, so that values stay in range."""
    with torch.no_grad():
        for p in module.parameters():
            if p.requires_grad:
                p.add_(by * torch.randn_like(p))


def keep(name, module, x, z, log_prob, c=None):
    torch.save(module.state_dict(), f"{folder}/{name}.pt")
    for key, value in (("x", x), ("c", c), ("z", z), ("log_prob", log_prob)):
        if value is not None:
            values[f"{name}.{key}"] = value.detach().double().contiguous()


def standard(z):
    return -0.5 * (z ** 2).sum(1) - 0.5 * z.shape[1] * math.log(2 * math.pi)


def nflows_models():
    from nflows import transforms
    from nflows.distributions.normal import StandardNormal
    from nflows.flows.autoregressive import MaskedAutoregressiveFlow
    from nflows.flows.base import Flow
    from nflows.flows.realnvp import SimpleRealNVP
    from nflows.nn import nets

    def save(name, flow, features, context=0):
        unsettle(flow)
        flow.eval()
        x, c = torch.randn(6, features), torch.randn(6, context) if context else None
        z = flow.transform_to_noise(x, context=c)
        keep(name, flow, x, z, flow.log_prob(x, context=c), c)

    torch.manual_seed(1)
    save("nflows-realnvp", SimpleRealNVP(4, 8, 3, 2), 4)
    save("nflows-maf", MaskedAutoregressiveFlow(3, 8, 2, 2, use_random_permutations=True), 3)
    save("nflows-maf-feedforward", MaskedAutoregressiveFlow(3, 8, 2, 2, use_residual_blocks=False, batch_norm_between_layers=True), 3)

    def spline(i):
        return transforms.CompositeTransform([
            transforms.ActNorm(4),
            transforms.LULinear(4, identity_init=True),
            transforms.PiecewiseRationalQuadraticCouplingTransform(
                mask=[1, -1, 1, -1] if i % 2 else [-1, 1, -1, 1],
                transform_net_create_fn=lambda a, b: nets.ResidualNet(a, b, hidden_features=8, context_features=2, num_blocks=1),
                num_bins=5, tails="linear", tail_bound=1.0),
        ])
    flow = Flow(transforms.CompositeTransform([transforms.PointwiseAffineTransform(shift=0.3, scale=0.5)] + [spline(i) for i in range(2)]), StandardNormal([4]))
    flow.train()
    flow.log_prob(torch.randn(20, 4), context=torch.randn(20, 2))
    save("nflows-nsf", flow, 4, context=2)
    autoregressive = Flow(transforms.CompositeTransform([
        transforms.MaskedAffineAutoregressiveTransform(3, 8, context_features=2, num_blocks=1),
        transforms.ReversePermutation(3),
        transforms.InverseTransform(transforms.MaskedPiecewiseRationalQuadraticAutoregressiveTransform(3, 8, context_features=2, num_bins=5, tails="linear", tail_bound=1.0, num_blocks=1)),
    ]), StandardNormal([3]))
    save("nflows-autoregressive", autoregressive, 3, context=2)


def zuko_models():
    import zuko

    def save(name, flow, features, context=0):
        x, c = torch.randn(6, features), torch.randn(6, context) if context else None
        unsettle(flow, 0.1)
        distribution = flow(c)
        keep(name, flow, x, distribution.transform(x), distribution.log_prob(x), c)

    torch.manual_seed(2)
    save("zuko-nice", zuko.flows.NICE(3, 2, transforms=3, randmask=True, hidden_features=(8, 8)), 3, 2)
    save("zuko-maf", zuko.flows.MAF(4, 0, transforms=3, randperm=True, hidden_features=(8, 8)), 4)
    save("zuko-nsf", zuko.flows.NSF(3, 2, bins=5, transforms=2, passes=2, hidden_features=(8,)), 3, 2)


def normflows_models():
    import normflows as nf

    def save(name, model, features, context=0):
        unsettle(model, 0.1)
        model.eval()
        x = torch.randn(6, features)
        keep(name, model, x, model.inverse(x), model.log_prob(x))

    torch.manual_seed(3)
    flows = []
    for i in range(4):
        b = torch.tensor([1.0 if (k + i) % 2 == 0 else 0.0 for k in range(3)])
        flows += [nf.flows.MaskedAffineFlow(b, nf.nets.MLP([3, 8, 3], init_zeros=True), nf.nets.MLP([3, 8, 6, 3], init_zeros=True)), nf.flows.ActNorm(3)]
    model = nf.NormalizingFlow(nf.distributions.base.DiagGaussian(3), flows)
    model.log_prob(torch.randn(30, 3))
    save("normflows-realnvp", model, 3)
    flows = []
    for i in range(3):
        flows += [nf.flows.AffineCouplingBlock(nf.nets.MLP([2, 8, 2], init_zeros=True)), nf.flows.Permute(3, mode="swap" if i else "shuffle")]
    save("normflows-blocks", nf.NormalizingFlow(nf.distributions.base.DiagGaussian(3), flows), 3)
    flows = []
    for i in range(2):
        flows += [nf.flows.CoupledRationalQuadraticSpline(4, 1, 8, num_bins=5, reverse_mask=bool(i)), nf.flows.LULinearPermute(4)]
        flows += [nf.flows.AutoregressiveRationalQuadraticSpline(4, 1, 8, num_bins=5, permute_mask=True)]
    flows += [nf.flows.MaskedAffineAutoregressive(4, 8, num_blocks=1)]
    save("normflows-nsf", nf.NormalizingFlow(nf.distributions.base.DiagGaussian(4, trainable=False), flows), 4)


def freia_models():
    import FrEIA.framework as ff
    import FrEIA.modules as fm

    def net(inputs, outputs):
        return torch.nn.Sequential(torch.nn.Linear(inputs, 8), torch.nn.ReLU(), torch.nn.Linear(8, outputs))

    def save(name, inn, features, context=0):
        unsettle(inn, 0.1)
        x, c = torch.randn(6, features), torch.randn(6, context) if context else None
        z, log = inn(x, c=[c]) if context else inn(x)
        keep(name, inn, x, z, standard(z) + log, c)

    torch.manual_seed(4)
    inn = ff.SequenceINN(5)
    for _ in range(3):
        inn.append(fm.AllInOneBlock, cond=0, cond_shape=(2,), subnet_constructor=net)
    save("freia-all-in-one", inn, 5, 2)
    inn = ff.SequenceINN(5)
    inn.append(fm.RNVPCouplingBlock, subnet_constructor=net)
    inn.append(fm.PermuteRandom, seed=3)
    inn.append(fm.GLOWCouplingBlock, subnet_constructor=net)
    inn.append(fm.ActNorm)
    inn.append(fm.NICECouplingBlock, subnet_constructor=net)
    inn(torch.randn(30, 5))
    save("freia-couplings", inn, 5)


def glow_model():
    import model
    from model import Glow

    if isinstance(model.la, MagicMock):
        # SciPy's two functions, where SciPy is not installed.
        model.la.qr = lambda a: tuple(t.numpy() for t in torch.linalg.qr(torch.as_tensor(a)))
        model.la.lu = lambda a: tuple(t.numpy() for t in torch.linalg.lu(torch.as_tensor(a)))
    torch.manual_seed(5)
    glow = Glow(1, 2, 2, affine=True, conv_lu=False).double()
    unsettle(glow, 0.05)
    x = torch.randn(3, 1, 8, 4) * 0.5
    glow(x)
    log_p, logdet, z = glow(x)
    # Their widths of 512 make a file of megabytes: the layers are cut down to 6 hidden channels, and the values taken again.
    for block in glow.blocks:
        for flow in block.flows:
            net = flow.coupling.net
            net[0].weight.data, net[0].bias.data = net[0].weight.data[:6].clone(), net[0].bias.data[:6].clone()
            net[2].weight.data, net[2].bias.data = net[2].weight.data[:6, :6].clone(), net[2].bias.data[:6].clone()
            net[4].conv.weight.data = net[4].conv.weight.data[:, :6].clone()
    log_p, logdet, z = glow(x)
    keep("glow-pytorch", torch.nn.DataParallel(glow), x, torch.cat([v.flatten(1) for v in z], 1), log_p + logdet)


def write(path):
    header, offset = {}, 0
    for name, value in values.items():
        size = value.numel() * 8
        header[name] = {"dtype": "F64", "shape": list(value.shape), "data_offsets": [offset, offset + size]}
        offset += size
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for value in values.values():
            file.write(value.numpy().tobytes())


for make in (nflows_models, zuko_models, normflows_models, freia_models, glow_model):
    make()
write(f"{folder}/values.safetensors")
