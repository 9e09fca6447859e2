# A water tank as a server: cresset train tank.yaml. One JSON object per line in, one per line out.
import json
import random
import sys

rng, level, inflow = random.Random(), 0.0, 0.0


def seen(**more):
    return {"observation": [level, inflow], "mask": [True, level > 0.2, level > 0.5], **more}


for line in sys.stdin:
    ask = json.loads(line)
    if ask["do"] == "hello":
        answer = {"name": "Tank", "observation": {"kind": "box", "low": 0, "high": 1, "shape": [2]}, "action": {"kind": "discrete", "n": 3},
                  "masks": True, "max_episode_steps": 60, "reward_threshold": 50, "saves": True}
    elif ask["do"] == "reset":
        rng.seed(ask["seed"])
        level, inflow = rng.uniform(0.3, 0.7), 0.1
        answer = seen()
    elif ask["do"] == "step":
        inflow = min(0.2, max(0.0, inflow + rng.uniform(-0.05, 0.05)))
        level = max(0.0, level + inflow - 0.15 * ask["action"])
        over, level = level > 1, min(level, 1.0)
        answer = seen(reward=1 - 2 * abs(level - 0.5), terminated=over, truncated=False)
    elif ask["do"] == "save":
        answer = {"state": [rng.getstate(), level, inflow]}
    elif ask["do"] == "load":
        (version, words, gauss), level, inflow = ask["state"]
        rng.setstate((version, tuple(words), gauss))
        answer = {}
    print(json.dumps(answer), flush=True)
