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
# usherd_command KIND PROGRAM [OPTION]...
usherd_command() {
    local state=$work/state-$1 program=$2
    shift 2
    mkdir -p "$state"
    pin "$SERVER_CORE" "$program" --listen 127.0.0.1:0 --set "server.state_dir=$state" "${settings[@]}" "$@"
}

socketio_command() {
    cd "$bench" && pin "$SERVER_CORE" env NODE_ENV=production node socketio-server.mjs
}

# A key and a certificate for the servers that speak TLS; the generator does not check it.
certificate=$work/certificate.pem
make_certificate() {
    [ -e "$certificate" ] || openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 \
        -subj /CN=localhost -keyout "$work/key.pem" -out "$certificate" 2>"$work/openssl.log"
}

# server_command KIND: native is our build, before the other one ($BEFORE). With -proxied it trusts who connects to name
# clients, with -tls it speaks TLS, with -socketio its clients are Socket.IO's.
server_command() {
    local kind=$1 program=$build/usherd
    [ "${kind%%-*}" != before ] || program=$BEFORE
    case $kind in
        native | before | *-socketio) usherd_command "$kind" "$program" ;;
        *-proxied) usherd_command "$kind" "$program" --set server.trusted_proxies=127.0.0.0/8 ;;
        *-tls) usherd_command "$kind" "$program" --set "tls.certificate=$certificate" --set "tls.key=$work/key.pem" ;;
        yardstick) pin "$SERVER_CORE" "$build/bench/yardstick" ;;
        socketio) socketio_command ;;
        *) echo "no such server: $kind" && exit 1 ;;
    esac
}

# start KIND: one server on a free port of its own.
start() {
    local kind=$1 log=$work/$1.log
    [[ $kind != *-tls ]] || make_certificate
    server_command "$kind" >"$log" 2>&1 &
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

# BUSY: neither core is ever idle, since waking one takes time that is not the server's to save. A loop wants the server's
# core and gets what is left of it, for all of the run; and the generator looks for answers without sleeping.
keep_busy() {
    pin "$SERVER_CORE" chrt -o 0 nice -n 19 bash -c 'while :; do :; done' &
    pid_of[busy]=$!
}

# How a server is called in the tables.
name_of() {
    case $1 in
        native*) echo "usherd${1#native}" ;;
        socketio) echo Socket.IO ;;
        *) echo "$1" ;;
    esac
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

# load KIND MODE OPTION...: one run; its line goes to stdout and to the raw figures.
load() {
    local kind=$1 mode=$2 dialect=native
    local -a options=()
    shift 2
    [[ $kind != *socketio ]] || dialect=socketio
    [[ $kind != *-proxied ]] || options+=(--proxied)
    [[ $kind != *-tls ]] || options+=(--tls)
    [ -z "${BUSY:-}" ] || options+=(--spin)
    pin "$LOAD_CORE" "$build/bench/load" "$mode" --dialect "$dialect" --server "${address_of[$kind]}" \
        --pid "${pid_of[$kind]}" "${options[@]}" "$@" | sed "s/\$/ name=$(name_of "$kind")/" | tee -a "$results"
}

# For awk: a line of the load generator into f[name].
# shellcheck disable=SC2034 # used by the scripts that source this one
awk_take='function take(   i, pair) { for (i = 2; i <= NF; i++) { split($i, pair, "="); f[pair[1]] = pair[2] } }'

# The version of the server to compare with.
socketio_version() {
    echo "Socket.IO $(cd "$bench" && node -p 'require("socket.io/package.json").version') on Node $(node --version)"
}

# results_for NAME [BESIDE]: opens bench/results/NAME-<date>.txt with what a reader must know of the machine and of the
# servers that ours is measured beside.
results_for() {
    mkdir -p "$bench/results"
    results=$bench/results/$1-$(date -u +%Y-%m-%dT%H%M%SZ).txt
    {
        echo "# $("$build/usherd" --version | head -n 1)${2:+, $2}${BEFORE:+, before: $BEFORE}"
        echo "# $(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1), $(nproc) cores, Linux $(uname -r)," \
            "server on core $SERVER_CORE, load on core $LOAD_CORE, $(chrt -p $$ | sed -n 's/.*policy: //p')${BUSY:+, both cores busy}"
    } | tee "$results"
}

# relays_beside ALONE MOST WHAT: the table of what one relay takes beside each thing that the raw figures name, lower
# quartiles. Fails if the 99th percentile beside one of them is more than MOST times what it is beside ALONE.
relays_beside() {
    awk -v alone="$1" -v most="$2" -v what="$3" "$awk_take"'
    function quartile(key,   n, i, j, t, v) {
        n = split(values[key], v, " ")
        for (i = 1; i < n; i++) for (j = i + 1; j <= n; j++) if (v[j] + 0 < v[i] + 0) { t = v[i]; v[i] = v[j]; v[j] = t }
        return v[int((n + 3) / 4)]
    }
    /^beside=/ {
        split($1, pair, "=")
        f["beside"] = pair[2]
        take()
        if (!(f["beside"] in known)) { known[f["beside"]] = 1; order[++beside] = f["beside"] }
        for (name in f) values[f["beside"], name] = values[f["beside"], name] " " f[name]
    }
    END {
        printf "What one relay takes, in microseconds, beside each %s; server: the share of its core that the daemon used.\n", what
        printf "%-12s %8s %8s %8s %8s %7s\n", "beside", "p50", "p99", "ratio", "max", "server"
        base = quartile(alone SUBSEP "p99_us")
        for (b = 1; b <= beside; b++) {
            ratio = quartile(order[b] SUBSEP "p99_us") / base
            if (ratio > most) worse = 1
            printf "%-12s %8d %8d %8.2f %8d %7.2f\n", order[b], quartile(order[b] SUBSEP "p50_us"), quartile(order[b] SUBSEP "p99_us"),
                ratio, quartile(order[b] SUBSEP "max_us"), quartile(order[b] SUBSEP "server_cpu")
        }
        exit worse
    }' "$results"
}
