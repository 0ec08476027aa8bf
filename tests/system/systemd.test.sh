#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The units under a real systemd, booted in a container whose root is this machine's own under a layer that is thrown away,
# with a network of its own; the daemon is installed there by `make install`. systemd.mjs then asks and looks from outside.
set -u
cd "$(dirname "$0")/../.." || exit 1
. tests/system/lib.sh
. tests/system/roots.sh
. tests/system/boot.sh
own_mounts "$@"

root=$scratch/root

lacking() {
    skip 'the units under a real systemd' "$1"
    exit
}

[ "$(id -u)" = 0 ] || lacking 'only root boots a container'
command -v systemd-nspawn >/dev/null || lacking 'there is no systemd-nspawn (systemd-container)'
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
if ! boot sysinit.target; then
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
