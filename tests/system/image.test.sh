#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The image: built by buildah from the Dockerfile alone, on a Debian 12 made here, and run by podman as its first lines
# say; then the services of docker-compose.yml. Images, containers and their network are in a folder and namespaces of
# our own: nothing that this machine has is touched, nothing stays.
set -u
cd "$(dirname "$0")/../.." || exit 1
. tests/system/lib.sh
. tests/system/roots.sh
own_mounts "$@"

image=localhost/usherd:test
netns=usher-image-$$
restricted=(--read-only --cap-drop all --security-opt no-new-privileges)

# ---- buildah and podman with everything in $scratch ----

settings() {
    local driver=overlay files
    # An overlay cannot lie on an overlay.
    [ "$(stat -f -c %T "$scratch")" != overlayfs ] || driver=vfs
    files=$(ulimit -Hn)
    [ "$files" != unlimited ] || files=1048576
    mkdir "$scratch/networks"
    cat >"$scratch/storage.conf" <<END
[storage]
driver = "$driver"
graphroot = "$scratch/images"
runroot = "$scratch/run"
END
    # Podman asks for more than it needs, which not every machine gives: limits above its own, groups of processes.
    cat >"$scratch/containers.conf" <<END
[containers]
cgroups = "disabled"
default_ulimits = ["nofile=$files:$files", "nproc=32768:32768"]
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
runtime = "crun"
[network]
network_backend = "netavark"
network_config_dir = "$scratch/networks"
END
    export CONTAINERS_STORAGE_CONF=$scratch/storage.conf CONTAINERS_CONF=$scratch/containers.conf
    if [ "$(stat -f -c %T /sys/fs/cgroup)" != cgroup2fs ]; then
        umount -R /sys/fs/cgroup && mount -t cgroup2 none /sys/fs/cgroup
    fi
    # A cache that lies there whatever one says.
    [ ! -d /var/lib/containers ] || mount -t tmpfs tmpfs /var/lib/containers
    # Coturn serves nobody where there is no address but loopback's.
    ip netns add "$netns" && here ip link set lo up && here ip link add outside type veth peer name beyond &&
        here ip address add 192.0.2.1/24 dev outside && here ip link set outside up &&
        here ip link set beyond up
}

clear_up() {
    local pid
    for pid in $(jobs -p); do kill "$pid"; done 2>/dev/null
    here podman rm --all --force --volumes --time 0
    buildah rm --all
    ip netns del "$netns"
    # These mounts are in a namespace of ours.
    awk -v under="$scratch/" 'index($5, under) == 1 { print $5 }' /proc/self/mountinfo | sort -r | xargs -r umount -l
} >/dev/null 2>&1

here() { nsenter --net="/run/netns/$netns" "$@"; }

# ---- small tools ----

# within SECONDS COMMAND...: until the command ends with 0.
within() {
    local end=$((SECONDS + $1))
    shift
    until "$@" >/dev/null 2>&1; do
        if [ $SECONDS -ge $end ]; then
            echo "never: $*" >&2
            return 1
        fi
        sleep 0.1
    done
}

# run NAME [OPTION]... -- [ARGUMENT]...: a container of the image, as the Dockerfile says, that is ready.
run() {
    local name=$1 options=()
    shift
    while [ "$1" != -- ]; do
        options+=("$1")
        shift
    done
    shift
    here podman run --detach --name "$name" "${restricted[@]}" "${options[@]}" "$image" "$@" >&2 && within 20 says "$name" 'is ready'
}

# says NAME PATTERN: whether the container has logged it.
says() { here podman logs "$1" 2>&1 | grep -q -- "$2"; }
remove() { here podman rm --force --volumes --time 0 "$@" >&2; }
pid_of() { here podman inspect --format '{{.State.Pid}}' "$1"; }

# client NAME URL: a client whose input is the descriptor $client and whose output the file $scratch/NAME.
client() {
    mkfifo "$scratch/$1.in"
    NODE_EXTRA_CA_CERTS=${authority:-} nsenter --net="/run/netns/$netns" node tests/system/client.mjs "$2" \
        <"$scratch/$1.in" >"$scratch/$1" &
    exec {client}>"$scratch/$1.in"
    within 10 hears "$1" welcome
}
hears() { grep -q "\"type\":\"$2\"" "$scratch/$1"; }
joins() {
    client "$1" "$2" && echo '{"type":"join-room","roomId":"imaged"}' >&"$client" && within 10 hears "$1" peers
}

# ---- the image ----

built() {
    local container
    make_root bookworm-slim || return
    container=$(buildah from scratch) && buildah add -q "$container" "$BUILD/roots/bookworm-slim" / &&
        buildah config --cmd bash "$container" &&
        buildah commit -q --rm "$container" docker.io/library/debian:bookworm-slim &&
        buildah bud -q --format docker --isolation chroot --pull-never -t "$image" .
}

# The files of the image, in $files.
unpacked() {
    local container
    files=$scratch/files
    mkdir "$files"
    container=$(buildah from --pull-never "$image") && cp -a "$(buildah mount "$container")/." "$files" && buildah rm "$container"
}

nothing_else() {
    find "$files" -type f -perm /111 ! -name '*.so*' | tee "$scratch/programs" >&2
    [ "$(cat "$scratch/programs")" = "$files/usr/bin/usherd" ] && ! find "$files" -perm /6000 | grep . &&
        grep -q '^Status: install ok installed$' "$files/var/lib/dpkg/status.d/libssl3" &&
        [ -s "$files/usr/share/doc/libssl3/copyright" ]
}

# sum_of FILE...: their size in KiB.
sum_of() { cat "$@" | wc -c | awk '{ printf "%d", $1 / 1024 }'; }

sizes() {
    local libs all
    libs=$(dirname "$files"/usr/lib/*/libc.so.6)
    all=$(find "$files" -type f -exec cat {} + | wc -c | awk '{ printf "%d", $1 / 1024 }')
    # shellcheck disable=SC2046 # several files
    {
        echo "# the image: $all KiB, of which"
        echo "#   usherd itself                                $(sum_of "$files/usr/bin/usherd")"
        echo "#   OpenSSL (TLS, tokens, seats, passwords)      $(sum_of "$libs"/libcrypto.* "$libs"/libssl.*)"
        echo "#   the C library and its loader                 $(sum_of "$libs"/libc.* "$libs"/libdl.* "$libs"/libpthread.* "$files"/usr/lib*/ld-linux*)"
        echo "#   libsystemd and what it loads                 $(sum_of "$libs"/libsystemd.* "$libs"/libgcrypt.* "$libs"/libgpg-error.* "$libs"/liblz* "$libs"/libzstd.*)"
        echo "#   libwebsockets, libuv and its plugin          $(sum_of "$libs"/libwebsockets* "$libs"/libuv.*)"
        echo "#   jansson, libjwt, inih and others             $(sum_of "$libs"/libjansson.* "$libs"/libjwt.* "$libs"/libinih.* "$libs"/libb64.* "$libs"/libcap.* "$libs"/libz.*)"
        echo "#   the page                                     $(sum_of $(find "$files/usr/share/usher/web" -type f))"
        echo "#   licences and the packages' names             $(sum_of $(find "$files/usr/share/doc" "$files/var" -type f))"
    }
    [ "$all" -lt 20480 ]
}

# ---- the container ----

locked_in() {
    local pid status
    pid=$(pid_of plain)
    status=$(cat "/proc/$pid/status")
    for line in 'Uid:	65532	65532	65532	65532' 'Gid:	65532	65532	65532	65532' 'CapEff:	0000000000000000' \
        'CapBnd:	0000000000000000' 'NoNewPrivs:	1' 'Seccomp:	2'; do
        grep -qxF "$line" <<<"$status" || { echo "no $line in $status"; return 1; }
    done
    awk '$5 == "/" { print $6 }' "/proc/$pid/mountinfo" | grep -q '^ro'
}

# The page, with a file that it names.
page_served() {
    local asset
    asset=$(here curl -sf -H 'Accept: text/html' http://127.0.0.1:4000/ | grep -oE 'assets/[A-Za-z0-9._-]+\.js' | head -n 1)
    [ -n "$asset" ] && here curl -sf "http://127.0.0.1:4000/$asset" | grep -q .
}

# As most containers are: no IPv6 on any interface. So [::]:4000, the default, is asked over IPv4.
healthy() {
    [ "$(nsenter --net --target "$(pid_of plain)" cat /proc/sys/net/ipv6/conf/all/disable_ipv6)" = 1 ] &&
        here podman healthcheck run plain && [ "$(here podman inspect --format '{{.State.Health.Status}}' plain)" = healthy ]
}

ill_when_stuck() {
    local pid result
    pid=$(pid_of plain)
    kill -STOP "$pid"
    here podman healthcheck run plain
    result=$?
    kill -CONT "$pid"
    [ $result = 1 ] && here podman healthcheck run plain
}

# Through the published port, and from one container to the next: the seat's key is in the volume.
seat_survives() {
    local token
    joins first ws://127.0.0.1:4000/ws && here podman inspect --format '{{.State.Status}}' plain | grep -qx running || return
    token=$(sed -n 's/.*"resumeToken":"\([^"]*\)".*/\1/p' "$scratch/first")
    remove plain && run plain "${published[@]}" -- && client second ws://127.0.0.1:4000/ws || return
    echo "{\"type\":\"resume\",\"resumeToken\":\"$token\"}" >&"$client"
    within 10 hears second resumed
}

# Every option of the file that documents them, at once.
every_option() {
    sed -nE 's/^\[(.*)\]$/[\1]/p; s/^#([a-z_]+) =( ?)(.*)$/\1=\3/p' conf/usherd.conf | awk -F= '
        /^\[/ { section = toupper(substr($0, 2, length($0) - 2)); next }
        { print "USHERD_" section "_" toupper($1) substr($0, length($1) + 1) }' | grep -v '=$' >"$scratch/options"
    # One of them at another value than its default, to see that it is they that are read.
    sed -i 's/^USHERD_SERVER_PING_INTERVAL=.*/USHERD_SERVER_PING_INTERVAL=7s/' "$scratch/options"
    [ "$(wc -l <"$scratch/options")" -gt 30 ] || return
    here podman run --rm "${restricted[@]}" --env-file "$scratch/options" "$image" --test-config || return
    run set -p 127.0.0.1:4001:4000 --env-file "$scratch/options" -- && client set-client ws://127.0.0.1:4001/ws &&
        grep '"pingInterval":7000' "$scratch/set-client"
}

a_file() {
    printf '[server]\nlisten = unix:/var/lib/usherd/socket\n[limits]\nmax_rooms = 3\n' >"$scratch/usherd.conf"
    local with=(-v "$scratch/usherd.conf:/etc/usherd.conf:ro" -e USHERD_CONFIG=/etc/usherd.conf)
    here podman run --rm "${restricted[@]}" "${with[@]}" "$image" --print-config | grep -x 'max_rooms = 3' || return
    run file "${with[@]}" -- && here podman healthcheck run file && here podman kill --signal HUP file &&
        within 10 says file 'the settings were read again' && remove file
}

# Whoever comes through a published port comes from the network's gateway, which is no loopback.
status() { here curl --silent --output /dev/null --write-out '%{http_code}' "$1"; }
metrics_kept() {
    local gateway
    gateway=$(here podman inspect --format '{{.NetworkSettings.Gateway}}' plain)
    [ "$(status http://127.0.0.1:4000/metrics)" = 403 ] &&
        run watched -p 127.0.0.1:4003:4000 -e "USHERD_SERVER_METRICS_ALLOW=$gateway" -- &&
        [ "$(status http://127.0.0.1:4003/metrics)" = 200 ] && remove watched
}

# refused CODE PATTERN ARGUMENT...: it ends with that code and one line that matches.
refused() {
    local code=$1 pattern=$2 said
    shift 2
    said=$(here podman run --rm "${restricted[@]}" "$@" 2>&1 >/dev/null)
    [ $? = "$code" ] && [ "$(grep -cE '^usherd: | error ' <<<"$said")" = 1 ] && grep -q -- "$pattern" <<<"$said" && return
    echo "$said"
    return 1
}

token() {
    printf 'alg: HS256\nkid: k\n\n%s\n' "$(head -c 32 /dev/urandom | base64)" >"$scratch/key"
    chmod 644 "$scratch/key"
    local made
    run keyed -p 127.0.0.1:4002:4000 -v "$scratch/key:/key:ro" -e USHERD_AUTH_KEYS=/key -e USHERD_AUTH_REQUIRED=yes -- &&
        made=$(here podman exec keyed usherd token --room locked) && client keyed-client ws://127.0.0.1:4002/ws || return
    echo "{\"type\":\"join-room\",\"roomId\":\"locked\",\"token\":\"$made\"}" >&"$client"
    within 10 hears keyed-client peers && remove keyed
}

# Docker's own grace, with a client that goes when it is told and one that does not read: 0 is its own exit, 137 would be
# ours.
drains() {
    local began=$SECONDS
    joins told ws://127.0.0.1:4000/ws || return
    joins deaf ws://127.0.0.1:4000/ws || return
    kill -STOP "$!" # the last client
    here podman stop --time 10 plain || return
    kill -CONT "$!"
    within 10 hears told closed || return
    echo "# stopped in $((SECONDS - began)) s" >&3
    hears told server-draining && grep -q '"code":1012' "$scratch/told" && says plain 'stopping: ' &&
        [ "$(here podman inspect --format '{{.State.ExitCode}}' plain)" = 0 ]
}

# ---- docker-compose.yml ----

# Nothing is pulled here, so Caddy and coturn are Debian's in images of the same names, started as the published ones are.
stand_ins() {
    local container
    container=$(buildah from --pull-never docker.io/library/debian:bookworm-slim) &&
        buildah run --isolation chroot "$container" -- sh -c 'apt-get update && DEBIAN_FRONTEND=noninteractive \
            apt-get install -y --no-install-recommends caddy coturn' &&
        buildah config --env XDG_DATA_HOME=/data --env XDG_CONFIG_HOME=/config \
            --cmd '["caddy","run","--config","/etc/caddy/Caddyfile","--adapter","caddyfile"]' "$container" &&
        buildah commit -q "$container" docker.io/library/caddy:2 &&
        buildah config --user nobody:nogroup --entrypoint '["turnserver"]' --cmd '["--log-file=stdout"]' "$container" &&
        buildah commit -q --rm "$container" docker.io/coturn/coturn:4.6 && buildah tag "$image" localhost/usherd:latest
}

compose() { SITE=localhost TURN_SECRET=between-us here podman-compose --project-name usher "$@"; }
service() { here podman ps --quiet --filter "name=usher_$1_1"; }

# Podman-compose 1.0 puts a service of the host's network into another one too, which podman refuses, so each is run by its
# command without those words.
compose_up() {
    local name command
    for name in usherd caddy coturn; do
        command=$(compose --dry-run up --detach --no-build "$name" 2>&1 |
            sed -n "s/^podman run \(--name=usher_${name}_1 .*\)\$/\1/p" | sed "s/--net [a-z_]* --network-alias $name//")
        # shellcheck disable=SC2086 # words
        here podman run $command || return
    done
}

composed() {
    compose_up && within 20 says "$(service usherd)" 'is ready' &&
        here podman healthcheck run "$(service usherd)" && within 20 says "$(service caddy)" 'serving initial configuration' &&
        within 20 here timeout 2 turnutils_stunclient 127.0.0.1 && return
    here podman logs "$(service coturn)" >&2
    return 1
}

through_caddy() {
    local name=data/caddy/pki/authorities/local/root.crt
    authority=$scratch/authority.pem
    within 20 here podman exec "$(service caddy)" test -s "/$name" &&
        here podman exec "$(service caddy)" cat "/$name" >"$authority" && joins composed wss://localhost/ws &&
        [ "$(CURL_CA_BUNDLE=$authority status https://localhost/metrics)" = 404 ] &&
        ! here curl --silent --max-time 2 http://127.0.0.2:4000/health
}

stuns() {
    grep '"stun:localhost:3480"' "$scratch/composed" &&
        here timeout 2 turnutils_stunclient -p 3480 127.0.0.1 | grep 'reflexive addr: 127.0.0.1:'
}

# What the client was told is good at coturn, which yet carries nothing to this machine.
turns() {
    local user password
    user=$(sed -n 's/.*"username":"\([^"]*\)".*/\1/p' "$scratch/composed")
    password=$(sed -n 's/.*"credential":"\([^"]*\)".*/\1/p' "$scratch/composed")
    here timeout 20 turnutils_uclient -v -u "$user" -w "$password" -e 127.0.0.1 -n 1 127.0.0.1 >"$scratch/turned" 2>&1
    grep 'Received relay addr' "$scratch/turned" && grep 'error 403 (Forbidden IP)' "$scratch/turned"
}

taken_down() {
    local usherd
    usherd=$(service usherd)
    echo close >&"$client"
    compose stop && [ "$(here podman inspect --format '{{.State.ExitCode}}' "$usherd")" = 0 ] && compose down --volumes
}

# ---- what it says ----

settings || exit 1
at_exit clear_up
exec 3>&1
published=(-p 4000:4000 -v usher-state:/var/lib/usherd --sysctl net.ipv6.conf.all.disable_ipv6=1)

if ! built >&2; then
    not_ok 'the image is built from its Dockerfile'
    exit 1
fi
ok 'the image is built from its Dockerfile'
unpacked >&2
try 'it holds one program, no shell, nothing set-uid, and says what it is made of' nothing_else
if sizes; then ok 'it is smaller than 20 MiB'; else not_ok 'it is smaller than 20 MiB'; fi
try 'it runs read-only, without capabilities, as a user of its own' run plain "${published[@]}" --
try 'no capability, no new privilege, seccomp, a root that cannot be written' locked_in
try 'it is healthy with its defaults, without IPv6' healthy
try 'its page is served' page_served
try 'a daemon that hangs is not' ill_when_stuck
try 'a client joins, and keeps its seat in the next container of the volume' seat_survives
try 'every option by environment' every_option
try 'a file named by USHERD_CONFIG, for the health check and SIGHUP too' a_file
try 'metrics stay in, unless who asks is named' metrics_kept
try 'a wrong value is named, exit 78' refused 78 'USHERD_LIMITS_MAX_ROOMS' -e USHERD_LIMITS_MAX_ROOMS=many "$image"
try 'an option that is none is named, exit 78' refused 78 'USHERD_LIMITS_MAX_ROMS' -e USHERD_LIMITS_MAX_ROMS=1 "$image"
try 'a wrong flag is named, exit 2' refused 2 'lisen' "$image" --lisen 4000
try 'a state folder that it may not write is named, exit 78' refused 78 /etc -e USHERD_SERVER_STATE_DIR=/etc "$image"
try 'tokens are made in it' token
try 'stop: clients are told and closed with 1012, and it ends by itself within Docker'"'"'s grace' drains

name="docker-compose.yml, with Debian's Caddy and coturn"
if stand_ins >&2; then
    try "$name: all three start" composed
    try "$name: a client joins over wss, metrics stay in, the daemon is not published" through_caddy
    try "$name: clients are told of the daemon's own STUN server, which answers" stuns
    try "$name: what clients are told is good for TURN, and not for this machine's own addresses" turns
    try "$name: stop" taken_down
else
    not_ok "$name"
fi
skip 'docker-compose.yml with the published images of Caddy and coturn' 'they are not to be had here'
