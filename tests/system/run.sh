#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Tries on this machine what needs a machine: each part is a program of its own beside this one that prints TAP. What
# the machine lacks is a skip with its reason ("ok 3 - name # SKIP why"): told at the end and never counted as passed.
#   usage: tests/system/run.sh BUILD [PART]...      a PART is the name of a file here without its ending
set -u
build=$(realpath "$1")
shift
cd "$(dirname "$0")/../.." || exit 1
results=$build/results/system
rm -rf "$results"
mkdir -p "$results"
export USHERD=$build/usherd USHER=$build/usher BUILD=$build

parts=("$@")
if [ $# = 0 ]; then
    for file in tests/system/*.test.sh; do parts+=("$(basename "${file%.test.sh}")"); done
fi

for part in "${parts[@]}"; do
    file=$results/$part.tap
    echo "$part"
    timeout --kill-after=30 1800 "tests/system/$part.test.sh" </dev/null 2>"$results/$part.log" |
        tee "$file" | grep --line-buffered -E '^(ok|not ok|#) ' | sed -u 's/^/    /'
    status=${PIPESTATUS[0]}
    if [ "$status" != 0 ] && ! grep -q '^not ok ' "$file"; then
        echo "not ok - $part ended with status $status" | tee -a "$file" | sed 's/^/    /'
    fi
    if grep -q '^not ok ' "$file"; then
        echo "    what it said, the end of $results/$part.log:"
        tail -n 40 "$results/$part.log" | sed 's/^/      /'
    fi
done

said=$(cat "$results"/*.tap)
skipped=$(grep -E '^ok .*# SKIP' <<<"$said")
[ -z "$skipped" ] || { echo "skipped here:"; sed -E 's/^ok[ 0-9-]*/    /; s/ # SKIP */: /' <<<"$skipped"; }
passed=$(grep '^ok ' <<<"$said" | grep -vc '# SKIP')
failed=$(grep -c '^not ok ' <<<"$said")
echo "$passed passed, $failed failed, $(grep -cE '^ok .*# SKIP' <<<"$said") skipped"
[ "$failed" = 0 ] && [ "$passed" != 0 ]
