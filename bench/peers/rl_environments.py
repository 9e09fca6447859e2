"""Steps per second of Gymnasium's environments and updates per second of tabular Q-learning with NumPy, on one thread (CPU time).

Needs gymnasium and numpy. The other side: dotnet run -c Release --project bench/Cresset.Benchmarks -- rl-environments
"""
import time
import warnings

import gymnasium as gym
import numpy as np

warnings.filterwarnings("ignore")


def report(name, work, rounds=3):
    best = float("inf")
    count = 0
    for _ in range(rounds):
        before = time.process_time()
        count = work()
        best = min(best, time.process_time() - before)
    print(f"{name:44s} {count / best / 1e6:9.4f} M/s", flush=True)


def single(name, steps, action=None):
    env = gym.make(name, disable_env_checker=True)

    def work():
        env.reset(seed=1)
        env.action_space.seed(1)
        actions = [env.action_space.sample() for _ in range(256)] if action is None else None
        obs = env.reset()[0]
        for i in range(steps):
            obs, _, terminated, truncated, _ = env.step(actions[i & 255] if action is None else action(obs))
            if terminated or truncated:
                obs = env.reset()[0]
        return steps

    return work


def vector(count, steps):
    envs = gym.make_vec("CartPole-v1", num_envs=count, vectorization_mode="vector_entry_point")

    def work():
        envs.reset(seed=1)
        rng = np.random.default_rng(1)
        actions = [rng.integers(0, 2, count) for _ in range(16)]
        for i in range(steps):
            envs.step(actions[i & 15])
        return steps * count

    return work


def q_learning(name, steps):
    env = gym.make(name, disable_env_checker=True)

    def work():
        rng = np.random.default_rng(2)
        q = np.zeros((env.observation_space.n, env.action_space.n))
        state, _ = env.reset(seed=1)
        for _ in range(steps):
            action = int(rng.integers(env.action_space.n)) if rng.random() < 0.1 else int(np.argmax(q[state]))
            following, reward, terminated, truncated, _ = env.step(action)
            target = reward if terminated else reward + 0.99 * np.max(q[following])
            q[state, action] += 0.1 * (target - q[state, action])
            state = env.reset()[0] if terminated or truncated else following
        return steps

    return work


print(gym.__version__, np.__version__)
report("CartPole", single("CartPole-v1", 30_000))
report("CartPole x64, vector_entry_point", vector(64, 1000))
report("CartPole x1024, vector_entry_point", vector(1024, 1000))
report("CartPole x8192, vector_entry_point", vector(8192, 300))
report("FrozenLake slippery", single("FrozenLake-v1", 40_000))
report("Taxi", single("Taxi-v4", 40_000))
report("CliffWalking", single("CliffWalking-v1", 40_000))
report("MountainCar", single("MountainCar-v0", 30_000))
report("Acrobot", single("Acrobot-v1", 5_000))
report("Pendulum", single("Pendulum-v1", 20_000))
report("Blackjack", single("Blackjack-v1", 10_000, lambda obs: int(obs[0] < 17)))
report("tabular Q-learning updates, Taxi", q_learning("Taxi-v4", 30_000))
report("tabular Q-learning updates, CliffWalking", q_learning("CliffWalking-v1", 30_000))
