#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# What webhooks cost those who are relayed meanwhile: pairs exchange signals at a steady rate beside RATE joins a second,
# with a daemon that tells nobody, one that tells a receiver which takes a second for each answer, and one that tells a
# receiver which is not there, in turns. Then whether every event was delivered, or counted.
# Ends with 1 if the 99th percentile of a relay is more than 1.5 times what it is without, or an event is unaccounted for.
#   usage: [ROUNDS=8] [SECONDS=3] [RATE=1000] bench/webhooks.sh
# Bash counts in SECONDS from the value that it finds there, so read it first.
duration=$SECONDS
[ "$duration" -gt 0 ] || duration=3
set -euo pipefail
# shellcheck source=bench/common.sh
. "$(dirname "$0")/common.sh"
rate=${RATE:-1000}
first=(chrt -r 10)
"${first[@]}" true 2>/dev/null || first=(env)

# server_command of common.sh for three kinds of our own.
server_command() {
    local -a hooks=()
    [ "$1" = off ] || hooks=(--set "webhooks.url=${url_of[$1]}" --set webhooks.secret=0123456789abcdef0123456789abcdef)
    mkdir -p "$work/state-$1"
    # Ahead of its neighbours on the machine, as whoever measures is, so that only what it does itself is seen.
    pin "$SERVER_CORE" "${first[@]}" "$build/usherd" --listen 127.0.0.1:0 --set "server.state_dir=$work/state-$1" "${settings[@]}" "${hooks[@]}"
}

join_rooms() {
    (cd "$bench" && exec chrt -o 0 taskset -c "$LOAD_CORE" node webhooks.mjs join "ws://${address_of[$1]}/ws" "$rate") >>"$work/joined-$1" 2>&1 &
    pid_of[join]=$!
    sleep 1
}

measure() {
    join_rooms "$1"
    echo -n "beside=$1 " >>"$results"
    "${first[@]}" taskset -c "$LOAD_CORE" "$build/bench/load" pace --server "${address_of[$1]}" --pid "${pid_of[$1]}" \
        --warmup 1 --seconds "$duration" >>"$results"
    stop join
}

# metric KIND NAME: its value in the daemon's metrics.
metric() {
    curl -s "http://${address_of[$1]}/metrics" | awk -v name="$2" '$1 == name { print $2 }'
}

declare -A url_of
(cd "$bench" && exec chrt -o 0 taskset -c "$LOAD_CORE" node webhooks.mjs receive 1000) >"$work/received" 2>&1 &
pid_of[receive]=$!
until grep -q '^[0-9]' "$work/received"; do sleep 0.1; done
url_of[slow]=http://127.0.0.1:$(head -n 1 "$work/received")/
url_of[dead]=http://127.0.0.1:1/
results_for webhooks
for kind in off slow dead; do start "$kind"; done
for _ in $(seq "${ROUNDS:-8}"); do
    for kind in off slow dead; do measure "$kind"; done
done

status=0
relays_beside off 1.5 receiver | tee "$work/table" || status=1

# A batch of the slow one takes a second; nothing comes any more.
for _ in $(seq 600); do
    [ "$(metric slow 'usherd_webhook_queue_events{url="1"}')" != 0 ] || break
    sleep 0.1
done
created() { awk '/^joined/ { split($2, f, "="); n += f[2] } END { print n * 4 }' "$work/joined-$1"; }
for kind in slow dead; do
    delivered=$(metric "$kind" 'usherd_webhook_events_total{url="1",outcome="delivered"}')
    dropped=$(metric "$kind" 'usherd_webhook_events_total{url="1",outcome="dropped"}')
    waiting=$(metric "$kind" 'usherd_webhook_queue_events{url="1"}')
    lost=$(metric "$kind" usherd_webhook_lost_total)
    # The pairs that are measured join, too, and leave: in rooms of two, six events each.
    told=$(($(metric "$kind" usherd_joins_total) + $(metric "$kind" usherd_leaves_total)))
    echo "$kind: delivered=$delivered dropped=$dropped waiting=$waiting lost=$lost joins_and_leaves=$told from_joiners=$(created "$kind")" | tee -a "$work/table"
    [ $((delivered + dropped + waiting + lost)) -ge "$told" ] || status=1
done
kill "${pid_of[receive]}"
wait "${pid_of[receive]}" || :
unset 'pid_of[receive]'
tail -n 1 "$work/received" | tee -a "$work/table"
grep -q "received events=$(metric slow 'usherd_webhook_events_total{url="1",outcome="delivered"}') .* out_of_order=0" "$work/received" || status=1
sed 's/^/# /' "$work/table" >>"$results"
echo "raw figures: ${results#"$PWD"/}"
[ "$status" = 0 ] || echo "webhooks cost those who are relayed, or an event is missing" >&2
exit "$status"
