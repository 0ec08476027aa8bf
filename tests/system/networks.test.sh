#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# What lies between two people, made of network namespaces on this machine: an Internet with usherd and coturn in it,
# and homes behind routers that translate, drop, delay and lose. networks.mjs has real peers talk across it.
#
#   home ── lan ── router ── wan ── Internet (10.0.0.1, fd00::1)
#
# Homes have 192.168.N.2 or fd00:1:N::2, routers 10.0.N.2 or fd00:0:N::2. Nothing leaves the namespaces.
set -eu -o pipefail
cd "$(dirname "$0")/../.."
# shellcheck source=tests/system/lib.sh
. tests/system/lib.sh
[ "$(id -u)" = 0 ] || { skip networks 'needs root, for network namespaces'; exit 0; }
[ -c /dev/net/tun ] || { skip networks 'no /dev/net/tun, which the bad way is made of'; exit 0; }
run=usher$$
spaces=()
pids=()

remove() {
    local pid space
    for pid in "${pids[@]}"; do kill "$pid" || true; done
    wait || true
    for space in "${spaces[@]}"; do ip netns delete "$space"; done
} 2>/dev/null
at_exit remove

space() {
    ip netns add "$run-$1"
    spaces+=("$run-$1")
    in_ "$1" sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1 net.ipv6.conf.default.accept_dad=0
    ip -n "$run-$1" link set lo up
}

in_() { ip netns exec "$run-$1" "${@:2}"; }
start() {
    "$@" &
    pids+=($!)
}

# cable A DEVICE B DEVICE
cable() {
    ip link add "$2" netns "$run-$1" type veth peer name "$4" netns "$run-$3"
    ip -n "$run-$1" link set "$2" up
    ip -n "$run-$3" link set "$4" up
}

# address SPACE DEVICE ADDRESS [GATEWAY]
address() {
    ip -n "$run-$1" address add "$3" dev "$2"
    [ $# = 3 ] || ip -n "$run-$1" route add default via "$4"
}

# router NAME N MASQUERADE [FILTER]: the way from a router to the Internet, and what it lets through.
# MASQUERADE: as nft has it, or nothing for IPv6, which needs none.
router() {
    local name=$1-router n=$2 nat=
    space "$name"
    if [ "${uplink:-cable}" = path ]; then
        start "$BUILD/tests/system/path" "$run-$name" "$run-net" 50 5 5000
        until ip -n "$run-net" link set path up 2>/dev/null; do
            kill -0 "${pids[-1]}"
            sleep 0.05
        done
        ip -n "$run-net" link set path name "to-$1"
        ip -n "$run-$name" link set path name wan up
    else
        cable "$name" wan net "to-$1"
    fi
    if [ "$3" ]; then
        address net "to-$1" "10.0.$n.1/24"
        address "$name" wan "10.0.$n.2/24" "10.0.$n.1"
        nat="chain out {
        type nat hook postrouting priority srcnat;
        oifname wan $3
    }"
    else
        address net "to-$1" "fd00:0:$n::1/64"
        address "$name" wan "fd00:0:$n::2/64" "fd00:0:$n::1"
        ip -n "$run-net" route add "fd00:1:$n::/64" via "fd00:0:$n::2"
    fi
    in_ "$name" nft -f - <<EOF
table inet home {
    chain forward {
        type filter hook forward priority filter; policy drop;
        ${4:-}
        ct state established,related accept
        iifname lan accept
    }
    # What nobody asked for must leave no trace: a mapping of its own would take the port of the answer.
    chain in {
        type filter hook input priority filter; policy drop;
        ct state established,related accept
        meta l4proto ipv6-icmp accept
        iifname lan accept
    }
    $nat
}
EOF
}

# home NAME N MASQUERADE [FILTER]
home() {
    router "$@"
    space "$1"
    cable "$1" lan "$1-router" lan
    if [ "$3" ]; then
        address "$1-router" lan "192.168.$2.1/24"
        address "$1" lan "192.168.$2.2/24" "192.168.$2.1"
    else
        address "$1-router" lan "fd00:1:$2::1/64"
        address "$1" lan "fd00:1:$2::2/64" "fd00:1:$2::1"
    fi
}

space net
ip -n "$run-net" address add 10.0.0.1/32 dev lo
ip -n "$run-net" address add fd00::1/128 dev lo
# What goes to addresses that are nobody's is lost without a word, as on the Internet.
ip -n "$run-net" tuntap add nowhere mode tun
ip -n "$run-net" link set nowhere up
ip -n "$run-net" route add default dev nowhere
ip -n "$run-net" -6 route add default dev nowhere
home cone1 1 masquerade
home cone2 2 masquerade
home symmetric1 3 'masquerade fully-random'
home symmetric2 4 'masquerade fully-random'
uplink=path home slow1 5 masquerade
home slow2 6 masquerade
home six1 7 ''
home six2 8 ''
home tcp1 9 masquerade 'meta l4proto udp drop'
home tcp2 10 masquerade 'meta l4proto udp drop'

# For each of two who move, another network that they are not in yet.
for i in 1 2; do
    home "moving$i" "$((10 + i))" masquerade
    router "moved$i" "$((12 + i))" masquerade
    cable "moving$i" other "moved$i-router" lan
    ip -n "$run-moving$i" link set other down
    address "moved$i-router" lan "192.168.$((12 + i)).1/24"
done

cat >"$scratch/turn.conf" <<EOF
listening-ip=10.0.0.1
listening-ip=fd00::1
relay-ip=10.0.0.1
relay-ip=fd00::1
listening-port=3478
use-auth-secret
static-auth-secret=between us
realm=usher.test
fingerprint
no-cli
no-tls
no-dtls
verbose
log-file=stdout
pidfile=$scratch/turn.pid
userdb=$scratch/turndb
EOF
start ip netns exec "$run-net" turnserver -c "$scratch/turn.conf" >"$scratch/turn.log" 2>&1
# Two daemons: one knows of STUN only, so that nothing but that can have helped.
daemon() {
    start ip netns exec "$run-net" "$USHERD" --set "server.state_dir=$scratch/$1" --listen "[::]:$1" \
        --set ice.stun=stun:10.0.0.1:3478 --set 'ice.stun=stun:[fd00::1]:3478' "${@:2}" >>"$scratch/usherd.log" 2>&1
}
daemon 4000 --set 'ice.turn_secret=between us' \
    --set 'ice.turn=turn:10.0.0.1:3478?transport=udp' --set 'ice.turn=turn:10.0.0.1:3478?transport=tcp' \
    --set 'ice.turn=turn:[fd00::1]:3478?transport=udp'
daemon 4001

# listens PORT
listens() {
    local i
    for ((i = 0; i < 100; i++)); do
        ! in_ net bash -c "exec 3<>/dev/tcp/10.0.0.1/$1" 2>/dev/null || return 0
        sleep 0.1
    done
    echo "nobody listens on port $1" >&2
    return 1
}
for port in 3478 4000 4001; do listens "$port"; done
RUN=$run in_ net node --test-reporter=tap ${ONLY:+--test-name-pattern="$ONLY"} tests/system/networks.mjs |
    grep -vE '^# (Subtest|tests|suites|pass|fail|cancelled|skipped|todo|duration_ms)'
