#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# What a client that means harm costs the others: pairs exchange signals at a steady rate, alone and then beside one
# flood after the other, and again, so that a busy neighbour hits all of them. The daemon runs as shipped, on a core of
# its own. Whoever measures goes before whoever floods, on the other core: the flood must reach the daemon, not them.
# Of the rounds the lower quartile is shown: a neighbour on the machine only ever adds, a flood is always there.
# Ends with 1 if the 99th percentile of a relay beside a flood is more than twice what it was alone.
#   usage: [ROUNDS=8] [SECONDS=2] [KINDS="frames controls joins ..."] [FLOODERS=1] bench/flood.sh
# Bash counts in SECONDS from the value that it finds there, so read it first.
duration=$SECONDS
[ "$duration" -gt 0 ] || duration=2
set -euo pipefail
# shellcheck source=bench/common.sh
. "$(dirname "$0")/common.sh"
rounds=${ROUNDS:-8}
kinds=${KINDS:-frames controls joins connections passwords tokens stun}
# shellcheck disable=SC2034 # common.sh starts the daemon with it
settings=(--set ice.stun_listen=127.0.0.1:0)

first=(chrt -r 10)
"${first[@]}" true 2>/dev/null || first=(env)

# A flood lasts longer than what is measured beside it, and is ended then.
flood_seconds=$((duration + 30))

measure() {
    echo -n "beside=$1 " >>"$results"
    "${first[@]}" taskset -c "$LOAD_CORE" "$build/bench/load" pace --server "${address_of[native]}" --pid "${pid_of[native]}" \
        --warmup 1 --seconds "$duration" >>"$results"
}

# The room that passwords are tried on; its maker is another address than the flood's.
lock_room() {
    local code
    code=$(curl -s -o "$work/room" -w '%{http_code}' -X POST -d '{"name":"locked","password":"right"}' \
        "http://${address_of[native]}/api/rooms")
    [ "$code" = 201 ] || { cat "$work/room" >&2; exit 1; }
}

flood() {
    local server=${address_of[native]}
    [[ $1 != stun && $1 != datagrams ]] || server=$(sed -n 's/.*stun on //p' "$work/native.log")
    chrt -o 0 taskset -c "$LOAD_CORE" "$build/bench/load" flood --server "$server" \
        --pid "${pid_of[native]}" --kind "$1" --room locked --clients "${FLOODERS:-1}" --seconds "$flood_seconds" \
        >>"$work/flood" 2>&1 &
    pid_of[flood]=$!
}

results_for flood
start native
lock_room
for _ in $(seq "$rounds"); do
    measure nothing
    for kind in $kinds; do
        flood "$kind"
        measure "$kind"
        stop flood
    done
done

status=0
relays_beside nothing 2 flood >"$work/table" || status=1
cat "$work/table"
sed 's/^/# /' "$work/table" >>"$results"
echo "raw figures: ${results#"$PWD"/}"
[ "$status" = 0 ] || echo "a flood more than doubled what others wait" >&2
exit "$status"
