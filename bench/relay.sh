#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# How many signals a second of its processor time the daemon relays, beside a Socket.IO server. Both live for the whole
# run (a warm JIT is fair to Node) and take turns, so that a busy neighbour hits both; the table shows medians.
#   usage: [ROUNDS=3] [SECONDS=4] [CELLS="N:W:S ..."] bench/relay.sh      (after make build/usherd build/bench/load)
# Bash counts in SECONDS from the value that it finds there, so read it first.
duration=$SECONDS
[ "$duration" -gt 0 ] || duration=4
set -euo pipefail
# shellcheck source=bench/common.sh
. "$(dirname "$0")/common.sh"
rounds=${ROUNDS:-3}
# clients:window:payload
cells=${CELLS:-200:4:200 2000:1:200 200:4:1200 200:1:600}

results_for relay "$(socketio_version)"
start native
start socketio
for _ in $(seq "$rounds"); do
    for cell in $cells; do
        IFS=: read -r clients window payload <<<"$cell"
        for kind in native socketio; do
            load "$kind" relay --clients "$clients" --window "$window" --payload "$payload" --seconds "$duration" >/dev/null
        done
    done
done

awk "$awk_take"'
    function median(key,   n, i, j, t, v) {
        n = split(values[key], v, " ")
        for (i = 1; i < n; i++) for (j = i + 1; j <= n; j++) if (v[j] + 0 < v[i] + 0) { t = v[i]; v[i] = v[j]; v[j] = t }
        return n % 2 ? v[(n + 1) / 2] : (v[n / 2] + v[n / 2 + 1]) / 2
    }
    $1 == "relay" {
        take()
        cell = "N " f["clients"] ", W " f["window"] ", S " f["payload"]
        if (!(cell in known)) { known[cell] = 1; order[++cells] = cell }
        for (name in f) values[cell, f["dialect"], name] = values[cell, f["dialect"], name] " " f[name]
    }
    END {
        print "Signals relayed a second of server processor time (and a second of the clock), round trips in microseconds,"
        print "load: share of its core that the generator used; a server share under 0.9 was not kept busy."
        printf "%-21s %-9s %10s %6s %10s %8s %8s %7s %6s\n", "cell", "server", "per cpu s", "ratio", "per s", "p50", "p99", "server", "load"
        for (c = 1; c <= cells; c++)
            for (k = 1; k <= 2; k++) {
                kind = k == 1 ? "native" : "socketio"
                cell = order[c]
                rate = median(cell SUBSEP kind SUBSEP "per_cpu_second")
                other = median(cell SUBSEP "socketio" SUBSEP "per_cpu_second")
                printf "%-21s %-9s %10d %6s %10d %8d %8d %7.2f %6.2f\n", cell, k == 1 ? "usherd" : "Socket.IO", rate,
                    k == 1 ? sprintf("%.1f", rate / other) : "", median(cell SUBSEP kind SUBSEP "per_second"),
                    median(cell SUBSEP kind SUBSEP "p50_us"), median(cell SUBSEP kind SUBSEP "p99_us"),
                    median(cell SUBSEP kind SUBSEP "server_cpu"), median(cell SUBSEP kind SUBSEP "load_cpu")
            }
    }' "$results" >"$work/table"
cat "$work/table"
sed 's/^/# /' "$work/table" >>"$results"
echo "raw figures: ${results#"$PWD"/}"
