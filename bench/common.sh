# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# Sourced by relay.sh, join.sh, memory.sh and flood.sh: starts and stops the servers, runs the load generator beside them, keeps
# the raw figures. What a script starts ends with it, by process id, and its directory goes too.

bench=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
build=$(cd "$bench/.." && cd "${BUILD:-build}" && pwd)
SERVER_CORE=${SERVER_CORE:-0}
LOAD_CORE=${LOAD_CORE:-1}
work=$(mktemp -d)
declare -A pid_of address_of
trap 'stop_servers; rm -rf "$work"' EXIT
trap 'exit 1' INT TERM

# On a machine of one core, or without taskset, the figures are worth less and say so.
pin() {
    local core=$1
    shift
    if taskset -c "$core" true 2>/dev/null; then
        exec taskset -c "$core" "$@"
    fi
    echo "not pinned to core $core: $1" >&2
    exec "$@"
}

# Every limit that would slow one noisy client down is off: all of them come from a handful of addresses here.
settings=(--set limits.message_rate=0 --set limits.connection_rate=0 --set limits.max_connections_per_address=0
    --set limits.max_connections=0 --set limits.max_rooms=0 --set limits.join_rate=0)
usherd_command() {
    mkdir -p "$work/state"
    pin "$SERVER_CORE" "$build/usherd" --listen 127.0.0.1:0 --set "server.state_dir=$work/state" "${settings[@]}"
}

socketio_command() {
    cd "$bench" && pin "$SERVER_CORE" env NODE_ENV=production node socketio-server.mjs
}

# start native|socketio: one server on a free port of its own.
start() {
    local kind=$1 log=$work/$1.log
    case $kind in
        native) usherd_command ;;
        socketio) socketio_command ;;
    esac >"$log" 2>&1 &
    pid_of[$kind]=$!
    for _ in $(seq 100); do
        address_of[$kind]=$(sed -n 's/.*listening on \(127[0-9.]*:[0-9]*\).*/\1/p' "$log" | head -n 1)
        [ -z "${address_of[$kind]}" ] || return 0
        kill -0 "${pid_of[$kind]}" 2>/dev/null || break
        sleep 0.1
    done
    echo "$kind did not start:" >&2
    cat "$log" >&2
    exit 1
}

stop() {
    kill "${pid_of[$1]}" 2>/dev/null || :
    wait "${pid_of[$1]}" 2>/dev/null || :
    unset "pid_of[$1]"
}

stop_servers() {
    local kind
    for kind in "${!pid_of[@]}"; do
        stop "$kind"
    done
}

# load native|socketio MODE OPTION...: one run; its line goes to stdout and to the raw figures.
load() {
    local kind=$1 mode=$2
    shift 2
    pin "$LOAD_CORE" "$build/bench/load" "$mode" --dialect "$kind" --server "${address_of[$kind]}" \
        --pid "${pid_of[$kind]}" "$@" | tee -a "$results"
}

# For awk: a line of the load generator into f[name].
# shellcheck disable=SC2034 # used by the scripts that source this one
awk_take='function take(   i, pair) { for (i = 2; i <= NF; i++) { split($i, pair, "="); f[pair[1]] = pair[2] } }'

# The version of the server to compare with.
socketio_version() {
    echo "Socket.IO $(cd "$bench" && node -p 'require("socket.io/package.json").version') on Node $(node --version)"
}

# results_for NAME [BESIDE]: opens bench/results/NAME-<date>.txt with what a reader must know of the machine and of the
# server that ours is measured beside.
results_for() {
    mkdir -p "$bench/results"
    results=$bench/results/$1-$(date -u +%Y-%m-%dT%H%M%SZ).txt
    {
        echo "# $("$build/usherd" --version | head -n 1)${2:+, $2}"
        echo "# $(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1), $(nproc) cores, Linux $(uname -r)," \
            "server on core $SERVER_CORE, load on core $LOAD_CORE"
    } | tee "$results"
}
