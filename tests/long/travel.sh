#!/usr/bin/env bash
# Ten runs of ten kinds, copied to another root, where another user lists, shows, plots, compares, evaluates, samples, asks and resumes them; the store they
# came from is gone. As root (the other user is number 65534); without it the same user does it. Some minutes.
set -euo pipefail
cd "$(dirname "$0")/../.."
[ -x artifacts/bin/Cresset.Cli/release/cresset ] || dotnet build -c Release -v q src/Cresset.Cli
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
chmod 755 "$work"
# The program with everything it links to: the other user may not look into the builder's package cache.
cp -rL artifacts/bin/Cresset.Cli/release "$work/program"
cresset=$work/program/cresset
export OMP_NUM_THREADS=1
few="trainer.evaluate_every=4 trainer.checkpoint_every=4"
mkdir "$work/home"
run() { (cd "$work/home" && "$cresset" train "$@" -q > "$work/log" 2>&1) || { cat "$work/log"; echo "FAILED: train $*"; exit 1; }; }
run digits-classifier trainer.steps=8 $few
run realnvp-moons trainer.steps=8 $few
run nice-digits trainer.steps=8 $few
run posterior-two-moons trainer.steps=8 $few
run vqvae-digits trainer.steps=8 $few
run otcfm-moons trainer.steps=8 $few
run espcn-x2 trainer.steps=8 $few
run dqn-cartpole training.steps=1200 training.evaluate_every=600 training.checkpoint_every=600 training.evaluation_episodes=2
run pixelcnn-digits tokenizer_trainer.steps=8 trainer.steps=8 $few
run qlearning-taxi

mkdir -p "$work/other/place"
# A folder of runs as it is copied by hand: without its database.
cp -r "$work/home/runs" "$work/other/place/runs"
rm -f "$work/other/place/runs/"runs.db*
rm -rf "$work/home"
as=()
if [ "$(id -u)" = 0 ] && command -v setpriv > /dev/null; then
    chown -R 65534:65534 "$work/other"
    as=(setpriv --reuid=65534 --regid=65534 --clear-groups env HOME=/tmp)
fi
there() { (cd "$work/other/place" && "${as[@]}" "$cresset" "$@" > "$work/log" 2>&1) || { cat "$work/log"; echo "FAILED: $*"; exit 1; }; }
says() { grep -q -- "$1" "$work/log" || { cat "$work/log"; echo "FAILED: '$1' was not said"; exit 1; }; }

there runs --json
[ "$(grep -c '"id"' "$work/log")" = 10 ] || { cat "$work/log"; echo "FAILED: not ten runs"; exit 1; }
for name in digits-classifier realnvp-moons nice-digits posterior-two-moons vqvae-digits otcfm-moons espcn-x2 dqn-cartpole pixelcnn-digits qlearning-taxi; do
    there runs show "$name"
    there runs plot "$name" -o "$name.png"
    there eval "$name"
    echo "ok: $name is shown, plotted and evaluated"
done
for name in realnvp-moons nice-digits otcfm-moons dqn-cartpole pixelcnn-digits qlearning-taxi; do there sample "$name" -n 2; echo "ok: $name draws"; done
there sample posterior-two-moons x_1=0 x_2=0 -n 10
there runs compare digits-classifier realnvp-moons
printf 'x,y\n0,0\n' > "$work/other/points.csv"
there predict realnvp-moons ../points.csv
for name in digits-classifier realnvp-moons nice-digits posterior-two-moons vqvae-digits otcfm-moons espcn-x2; do
    there train --resume "$name" trainer.steps=12
    says "Resumed at step 8"
    echo "ok: $name goes on"
done
there train --resume dqn-cartpole training.steps=1800
says "Resumed at step 1200"
there train --resume pixelcnn-digits trainer.steps=12
says "Resumed at step 8"
there train --resume qlearning-taxi
says "nothing is done again"
echo "ok: ten runs went to another root and another user"
