#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The Debian packages: built, read by lintian, and installed, used, upgraded and purged in a small Debian 12.
set -u
cd "$(dirname "$0")/../.." || exit 1
. tests/system/lib.sh
. tests/system/roots.sh
. tests/system/boot.sh
own_mounts "$@"

built() {
    git status --porcelain >"$scratch/before"
    make --no-print-directory BUILD="$BUILD" deb || return
    git status --porcelain | cmp - "$scratch/before" || return
    # shellcheck disable=SC2012 # names of ours
    version=$(sed -n 's/^VERSION := //p' Makefile)
    for package in usherd usher libusher-dev; do ls "$BUILD/deb/${package}_${version}_"*.deb || return; done
}

# Who builds by hand needs what `make` would have installed.
same_needs() {
    comm -23 <(sed -n 's/^build *\(\S*-dev\) .*/\1/p' tools/deps.sh | grep -v '^libc6-dev$' | sort) \
        <(sed -n '/^Build-Depends/,/^Standards/s/^ \(.*\),$/\1/p' debian/control | sort) | tee -a "$scratch/needs"
    [ ! -s "$scratch/needs" ]
}

# Errors and warnings both count: nothing that it says is left to be explained.
lintian_silent() {
    lintian --allow-root --fail-on error,warning "$BUILD"/deb/*.changes
}

depends() {
    dpkg-deb -f "$BUILD/deb/$1"_*.deb Depends | grep -w -- "$2"
}

install_deb() {
    cp "$@" "$root/root/" && in_root apt-get install -y -q --no-install-recommends -o Dpkg::Options::=--force-confold \
        "${@/#*\///root/}"
}

# Whatever a user would call started or enabled: a process out of the root, a link to a unit or script.
nothing_runs() {
    ! find "$root/etc/systemd" "$root/etc/rc"*.d -name '*usher*' | grep . &&
        ! find /proc -maxdepth 2 -name exe -lname "$root/*" 2>/dev/null | grep .
}

talks() {
    in_root usherd --test-config --config /etc/usherd/usherd.conf &&
        exercise usherd usher --config /etc/usherd/usherd.conf
}

completes() {
    # shellcheck disable=SC2016 # the root's shell reads it
    in_root bash --norc -c 'for program in usher usherd; do
        . /usr/share/bash-completion/completions/$program && complete -p $program &&
            head -n 1 /usr/share/zsh/vendor-completions/_$program | grep -x "#compdef $program" || exit
    done'
}

# The example of the package, compiled as its first lines say, by somebody who knows pkg-config only.
library() {
    cat >"$root/root/library" <<'EOF'
cd /root && cp /usr/share/doc/libusher-dev/examples/two.c . || exit
ip link set lo up
cc -Wall -Werror two.c $(pkg-config --cflags --libs usher) -o two || exit
STATE_DIRECTORY=$(mktemp -d) usherd --listen 127.0.0.1:4000 &
curl --silent --fail --retry 30 --retry-delay 1 --retry-connrefused http://localhost:4000/health || exit
./two ws://localhost:4000 demo ./ann ./ben 127.0.0.1 | grep 'ann: ben has read it'
EOF
    in_own_net bash /root/library
}

# again PACKAGE VERSION [COMMAND]: the package anew with a higher version, the command run in its tree first.
again() {
    local tree=$scratch/again
    rm -rf "$tree"
    dpkg-deb -R "$BUILD/deb/$1"_*.deb "$tree" || return
    sed -i "s/^Version: .*/Version: $2/" "$tree/DEBIAN/control"
    (cd "$tree" && eval "${3:-}") || return
    dpkg-deb --root-owner-group -b "$tree" "$scratch/$1_$2.deb"
}

upgraded() {
    echo '[limits]
max_rooms = 7' >>"$root/etc/usherd/usherd.conf"
    again usherd 99 && install_deb "$scratch/usherd_99.deb" || return
    in_root usherd --print-config --config /etc/usherd/usherd.conf | grep -x 'max_rooms = 7' || return
    # The new package's file differs, too: the user's stays, the new one is laid beside it.
    again usherd 100 'sed -i "1s/^/# New.\n/" etc/usherd/usherd.conf' && install_deb "$scratch/usherd_100.deb" || return
    in_root usherd --print-config --config /etc/usherd/usherd.conf | grep -x 'max_rooms = 7' &&
        grep '# New' "$root/etc/usherd/usherd.conf.dpkg-dist"
}

removed() {
    mkdir -p "$root/var/lib/private/usherd" && ln -s private/usherd "$root/var/lib/usherd" && touch "$root/var/lib/usherd/owner.key"
    in_root apt-get remove -y -q usherd usher libusher-dev &&
        grep -x 'max_rooms = 7' "$root/etc/usherd/usherd.conf" && ls "$root/var/lib/usherd/owner.key"
}

purged() {
    in_root dpkg --purge usherd && nothing_left
}

nothing_left() {
    ! find "$root" -xdev -name '*usher*' -not -path "$root/root/*" -not -path "$root/tmp/*" | grep .
}

# ---- under a running systemd ----

# The socket before its service, or systemd refuses it.
UNITS='usherd.socket usherd.service usherd@second.service'

# states WORD COMMAND...: each unit answers so.
states() {
    local word=$1 unit said
    shift
    for unit in $UNITS; do
        said=$(inside systemctl "$@" "$unit" 2>&1)
        [ "$said" = "$word" ] || { echo "$unit: $said, not $word" && return 1; }
    done
}

of() { inside systemctl show --value --property="$1" "$2"; }

# Installing has neither started nor enabled a unit, and upgrading what rests does not either.
rests() {
    states disabled is-enabled && states inactive is-active && inside dpkg -i /root/usherd_99.deb &&
        states disabled is-enabled && states inactive is-active
}

upgrade_restarts() {
    printf '[server]\nlisten = 127.0.0.1:4001\n' >"$root/etc/usherd/usherd@second.conf"
    # shellcheck disable=SC2086 # one word a unit
    if ! inside systemctl start $UNITS || ! states active is-active; then
        inside journalctl --no-pager -n 50
        return 1
    fi
    local first second listening
    first=$(of MainPID usherd.service) second=$(of MainPID usherd@second.service)
    listening=$(of ActiveEnterTimestampMonotonic usherd.socket)
    inside dpkg -i /root/usherd_100.deb && states active is-active || return
    echo "before: $first $second $listening"
    [ "$(of MainPID usherd.service)" != "$first" ] && [ "$(of MainPID usherd@second.service)" != "$second" ] &&
        [ "$(of ActiveEnterTimestampMonotonic usherd.socket)" = "$listening" ] &&
        inside curl --silent --fail http://localhost:4000/health http://localhost:4001/health
}

remove_stops() {
    ls "$root"/var/lib/private/{usherd,usherd@second}/resume.key && inside dpkg --remove usherd || return
    # What somebody wrote by hand is not the package's.
    rm "$root/etc/usherd/usherd@second.conf"
    ! inside find /proc -maxdepth 2 -name exe -lname '/usr/bin/usherd*' | grep . && inside dpkg --purge usherd && nothing_left
}

if ! built >&2; then
    not_ok 'make deb builds usherd, usher and libusher-dev and leaves the tree as it is'
    exit 1
fi
ok 'make deb builds usherd, usher and libusher-dev and leaves the tree as it is'
try 'lintian finds neither errors nor warnings' lintian_silent
try 'their build asks for every library that tools/deps.sh names' same_needs
try 'usherd depends on the loop of lws that it needs' depends usherd libwebsockets-evlib-uv
try 'usher depends on the loop of lws that it needs' depends usher libwebsockets-evlib-glib

if ! make_root bookworm systemd-sysv,dbus,curl,iproute2; then
    skip 'the packages in a system of their own' 'mmdebstrap could not make one (no archive within reach?)'
    exit
fi
use_root bookworm
in_root apt-get update -q >&2
try 'they install with what they need' install_deb "$BUILD/deb"/usherd_*.deb "$BUILD/deb"/usher_*.deb
try 'nothing was started or enabled' nothing_runs
try 'usherd accepts its conffile, serves /health, and usher exercise passes against it' talks
try 'the shells find what completes usher and usherd' completes
try 'the library installs' install_deb "$BUILD/deb"/libusher-dev_*.deb
in_root apt-get install -y -q --no-install-recommends gcc libc6-dev pkg-config >&2
try 'a program is compiled against it with pkg-config, and talks' library
try 'a changed conffile survives upgrades' upgraded
try 'removing keeps settings and state' removed
try 'purging leaves nothing' purged

if ! command -v systemd-nspawn >/dev/null; then
    skip 'the packages under a running systemd' 'there is no systemd-nspawn (systemd-container)'
    exit
fi
install_deb "$BUILD/deb"/usherd_*.deb >&2 && cp "$scratch"/usherd_*.deb "$root/root/"
umount "$root/proc" "$root/dev"
if ! boot multi-user.target; then
    not_ok 'systemd boots in a container'
    exit 1
fi
try 'installing and upgrading start and enable nothing' rests
try 'upgrading restarts what runs, and not the socket' upgrade_restarts
try 'removing stops it, purging takes the state of every instance' remove_stops
