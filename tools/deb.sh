#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Builds the Debian packages in BUILD/deb, from a copy of the tree, which it leaves as it is. The copy gets a
# debian/changelog of one entry: the version is the Makefile's, what changed is in CHANGELOG.md.
#   usage: tools/deb.sh BUILD VERSION
set -eu
cd "$(dirname "$0")/.."
mkdir -p "$1"
out=$(realpath "$1")/deb
version=$2
src=$out/src
rm -rf "$out"
mkdir -p "$src"

# What git knows, or would; without git, what an archive of it unpacks to.
if git rev-parse --is-inside-work-tree >/dev/null 2>&1; then
    git ls-files -z --cached --others --exclude-standard --deduplicate
    date=$(git log -1 --format=%cD)
else
    find . -path ./build -prune -o -name node_modules -prune -o -type f -print0
    date=$(date -R -r CHANGELOG.md)
fi >"$out/files"
while IFS= read -r -d '' file; do [ ! -e "$file" ] || printf '%s\0' "$file"; done <"$out/files" |
    tar --null -c -T - | tar -x -C "$src"
rm "$out/files"
# What the browser's peer is built of, if it was fetched.
[ ! -e "$out/../web-src/complete" ] || { mkdir -p "$src/build" && cp -r "$out/../web-src" "$src/build/"; }

cd "$src"
maintainer=$(sed -n 's/^Maintainer: //p' debian/control)
cat >debian/changelog <<EOF
usher ($version) unstable; urgency=medium

  * Version $version: see CHANGELOG.md of the sources.

 -- $maintainer  $date
EOF

# The packages' build is a make of its own.
unset MAKEFLAGS MAKEOVERRIDES MAKELEVEL BUILD
dpkg-buildpackage --build=binary --no-sign >"$out/build.log" 2>&1 </dev/null || {
    tail -n 30 "$out/build.log" >&2
    echo "deb: building failed (above, and $out/build.log)" >&2
    exit 1
}
cd "$out"
rm -rf src
ls -- *.deb
