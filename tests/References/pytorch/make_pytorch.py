"""Writes small checkpoints of torch.save in both layouts, and their values as raw little-endian bytes.

usage: python3 make_pytorch.py OUTPUT_FOLDER
Run once with each PyTorch; the file names carry its version, for example pt113_types.pt and pt26_types.pt.
"""
import argparse
import collections
import json
import os
import pathlib
import sys

import torch

out = sys.argv[1]
version = "pt" + "".join(torch.__version__.split(".")[:2])
expected = {}


def record(file, key, tensor):
    data = tensor.detach().contiguous()
    shape = list(data.shape)
    raw = torch.empty(0, dtype=torch.uint8).set_(data.untyped_storage() if hasattr(data, "untyped_storage") else data.storage().untyped()) \
        if data.dtype != torch.uint8 else data
    raw = bytes(raw.flatten().tolist())
    size = data.element_size()
    start = data.storage_offset() * size if data.dtype != torch.uint8 else 0
    expected.setdefault(file, {})[key] = {"dtype": str(data.dtype)[6:], "shape": shape, "hex": raw[start:start + data.numel() * size].hex()}


def save(name, value, tensors, legacy=False):
    file = f"{version}_{name}"
    torch.save(value, os.path.join(out, file), _use_new_zipfile_serialization=not legacy)
    for key, tensor in tensors.items():
        record(file, key, tensor)


torch.manual_seed(0)
types = ["float64", "float32", "float16", "bfloat16", "int64", "int32", "int16", "int8", "uint8", "bool", "complex32", "complex64", "complex128",
         "float8_e4m3fn", "float8_e5m2", "float8_e4m3fnuz", "float8_e5m2fnuz", "uint16", "uint32", "uint64", "float8_e8m0fnu"]
values = {}
for name in types:
    dtype = getattr(torch, name, None)
    if dtype is None or (name == "complex32" and version == "pt113"):
        continue  # PyTorch 1.13 cannot save complex32
    if name.startswith("float8") or name.startswith("uint"):
        size = torch.empty(0, dtype=dtype).element_size()
        values[name] = torch.arange(12 * size, dtype=torch.uint8).view(dtype).reshape(3, 4)
    elif name.startswith("complex"):
        values[name] = torch.complex(torch.arange(6.0) - 2.5, torch.arange(6.0) / 3).reshape(2, 3).to(dtype)
    elif name == "bool":
        values[name] = torch.tensor([[True, False, True]])
    else:
        values[name] = (torch.arange(12, dtype=torch.float64) * 0.37 - 2).reshape(3, 4).to(dtype)

base = torch.arange(60, dtype=torch.float32).reshape(3, 4, 5)
picture = torch.randn(2, 3, 4, 5)
layouts = collections.OrderedDict(
    scalar=torch.tensor(3.5), empty=torch.zeros(0, 3), transposed=base[0].t(), slice=base[1:, 1:3, ::2], last=base[2, 3],
    channels_last=picture.contiguous(memory_format=torch.channels_last), expanded=torch.tensor([1.0, 2.0, 3.0]).expand(4, 3),
    permuted=base.permute(2, 0, 1), shared=base, parameter=torch.nn.Parameter(torch.randn(2, 2)), tied=base)
layouts["näme/with \"quotes\""] = torch.tensor([1, 2])

for legacy, suffix in [(False, "pt"), (True, "legacy.pt")]:
    save(f"types.{suffix}", values, values, legacy)
    save(f"layouts.{suffix}", layouts, layouts, legacy)

net = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.BatchNorm1d(4), torch.nn.Linear(4, 2))
for kind in ["adamw", "sgd"]:
    optimizer = torch.optim.AdamW([{"params": net[0].parameters(), "lr": 0.02}, {"params": net[2].parameters()}], lr=0.01, betas=(0.8, 0.95), amsgrad=True) \
        if kind == "adamw" else torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9, nesterov=True)
    for _ in range(3):
        optimizer.zero_grad()
        net(torch.randn(5, 3)).square().sum().backward()
        optimizer.step()
    state = {f"optimizer/state.{i}.{slot}": value for i, slots in optimizer.state_dict()["state"].items() for slot, value in slots.items() if torch.is_tensor(value)}
    save(f"training-{kind}.pth", {
        "epoch": 7, "loss": 0.125, "best_acc1": torch.tensor(0.5), "arch": "mlp", "args": argparse.Namespace(lr=0.01, name="run", path=pathlib.PurePosixPath("a/b")),
        "state_dict": net.state_dict(), "optimizer": optimizer.state_dict(), "torch_rng_state": torch.arange(16, dtype=torch.uint8), "none": None,
    }, {**net.state_dict(), **state})

save("lightning.ckpt", {
    "epoch": 1, "global_step": 12, "pytorch-lightning_version": "2.0.0", "state_dict": {"model." + k: v for k, v in net.state_dict().items()}, "loops": {"fit_loop": {"state_dict": {}}},
    "callbacks": {"ModelCheckpoint{'monitor': None}": {"best_model_score": torch.tensor(0.3)}}, "optimizer_states": [optimizer.state_dict()], "lr_schedulers": [],
    "hyper_parameters": {"width": 4, "rate": 0.1},
}, {"model." + k: v for k, v in net.state_dict().items()})
save("both.pth", {"params": net[0].state_dict(), "params_ema": net[0].state_dict()}, {})
for name in ["model", "ema", "params"]:
    save(f"inside-{name}.pth", {name: net.state_dict(), "epoch": 1}, net.state_dict())


class Block(torch.nn.Module):
    """A class that only this script has: readers must not need it."""

    def __init__(self):
        super().__init__()
        self.conv = torch.nn.Conv2d(1, 2, 3, bias=False)
        self.act = torch.nn.SiLU()
        self.register_buffer("steps", torch.tensor(5))
        self.register_buffer("scratch", torch.zeros(3), persistent=False)
        self.names = {0: "digit", 1: "letter"}


class Detector(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.model = torch.nn.Sequential(Block(), torch.nn.BatchNorm2d(2))
        self.stride = torch.tensor([8.0, 16.0])


detector = Detector().half()
save("ultralytics.pt", {"epoch": -1, "best_fitness": None, "model": detector, "ema": None, "optimizer": None, "train_args": {"imgsz": 640, "data": "coco.yaml"}, "date": "2024-01-01"},
     detector.state_dict())
save("whole-module.pt", net, net.state_dict())
torch.jit.script(net).save(os.path.join(out, f"{version}_script.pt"))
for key, tensor in net.state_dict().items():
    record(f"{version}_script.pt", key, tensor)

with open(os.path.join(out, f"{version}_expected.json"), "w") as file:
    json.dump(expected, file, indent=None, separators=(",", ":"))
