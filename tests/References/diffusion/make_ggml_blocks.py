"""Blocks of every ggml type that Cresset reads, packed and unpacked by ggml itself.

Needs numpy and a shared library made of ggml's src/ggml-quants.c (compiled with -ffp-contract=off, beside a definition of
ggml_row_size): python3 make_ggml_blocks.py libq.so ggml_blocks.json
"""
import base64
import ctypes
import json
import sys

import numpy

TYPES = {"Q4_0": 2, "Q4_1": 3, "Q5_0": 6, "Q5_1": 7, "Q8_0": 8, "Q2_K": 10, "Q3_K": 11, "Q4_K": 12, "Q5_K": 13, "Q6_K": 14, "IQ4_NL": 20, "IQ4_XS": 23}
ROWS, WIDTH = 2, 512

library = ctypes.CDLL(sys.argv[1])
values = numpy.random.RandomState(5).standard_normal((ROWS, WIDTH)).astype(numpy.float32) * 0.05
values[1, :32] = 0
values[1, 40] = 3
pointer = ctypes.POINTER(ctypes.c_float)
text = lambda array: base64.b64encode(array.tobytes()).decode()
result = {"rows": ROWS, "width": WIDTH, "source": text(values), "types": {}}
for name, number in TYPES.items():
    suffix = name if name.endswith("_K") else name.lower()
    suffix = suffix[0].lower() + suffix[1:]
    pack = getattr(library, "quantize_" + suffix)
    pack.restype = ctypes.c_size_t
    unpack = getattr(library, "dequantize_row_" + suffix)
    unpack.restype = None
    packed = numpy.zeros(values.size * 4, numpy.uint8)
    size = pack(values.ctypes.data_as(pointer), packed.ctypes.data_as(ctypes.c_void_p), ctypes.c_int64(ROWS), ctypes.c_int64(WIDTH), None)
    packed = packed[:size]
    back = numpy.zeros_like(values)
    unpack(packed.ctypes.data_as(ctypes.c_void_p), back.ctypes.data_as(pointer), ctypes.c_int64(values.size))
    error = float(numpy.sqrt(((back - values) ** 2).sum() / (values ** 2).sum()))
    print(name, size, error)
    result["types"][name] = {"number": number, "bytes": text(packed), "values": text(back), "error": error}
json.dump(result, open(sys.argv[2], "w"), indent=1)
