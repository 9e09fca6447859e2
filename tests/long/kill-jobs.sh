#!/usr/bin/env bash
# kill-jobs.sh [10 [JOB]]: five kinds of jobs, or the one that is named (a training, one of two stages, a flow, an agent, a study), each killed that many times with SIGKILL at
# random moments and resumed by the command. Whenever a run comes to its end, its weights, series and pictures must be those of a run that was
# left alone; then the next one begins, until the kills are done. CRESSET names the command (default: the build's), SEED the moments.
set -euo pipefail
cd "$(dirname "$0")/../.."
kills=${1:-10}
cresset=${CRESSET:-artifacts/bin/Cresset.Cli/release/cresset}
RANDOM=${SEED:-1}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
trainer="trainer.threads=1 trainer.checkpoint_every=10"
jobs=(
    "digits-classifier $trainer trainer.steps=200 trainer.evaluate_every=60"
    "pixelcnn-digits $trainer trainer.steps=60 trainer.evaluate_every=20 tokenizer_trainer.threads=1 tokenizer_trainer.steps=60 tokenizer_trainer.evaluate_every=20 tokenizer_trainer.checkpoint_every=10"
    "otcfm-moons $trainer trainer.steps=300 trainer.evaluate_every=100 trainer.pictures_every=100"
    "dqn-cartpole training.steps=6000 training.evaluate_every=2000 training.checkpoint_every=500 training.evaluation_episodes=2"
    "activation-study study.steps=60 study.seeds=1"
)

# Everything that must be the same: weights and pictures by their hashes, series without times and speeds.
result() { # result STORE RECIPE
    local run
    run=$(find "$1" -mindepth 1 -maxdepth 1 -type d)
    [ "$(wc -l <<< "$run")" = 1 ] || { echo "kill-jobs.sh: $1 holds other than one run" >&2; return 1; }
    (cd "$run" && find . \( -name '*.safetensors' -o -path './samples/*' \) -not -path '*checkpoints*' -type f | sort | xargs sha256sum)
    "$cresset" runs export "$2" --runs "$1" | grep -vE '^(system/|[^,]*second)' | cut -d, -f1,2,4 | sort
}

failed=0
for job in "${jobs[@]}"; do
    name=${job%% *}
    [ -z "${2:-}" ] || [ "$2" = "$name" ] || continue
    began=$(date +%s%N)
    # shellcheck disable=SC2086
    "$cresset" train $job --runs "$folder/whole-$name" > "$folder/log" 2>&1
    took=$((($(date +%s%N) - began) / 1000000))
    result "$folder/whole-$name" "$name" > "$folder/expected"
    done=0
    ends=0
    resumed=0
    while [ "$done" -lt "$kills" ] || [ "$ends" = 0 ]; do
        store="$folder/killed-$name-$ends"
        while :; do
            if [ -n "$(find "$store" -mindepth 2 -maxdepth 2 -name run.json 2> /dev/null)" ] && "$cresset" runs --json --runs "$store" | grep -q "$name"; then
                what="--resume $name"
                resumed=$((resumed + 1))
            else
                rm -rf "$store"
                what=$job
            fi
            # shellcheck disable=SC2086
            "$cresset" train $what --runs "$store" > "$folder/log" 2>&1 &
            pid=$!
            if [ "$done" -lt "$kills" ]; then
                wait=$((RANDOM * took / 32768))
                sleep "$(printf '%d.%03d' $((wait / 1000)) $((wait % 1000)))"
                if kill -9 "$pid" 2> /dev/null; then done=$((done + 1)); fi
            fi
            code=0
            wait "$pid" 2> /dev/null || code=$?
            [ "$code" = 137 ] && continue
            [ "$code" = 0 ] || { echo "FAILED $name: ended with $code"; cat "$folder/log"; failed=1; break 2; }
            break
        done
        ends=$((ends + 1))
        if ! result "$store" "$name" | cmp -s - "$folder/expected"; then
            echo "FAILED $name: run $ends is another one than the run that was left alone"
            result "$store" "$name" | diff - "$folder/expected" | head -20 || true
            failed=1
            break
        fi
    done
    echo "$name: $done kills, resumed $resumed times, $ends runs came to their end with the same bits"
done
exit "$failed"
