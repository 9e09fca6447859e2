#!/usr/bin/env bash
# recipes.sh [RECIPE ...]: trains recipes as they are (by default all that take at most some minutes) and prints what each reached, one line per recipe, with
# the seconds it took. SECONDS_EACH ends one that takes longer; the command says which recipe failed. The figures that guides and recipes promise are to be held against these.
set -euo pipefail
cd "$(dirname "$0")/../.."
cresset=${CRESSET:-artifacts/bin/Cresset.Cli/release/cresset}
[ -x "$cresset" ] || dotnet build -c Release -v q src/Cresset.Cli
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
names=("$@")
[ $# -gt 0 ] || names=(
    zhao-gridworld-policy-iteration zhao-gridworld-mc-basic zhao-gridworld-mc zhao-gridworld-qlearning windy-grid walk19-lambda walk19-nstep cliff-walking maximization-bias
    baird-counterexample dyna-maze blackjack-exploring-starts qlearning-taxi sarsa-mountaincar-tiles digits-classifier realnvp-moons nsf-checkerboard otcfm-moons reflow-moons
    realnvp-digits nice-digits maf-digits nsf-digits glow-digits rectified-flow-digits vqvae-digits pixelcnn-digits maskgit-digits var-digits transformer-digits-words sd3-digits posterior-two-moons
    ppo-cartpole dqn-cartpole pqn-cartpole reinforce-cartpole sac-pendulum td3-pendulum gpt-shakespeare espcn-x2
)
failed=0
for name in "${names[@]}"; do
    start=$(date +%s)
    if timeout "${SECONDS_EACH:-900}" "$cresset" train "$name" -q --json --runs "$folder/$name" > "$folder/out" 2> "$folder/errors"; then
        figures=$(sed -n '/"metrics"/,/}/p' "$folder/out" | grep ':' | grep -v metrics | tr -d '",' | sed 's/^ *//' | paste -sd'|' | sed 's/|/, /g')
        echo "$name  $(($(date +%s) - start)) s  $figures"
    else
        echo "FAILED $name: exit code $?; $(tail -n 1 "$folder/errors")"
        failed=1
    fi
    rm -rf "${folder:?}/$name"
done
exit "$failed"
