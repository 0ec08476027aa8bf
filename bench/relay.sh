#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# How many signals a second of its processor time the daemon relays, beside a Socket.IO server and the yardstick of what
# is possible. All live for the whole run (a warm JIT is fair to Node) and take turns, so that a busy neighbour hits all
# of them; the tables show medians, and medians of each round's ratios.
#   usage: [ROUNDS=3] [SECONDS=4] [WARMUP=3] [CELLS="N:W:S ..."] [SERVERS="native native-socketio socketio yardstick"]
#          [BEFORE=/path/to/another/usherd] [PROXIED=1] [TLS=1] [BUSY=1] bench/relay.sh
#   after make build/usherd build/bench/load build/bench/yardstick
# Bash counts in SECONDS from the value that it finds there, so read it first.
duration=$SECONDS
[ "$duration" -gt 0 ] || duration=4
set -euo pipefail
# shellcheck source=bench/common.sh
. "$(dirname "$0")/common.sh"
# clients:window:payload[:one]; one: one side of each pair begins, so that each read brings the whole window
cells=${CELLS:-200:4:200 2000:1:200 200:4:1200 200:1:600}
servers=${SERVERS:-native ${BEFORE:+before} native-socketio socketio yardstick}
for kind in ${PROXIED:+proxied} ${TLS:+tls}; do
    servers+=" native-$kind ${BEFORE:+before-$kind}"
done

beside=
[[ " $servers " != *" socketio "* ]] || beside=$(socketio_version)
results_for relay "$beside"
[ -z "${BUSY:-}" ] || keep_busy
for kind in $servers; do
    start "$kind"
done
for _ in $(seq "${ROUNDS:-3}"); do
    for cell in $cells; do
        IFS=: read -r clients window payload sides <<<"$cell"
        for kind in $servers; do
            load "$kind" relay --clients "$clients" --window "$window" --payload "$payload" ${sides:+--one-sided} \
                --warmup "${WARMUP:-3}" --seconds "$duration" >/dev/null
        done
    done
done

awk "$awk_take"'
    function median_of(v, n,   i, j, t) {
        for (i = 1; i < n; i++) for (j = i + 1; j <= n; j++) if (v[j] + 0 < v[i] + 0) { t = v[i]; v[i] = v[j]; v[j] = t }
        return n % 2 ? v[(n + 1) / 2] : (v[n / 2] + v[n / 2 + 1]) / 2
    }
    function median(cell, name, figure,   v) { return median_of(v, split(values[cell, name, figure], v, " ")) }
    function ratio(cell, name, other,   a, b, n, i) {
        n = split(values[cell, name, "per_cpu_second"], a, " ")
        split(values[cell, other, "per_cpu_second"], b, " ")
        for (i = 1; i <= n; i++) a[i] /= b[i]
        return median_of(a, n)
    }
    function compare(name, other) {
        if (!(name in server) || !(other in server)) return
        printf "%-30s", name " / " other
        for (c = 1; c <= cells; c++) printf " %25.2f", ratio(order[c], name, other)
        print ""
    }
    $1 == "relay" {
        take()
        cell = "N " f["clients"] ", W " f["window"] ", S " f["payload"] (f["sides"] == 1 ? ", one" : "")
        if (!(cell in known)) { known[cell] = 1; order[++cells] = cell }
        if (!(f["name"] in server)) { server[f["name"]] = 1; names[++servers] = f["name"] }
        for (name in f) values[cell, f["name"], name] = values[cell, f["name"], name] " " f[name]
    }
    END {
        print "Signals relayed a second of server processor time (and a second of the clock), signals that a client read at once,"
        print "round trips in microseconds, load: share of its core that the generator used. A server share under 0.9 was not kept busy."
        printf "%-26s %-15s %10s %10s %8s %8s %8s %7s %6s\n", "cell", "server", "per cpu s", "per s", "per read", "p50", "p99", "server", "load"
        for (c = 1; c <= cells; c++) for (k = 1; k <= servers; k++) {
            cell = order[c]
            name = names[k]
            printf "%-26s %-15s %10d %10d %8.2f %8d %8d %7.2f %6.2f\n", cell, name, median(cell, name, "per_cpu_second"),
                median(cell, name, "per_second"), median(cell, name, "per_read"), median(cell, name, "p50_us"),
                median(cell, name, "p99_us"), median(cell, name, "server_cpu"), median(cell, name, "load_cpu")
        }
        printf "\n%-30s", "signals per cpu s, ratios"
        for (c = 1; c <= cells; c++) printf " %25s", order[c]
        print ""
        compare("usherd", "before")
        compare("usherd", "Socket.IO")
        compare("usherd-socketio", "Socket.IO")
        compare("usherd", "yardstick")
        compare("usherd-proxied", "usherd")
        compare("usherd-proxied", "before-proxied")
        compare("usherd-tls", "usherd")
        compare("usherd-tls", "before-tls")
    }' "$results" >"$work/table"
cat "$work/table"
sed 's/^/# /; s/ *$//' "$work/table" >>"$results"
echo "raw figures: ${results#"$PWD"/}"
