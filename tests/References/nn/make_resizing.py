"""Makes resizing.json: pictures resized by Pillow 9.4 and OpenCV 4.6 (Debian 12: apt-get install python3-pil python3-opencv), and by the written definitions of MATLAB's imresize
and jax.image.resize in float64. Usage: python3 make_resizing.py OUT.
Input(h, w, c) at (y, x, k): (37 x + 91 y + 53 k + 7 x y) mod 256; floats: that / 255 - 0.25."""
import json
import math
import sys

import cv2
import numpy as np
from PIL import Image

cv2.setNumThreads(1)


def picture(h, w, c):
    y, x, k = np.mgrid[0:h, 0:w, 0:c]
    return ((37 * x + 91 * y + 53 * k + 7 * x * y) % 256).astype(np.uint8)


cases = []


def add(convention, kernel, source, target, kind, values):
    values = np.asarray(values)
    out = [int(v) for v in values.reshape(-1)] if kind == "uint8" else [float("%.7g" % v) for v in values.reshape(-1)]
    cases.append({"convention": convention, "kernel": kernel, "from": source, "to": target, "type": kind, "values": out})


sizes = [((13, 17), (19, 24)), ((13, 17), (7, 5)), ((12, 18), (6, 9)), ((12, 18), (4, 6)), ((9, 4), (1, 1)), ((3, 2), (8, 3)), ((1, 1), (3, 4)), ((6, 7), (6, 3))]
pil = {"Nearest": Image.NEAREST, "Box": Image.BOX, "Bilinear": Image.BILINEAR, "Hamming": Image.HAMMING, "Bicubic": Image.BICUBIC, "Lanczos3": Image.LANCZOS}
cv = {"Nearest": cv2.INTER_NEAREST, "Bilinear": cv2.INTER_LINEAR, "Bicubic": cv2.INTER_CUBIC, "Lanczos4": cv2.INTER_LANCZOS4, "Area": cv2.INTER_AREA}
for (h, w), (th, tw) in sizes:
    colour, grey = picture(h, w, 3), picture(h, w, 1)[:, :, 0]
    floats = (grey / 255.0 - 0.25).astype(np.float32)
    for name, kernel in pil.items():
        add("Pillow", name, [h, w, 3], [th, tw], "uint8", np.asarray(Image.fromarray(colour).resize((tw, th), kernel)))
        add("Pillow", name, [h, w, 1], [th, tw], "float32", np.asarray(Image.fromarray(floats).resize((tw, th), kernel)))
    for name, kernel in cv.items():
        add("OpenCv", name, [h, w, 3], [th, tw], "uint8", cv2.resize(colour, (tw, th), interpolation=kernel))
        add("OpenCv", name, [h, w, 1], [th, tw], "float32", cv2.resize(floats, (tw, th), interpolation=kernel))


def triangle(x):
    return max(0.0, 1 - abs(x))


def cubic(x):
    x = abs(x)
    return 1.5 * x**3 - 2.5 * x**2 + 1 if x <= 1 else -0.5 * x**3 + 2.5 * x**2 - 4 * x + 2 if x <= 2 else 0.0


def lanczos(a):
    return lambda x: 0.0 if abs(x) >= a else 1.0 if x == 0 else a * math.sin(math.pi * x) * math.sin(math.pi * x / a) / (math.pi * x) ** 2


def matlab(n, m, kernel, width, antialias):
    """One axis of imresize: kernels widen when shrinking, edges mirror with the border repeated, weights are normalized."""
    scale = m / n
    widen = scale < 1 and antialias
    k = (lambda x: scale * kernel(scale * x)) if widen else kernel
    if widen:
        width = width / scale
    matrix = np.zeros((m, n))
    mirror = list(range(n)) + list(range(n - 1, -1, -1))
    for i in range(1, m + 1):
        u = i / scale + 0.5 * (1 - 1 / scale)
        left = math.floor(u - width / 2)
        taps = [left + j for j in range(math.ceil(width) + 2)]
        weights = np.array([k(u - t) for t in taps])
        weights /= weights.sum()
        for t, weight in zip(taps, weights):
            matrix[i - 1, mirror[(t - 1) % (2 * n)]] += weight
    return matrix


def jax(n, m, kernel, antialias=True):
    """One axis of jax.image.resize: half-pixel centres, kernels widen when shrinking, weights are normalized over the inputs there are."""
    step = n / m
    spread = max(step, 1.0) if antialias else 1.0
    matrix = np.array([[kernel(((i + 0.5) * step - 0.5 - j) / spread) for j in range(n)] for i in range(m)])
    return matrix / matrix.sum(1, keepdims=True)


box = lambda x: 1.0 if -0.5 <= x < 0.5 else 0.0
for (h, w), (th, tw) in sizes:
    floats = picture(h, w, 1)[:, :, 0] / 255.0 - 0.25
    for name, kernel, width in [("Box", box, 1), ("Bilinear", triangle, 2), ("Bicubic", cubic, 4), ("Lanczos2", lanczos(2), 4), ("Lanczos3", lanczos(3), 6)]:
        for antialias in (True, False):
            add("Matlab", name + ("" if antialias else " plain"), [h, w, 1], [th, tw], "float64", matlab(h, th, kernel, width, antialias) @ floats @ matlab(w, tw, kernel, width, antialias).T)
    add("Matlab", "Nearest", [h, w, 1], [th, tw], "float64", matlab(h, th, box, 1, False) @ floats @ matlab(w, tw, box, 1, False).T)
    for name, kernel in [("Bilinear", triangle), ("Bicubic", cubic), ("Lanczos3", lanczos(3)), ("Lanczos5", lanczos(5))]:
        for antialias in (True, False):
            add("Jax", name + ("" if antialias else " plain"), [h, w, 1], [th, tw], "float64", jax(h, th, kernel, antialias) @ floats @ jax(w, tw, kernel, antialias).T)
    add("Jax", "Nearest", [h, w, 1], [th, tw], "float64", floats[np.floor((np.arange(th) + 0.5) * h / th).astype(int)][:, np.floor((np.arange(tw) + 0.5) * w / tw).astype(int)])

with open(sys.argv[1], "w") as file:
    json.dump(cases, file, separators=(",", ":"))
    file.write("\n")
print(len(cases))
