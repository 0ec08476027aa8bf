#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Files between two `usher pipe`, ROUNDS=3 times each of PARTS="one far many small latency": beside the raw data channel
# and @roamhq/wrtc in the same run. `far` makes two network namespaces and a way between them of DELAY_MS and KBIT, once without loss and
# once with 1 %, as root. MIB=1024 and FAR_MIB=100 are the sizes of the file. Raw figures go to results/.
set -eu
bench=$(cd "$(dirname "$0")" && pwd)
cd "$bench"
build=$(cd .. && cd "${BUILD:-build}" && pwd)
parts=${PARTS:-one far many small latency}
mib=${MIB:-1024}
far_mib=${FAR_MIB:-100}
delay=${DELAY_MS:-25}
kbit=${KBIT:-100000}
[ -d node_modules/@roamhq/wrtc ] || npm ci --no-audit --no-fund

mkdir -p results
results=results/transfer-$(date -u +%Y-%m-%dT%H%M%SZ).txt
work=$(mktemp -d "${DIR:-$build}/transfer.XXXXXX")
path=
finish() {
    [ -z "$path" ] || cut
    rm -rf "$work"
}
trap finish EXIT
trap 'exit 1' INT TERM

# way LOSS_PERCENT: between the namespaces usher-a and usher-b.
way() {
    ip netns add usher-a
    ip netns add usher-b
    "$build/tests/system/path" usher-a usher-b "$delay" "$1" "$kbit" &
    path=$!
    for name in usher-a usher-b; do
        ip -n "$name" link set lo up
        until ip -n "$name" link set path up 2>/dev/null; do
            kill -0 "$path"
        done
    done
    ip -n usher-a addr add 10.9.0.1/24 dev path
    ip -n usher-b addr add 10.9.0.2/24 dev path
}
cut() {
    kill "$path"
    wait "$path" 2>/dev/null || true
    path=
    ip netns del usher-a
    ip netns del usher-b
}

say() { tee -a "$results"; }
wrtc() { # wrtc MIB PREFIX_A PREFIX_B
    head -c "$1M" /dev/urandom >"$work/file"
    PREFIX_A=$2 PREFIX_B=$3 node transfer_wrtc.mjs "$work/file" "$work" | say
}
one() {
    "$build/bench/channel" 3 16384 | say
    node transfer.mjs "$build" one "$mib" | say
    wrtc "$mib" "taskset -c 0" "taskset -c 1"
}
far() {
    for loss in 0 1; do
        size=$((loss ? far_mib / 10 : far_mib))
        echo "# $((2 * delay)) ms, $((kbit / 1000)) Mbit/s, $loss % loss: Mathis' bound for packets of 1,160 bytes is" \
            "$(awk -v r=$((2 * delay)) -v l="$loss" 'BEGIN { if (l) printf "%.2f MB/s", 1160 / r * 1000 * 1.22 / sqrt(l / 100) / 1e6; else print "none" }')" | say
        way "$loss"
        node transfer.mjs "$build" far "$size" usher-a usher-b | say
        wrtc "$size" "ip netns exec usher-a" "ip netns exec usher-b"
        cut
    done
}
many() { node transfer.mjs "$build" many 100 8 | say; }
small() { node transfer.mjs "$build" small 1000 | say; }
latency() { node transfer.mjs "$build" latency "$mib" | say; }

echo "# usher and @roamhq/wrtc $(node -p 'require("@roamhq/wrtc/package.json").version') on Node $(node --version);" \
    "$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1), $(nproc) cores, Linux $(uname -r)" | say
for part in $parts; do
    for _ in $(seq "${ROUNDS:-3}"); do
        "$part"
    done
done
