"""Makes timm_states.pt or pytorch_optimizer_states.pt: by case, an optimizer's state_dict() after 5 steps, the weights then and 5 steps later.
Usage: python make_package_states.py timm|pytorch_optimizer OUT. Options are not the defaults. Gradient of parameter i at a step:
0.3 sin((i + 1) k + step), start cos(0.7 k + i), k flat; float64. Groups: parameters 0 and 2, then 1 with its own rate and decay."""
import copy
import sys

import torch

torch.set_default_dtype(torch.float64)
usual = [(5, 4), (4,), (2, 3, 4)]


def gradient(shape, i, step):
    n = torch.Size(shape).numel()
    return (0.3 * torch.sin(torch.arange(n) * (i + 1.0) + step)).reshape(shape)


def start(shape, i):
    n = torch.Size(shape).numel()
    return torch.cos(torch.arange(n) * 0.7 + i).reshape(shape)


wide = [(4, 5), (4,), (2, 3, 4)]
timm = {
    "Lion": dict(betas=(0.8, 0.95), weight_decay=0.3, caution=True, maximize=True),
    "AdamWLegacy": dict(betas=(0.8, 0.95), eps=1e-3, weight_decay=0.3, amsgrad=True, caution=True),
    "AdamWLegacy corrected": dict(weight_decay=0.3, corrected_weight_decay=True, maximize=True, same_rate=True),
    "NAdamW": dict(betas=(0.8, 0.95), eps=1e-3, weight_decay=0.3, caution=True, maximize=True),
    "Adan": dict(betas=(0.9, 0.8, 0.95), eps=1e-3, weight_decay=0.3, no_prox=True, caution=True),
    "Adan proximal": dict(weight_decay=0.3),
    "Lamb": dict(bias_correction=False, betas=(0.8, 0.95), eps=1e-3, weight_decay=0.3, grad_averaging=False, max_grad_norm=0.5,
                 trust_clip=True, always_adapt=True, decoupled_decay=True),
    "Lamb unclipped": dict(max_grad_norm=None, weight_decay=0.3),
    "Lars": dict(momentum=0.8, weight_decay=0.3, trust_coeff=0.01, nesterov=True, eps=1e-3, trust_clip=True, always_adapt=True),
    "Lars damped": dict(momentum=0.8, dampening=0.1, weight_decay=0.3),
    "AdaBelief": dict(betas=(0.8, 0.95), eps=1e-4, weight_decay=0.3, amsgrad=True, decoupled_decay=False, rectify=False),
    "Adopt": dict(betas=(0.8, 0.95), eps=1e-3, weight_decay=0.3, clip_exp=0.2, decoupled=True, caution=True, maximize=True),
    "Adopt coupled": dict(weight_decay=0.3, clip_exp=None),
    "LaProp": dict(betas=(0.8, 0.95), eps=1e-3, weight_decay=0.3, caution=True),
    "Mars": dict(betas=(0.8, 0.95), eps=1e-3, weight_decay=0.3, gamma=0.05, optimize_1d=False, lr_1d_factor=0.5, betas_1d=(0.7, 0.9),
                 caution=True),
    "Mars lion": dict(mars_type="lion", optimize_1d=True, weight_decay=0.3),
    "NvNovoGrad": dict(betas=(0.8, 0.95), eps=1e-3, weight_decay=0.3, grad_averaging=True, amsgrad=True),
    "MADGRAD": dict(momentum=0.8, eps=1e-3, weight_decay=0.3, decoupled_decay=True),
    "AdamP": dict(betas=(0.8, 0.95), eps=1e-3, weight_decay=0.3, delta=2.0, wd_ratio=0.2, nesterov=True),
    "SGDP": dict(momentum=0.8, dampening=0.1, weight_decay=0.3, eps=1e-3, delta=2.0, wd_ratio=0.2),
    "SGDP nesterov": dict(momentum=0.8, weight_decay=0.3, nesterov=True),
    "SGDW": dict(momentum=0.8, weight_decay=0.3, nesterov=True, caution=True, maximize=True),
    "SGDW damped": dict(momentum=0.8, dampening=0.1, weight_decay=0.3),
    "RMSpropTF": dict(alpha=0.8, eps=1e-3, weight_decay=0.3, momentum=0.7, centered=True, decoupled_decay=True, lr_in_momentum=False),
    "RMSpropTF plain": dict(weight_decay=0.3),
    "Adafactor": dict(eps=1e-20, eps_scale=0.01, clip_threshold=0.7, decay_rate=-0.6, betas=(0.8, 0.9), weight_decay=0.3,
                      min_dim_size_to_factor=2),
    "Adafactor relative": dict(lr=None, warmup_init=True, weight_decay=0.3, min_dim_size_to_factor=3, rate=None),
    "AdafactorBigVision": dict(min_dim_size_to_factor=3, decay_rate=0.6, beta2_cap=0.9, momentum=0.8, momentum_dtype="float32", eps=1e-20,
                               weight_decay=0.3, unscaled_wd=True, caution=True, shapes=wide),
    "AdafactorBigVision plain": dict(momentum=None, weight_decay=0.3),
    "NAdamLegacy": dict(betas=(0.8, 0.95), eps=1e-3, weight_decay=0.3, schedule_decay=0.01),
    "RAdamLegacy": dict(betas=(0.8, 0.7), eps=1e-3, weight_decay=0.3, same_rate=True),
}
pytorch_optimizer = {
    "Lion": dict(betas=(0.8, 0.95), weight_decay=0.3),
    "Tiger": dict(beta=0.8, weight_decay=0.3),
    "Adan": dict(betas=(0.9, 0.8, 0.95), eps=1e-3, weight_decay=0.3, weight_decouple=True),
    "Adan proximal": dict(weight_decay=0.3),
    "AggMo": dict(betas=(0.3, 0.8, 0.95, 0.0), weight_decay=0.3, weight_decouple=True),
    "Amos": dict(beta=0.95, momentum=0.8, extra_l2=0.1, eps=1e-3),
    "CAME": dict(betas=(0.8, 0.95, 0.9), weight_decay=0.3, eps1=1e-20, eps2=1e-10, shapes=[(5, 4), (3, 4), (2, 3, 4)]),
    "GrokFastAdamW": dict(betas=(0.8, 0.95), eps=1e-3, weight_decay=0.3, grokfast_alpha=0.9, grokfast_lamb=1.5, grokfast_after_step=2),
    "MADGRAD": dict(momentum=0.8, eps=1e-3, weight_decay=0.3),
    "Prodigy": dict(betas=(0.8, 0.95), beta3=0.9, d0=1e-3, d_coef=0.7, growth_rate=1.5, weight_decay=0.3, safeguard_warmup=True, eps=1e-3,
                    same_rate=True),
    "QHM": dict(momentum=0.8, nu=0.6, weight_decay=0.3, weight_decouple=True),
    "SGDP": dict(momentum=0.8, dampening=0.1, weight_decay=0.3, eps=1e-3, delta=2.0, wd_ratio=0.2, nesterov=True),
    "SOAP": dict(betas=(0.8, 0.95), shampoo_beta=0.9, weight_decay=0.3, precondition_frequency=3, max_precondition_dim=4, eps=1e-3,
                 correct_bias=False),
    "SOAP vectors": dict(weight_decay=0.3, precondition_1d=True, precondition_frequency=2, eps=1e-3),
    "SM3": dict(momentum=0.8, beta=0.7, eps=1e-3),
    "SM3 plain": dict(eps=1e-3),
    "Yogi": dict(betas=(0.8, 0.95), eps=1e-2, weight_decay=0.3, weight_decouple=False, initial_accumulator=1e-3),
    "AdaMax": dict(betas=(0.8, 0.95), eps=1e-3, weight_decay=0.3, weight_decouple=True),
    "AdaDelta": dict(rho=0.8, eps=1e-3, weight_decay=0.3),
    "Adai": dict(betas=(0.2, 0.95), eps=1e-2, weight_decay=0.3, weight_decouple=True, stable_weight_decay=True, dampening=0.8),
    "RAdam": dict(betas=(0.8, 0.99), eps=1e-3, weight_decay=0.3),
    "ScheduleFreeSGD": dict(momentum=0.8, weight_decay=0.3, r=0.5, weight_lr_power=1.5, warmup_steps=7),
}


def run(kind, options):
    options = dict(options)
    shapes = options.pop("shapes", usual)
    rate = options.pop("rate", 0.02)
    second = {} if options.pop("same_rate", False) or rate is None else {"lr": 0.01}
    if rate is not None:
        options["lr"] = rate
    if "weight_decay" in options:
        second["weight_decay"] = 0.1
    params = [torch.nn.Parameter(start(s, i)) for i, s in enumerate(shapes)]
    optimizer = kind([{"params": [params[0], params[2]]}, {"params": [params[1]], **second}], **options)
    for step in range(10):
        for i, p in enumerate(params):
            p.grad = gradient(shapes[i], i, step)
        optimizer.step()
        if step == 4:
            # What is saved is what is there now: later steps change tensors in place.
            state, before = copy.deepcopy(optimizer.state_dict()), [p.detach().clone() for p in params]
    return state, before, [p.detach().clone() for p in params]


def main():
    package, out = sys.argv[1:]
    if package == "timm":
        import timm.optim as classes
        from timm.optim import adabelief, adafactor, adafactor_bv, adamp, adamw, adan, adopt, lamb, laprop, lars, lion, madgrad, mars
        from timm.optim import nadam, nadamw, nvnovograd, radam, rmsprop_tf, sgdp, sgdw
        rooms = [adabelief, adafactor, adafactor_bv, adamp, adamw, adan, adopt, lamb, laprop, lars, lion, madgrad, mars, nadam, nadamw,
                 nvnovograd, radam, rmsprop_tf, sgdp, sgdw]
        cases = timm
    else:
        import pytorch_optimizer as classes
        rooms = [classes]
        cases = pytorch_optimizer
        for options in cases.values():
            options["foreach"] = False
    saved = {"cases": {}, "before": {}, "after": {}}
    for name, options in cases.items():
        kind = next(getattr(room, name.split()[0]) for room in rooms if hasattr(room, name.split()[0]))
        saved["cases"][name], before, after = run(kind, options)
        for i in range(3):
            saved["before"][f"{name}/{i}"], saved["after"][f"{name}/{i}"] = before[i], after[i]
    torch.save(saved, out)


main()
