#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Memory at start, and for each client that has joined and says nothing. The silence lasts longer than one interval of
# pings, so what keeping alive allocates is in the figure.
#   usage: [SECONDS=30] [CLIENTS=18000] [SERVERS="native native-socketio socketio"] [BEFORE=/path/to/another/usherd]
#          bench/memory.sh
# Bash counts in SECONDS from the value that it finds there, so read it first.
duration=$SECONDS
[ "$duration" -gt 0 ] || duration=30
set -euo pipefail
# shellcheck source=bench/common.sh
. "$(dirname "$0")/common.sh"

results_for memory "$(socketio_version)"
printf '%-15s %8s %14s %14s %14s %14s %12s %10s\n' server clients 'start RSS KB' 'start anon KB' 'then RSS KB' 'then anon KB' \
    'bytes each' 'idle CPU'
for kind in ${SERVERS:-native ${BEFORE:+before} native-socketio socketio}; do
    start "$kind"
    load "$kind" idle --clients "${CLIENTS:-18000}" --seconds "$duration" >"$work/line"
    stop "$kind"
    awk "$awk_take"'{
        take()
        printf "%-15s %8d %14d %14d %14d %14d %12d %9.2f%%\n", f["name"], f["clients"],
            f["start_rss"] / 1024, f["start_anon"] / 1024, f["rss"] / 1024, f["anon"] / 1024, f["rss_each"], 100 * f["server_cpu"]
    }' "$work/line"
done
echo "raw figures: ${results#"$PWD"/}"
