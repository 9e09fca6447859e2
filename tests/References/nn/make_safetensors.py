"""Writes a dictionary of numpy arrays as a safetensors file."""
import json
import struct

import numpy as np

NAMES = {"float64": "F64", "float32": "F32", "int64": "I64", "uint8": "U8"}


def save(path, tensors, metadata=None):
    header, offset, blobs = {}, 0, []
    for key, value in tensors.items():
        value = np.ascontiguousarray(value)
        blob = value.tobytes()
        header[key] = {"dtype": NAMES[str(value.dtype)], "shape": list(value.shape), "data_offsets": [offset, offset + len(blob)]}
        offset += len(blob)
        blobs.append(blob)
    if metadata:
        header["__metadata__"] = metadata
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)))
        file.write(text)
        for blob in blobs:
            file.write(blob)
