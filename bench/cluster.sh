#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# What a cluster on Redis relays between two of its servers, a second of one server's processor time, beside Socket.IO's with
# @socket.io/redis-adapter on the same Redis; what a relay takes at half of that; what a join takes over three servers. The
# first server has a core for itself, all others (Redis, the load, the further servers) share the other one: so the rate by
# the clock is that of the machine, the rate by the processor that of the server.
#   usage: [ROUNDS=3] [SECONDS=4] [CLIENTS=200] [WINDOW=4] [JOINS=3000] [RATE=half of it] [SERVERS="native socketio"] bench/cluster.sh
#   after make build/usherd build/bench/load
duration=$SECONDS
[ "$duration" -gt 0 ] || duration=4
set -euo pipefail
# shellcheck source=bench/common.sh
. "$(dirname "$0")/common.sh"

start_redis() {
    pin "$LOAD_CORE" redis-server --port 0 --unixsocket "$work/redis.sock" --save '' --appendonly no --dir "$work" \
        >"$work/redis.log" 2>&1 &
    pid_of[redis]=$!
    for _ in $(seq 100); do
        [ ! -S "$work/redis.sock" ] || return 0
        sleep 0.1
    done
    echo 'redis-server did not start' >&2
    exit 1
}

# cluster_node KIND NUMBER: one server of the cluster. The first has the server's core.
cluster_node() {
    local kind=$1 number=$2
    [ "$number" = 1 ] || local SERVER_CORE=$LOAD_CORE
    case $kind in
        native) usherd_command "$kind$number" "$build/usherd" --set "server.node=n$number" \
            --set "cluster.redis=unix:$work/redis.sock" --set cluster.node_secret=0123456789abcdef0123456789abcdef ;;
        socketio) cd "$bench" && REDIS=unix://$work/redis.sock pin "$SERVER_CORE" node socketio-cluster.mjs ;;
    esac
}

# start_node KIND NUMBER: named KIND-NUMBER; it serves, and its cluster has it.
start_node() {
    local name=$1-$2 log=$work/$1-$2.log wanted='listening on 127'
    [ "$1" != native ] || wanted='clustered'
    cluster_node "$1" "$2" >"$log" 2>&1 &
    pid_of["$name"]=$!
    for _ in $(seq 100); do
        address_of["$name"]=$(sed -n 's/.*listening on \(127[0-9.]*:[0-9]*\).*/\1/p' "$log" | head -n 1)
        if [ "$1" != native ] && [ -n "${address_of[$name]}" ]; then return 0; fi
        if [ -n "${address_of[$name]}" ] && is_ready "${address_of[$name]}"; then return 0; fi
        kill -0 "${pid_of[$name]}" 2>/dev/null || break
        sleep 0.1
    done
    echo "$name did not come up ($wanted):" >&2
    cat "$log" >&2
    exit 1
}

is_ready() {
    local answer
    exec 3<>"/dev/tcp/${1%:*}/${1##*:}" || return 1
    printf 'GET /ready HTTP/1.1\r\nHost: a\r\n\r\n' >&3
    read -r answer <&3
    exec 3<&- 3>&-
    [[ $answer == *' 200 '* ]]
}

# cluster_load KIND MODE NODES OPTION...: as load, over so many servers.
cluster_load() {
    local kind=$1 mode=$2 nodes=$3 dialect=native i
    local -a also=()
    shift 3
    [ "$kind" = native ] || dialect=socketio
    for i in $(seq 2 "$nodes"); do also+=(--also "${address_of[$kind-$i]}"); done
    pin "$LOAD_CORE" "$build/bench/load" "$mode" --dialect "$dialect" --server "${address_of[$kind-1]}" "${also[@]}" \
        --pid "${pid_of[$kind-1]}" "$@" | sed "s/\$/ nodes=$nodes name=$(name_of "$kind")/" | tee -a "$results"
}

results_for cluster "$(socketio_version), Redis $(redis-server --version | sed 's/.* v=\([^ ]*\) .*/\1/')"
start_redis
kinds=${SERVERS:-native socketio}
for kind in $kinds; do
    for i in 1 2 3; do start_node "$kind" "$i"; done
done
for _ in $(seq "${ROUNDS:-3}"); do
    for kind in $kinds; do
        cluster_load "$kind" relay 2 --clients "${CLIENTS:-200}" --window "${WINDOW:-4}" --payload 200 --warmup 2 \
            --seconds "$duration" >"$work/line"
        half=$(awk "$awk_take"'{ take(); print int(f["per_second"] / 2) }' "$work/line")
        half=${RATE:-$half}
        cluster_load "$kind" pace 2 --clients "${CLIENTS:-200}" --rate "$half" --payload 200 --warmup 1 \
            --seconds "$duration" >/dev/null
        cluster_load "$kind" join 3 --clients "${JOINS:-3000}" --room-size 6 --join-rate 1000 >/dev/null
    done
done

awk "$awk_take"'
    function median(key,   n, i, j, t, v) {
        n = split(values[key], v, " ")
        for (i = 1; i < n; i++) for (j = i + 1; j <= n; j++) if (v[j] + 0 < v[i] + 0) { t = v[i]; v[i] = v[j]; v[j] = t }
        return n % 2 ? v[(n + 1) / 2] : (v[n / 2] + v[n / 2 + 1]) / 2
    }
    function m(name, mode, figure) { return median(name SUBSEP mode SUBSEP figure) }
    /^(relay|pace|join) / {
        mode = $1
        take()
        if (!(f["name"] in known)) { known[f["name"]] = 1; order[++n] = f["name"] }
        for (x in f) values[f["name"], mode, x] = values[f["name"], mode, x] " " f[x]
    }
    END {
        print "Between two servers of a cluster: signals a second of the first one'\''s processor time, and by the clock; at half of"
        print "that rate what one takes, in microseconds; joins at 1,000 a second over three servers, from the request to the list."
        printf "%-12s %10s %10s %7s %10s %8s %8s %10s %10s\n", "server", "per cpu s", "per s", "server", "rate", "p50", "p99", "join p50", "join p99"
        for (k = 1; k <= n; k++) {
            s = order[k]
            printf "%-12s %10d %10d %7.2f %10d %8d %8d %10d %10d\n", s, m(s, "relay", "per_cpu_second"), m(s, "relay", "per_second"),
                m(s, "relay", "server_cpu"), m(s, "pace", "rate"), m(s, "pace", "p50_us"), m(s, "pace", "p99_us"),
                m(s, "join", "room_p50_us"), m(s, "join", "room_p99_us")
        }
        if (("usherd" in known) && ("Socket.IO" in known))
            printf "usherd / Socket.IO: %.2f signals per cpu s\n", m("usherd", "relay", "per_cpu_second") / m("Socket.IO", "relay", "per_cpu_second")
    }' "$results" >"$work/table"
cat "$work/table"
sed 's/^/# /; s/ *$//' "$work/table" >>"$results"
echo "raw figures: ${results#"$PWD"/}"
