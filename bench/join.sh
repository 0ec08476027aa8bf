#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# How fast clients come in, and whether the last thousand come in as fast as the first. Each round starts its server
# afresh: what 18,000 leavers leave behind is not what the next 18,000 should meet.
#   usage: [ROUNDS=3] [CLIENTS=18000] [SERVERS="native socketio"] [BEFORE=/path/to/another/usherd]
#          bench/join.sh
set -euo pipefail
# shellcheck source=bench/common.sh
. "$(dirname "$0")/common.sh"

results_for join "$(socketio_version)"
printf '%-9s %8s %9s %12s %12s %12s %9s %9s\n' server clients 'joins/s' 'first 1000' 'last 1000' 'per cpu s' 'p50 us' 'p99 us'
for _ in $(seq "${ROUNDS:-3}"); do
    for kind in ${SERVERS:-native ${BEFORE:+before} socketio}; do
        start "$kind"
        load "$kind" join --clients "${CLIENTS:-18000}" >"$work/line"
        stop "$kind"
        awk "$awk_take"'{
            take()
            printf "%-9s %8d %9d %12d %12d %12d %9d %9d\n", f["name"], f["clients"],
                f["per_second"], f["first_per_second"], f["last_per_second"], f["per_cpu_second"], f["p50_us"], f["p99_us"]
        }' "$work/line"
    done
done
echo "raw figures: ${results#"$PWD"/}"
