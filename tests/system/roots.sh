# shellcheck shell=bash
# SPDX-License-Identifier: MIT
# Small Debian systems in folders, made once with mmdebstrap under $BUILD/roots and used through an overlay that
# forgets what is done to it. The caller has a mount namespace of its own (own_mounts), so nothing stays mounted. Nothing
# of this machine is mounted into them: what removes or fills one can reach nothing else.

# own_mounts "$@": starts the part anew in a mount namespace, if it is not in one yet.
own_mounts() {
    [ -n "${OWN_MOUNTS:-}" ] || OWN_MOUNTS=1 exec unshare --mount --propagation private "$0" "$@"
}

# make_root SUITE[-NAME] [PACKAGE]...: $BUILD/roots/SUITE[-NAME], with these packages; does nothing where it is there.
make_root() {
    local suite=${1%%-*} to=$BUILD/roots/$1 options=() IFS=,
    shift
    [ ! -d "$to" ] || return 0
    mkdir -p "$BUILD/roots"
    rm -rf --one-file-system "$to.part"
    [ $# = 0 ] || options=(--include="$*")
    # The way to the archive is this machine's.
    while read -r line; do options+=(--aptopt="$line"); done < <(apt-config dump | grep -iE '^Acquire::[a-z]+::.*Proxy ')
    mmdebstrap --quiet --variant=minbase "${options[@]}" "$suite" "$to.part" >&2 && mv "$to.part" "$to"
}

# shellcheck disable=SC2154 # scratch is lib.sh's
# use_root SUITE: a throw-away copy of the root at $root, with what a program expects to find.
use_root() {
    local layers=$scratch/$1-layers device
    root=$scratch/$1
    mkdir -p "$root" "$layers" "$BUILD/roots/$1-archives"
    mount -t tmpfs -o mode=755 tmpfs "$layers"
    mkdir "$layers/upper" "$layers/work"
    mount -t overlay -o "lowerdir=$BUILD/roots/$1,upperdir=$layers/upper,workdir=$layers/work" overlay "$root"
    at_exit leave_root
    mount -t proc proc "$root/proc"
    mount -t tmpfs -o mode=755 tmpfs "$root/dev"
    for device in 'null 1 3' 'zero 1 5' 'full 1 7' 'random 1 8' 'urandom 1 9'; do
        # shellcheck disable=SC2086 # three words
        set -- $device
        mknod -m 666 "$root/dev/$1" c "$2" "$3"
    done
    ln -s /proc/self/fd "$root/dev/fd"
    mkdir "$root/dev/shm"
    cp /etc/resolv.conf "$root/etc/resolv.conf"
    archives=$BUILD/roots/$(basename "$root")-archives
    find "$archives" -name '*.deb' -exec cp -t "$root/var/cache/apt/archives" {} +
}

# What was fetched is kept for the next time.
leave_root() {
    find "$root/var/cache/apt/archives" -maxdepth 1 -name '*.deb' -exec cp -n -t "$archives" {} +
    umount -R "$root" && umount "$root-layers"
}

# in_root COMMAND...
in_root() {
    env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive chroot "$root" "$@"
}

# in_own_net COMMAND...: in the root, with a network and process ids of its own: nothing of it stays.
in_own_net() {
    unshare --net --pid --fork --kill-child chroot "$root" "$@"
}

# exercise USHERD USHER [ARGUMENT...]: in the root, a daemon that is started, tried by `usher exercise`, and stopped.
exercise() {
    in_own_net bash -c '
        ip link set lo up || exit
        STATE_DIRECTORY=$(mktemp -d) "$1" "${@:3}" &
        daemon=$!
        curl --silent --fail --retry 30 --retry-delay 1 --retry-connrefused http://localhost:4000/health &&
            "$2" exercise && kill $daemon && wait $daemon' bash "$@"
}
