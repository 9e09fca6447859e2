"""Writes the safetensors reference files with the Python package (safetensors 0.5, torch 2.6).

usage: python3 make_safetensors.py OUTPUT_FOLDER
"""
import sys
import torch
from safetensors.torch import save_file

out = sys.argv[1]
torch.manual_seed(0)
tensors = {}
for name, dtype in [("f64", torch.float64), ("f32", torch.float32), ("f16", torch.float16), ("bf16", torch.bfloat16)]:
    tensors[name] = (torch.arange(12, dtype=torch.float64) * 0.37 - 2).to(dtype).reshape(3, 4)
for name, dtype in [("i64", torch.int64), ("i32", torch.int32), ("i16", torch.int16), ("i8", torch.int8)]:
    tensors[name] = (torch.arange(6) * 7 - 20).to(dtype).reshape(2, 3)
tensors["u8"] = torch.arange(250, 256, dtype=torch.uint8)
tensors["bool"] = torch.tensor([True, False, True])
every_byte = torch.arange(256, dtype=torch.uint8)
tensors["f8_e4m3"] = every_byte.view(torch.float8_e4m3fn)
tensors["f8_e5m2"] = every_byte.clone().view(torch.float8_e5m2)
tensors["scalar"] = torch.tensor(3.5)
tensors["empty"] = torch.zeros(0, 3)
tensors["näme/with \"quotes\""] = torch.tensor([1.0, 2.0])
save_file(tensors, f"{out}/reference.safetensors", metadata={"format": "pt"})
# The values of all 8-bit patterns and the 8-bit rounding of a sweep, as float32, for the conversions.
sweep = torch.cat([torch.linspace(-600, 600, 2401), torch.linspace(-0.03, 0.03, 601), torch.tensor([448.0, 464.0, 464.1, 57344.0, 61439.0, 61440.0, 1e6, float("inf"), float("nan")])])
save_file({
    "e4m3_values": tensors["f8_e4m3"].float(), "e5m2_values": tensors["f8_e5m2"].float(), "sweep": sweep,
    "sweep_e4m3": sweep.to(torch.float8_e4m3fn).float(), "sweep_e5m2": sweep.to(torch.float8_e5m2).float(),
}, f"{out}/float8.safetensors")
