# shellcheck shell=bash
# shellcheck disable=SC2154 # scratch and root are lib.sh's and the caller's
# SPDX-License-Identifier: MIT
# A real systemd on the system in $root, in a container with a network of its own. The caller has a mount namespace of
# its own (own_mounts).
init=
container=

# boot TARGET: returns when systemd has started all that the target wants. A cgroup of the container's own, on a
# hierarchy that nobody else sees; nothing of it stays.
boot() {
    [ -p "$scratch/never" ] || mkfifo "$scratch/never"
    [ -s "$root/etc/machine-id" ] || tr -d - </proc/sys/kernel/random/uuid >"$root/etc/machine-id"
    at_exit stop
    unshare --mount --propagation private bash -c '
        group=/sys/fs/cgroup/$1
        umount -R /sys/fs/cgroup; mount -t cgroup2 none /sys/fs/cgroup && mkdir "$group" || exit
        echo $$ >"$group/cgroup.procs"
        mount -t tmpfs tmpfs /run # nspawn refuses to keep its own files on a disk
        systemd-nspawn --quiet --register=no --keep-unit --directory="$2" --machine="$1" --private-network --console=pipe \
            --boot systemd.unit="$3" </dev/null
        echo $$ >/sys/fs/cgroup/cgroup.procs
        find "$group" -depth -type d -exec rmdir {} +
    ' bash "usher-$$" "$root" "$1" >"$scratch/console" 2>&1 &
    container=$!
    for _ in $(seq 300); do
        init=$(pgrep -P "$(pgrep -P "$container" -x systemd-nspawn)" -x systemd 2>/dev/null)
        [ -n "$init" ] && inside systemctl is-system-running 2>/dev/null | grep -qE '^(running|degraded)$' && return
        kill -0 "$container" 2>/dev/null || return
        read -rt 0.1 <>"$scratch/never"
    done
    return 1
}

inside() { nsenter --target "$init" --mount --uts --ipc --net --pid --cgroup -- "$@"; }

stop() {
    [ -n "$container" ] || return
    if [ -n "$init" ] && kill -RTMIN+3 "$init" 2>/dev/null; then
        for _ in $(seq 200); do
            kill -0 "$container" 2>/dev/null || break
            read -rt 0.1 <>"$scratch/never"
        done
    fi
    # What did not end by itself: the container's init takes all of it with it.
    [ -z "$init" ] || kill -KILL "$init" 2>/dev/null
    wait "$container" 2>/dev/null
    cat "$scratch/console" >&2
}
