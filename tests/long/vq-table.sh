#!/usr/bin/env bash
# The figures of the tokenizers on Fashion-MNIST with three seeds each (or as many as the first argument says): mean, least and greatest test error, and codes in use. About four minutes per recipe.
# usage: tests/long/vq-table.sh [SEEDS [RUNS-FOLDER]]   RECIPES="fsq-fashion" runs those alone.
set -euo pipefail
cd "$(dirname "$0")/../.."
[ -n "${BUILT:-}" ] || dotnet build -c Release -v q src/Cresset.Cli
seeds=${1:-3}
runs=${2:-artifacts/vq-table}
cresset=artifacts/bin/Cresset.Cli/release/cresset
mkdir -p "$runs"
echo "| recipe | test error, mean (least to greatest) | codes in use |"
echo "| --- | --- | --- |"
for recipe in ${RECIPES:-vqvae-fashion vq-gradient-fashion fsq-fashion rvq-fashion}; do
  for ((seed = 0; seed < seeds; seed++)); do
    out="$runs/$recipe-$seed.json"
    [ -s "$out" ] && continue
    "$cresset" train "$recipe" "trainer.seed=$seed" --runs "$runs/$recipe-$seed" -q > /dev/null
    "$cresset" eval "$recipe" --runs "$runs/$recipe-$seed" --json > "$out.part"
    mv "$out.part" "$out"
  done
  python3 - "$recipe" "$runs/$recipe"-*.json <<'PY'
import json, sys

def find(value, name):
    if isinstance(value, dict):
        if name in value and isinstance(value[name], (int, float)):
            return value[name]
        value = list(value.values())
    if isinstance(value, list):
        return next((f for f in (find(v, name) for v in value) if f is not None), None)

found = [json.load(open(path)) for path in sys.argv[2:]]
errors = [find(f, "mse") for f in found]
used = [find(f, "codes_used") or find(f, "codes_used_stage0") for f in found]
print(f"| {sys.argv[1]} | {sum(errors) / len(errors):.5f} ({min(errors):.5f} to {max(errors):.5f}) | {', '.join(str(int(u)) for u in used)} |")
PY
done
