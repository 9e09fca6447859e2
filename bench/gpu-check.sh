#!/usr/bin/env bash
# Trains, stops, resumes and evaluates one recipe of every subject on a CUDA device and prints a table: whether training on it ends well, whether a resumed run
# ends with the same figures as one that was not stopped, how far its figures are from the same weights evaluated on the CPU, and how many times faster it trains.
# At most eight minutes once it is built. Exit 0: every row is good; 1: some row is not; 2: there is no device or no libtorch.
#   bench/gpu-check.sh                 with the CUDA packages of NuGet (several gigabytes, fetched by the build)
#   bench/gpu-check.sh /opt/libtorch   with a libtorch 2.10 for CUDA that is there already (the folder that holds lib/libtorch_cuda.so)
# UNTESTED: no machine with a CUDA device and such a libtorch was at hand when this was written. If TorchSharp 0.107's own library does not load there, the note
# at the end says so.
set -uo pipefail
cd "$(dirname "$0")/.."
command -v nvidia-smi > /dev/null && nvidia-smi -L | grep -q GPU || { echo "gpu-check: nvidia-smi finds no device"; exit 2; }
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
libtorch=${1:-}
backend=cuda
if [ -n "$libtorch" ]; then
  [ -e "$libtorch/lib/libtorch_cuda.so" ] || { echo "gpu-check: $libtorch/lib/libtorch_cuda.so does not exist; give the folder of a libtorch built for CUDA"; exit 2; }
  backend=cpu
fi
dotnet build -c Release -v q -nologo -p:CressetBackend=$backend --artifacts-path "$out/artifacts" src/Cresset.Cli || exit 2
bin=$out/artifacts/bin/Cresset.Cli/release
if [ -n "$libtorch" ]; then
  # The build linked the CPU's libtorch: its place is taken by the other one.
  native=$bin/runtimes/linux-x64/native
  for file in "$libtorch"/lib/*.so*; do ln -sf "$file" "$native/$(basename "$file")"; done
  export LD_LIBRARY_PATH="$libtorch/lib:${LD_LIBRARY_PATH:-}"
fi
cresset=$bin/cresset
"$cresset" doctor > "$out/doctor" 2>&1
cat "$out/doctor"
grep -qiE 'cuda.*(yes|available|device)' "$out/doctor" || echo "note: doctor names no CUDA device; if TorchSharp's library did not load, every row below is untested"

# Recipe, steps, first half; small enough that all rows take a minute or so each at most.
rows="digits-classifier:200:100 unet-digits-segmentation:40:20 espcn-x2:100:50 nsf-digits:60:30 otcfm-moons:200:100 vqvae-digits:100:50 pixelcnn-digits:60:30 sd3-digits:60:30 dqn-cartpole:2000:1000"
bad=0
late=$((SECONDS + 400))
seconds() { local from; from=$(date +%s.%N); "$@" > "$out/log" 2>&1; local rc=$?; awk -v a="$from" -v b="$(date +%s.%N)" 'BEGIN { printf "%.1f", b - a }'; return $rc; }
figures() { "$cresset" eval "$1" --runs "$2" --json 2> /dev/null | grep -oE '"[a-z_/0-9]+": *-?[0-9.eE+-]+' | grep -vE 'step|second|epoch'; }
# The largest relative distance between two lists of figures of the same names.
gap() { paste -d' ' <(sed 's/.*: *//' "$1") <(sed 's/.*: *//' "$2") | awk '{ s = ($1 < 0 ? -$1 : $1) + 1e-6; d = $1 - $2; d = (d < 0 ? -d : d) / s; if (d > m) m = d } END { printf "%.1e", m }'; }
printf '%-26s %-8s %-8s %-12s %-10s %-10s\n' subject trains resumes 'gap to CPU' 'GPU s' 'times CPU'
for row in $rows; do
  IFS=: read -r name steps half <<< "$row"
  # A step of a study or an agent has another name.
  key=trainer.steps
  [ "$name" = dqn-cartpole ] && key=steps
  trains=no resumes=no distance=- gpu=- times=-
  if [ $SECONDS -gt $late ]; then
    printf "%-26s %s\n" "$name" "not reached in eight minutes"
    continue
  fi
  if gpu=$(seconds timeout 60 "$cresset" train "$name" $key=$steps trainer.device=cuda --runs "$out/whole-$name" --quiet); then
    trains=yes
    figures "$name" "$out/whole-$name" > "$out/a"
    CUDA_VISIBLE_DEVICES= figures "$name" "$out/whole-$name" > "$out/b"
    [ -s "$out/a" ] && distance=$(gap "$out/a" "$out/b")
    if timeout 60 "$cresset" train "$name" $key=$half trainer.device=cuda --runs "$out/parts-$name" --quiet > "$out/log" 2>&1 \
      && timeout 60 "$cresset" train --resume "$name" $key=$steps --runs "$out/parts-$name" --quiet > "$out/log" 2>&1; then
      figures "$name" "$out/parts-$name" > "$out/c"
      # Schedules that span the run differ when it is extended: those rows say "moved" and are no fault.
      if [ -s "$out/c" ]; then cmp -s "$out/a" "$out/c" && resumes=yes || resumes=moved; fi
    fi
    cpu=$(CUDA_VISIBLE_DEVICES= seconds timeout 60 "$cresset" train "$name" $key=$steps trainer.device=cpu --runs "$out/cpu-$name" --quiet) && times=$(awk -v a="$cpu" -v b="$gpu" 'BEGIN { printf "%.1f", a / b }')
  else
    bad=1
    tail -n 3 "$out/log"
  fi
  [ "$resumes" = no ] && bad=1
  printf '%-26s %-8s %-8s %-12s %-10s %-10s\n' "$name" $trains $resumes "$distance" "$gpu" "$times"
done
exit $bad
