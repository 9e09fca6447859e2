"""Activations, first and second derivatives on a grid with extremes, by CPU PyTorch 2.6 (run: python3 make_activations.py)."""
import json
import math

import numpy as np
import torch
import torch.nn.functional as F

from make_safetensors import save

torch.set_num_threads(1)
extremes = [0.0, -0.0, math.inf, -math.inf, math.nan, 1e4, -1e4, 1e-310, -1e-310, 5e-324, 1e-40, -1e-40, 1e-45, 1e-30, -1e-30,
            1, -1, 0.5, -0.5, 2, -2, 3, -3, 6, -6, 7, 10, -10, 19.9, 20, 20.1, 0.1, -0.1, 30, -30, 60, -60, 88, -88, 89, -89, 100, -100, 103, -103, 700, -700]
x64 = torch.tensor(extremes + list(np.linspace(-12, 12, 161)), dtype=torch.float64)
x32 = x64.float()
sp = F.softplus
native = {
    "relu": F.relu, "relu6": F.relu6, "leaky_relu": F.leaky_relu, "leaky_relu(0.2)": lambda x: F.leaky_relu(x, 0.2),
    "threshold(0.3,20)": lambda x: F.threshold(x, 0.3, 20), "thresholded_relu": lambda x: F.threshold(x, 1, 0),
    "hardtanh": F.hardtanh, "hardtanh(-0.5,0.7)": lambda x: F.hardtanh(x, -0.5, 0.7), "hardsigmoid": F.hardsigmoid, "hardswish": F.hardswish,
    "hardshrink": F.hardshrink, "hardshrink(0.6)": lambda x: F.hardshrink(x, 0.6), "softshrink": F.softshrink, "softshrink(0.6)": lambda x: F.softshrink(x, 0.6),
    "sigmoid": torch.sigmoid, "logsigmoid": F.logsigmoid, "tanh": torch.tanh, "tanhshrink": F.tanhshrink, "softsign": F.softsign,
    "arctan": torch.atan, "erf": torch.erf, "exponential": torch.exp, "softplus": F.softplus, "softplus(2,3)": lambda x: F.softplus(x, 2, 3),
    "softplus(0.5)": lambda x: F.softplus(x, 0.5), "elu": F.elu, "elu(0.7)": lambda x: F.elu(x, 0.7), "celu": F.celu, "celu(0.7)": lambda x: F.celu(x, 0.7), "celu(2)": lambda x: F.celu(x, 2),
    "selu": F.selu, "silu": F.silu, "gelu": F.gelu, "gelu_tanh": lambda x: F.gelu(x, approximate="tanh"), "mish": F.mish, "sine": torch.sin, "cosine": torch.cos,
}
formula = {
    "relu2": lambda x: F.relu(x).square(), "quick_gelu": lambda x: x * torch.sigmoid(1.702 * x), "swish_beta(0.5)": lambda x: x * torch.sigmoid(0.5 * x),
    "swish_beta(-1.5)": lambda x: x * torch.sigmoid(-1.5 * x),
    "gelu_fast": lambda x: 0.5 * x * (1 + torch.tanh(x * 0.7978845608 * (1 + 0.044715 * x * x))), "gelu_10": lambda x: torch.clip(F.gelu(x), -10, 10),
    "hard_mish": lambda x: 0.5 * x * (x + 2).clamp(0, 2), "laplace": lambda x: 0.5 * (1 + torch.erf((x - 0.707107) / (0.282095 * math.sqrt(2)))),
    "sqrtsoftplus": lambda x: torch.sqrt(sp(x)), "squareplus": lambda x: 0.5 * (x + torch.sqrt(x * x + 4)), "squareplus(1)": lambda x: 0.5 * (x + torch.sqrt(x * x + 1)),
    "sparse_plus": lambda x: torch.where(x <= -1, torch.zeros_like(x), torch.where(x >= 1, x, (x + 1) ** 2 / 4)),
    "sparse_sigmoid": lambda x: torch.clip((x + 1) / 2, 0, 1), "tanhexp": lambda x: x * torch.tanh(torch.exp(x)), "lisht": lambda x: x * torch.tanh(x),
    "serf": lambda x: x * torch.erf(sp(x)), "star_relu": lambda x: 0.8944 * F.relu(x) ** 2 - 0.4472, "sine(30)": lambda x: torch.sin(30 * x),
    "snake": lambda x: x + torch.sin(x) ** 2, "snake(2.5)": lambda x: x + torch.sin(2.5 * x) ** 2 / 2.5, "gcu": lambda x: x * torch.cos(x), "gaussian": lambda x: torch.exp(-x * x),
    "smelu": lambda x: torch.where(x <= -2, torch.zeros_like(x), torch.where(x >= 2, x, (x + 2) ** 2 / 8)),
    "xielu_fixed": lambda x: torch.where(x > 0, 0.8 * x * x + 0.5 * x, 0.8 * (torch.expm1(torch.clamp(x, max=-1e-6)) - x) + 0.5 * x),
}
out = {"x64": x64.numpy(), "x32": x32.numpy()}
for name, f in {**native, **formula}.items():
    for suffix, x in (("64", x64), ("32", x32)):
        v = x.clone().requires_grad_()
        y = f(v)
        (d,) = torch.autograd.grad(y.sum(), v, create_graph=True)
        out[f"{name}/y{suffix}"], out[f"{name}/d{suffix}"] = y.detach().numpy(), d.detach().numpy()
        if suffix == "64" and d.requires_grad:
            try:
                out[f"{name}/h64"] = torch.autograd.grad(d.sum(), v, allow_unused=True, materialize_grads=True)[0].numpy()
            except RuntimeError as error:  # a few have no second derivative in PyTorch
                print(name, error)
save("activations.safetensors", out, {"native": json.dumps(sorted(native)), "formula": json.dumps(sorted(formula)), "torch": torch.__version__})
