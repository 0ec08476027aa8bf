#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# One file of MIB=256 between two processes on loopback, ROUNDS=3 times: `usher send` and `usher receive`, and magic-wormhole with a mailbox
# server of its own (Debian: magic-wormhole python3-magic-wormhole-mailbox-server). Of each: seconds from the receiver's start to its end,
# MB/s of that, until the first bytes are on the disk, and the most memory of sender and receiver.
set -eu
cd "$(dirname "$0")/.."
build=$(cd "${BUILD:-build}" && pwd)
mib=${MIB:-256}
for need in wormhole twist3 /usr/bin/time; do
    command -v "$need" >/dev/null || { echo "not run: $need is not installed" >&2; exit 1; }
done
work=$(mktemp -d "${DIR:-$build}/wormhole.XXXXXX")
pids=()
finish() {
    for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
    wait || true
    rm -rf "$work"
}
trap finish EXIT
trap 'exit 1' INT TERM
head -c "${mib}M" /dev/urandom >"$work/file.bin"

# A free port of loopback.
port() { node -e 'const s = require("net").createServer().listen(0, "127.0.0.1", () => { console.log(s.address().port); s.close(); })'; }
# until SECONDS COMMAND...
until_() {
    local end=$((SECONDS + $1))
    shift
    until "$@" 2>/dev/null; do
        [ $SECONDS -lt $end ] || { echo "waited in vain: $*" >&2; return 1; }
        sleep 0.02
    done
}
answers() { (: <>"/dev/tcp/127.0.0.1/$1"); }
some_bytes() { [ -n "$(find "$1" -type f ! -name '*.map' -size +0 -print -quit)" ] && [ "$(du -s --block-size=1 "$1" | cut -f1)" -gt 20000 ]; }
memory() { awk '/Maximum resident/ { printf "%d", $6 / 1024 }' "$1"; }

# measure NAME ROUND SENDER_LOG RECEIVER...: the sender runs.
measure() {
    local name=$1 dir=$work/$1-$2 began first ended
    shift 2
    mkdir "$dir"
    began=$(date +%s.%N)
    (cd "$dir" && exec /usr/bin/time -v -o "$work/receiver.time" "$@" >"$work/receiver.log" 2>&1) &
    receiver=$!
    until_ 60 some_bytes "$dir"
    first=$(date +%s.%N)
    wait "$receiver"
    ended=$(date +%s.%N)
    wait "$sender" || true
    cmp "$work/file.bin" "$dir/file.bin"
    awk -v n="$name" -v b="$began" -v f="$first" -v e="$ended" -v m="$mib" -v s="$(memory "$work/sender.time")" \
        -v r="$(memory "$work/receiver.time")" 'BEGIN { printf "%-10s %6.2f s %7.1f MB/s  first bytes %5.2f s  memory %d and %d MB\n",
        n, e - b, m * 1.048576 / (e - b), f - b, s, r }'
    rm -rf "$dir"
}

server=$(port)
"$build/usherd" --listen "127.0.0.1:$server" --set "server.state_dir=$work/usherd" >"$work/usherd.log" 2>&1 &
pids+=($!)
mailbox=$(port)
(cd "$work" && exec twist3 wormhole-mailbox --port "tcp:$mailbox:interface=127.0.0.1" >"$work/mailbox.log" 2>&1) &
pids+=($!)
until_ 20 answers "$server"
until_ 20 answers "$mailbox"

for round in $(seq "${ROUNDS:-3}"); do
    common=("$build/usher" --server "ws://127.0.0.1:$server" --ice-address 127.0.0.1)
    /usr/bin/time -v -o "$work/sender.time" "${common[@]}" --state "$work/a" send --new-code "$work/file.bin" >"$work/sender.log" 2>&1 &
    sender=$!
    until_ 30 grep -q '^code: ' "$work/sender.log"
    measure usher "$round" "${common[@]}" --state "$work/b" receive "$(sed -n 's/^code: //p' "$work/sender.log")"

    relay=(--relay-url "ws://127.0.0.1:$mailbox/v1" --transit-helper "")
    /usr/bin/time -v -o "$work/sender.time" wormhole "${relay[@]}" send --hide-progress --code "$round-bench-file" "$work/file.bin" >"$work/sender.log" 2>&1 &
    sender=$!
    until_ 30 grep -q 'wormhole receive' "$work/sender.log"
    measure wormhole "$round" wormhole "${relay[@]}" receive --hide-progress --accept-file "$round-bench-file"
done
