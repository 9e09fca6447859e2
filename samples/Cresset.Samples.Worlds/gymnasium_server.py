# Any environment of Gymnasium as a server: command: python3 gymnasium_server.py LunarLander-v3
import json
import sys

import gymnasium
import numpy

env = gymnasium.make(sys.argv[1], render_mode="rgb_array")
if isinstance(env.observation_space, (gymnasium.spaces.Dict, gymnasium.spaces.Tuple)):
    env = gymnasium.wrappers.FlattenObservation(env)


def bounds(values):
    return [float(v) if numpy.isfinite(v) else None for v in values.flatten()]


def space(s):
    if isinstance(s, gymnasium.spaces.Box):
        return {"kind": "box", "low": bounds(s.low), "high": bounds(s.high), "shape": list(s.shape)}
    if isinstance(s, gymnasium.spaces.Discrete):
        return {"kind": "discrete", "n": int(s.n), "start": int(s.start)}
    if isinstance(s, gymnasium.spaces.MultiDiscrete):
        return {"kind": "multi_discrete", "counts": s.nvec.tolist()}
    return {"kind": "multi_binary", "n": int(s.n)}


def draws():
    try:
        env.reset()
        return env.render() is not None
    except Exception:  # Pictures need packages that may not be there.
        return False


def plain(observation):
    return numpy.asarray(observation).tolist()


for line in sys.stdin:
    ask = json.loads(line)
    if ask["do"] == "hello":
        answer = {"name": sys.argv[1], "observation": space(env.observation_space), "action": space(env.action_space), "renders": draws(),
                  "max_episode_steps": env.spec.max_episode_steps, "reward_threshold": env.spec.reward_threshold}
    elif ask["do"] == "reset":
        answer = {"observation": plain(env.reset(seed=ask["seed"])[0])}
    elif ask["do"] == "step":
        action = numpy.asarray(ask["action"], dtype=env.action_space.dtype)
        observation, reward, terminated, truncated, _ = env.step(action if env.action_space.shape else int(action))
        answer = {"observation": plain(observation), "reward": float(reward), "terminated": bool(terminated), "truncated": bool(truncated)}
    elif ask["do"] == "render":
        import base64
        picture = env.render()
        answer = {"width": picture.shape[1], "height": picture.shape[0], "rgb": base64.b64encode(picture.tobytes()).decode()}
    print(json.dumps(answer), flush=True)
