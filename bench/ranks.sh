#!/usr/bin/env bash
# What ranks cost: ranks.sh [PYTHON [exchange|messages|efficiency|sweep]]. Exchange of a step beside PyTorch's DistributedDataParallel under the same mpirun, network and size of buckets; steps of
# two ranks beside one process that has the whole batch, with two processes that exchange nothing as control; eight cells of a sweep, one and two at a time.
# For an idle machine of two cores; needs Open MPI, and a Python with torch for the peer.
set -euo pipefail
cd "$(dirname "$0")/.."
python=${1:-python3}
part=${2:-all}
bench=artifacts/bin/Cresset.Benchmarks/release/Cresset.Benchmarks
[ -x "$bench" ] || dotnet build -c Release -v q bench/Cresset.Benchmarks
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 TERM=dumb
ranks() { mpirun --oversubscribe --bind-to none -n 2 "$@" 2> /dev/null; }

if [ "$part" = all ] || [ "$part" = exchange ]; then
    for turn in $(seq "${TURNS:-3}"); do
        for batch in 32 128; do
            echo "-- turn $turn, batch $batch a rank, loopback TCP"
            ranks --mca btl tcp,self --mca btl_tcp_if_include lo "$bench" ranks-step mlp $batch 40
            ranks env GLOO_SOCKET_IFNAME=lo "$python" bench/peers/ddp_steps.py $batch 40
            ranks env GLOO_SOCKET_IFNAME=lo "$python" bench/peers/ddp_steps.py $batch 40 --views
            echo "-- turn $turn, batch $batch a rank, shared memory (which Gloo does not have)"
            ranks "$bench" ranks-step mlp $batch 40
        done
    done
fi

if [ "$part" = all ] || [ "$part" = messages ]; then
    echo "-- sums over two ranks, loopback TCP"
    ranks --mca btl tcp,self --mca btl_tcp_if_include lo "$bench" ranks-messages
    echo "-- sums over two ranks, shared memory"
    ranks "$bench" ranks-messages
fi

if [ "$part" = all ] || [ "$part" = efficiency ]; then
    for recipe in "digits-classifier 256 model.width=64" "sd3-digits 128"; do
        set -- $recipe
        name=$1 whole=$2
        shift 2
        echo "-- $name: one process of $whole, two ranks of $((whole / 2)), two processes of $((whole / 2)) without exchange"
        for turn in $(seq "${TURNS:-2}"); do
            "$bench" ranks-step "$name" "$whole" 12 "$@"
            ranks "$bench" ranks-step "$name" $((whole / 2)) 12 "$@"
            "$bench" ranks-step "$name" $((whole / 2)) 24 "$@" > /dev/null &
            "$bench" ranks-step "$name" $((whole / 2)) 24 "$@"
            wait
        done
    done
fi

if [ "$part" = all ] || [ "$part" = sweep ]; then
    cresset=artifacts/bin/Cresset.Cli/release/cresset
    [ -x "$cresset" ] || dotnet build -c Release -v q src/Cresset.Cli
    runs=$(mktemp -d)
    trap 'rm -rf "$runs"' EXIT
    sweep() { "$cresset" sweep digits-classifier trainer.steps="${STEPS:-500}" trainer.threads=1 trainer.evaluate_every=0 lr=log:1e-3..1e-2:8 -q --runs "$runs/$1" --jobs "$2" > /dev/null; }
    for turn in $(seq "${TURNS:-2}"); do
        for jobs in 1 2; do
            start=$(date +%s.%N)
            sweep "$turn-$jobs" $jobs
            echo "sweep of 8 cells, $jobs at a time: $(echo "$(date +%s.%N) - $start" | bc) s"
        done
    done
fi
