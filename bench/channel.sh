#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# One data channel between two processes: the peer's own stack beside @roamhq/wrtc, run by run in turns, so that what
# else the machine does falls on both. ROUNDS=5 SECONDS_EACH=2 SIZE=16384; raw figures go to results/.
set -eu
bench=$(cd "$(dirname "$0")" && pwd)
cd "$bench"
channel=$(cd .. && cd "${BUILD:-build}" && pwd)/bench/channel
rounds=${ROUNDS:-5}
seconds=${SECONDS_EACH:-2}
size=${SIZE:-16384}
[ -d node_modules/@roamhq/wrtc ] || npm ci --no-audit --no-fund

mkdir -p results
results=results/channel-$(date -u +%Y-%m-%dT%H%M%SZ).txt
{
    echo "# usher and @roamhq/wrtc $(node -p 'require("@roamhq/wrtc/package.json").version') on Node $(node --version)," \
        "$rounds rounds of $seconds s, messages of $size bytes"
    echo "# $(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1), $(nproc) cores, Linux $(uname -r)," \
        "sender on core 0, receiver on core 1"
} | tee "$results"
for _ in $(seq "$rounds"); do
    "$channel" "$seconds" "$size" | tee -a "$results"
    node channel_wrtc.mjs "$seconds" "$size" | tee -a "$results"
done

awk '
function median(name,   n, i, j, t, v) {
    n = count[name]
    for (i = 1; i <= n; i++) v[i] = value[name, i]
    for (i = 2; i <= n; i++) for (j = i; j > 1 && v[j] < v[j - 1]; j--) { t = v[j]; v[j] = v[j - 1]; v[j - 1] = t }
    return n % 2 ? v[(n + 1) / 2] : (v[n / 2] + v[n / 2 + 1]) / 2
}
/^#/ { next }
{
    for (i = 2; i <= NF; i++) {
        split($i, pair, "=")
        name = $1 " " pair[1]
        value[name, ++count[name]] = pair[2]
    }
}
END {
    printf "\n%-22s %10s %10s %8s\n", "median", "usher", "wrtc", "ratio"
    split("mb_per_s mb_per_cpu_s link_ms", names, " ")
    for (i = 1; i in names; i++) {
        ours = median("usher " names[i]); theirs = median("wrtc " names[i])
        printf "%-22s %10.1f %10.1f %8.2f\n", names[i], ours, theirs, ours / theirs
    }
}' "$results" | tee -a "$results"
