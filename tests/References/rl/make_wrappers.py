"""Writes wrappers_gymnasium.json: outputs of Gymnasium's wrappers. Needs gymnasium and NumPy."""
import json

import gymnasium as gym
import numpy as np
from gymnasium import wrappers as w


def flat(x):
    return [float(v) for v in np.asarray(x).ravel()]


def roll(env, actions, seed):
    obs, _ = env.reset(seed=seed)
    out = {"seed": seed, "actions": [a if isinstance(a, int) else float(a[0]) for a in actions], "obs": [flat(obs)], "reward": [], "ended": []}
    for a in actions:
        obs, r, term, trunc, _ = env.step(a)
        out["obs"].append(flat(obs))
        out["reward"].append(float(r))
        out["ended"].append(bool(term or trunc))
        if term or trunc:
            obs, _ = env.reset()
            out["obs"].append(flat(obs))
    return out


cart = [0, 1, 1, 0, 1, 1, 1, 0, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 1]
torque = [np.array([x], dtype=np.float32) for x in (0.5, -0.25, 1.0, 0.1, -1.0, 0.75)]
big = [np.array([x], dtype=np.float32) for x in (3.0, -2.5, 0.5, 1.0)]
car = [0, 2, 2, 1, 2, 2, 0, 0, 0, 2, 2, 2]
make = gym.make
out = {
    "made_with": "Gymnasium " + gym.__version__ + ", NumPy " + np.__version__,
    "normalize_observation": roll(w.NormalizeObservation(make("CartPole-v1")), cart, 3),
    "normalize_reward": roll(w.NormalizeReward(make("Pendulum-v1"), gamma=0.9), torque, 3),
    "normalize_reward_cartpole": roll(w.NormalizeReward(make("CartPole-v1")), cart, 3),
    "rescale_action": roll(w.RescaleAction(make("Pendulum-v1"), np.float32(-1), np.float32(1)), torque, 4),
    "rescale_observation": roll(w.RescaleObservation(make("MountainCar-v0"), np.float32(-1), np.float32(1)), car, 4),
    "clip_action": roll(w.ClipAction(make("Pendulum-v1")), big, 4),
    "frame_stack_reset": roll(w.FrameStackObservation(make("CartPole-v1"), 3), cart, 5),
    "frame_stack_zero": roll(w.FrameStackObservation(make("CartPole-v1"), 3, padding_type="zero"), cart, 5),
    "time_aware": roll(w.TimeAwareObservation(make("CartPole-v1")), cart, 6),
    "time_aware_normalized": roll(w.TimeAwareObservation(make("CartPole-v1"), normalize_time=True), cart, 6),
    "delay": roll(w.DelayObservation(make("CartPole-v1"), 2), cart, 7),
    "max_and_skip": roll(w.MaxAndSkipObservation(make("CartPole-v1"), 4), cart[:8], 8),
    "discretize_observation": roll(w.DiscretizeObservation(make("MountainCar-v0"), bins=10), car, 42),
    "discretize_action": roll(w.DiscretizeAction(make("Pendulum-v1"), bins=10), [3, 0, 9, 5], 42),
    "sticky": roll(w.StickyAction(make("CartPole-v1"), 0.4), cart, 9),
    "sticky_duration": roll(w.StickyAction(make("CartPole-v1"), 0.4, (1, 3)), cart, 9),
}
vec = gym.make_vec("CartPole-v1", num_envs=3, vectorization_mode="vector_entry_point", vector_kwargs={"max_episode_steps": 12} if False else {})
obs, _ = vec.reset(seed=5)
v = {"obs": [flat(obs)], "reward": [], "terminated": [], "truncated": []}
for t in range(30):
    obs, r, term, trunc, _ = vec.step(np.array([1, t % 2, 0]))
    v["obs"].append(flat(obs))
    v["reward"].append(flat(r))
    v["terminated"].append([bool(x) for x in term])
    v["truncated"].append([bool(x) for x in trunc])
out["cartpole_vector_seed5"] = v
from gymnasium.envs.toy_text.frozen_lake import generate_random_map

out["frozen_lake_maps"] = {str(s): generate_random_map(size=6, p=0.7, seed=s) for s in range(5)}
fickle = gym.make("Taxi-v4", fickle_passenger=True, fickle_probability=0.9)
runs = []
for seed in range(4):
    s, _ = fickle.reset(seed=seed)
    states = [int(s)]
    for t in range(60):
        s = fickle.unwrapped.s
        r, c, p, d = fickle.unwrapped.decode(s)
        mask = fickle.unwrapped.action_mask(s)
        a = 4 if mask[4] else int(np.flatnonzero(mask[:4])[t * 7 % int(mask[:4].sum())])
        s, rew, term, trunc, _ = fickle.step(a)
        states.append(int(s))
    runs.append({"seed": seed, "states": states})
out["taxi_fickle"] = runs
from gymnasium import spaces

box = spaces.Box(np.array([-1, 0, -np.inf, -np.inf], dtype=np.float32), np.array([2, np.inf, 3, np.inf], dtype=np.float32))
box.seed(1)
multi = spaces.MultiDiscrete([3, 5, 2])
multi.seed(1)
binary = spaces.MultiBinary(5)
binary.seed(1)
pair = spaces.Tuple((spaces.Discrete(7), spaces.Discrete(9, start=-4)))
pair.seed(1)
masked = spaces.Discrete(5)
masked.seed(1)
out["spaces_seed1"] = {
    "box": [flat(box.sample()) for _ in range(5)],
    "multi_discrete": [flat(multi.sample()) for _ in range(5)],
    "multi_binary": [flat(binary.sample()) for _ in range(5)],
    "tuple": [[int(x) for x in pair.sample()] for _ in range(5)],
    "discrete_masked_0_2_3": [int(masked.sample(mask=np.array([1, 0, 1, 1, 0], dtype=np.int8))) for _ in range(8)],
    "then_discrete_probability": [int(masked.sample(probability=np.array([0.1, 0.2, 0.3, 0.2, 0.2]))) for _ in range(8)],
}
with open("wrappers_gymnasium.json", "w") as f:
    json.dump(out, f)
