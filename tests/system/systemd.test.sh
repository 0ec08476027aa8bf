#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The units under a real systemd, booted in a container whose root is this machine's own under a layer that is thrown away,
# with a network of its own; the daemon is installed there by `make install`. systemd.mjs then asks and looks from outside.
set -u
cd "$(dirname "$0")/../.." || exit 1
. tests/system/lib.sh
. tests/system/roots.sh
own_mounts "$@"

name=usher-systemd-$$
root=$scratch/root
init=
container=

lacking() {
    skip 'the units under a real systemd' "$1"
    exit
}

# A cgroup of the container's own, on a hierarchy that nobody else sees; nothing of it stays.
boot() {
    unshare --mount --propagation private bash -c '
        group=/sys/fs/cgroup/$1
        umount -R /sys/fs/cgroup; mount -t cgroup2 none /sys/fs/cgroup && mkdir "$group" || exit
        echo $$ >"$group/cgroup.procs"
        mount -t tmpfs tmpfs /run # nspawn refuses to keep its own files on a disk
        systemd-nspawn --quiet --register=no --keep-unit --directory="$2" --machine="$1" --private-network --console=pipe \
            --boot systemd.unit=sysinit.target </dev/null
        echo $$ >/sys/fs/cgroup/cgroup.procs
        find "$group" -depth -type d -exec rmdir {} +
    ' bash "$name" "$root" >"$scratch/console" 2>&1 &
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

[ "$(id -u)" = 0 ] || lacking 'only root boots a container'
command -v systemd-nspawn >/dev/null || lacking 'there is no systemd-nspawn (systemd-container)'
mkfifo "$scratch/never"
mkdir "$root" "$scratch/layers"
mount -t tmpfs -o mode=755 tmpfs "$scratch/layers"
mkdir "$scratch/layers/upper" "$scratch/layers/work"
mount -t overlay -o "lowerdir=/,upperdir=$scratch/layers/upper,workdir=$scratch/layers/work" overlay "$root" ||
    lacking 'the kernel lays no overlay over this root'
leave() { umount -R "$root" "$scratch/layers"; }
at_exit leave

make --no-print-directory BUILD="$BUILD" PREFIX=/usr DESTDIR="$root" install >&2 || exit
install -m 755 "$BUILD/tests/usherd-that-hangs" "$root/usr/bin/usherd-that-hangs"
install -m 755 tests/system/systemd-probe.pl "$root/usr/bin/usherd-probe"
# The journal and the state of this machine's own daemons stay out of it.
rm -rf "$root/var/log/journal" "$root"/etc/systemd/system/usherd* "$root"/var/lib/{private/,}usherd*
: >"$root/etc/fstab"
[ -s "$root/etc/machine-id" ] || tr -d - </proc/sys/kernel/random/uuid >"$root/etc/machine-id"
at_exit stop
if ! boot; then
    not_ok 'systemd boots in a container'
    exit 1
fi
exposure=$(systemd-analyze security --offline=yes --threshold=12 systemd/usherd.service 2>/dev/null | tail -n 1)
if systemd-analyze security --offline=yes --threshold=12 systemd/usherd.service >/dev/null 2>&1; then
    ok 'systemd-analyze security: an exposure of at most 1.2'
else
    not_ok 'systemd-analyze security: an exposure of at most 1.2'
fi
echo "# ${exposure#→ }"
INIT=$init ROOT=/proc/$init/root nsenter --target "$init" --net -- node tests/system/systemd.mjs "$tap"
