#!/usr/bin/env bash
# flows-quality.sh [FOLDER]: the recipes of flows with three seeds each (or SEEDS="0 1 2 3"), their headline figures in a table in Markdown with mean and deviation.
# RECIPES="realnvp-moons otcfm-moons" takes some of them, LARGE=1 those of Fashion-MNIST as well. Stopped at any time, the same command goes on where it was.
set -euo pipefail
cd "$(dirname "$0")/../.."
cresset=${CRESSET:-artifacts/bin/Cresset.Cli/release/cresset}
[ -x "$cresset" ] || dotnet build -c Release -v q src/Cresset.Cli
folder=${1:-artifacts/flows-quality}
mkdir -p "$folder"
export OMP_NUM_THREADS="${OMP_NUM_THREADS:-1}"
# recipe, overrides, figure
table=(
  "realnvp-moons||nll" "realnvp-moons|model.density=eight-gaussians|nll" "realnvp-moons|model.density=checkerboard|nll"
  "nsf-checkerboard||nll" "nsf-checkerboard|model.density=eight-gaussians|nll" "nsf-checkerboard|model.density=moons|nll"
  "nsf-digits||test_bpd" "glow-digits||test_bpd" "realnvp-digits||test_bpd" "maf-digits||test_bpd" "nice-digits||test_bpd"
  "otcfm-moons||w2_steps_1" "reflow-moons||w2_steps_1" "meanflow-moons||w2_steps_1" "meanflow-moons||w2_steps_4" "sf2m-moons||w2_stochastic"
  "posterior-two-moons||c2st" "posterior-slcp|data.pairs=10000|c2st" "posterior-slcp||c2st"
)
[ -z "${LARGE:-}" ] || table+=(
  "tarflow-fashion-density||bits_per_dimension" "tarflow-fashion-density|model.flow=maf|bits_per_dimension" "tarflow-fashion-density|model.flow=spline|bits_per_dimension"
  "tarflow-fashion-density|model.flow={kind: glow, levels: 2}|bits_per_dimension" "tarflow-fashion||nats_per_dimension"
)
echo "| recipe | figure | seeds | mean | deviation |"
echo "| --- | --- | --- | --- | --- |"
for line in "${table[@]}"; do
  IFS='|' read -r recipe override figure <<< "$line"
  [ -z "${RECIPES:-}" ] || [[ " $RECIPES " == *" $recipe "* ]] || continue
  values=()
  for seed in ${SEEDS:-0 1 2}; do
    stem="$folder/$(printf '%s-%s-%s' "$recipe" "$override" "$seed" | tr -c 'a-zA-Z0-9.\n-' '_')"
    if [ ! -s "$stem.json" ]; then
      "$cresset" train "$recipe" ${override:+"$override"} "trainer.seed=$seed" -q --json --runs "$stem.runs" > "$stem.part"
      mv "$stem.part" "$stem.json"
      rm -rf "$stem.runs"
    fi
    values+=("$(grep -m1 "\"$figure\"" "$stem.json" | tr -d '", ' | cut -d: -f2)")
  done
  printf '%s\n' "${values[@]}" | awk -v name="$recipe $override" -v figure="$figure" \
    '{ all = all " " sprintf("%.3f", $1); s += $1; q += $1 * $1 } END { m = s / NR; d = NR > 1 ? (q - NR * m * m) / (NR - 1) : 0; printf "| %s | %s |%s | %.3f | %.3f |\n", name, figure, all, m, sqrt(d > 0 ? d : 0) }'
done
