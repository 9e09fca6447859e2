"""Makes pytorch_state.safetensors: optimizer states of PyTorch after 5 steps, flattened, and the weights 5 steps later.
Usage: python make_pytorch_state.py OUT. Gradient of parameter i at a step: 0.3 sin((i + 1) k + step), start cos(0.7 k + i), k flat. Groups: parameters 0 and 2, then 1 with lr 0.01."""
import json
import struct
import sys

import torch

torch.set_default_dtype(torch.float64)
shapes = [(5, 4), (4,), (3, 2, 2)]


def gradient(i, step):
    n = torch.Size(shapes[i]).numel()
    return (0.3 * torch.sin(torch.arange(n) * (i + 1.0) + step)).reshape(shapes[i])


def start(i):
    n = torch.Size(shapes[i]).numel()
    return torch.cos(torch.arange(n) * 0.7 + i).reshape(shapes[i])


cases = {
    "SGD": dict(lr=0.05, momentum=0.9), "Adam": dict(lr=0.02, amsgrad=True), "AdamW": dict(lr=0.02), "NAdam": dict(lr=0.02),
    "RAdam": dict(lr=0.02), "RMSprop": dict(momentum=0.5, centered=True), "Adagrad": dict(lr=0.1), "Adadelta": dict(), "Adamax": dict(),
    "ASGD": dict(t0=3), "Rprop": dict(), "Adafactor": dict(),
}
tensors, groups = {}, {}
for name, options in cases.items():
    params = [torch.nn.Parameter(start(i)) for i in range(3)]
    optimizer = getattr(torch.optim, name)([{"params": [params[0], params[2]]}, {"params": [params[1]], "lr": 0.01}], **options)
    for step in range(10):
        for i, p in enumerate(params):
            p.grad = gradient(i, step)
        optimizer.step()
        if step == 4:
            state = optimizer.state_dict()
            for index, slots in state["state"].items():
                for slot, value in slots.items():
                    if value is not None:
                        tensors[f"{name}/state.{index}.{slot}"] = torch.as_tensor(value).clone()
            groups[name] = json.dumps(state["param_groups"])
            tensors[f"{name}/before"] = torch.cat([p.detach().reshape(-1) for p in params]).clone()
    tensors[f"{name}/after"] = torch.cat([p.detach().reshape(-1) for p in params])

header, data = {"__metadata__": groups}, b""
for key, value in tensors.items():
    value = value.contiguous()
    kind = {torch.float64: "F64", torch.float32: "F32", torch.int64: "I64"}[value.dtype]
    raw = value.numpy().tobytes()
    header[key] = {"dtype": kind, "shape": list(value.shape), "data_offsets": [len(data), len(data) + len(raw)]}
    data += raw
text = json.dumps(header).encode()
text += b" " * (-len(text) % 8)
with open(sys.argv[1], "wb") as file:
    file.write(struct.pack("<Q", len(text)) + text + data)
