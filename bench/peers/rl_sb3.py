"""Steps a CPU second of Stable-Baselines3 on one core: PPO and DQN on CartPole, SAC on Pendulum, with the settings of rl-zoo3, beside Cresset's command where its path is given.

Needs stable-baselines3 and gymnasium (its source runs on Debian's python3-torch: PYTHONPATH=stable-baselines3). Whole trainings from the first step, start of the program not counted, evaluation left out.
usage: OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 taskset -c 0 python3 rl_sb3.py [ROUNDS [path of cresset]]
"""
import resource
import subprocess
import sys
import tempfile
import time
import warnings

warnings.filterwarnings("ignore")
import torch  # noqa: E402
from stable_baselines3 import DQN, PPO, SAC  # noqa: E402
from stable_baselines3.common.env_util import make_vec_env  # noqa: E402

torch.set_num_threads(1)
QUIET = "training.evaluate_every=0 training.evaluation_episodes=1 training.checkpoint_every=0 training.log_every=1000000"
TASKS = {
    "ppo-cartpole": (
        lambda seed: PPO("MlpPolicy", make_vec_env("CartPole-v1", 8, seed=seed), n_steps=32, batch_size=256, n_epochs=20, gamma=0.98, gae_lambda=0.8, learning_rate=1e-3, seed=seed, device="cpu"),
        50_000, "ppo-cartpole"),
    "dqn-cartpole": (
        lambda seed: DQN("MlpPolicy", make_vec_env("CartPole-v1", 1, seed=seed), learning_rate=2.3e-3, batch_size=64, buffer_size=100_000, learning_starts=1000, gamma=0.99,
                         target_update_interval=10, train_freq=256, gradient_steps=128, exploration_fraction=0.16, exploration_final_eps=0.04,
                         policy_kwargs={"net_arch": [256, 256]}, seed=seed, device="cpu"),
        10_000, "dqn-cartpole"),
    "sac-pendulum": (
        lambda seed: SAC("MlpPolicy", make_vec_env("Pendulum-v1", 1, seed=seed), learning_rate=1e-3, seed=seed, device="cpu"), 2_000, "sac-pendulum agent.hidden=256,256"),
    "sac-pendulum 64x64": (
        lambda seed: SAC("MlpPolicy", make_vec_env("Pendulum-v1", 1, seed=seed), learning_rate=1e-3, policy_kwargs={"net_arch": [64, 64]}, seed=seed, device="cpu"), 4_000,
        "sac-pendulum agent.hidden=64,64"),
}


def theirs(make, steps, seed):
    model = make(seed)
    before = time.process_time()
    model.learn(steps)
    return steps / (time.process_time() - before)


def ours(cresset, recipe, steps, seed):
    """CPU seconds of a training less those of one that ends at once: start, check and film are in both."""
    def seconds(count):
        with tempfile.TemporaryDirectory() as folder:
            before = resource.getrusage(resource.RUSAGE_CHILDREN)
            subprocess.run([cresset, "train", *recipe.split(), *QUIET.split(), f"training.steps={count}", f"training.seed={seed}", "--runs", folder], check=True, stdout=subprocess.DEVNULL)
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return steps / max(1e-3, seconds(steps) - seconds(1))


rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 3
program = sys.argv[2] if len(sys.argv) > 2 else None
print("| task | Stable-Baselines3, steps a CPU second | Cresset | ratio |\n| --- | --- | --- | --- |")
for name, (make, steps, recipe) in TASKS.items():
    best = max(theirs(make, steps, seed) for seed in range(rounds))
    mine = max(ours(program, recipe, steps, seed) for seed in range(rounds)) if program else None
    print(f"| {name}, {steps} steps | {best:.0f} | {'-' if mine is None else f'{mine:.0f}'} | {'-' if mine is None else f'{mine / best:.1f}'} |", flush=True)
