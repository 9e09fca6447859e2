"""Writes numpy_rare_draws.json: draws that the seeding file does not cover. Needs NumPy only."""
import json

import numpy as np


def generator(seed):
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence(seed)))


out = {"made_with": "NumPy " + np.__version__}
total = 0.0
for x in generator(5).standard_normal(200_000):
    total += float(x)
out["normal_sum_200000_seed5"] = total
total = 0.0
for x in generator(6).standard_exponential(200_000):
    total += float(x)
out["exponential_sum_200000_seed6"] = total
g = generator(7)
out["integers_0_2pow40_seed7"] = g.integers(0, 1 << 40, size=6).tolist()
out["then_integers_minus5_6"] = g.integers(-5, 6, size=9).tolist()
g = generator(8)
out["int8_0_2_seed8"] = g.integers(0, 2, size=11, dtype=np.int8).tolist()
out["then_int8_0_100"] = g.integers(0, 100, size=11, dtype=np.int8).tolist()
out["then_choice_p"] = [int(g.choice(4, p=[0.1, 0.2, 0.3, 0.4])) for _ in range(20)]
out["random_float32_seed9"] = [float(x) for x in generator(9).random(8, dtype=np.float32)]
with open("numpy_rare_draws.json", "w") as f:
    json.dump(out, f, indent=1)
