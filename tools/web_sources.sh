#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# What the browser's peer is built of and nobody compiled before: the Debian source packages of jansson, libsodium and BearSSL, into
# BUILD/web-src, by apt, from a list of our own (neither /etc/apt nor its lists are touched). Does nothing when they are there.
# Says in one line why there will be no page if they cannot be had, or the tool chain is missing, and ends with 1.
#   usage: tools/web_sources.sh BUILD
set -eu
build=$1
into=$build/web-src
packages="jansson libsodium bearssl"

nothing() {
    echo "web: $*: the page is left out, all else is built" >&2
    exit 1
}

for program in clang wasm-ld wasm-opt; do
    command -v "$program" >/dev/null 2>&1 || nothing "there is no $program ('make web' installs what is missing, with apt)"
done
[ -e /usr/include/wasm32-wasi/stdlib.h ] || nothing "there is no wasi-libc ('make web' installs what is missing, with apt)"
[ ! -e "$into/complete" ] || exit 0
if ! command -v apt-get >/dev/null 2>&1 || ! command -v dpkg-source >/dev/null 2>&1; then
    nothing "there is no apt to fetch the sources of $packages with"
fi

rm -rf "$into"
mkdir -p "$into/apt/lists/partial" "$into/apt/archives/partial"
root=$(cd "$into" && pwd)
log=$root/apt/log
# Where the machine has the binary packages of these from, there are their sources.
keyring=/usr/share/keyrings/debian-archive-keyring.gpg
trust=
[ ! -e "$keyring" ] || trust="[signed-by=$keyring] "
apt-cache madison libjansson-dev libsodium-dev | awk -F ' *[|] *' -v trust="$trust" '
    $3 ~ / Packages$/ { split($3, at, " "); split(at[2], in_, "/"); print "deb-src " trust at[1] " " in_[1] " " in_[2] }' |
    sort -u >"$into/apt/sources.list"
[ -s "$into/apt/sources.list" ] || nothing "apt knows no archive that has jansson (is one of Debian in its sources, and was apt-get update run?)"
fetch() {
    apt-get -q -o Dir::Etc::SourceList="$root/apt/sources.list" -o Dir::Etc::SourceParts=/dev/null \
        -o Dir::State::Lists="$root/apt/lists" -o Dir::Cache="$root/apt" -o Dir::Cache::pkgcache= \
        -o Dir::Cache::srcpkgcache= -o APT::Sandbox::User=root "$@" >>"$log" 2>&1
}
fetch update || nothing "apt does not reach the sources of $packages ($log)"
# shellcheck disable=SC2086 # three words
(cd "$into" && fetch source $packages) || nothing "apt cannot fetch the sources of $packages ($log)"
for package in $packages; do
    found=$(find "$into" -maxdepth 1 -type d -name "$package-*" | head -n 1)
    [ -n "$found" ] || nothing "the source of $package is not what it was ($log)"
    mv "$found" "$into/$package"
done
rm -rf "$into/apt/lists" "$into/apt/archives"
# The headers of uthash, alone: the system's other headers are not WebAssembly's.
mkdir -p "$into/include"
cp /usr/include/uthash.h /usr/include/utlist.h "$into/include/"
sed 's/@json_inline@/inline/; s/@json_have_long_long@/1/; s/@json_have_[a-z_]*@/0/' "$into/jansson/src/jansson_config.h.in" >"$into/include/jansson_config.h"
# What their configure scripts would find out.
cat >"$into/include/jansson_private_config.h" <<'EOF'
#define HAVE_STDINT_H 1
#define HAVE_STRTOLL 1
#define INITIAL_HASHTABLE_ORDER 3
EOF
echo '#define NDEBUG 1' >"$into/include/others.h"
touch "$into/complete"
