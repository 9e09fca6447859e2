"""Makes lbfgs_state.json: the state of torch.optim.LBFGS after 2 steps on a small smooth loss, flattened as state.0.slot, and the weights before and 2 steps later.
Usage: python make_lbfgs_state.py OUT. Loss: sum over both parameters of (w - t)^4 / 4 + (w - t)^2 (k + 1) / 2 + the product of their first elements, t = cos(k), k flat."""
import json
import sys

import torch

torch.set_default_dtype(torch.float64)
cases = {
    "fixed": dict(lr=0.3, max_iter=4, history_size=3),
    "wolfe": dict(lr=1, max_iter=4, history_size=3, line_search_fn="strong_wolfe"),
}


def target(p):
    k = torch.arange(p.numel()).reshape(p.shape)
    return torch.cos(k.double()), k.double()


def loss_of(params):
    total = params[0].reshape(-1)[0] * params[1].reshape(-1)[0]
    for p in params:
        t, k = target(p)
        total = total + ((p - t) ** 4 / 4 + (p - t) ** 2 * (k + 1) / 2).sum()
    return total


result = {}
for name, options in cases.items():
    params = [torch.nn.Parameter(torch.sin(torch.arange(6.0).reshape(2, 3)) * 2), torch.nn.Parameter(torch.tensor([1.5, -0.5]))]
    optimizer = torch.optim.LBFGS(params, **options)

    def closure():
        optimizer.zero_grad()
        loss = loss_of(params)
        loss.backward()
        return loss

    flat = lambda: torch.cat([p.detach().reshape(-1) for p in params]).tolist()
    for step in range(4):
        optimizer.step(closure)
        if step == 1:
            state = optimizer.state_dict()
            tensors = {}

            def put(key, value):
                if value is None:
                    return
                if isinstance(value, (list, tuple)):
                    for i, v in enumerate(value):
                        put(f"{key}.{i}", v)
                elif isinstance(value, dict):
                    for k, v in value.items():
                        put(f"{key}.{k}", v)
                else:
                    tensors[key] = torch.as_tensor(value).double().tolist()

            put("state", state["state"])
            result[name] = {"tensors": tensors, "groups": json.dumps(state["param_groups"]), "before": flat()}
    result[name]["after"] = flat()
with open(sys.argv[1], "w") as file:
    json.dump(result, file, indent=1)
    file.write("\n")
