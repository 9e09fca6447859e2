#!/usr/bin/env bash
# All agents on the classic-control worlds, ten seeds each (or as many as the first argument says): interquartile means with bootstrap bands beside rl-zoo3's published
# figures, as a table in Markdown. Stopped at any time, the same command goes on where it was; what is finished is not run again.
# usage: tests/long/rl-table.sh [SEEDS [RUNS-FOLDER]]   HOURS=4 ends it by the clock, JOBS=2 runs so many at a time.
set -euo pipefail
cd "$(dirname "$0")/../.."
[ -n "${BUILT:-}" ] || dotnet build -c Release -v q src/Cresset.Cli
seeds=${1:-10}
runs=${2:-artifacts/rl-table}
jobs=${JOBS:-2}
ends=$(($(date +%s) + ${HOURS:-4} * 3600))
export OMP_NUM_THREADS=1
mkdir -p "$runs"
# name, recipe, overrides, what rl-zoo3 publishes (mean and deviation over about 150,000 steps of one seed) with its steps
table=(
  "CartPole-v1|DQN|dqn-cartpole||500 ± 0 (50k)"
  "CartPole-v1|Rainbow|rainbow-cartpole||-"
  "CartPole-v1|PQN|pqn-cartpole||495 ± 7 (500k, CleanRL, while learning)"
  "CartPole-v1|PPO|ppo-cartpole||500 ± 0 (100k)"
  "CartPole-v1|A2C|a2c-cartpole||500 ± 0 (500k)"
  "CartPole-v1|REINFORCE|reinforce-cartpole||-"
  "CartPole-v1|SAC over choices|sac-discrete-cartpole||-"
  "Pendulum-v1|SAC|sac-pendulum||-157.0 (20k)"
  "Pendulum-v1|TD3|td3-pendulum||-151.9 (20k)"
  "Pendulum-v1|TQC|sac-pendulum|job=tqc|-151.3 (20k)"
  "Pendulum-v1|PPO|ppo-pendulum||-172.2 (100k)"
  "MountainCarContinuous-v0|SAC|sac-mountaincarcontinuous||94.7 (50k)"
  "MountainCar-v0|DQN|dqn-mountaincar||-100.8 ± 9.9 (120k)"
  "Acrobot-v1|DQN|dqn-acrobot||-76.6 ± 11.8 (100k)"
)
for line in "${table[@]}"; do
  IFS='|' read -r world method recipe override _ <<< "$line"
  name="$world-$method"
  [ -s "$runs/$name.json" ] && continue
  left=$((ends - $(date +%s)))
  [ "$left" -gt 60 ] || { echo "stopped by the clock before $name; the same command goes on" >&2; break; }
  source=$recipe
  if [ "$override" = job=tqc ]; then
    source=$runs/tqc-pendulum.yaml
    sed -e 's/^job: sac/job: tqc/' -e 's/^summary:.*/summary: TQC on Pendulum with the settings of the SAC recipe./' "recipes/$recipe.yaml" > "$source"
  fi
  timeout --signal=INT "$left" artifacts/bin/Cresset.Cli/release/cresset sweep "$source" --seeds "$seeds" --jobs "$jobs" --name "$name" --runs "$runs/store" --json > "$runs/$name.part" || {
    code=$?
    [ "$code" -eq 1 ] || { echo "stopped in $name (code $code); the same command goes on" >&2; break; }
  }
  mv "$runs/$name.part" "$runs/$name.json"
done
printf '%s\n' "${table[@]}" | python3 tests/long/rl_table.py "$runs" "$seeds"
