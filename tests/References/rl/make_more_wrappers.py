"""Writes more_wrappers.json: Gymnasium's Autoreset, FlattenObservation, TransformObservation and the Text, Tuple and Dict spaces. Needs gymnasium and NumPy."""
import json

import gymnasium as gym
import numpy as np
from gymnasium import spaces
from gymnasium import wrappers as w


def flat(x):
    return [float(v) for v in np.asarray(x).ravel()]


def roll(env, actions, seed):
    obs, _ = env.reset(seed=seed)
    out = {"seed": seed, "actions": actions, "obs": [flat(obs)], "reward": [], "ended": []}
    for a in actions:
        obs, r, term, trunc, _ = env.step(a)
        out["obs"].append(flat(obs))
        out["reward"].append(float(r))
        out["ended"].append(bool(term or trunc))
    return out


push = [1] * 30
lake = [2, 2, 1, 1, 0, 3]
half = spaces.Box(np.float32(-np.inf), np.float32(np.inf), (4,), np.float32)
out = {
    "made_with": "Gymnasium " + gym.__version__ + ", NumPy " + np.__version__,
    "autoreset": roll(w.Autoreset(gym.make("CartPole-v1")), push, 3),
    "flatten_frozen_lake": roll(w.FlattenObservation(gym.make("FrozenLake-v1", is_slippery=False)), [2, 2, 1], 4),
    "flatten_blackjack": roll(w.FlattenObservation(gym.make("Blackjack-v1")), [0], 5),
    "transform_observation": roll(w.TransformObservation(gym.make("CartPole-v1"), lambda o: (2 * o + np.float32(1)).astype(np.float32), half), push[:5], 6),
    "clip_reward": roll(w.ClipReward(gym.make("MountainCar-v0"), min_reward=-0.25), [2, 2, 0], 7),
}


def text(space, seed, count=8):
    space.seed(seed)
    return [space.sample() for _ in range(count)]


out["text"] = {
    "alphanumeric_6": text(spaces.Text(6), 1),
    "abc_0_4": text(spaces.Text(4, min_length=0, charset="cab"), 2),
    "fixed_3": text(spaces.Text(3, min_length=3), 3),
}
named = spaces.Dict({"b": spaces.Discrete(3), "a": spaces.MultiDiscrete([4, 4]), "c": spaces.Discrete(9, start=-4)})
named.seed(5)
out["dict_seed5"] = [flat(np.concatenate([np.ravel(v) for v in named.sample().values()])) for _ in range(6)]
nested = spaces.Tuple((spaces.Tuple((spaces.Discrete(5), spaces.Discrete(6))), spaces.MultiDiscrete([3, 7], start=[2, -3])))
nested.seed(6)
out["nested_tuple_seed6"] = [[int(a), int(b), *[int(x) for x in c]] for (a, b), c in (nested.sample() for _ in range(6))]
binary = spaces.MultiBinary([2, 9])
binary.seed(7)
out["multi_binary_2x9_seed7"] = [flat(binary.sample()) for _ in range(4)]
with open("more_wrappers.json", "w") as f:
    json.dump(out, f)
