#!/usr/bin/env bash
# Two hosts, played by network namespaces with host names of their own that a veth pair joins: training over them has the bits of one host, and a
# link that is cut in mid-training ends with the watchdog's line, a restart and the weights of an undisturbed run. Then random kills of random
# ranks: two-hosts.sh [KILLS]. Needs root, iproute2 and Open MPI. STEPS and WAIT (seconds of the watchdog) may be set for slower machines; PARTS (default
# "bits cut kills") says what is done.
set -euo pipefail
cd "$(dirname "$0")/../.."
kills=${1:-20}
limit=${WAIT:-5}
parts=${PARTS:-bits cut kills}
cresset=${CRESSET:-$PWD/artifacts/bin/Cresset.Cli/release/cresset}
[ -x "$cresset" ] || dotnet build -c Release -v q src/Cresset.Cli
work=$(mktemp -d)
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
recipe="train realnvp-moons trainer.steps=${STEPS:-300} trainer.batch_size=64 trainer.evaluate_every=0 trainer.checkpoint_every=10 trainer.threads=1 -q"

cleanup() {
    for host in cresset-a cresset-b; do
        ip netns pids $host 2> /dev/null | xargs -r kill -9 2> /dev/null || true
        ip netns del $host 2> /dev/null || true
        rm -rf /etc/netns/$host
    done
    rm -rf "$work"
}
trap cleanup EXIT

for host in cresset-a cresset-b; do
    ip netns add $host
    ip -n $host link set lo up
    mkdir -p /etc/netns/$host
    printf '127.0.0.1 localhost\n10.77.0.1 cresset-a\n10.77.0.2 cresset-b\n' > /etc/netns/$host/hosts
done
ip link add cra netns cresset-a type veth peer name crb netns cresset-b
ip -n cresset-a addr add 10.77.0.1/24 dev cra
ip -n cresset-b addr add 10.77.0.2/24 dev crb
ip -n cresset-a link set cra up
ip -n cresset-b link set crb up

# What mpirun calls instead of ssh: AGENT HOST COMMAND... As ssh it reaches the other host over the link alone.
cat > "$work/agent" << 'AGENT'
#!/bin/sh
host=$1
shift
if [ "$host" = cresset-b ] && ! ip -n cresset-a link show up | grep -q cra; then
    echo "agent: no route to $host" >&2
    exit 255
fi
exec ip netns exec "$host" unshare --uts sh -c "hostname $host; $*"
AGENT
chmod +x "$work/agent"

# mpirun must know which network joins the hosts: each has a loopback too, with the same address.
on_two_hosts() { # on_two_hosts RUNS [OPTIONS OF LAUNCH...]
    local runs=$1
    shift
    ip netns exec cresset-a unshare --uts sh -c "hostname cresset-a; cd $work; export OMPI_MCA_plm_rsh_agent=$work/agent OMPI_MCA_btl_tcp_if_include=10.77.0.0/24 OMPI_MCA_oob_tcp_if_include=10.77.0.0/24; exec $cresset launch -n 2 --host cresset-a,cresset-b $* $recipe --runs $runs"
}
weights() { sha256sum "$work/$1"/realnvp-moons-*/model.safetensors | cut -d' ' -f1; }
same() { # same WHAT RUNS
    [ "$(weights "$2")" = "$expected" ] || { echo "FAILED: $1"; exit 1; }
    echo "ok: $1"
}
checkpoint() { # checkpoint RUNS: waits for the first
    for _ in $(seq 1200); do
        compgen -G "$work/$1/realnvp-moons-*/checkpoints/step-*" > /dev/null && return
        sleep 0.1
    done
    echo "FAILED: no checkpoint came in $1"
    exit 1
}

(cd "$work" && "$cresset" launch -n 2 --oversubscribe $recipe --runs one-host)
expected=$(weights one-host)

if [[ " $parts " == *" bits "* ]]; then
    before=$(ip netns exec cresset-a cat /sys/class/net/cra/statistics/tx_bytes)
    on_two_hosts two-hosts
    after=$(ip netns exec cresset-a cat /sys/class/net/cra/statistics/tx_bytes)
    same "two hosts ($((after - before)) bytes over the link)" two-hosts
fi

if [[ " $parts " == *" cut "* ]]; then
    on_two_hosts cut --restarts 2 --wait-limit $limit 2> "$work/cut.log" &
    job=$!
    checkpoint cut
    ip -n cresset-a link set cra down
    # Longer than the limit; what the cut left on the far host ends by its own watchdog.
    sleep $((2 * limit + 2))
    ip -n cresset-a link set cra up
    wait $job || { cat "$work/cut.log"; echo "FAILED: the run over a cut link"; exit 1; }
    grep -q "has waited $limit s for the others" "$work/cut.log" || { cat "$work/cut.log"; echo "FAILED: the watchdog said nothing"; exit 1; }
    same "a cut link" cut
fi

if [[ " $parts " == *" kills "* ]]; then
    killed=0
    for ((i = 1; killed < kills; i++)); do
        (cd "$work" && "$cresset" launch -n 2 --oversubscribe --restarts 3 $recipe --runs "kill-$i" 2> "$work/kill.log") &
        job=$!
        checkpoint "kill-$i"
        sleep "0.$((RANDOM % 10))"
        # mpirun has the same words at its end: the ranks alone begin with them.
        ranks=($(pgrep -f "^$cresset train .*--runs kill-$i\$" || true))
        victim=$((RANDOM % 2))
        # A run that came to its end before the kill counts as none.
        if [ ${#ranks[@]} -gt $victim ] && kill -9 "${ranks[victim]}" 2> /dev/null; then killed=$((killed + 1)); fi
        wait $job || { cat "$work/kill.log"; echo "FAILED: kill $i"; exit 1; }
        same "run $i, $killed ranks killed so far" "kill-$i"
        rm -rf "${work:?}/kill-$i"
    done
fi
