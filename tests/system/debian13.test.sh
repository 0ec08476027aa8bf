#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Debian 13 compiles the tree without a warning, and passes the unit tests, the vectors, `usher exercise`, and what its
# libwebsockets decides of the daemon: plain and TLS connections at each stage, RFC 6455, floods and freezes.
set -u
cd "$(dirname "$0")/../.." || exit 1
. tests/system/lib.sh
. tests/system/roots.sh
own_mounts "$@"

# named GROUP...: the packages of these groups.
named() {
    local group
    for group in "$@"; do sed -n "s/^$group  *\(\S*\)  *[a-zA-Z].*/\1/p" tools/deps.sh; done | sort -u
}

# The other groups are not installed, but must be known: a browser has nothing to do with compiling.
has_packages() {
    in_root /src/tools/deps.sh core build || return
    # shellcheck disable=SC2046 # one word a package
    in_root apt-get install --simulate --no-install-recommends -q \
        $(named test lint deb system bench | sed 's/^libclang-rt-14-dev$/libclang-rt-dev/')
}

# in_own_machine COMMAND...: in /src, with a network, /proc and /sys of its own.
in_own_machine() {
    in_own_net unshare --mount sh -c 'ip link set lo up && mount -t proc proc /proc && mount -t sysfs sysfs /sys && cd /src && exec "$@"' sh "$@"
}

# A skip is no pass: tests/run.sh counts it as failed.
passes() {
    in_own_machine tests/run.sh build unit >"$scratch/said"
    local status=$?
    cat "$scratch/said"
    return $status
}

# daemon_passes NAME...: these of tests/e2e, against the daemon that was compiled there.
daemon_passes() {
    local tests=("${@/#/tests/e2e/daemon}")
    in_own_machine env USHERD=build/usherd USHER=build/usher node --test "${tests[@]/%/.test.mjs}" >"$scratch/said"
    local status=$?
    grep -E -A 14 '^(not ok|# (pass|fail|skipped) )' "$scratch/said"
    return $status
}

versions() {
    in_root sh -c '. /etc/os-release; echo "$PRETTY_NAME, gcc $(gcc -dumpfullversion)"'
    in_root sh -c 'for name in libwebsockets libjwt openssl; do echo "$name $(pkg-config --modversion $name)"; done'
}

# shellcheck disable=SC2046 # one word a package
if ! make_root trixie $(named core build) make nodejs iproute2 curl openssl perl procps bsdutils; then
    skip 'Debian 13' 'mmdebstrap could not make one (no archive within reach?)'
    exit
fi
use_root trixie
mkdir "$root/src"
git ls-files -z --cached --others --exclude-standard --deduplicate | tar --null -c -T - | tar -x -C "$root/src"
cp -r tests/e2e/node_modules "$root/src/tests/e2e/"
in_root apt-get update -q >&2

try 'it has what tools/deps.sh installs to build, and to test' has_packages
try 'it compiles without a warning' in_root make -C /src -j"$(nproc)" CI=1 all unit-programs
try 'it passes the unit tests and the vectors' passes
echo "# $(versions | paste -sd';' | sed 's/;/, /g'): $(tail -n 1 "$scratch/said")"
try 'its daemon and peer pass usher exercise' exercise /src/build/usherd /src/build/usher
try 'its daemon passes what libwebsockets decides' \
    daemon_passes '' _bad_input _ends _fair _farewell _flood _freeze _http _rekey _rfc6455 _slow _tls
