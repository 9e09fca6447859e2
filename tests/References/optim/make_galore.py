"""Makes galore.json: the weights after each of 8 steps of GaLore (Zhao et al. 2024, algorithm 2, with AdamW) in float64, from the definition.
Usage: python make_galore.py OUT. Weights start at cos(0.7 k + i), gradients are 0.3 sin((i + 1) k + step) + 0.1 w, k flat."""
import json
import sys

import numpy as np

rank, interval, scale, lr, decay, b1, b2, eps = 2, 3, 0.25, 0.02, 0.1, 0.9, 0.99, 1e-6
shapes = [(6, 4), (3, 5), (4,), (2, 7)]
weights = [np.cos(np.arange(np.prod(s)) * 0.7 + i).reshape(s) for i, s in enumerate(shapes)]
state = [dict(m=0.0, v=0.0, p=None) for _ in shapes]
steps = []
for step in range(8):
    for i, (s, w) in enumerate(zip(shapes, weights)):
        g = 0.3 * np.sin(np.arange(np.prod(s)).reshape(s) * (i + 1.0) + step) + 0.1 * w
        st = state[i]
        low = len(s) == 2 and min(s) > rank
        tall = low and s[0] >= s[1]
        if low:
            if step % interval == 0:
                u, _, vh = np.linalg.svd(g, full_matrices=False)
                # Singular vectors have no sign of their own: their largest number is made positive.
                rows = vh[:rank] if tall else u[:, :rank].T
                rows = rows * np.sign(rows[np.arange(rank), np.abs(rows).argmax(1)])[:, None]
                st["p"] = rows if tall else rows.T
            g = g @ st["p"].T if tall else st["p"].T @ g
        st["m"] = b1 * st["m"] + (1 - b1) * g
        st["v"] = b2 * st["v"] + (1 - b2) * g * g
        n = st["m"] / (np.sqrt(st["v"]) + eps)
        if low:
            n = (n @ st["p"] if tall else st["p"] @ n) * scale
        w -= lr * np.sqrt(1 - b2 ** (step + 1)) / (1 - b1 ** (step + 1)) * n
        w -= lr * decay * w
    steps.append([float(x) for w in weights for x in w.reshape(-1)])
with open(sys.argv[1], "w") as file:
    json.dump(steps, file)
    file.write("\n")
