"""Values of the tanh-squashed normal distribution and of TQC's truncated target, in double precision, from their definitions."""
import json
import math
import os


def log_prob(u, mean, log_deviation):
    deviation = math.exp(log_deviation)
    normal = -0.5 * ((u - mean) / deviation) ** 2 - log_deviation - 0.5 * math.log(2 * math.pi)
    # 1 - tanh(u)^2 = 4 / (exp(u) + exp(-u))^2, which does not cancel.
    return normal - (math.log(4) - 2 * (abs(u) + math.log1p(math.exp(-2 * abs(u)))))


def truncated(quantiles, dropped, reward, discount, surprise):
    kept = sorted(q for critic in quantiles for q in critic)[: len(quantiles) * (len(quantiles[0]) - dropped)]
    return [reward + discount * (q - surprise) for q in kept]


points = [(0, 0, 0), (0.5, 0.2, -1), (-3, 1, 0.5), (8, 7.5, -2), (-20, -19, 1), (1e-3, 0, -3), (2.5, -1, 2)]
values = {
    "squashed": [[u, m, s, log_prob(u, m, s)] for u, m, s in points],
    "truncated": truncated([[0.3, -1.2, 4.0, 2.0], [1.1, 0.9, -0.4, 7.5]], 1, 0.5, 0.9, -0.25),
}
with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "continuous.json"), "w") as file:
    json.dump(values, file, indent=1)
