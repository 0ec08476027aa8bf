#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Proves that the tests can fail: applies each named one-line fault of tests/mutants/list to a copy of the tree, one at
# a time, builds, and runs the suite named beside it. A fault that no test notices, that changes no line or more than
# one, or that does not compile, is a failure.      usage: tests/mutants/run.sh BUILD [NAME...]
#
# A row of the list: name | file | suite | perl substitution. A suite is an area of tests/unit, `sim`, or the name of a
# file in tests/e2e.
set -u
build=$1
shift
cd "$(dirname "$0")/../.." || exit 1
list=$PWD/tests/mutants/list
tree=$build/tree
mkdir -p "$tree"
tar -c --exclude=./build --exclude=./.git . | tar -x -C "$tree"
cd "$tree" || exit 1
out=build
passed=0
failed=0

programs_of() {
    case $1 in
        sim) echo "$out/tests/sim/sim" ;;
        *.e2e) echo "$out/usherd $out/usher" ;;
        *) ls tests/unit/"$1"/test_*.c | sed "s|^|$out/|; s|\.c$||" ;;
    esac
}

run_suite() {
    case $1 in
        sim) timeout 120 "$out/tests/sim/sim" --seeds 1-40 ;;
        *.e2e) USHERD=$out/usherd USHER=$out/usher timeout 200 node --test "tests/e2e/${1%.e2e}.test.mjs" ;;
        *) for program in $(programs_of "$1"); do timeout 60 "$program" || return 1; done ;;
    esac
}

verdict() {
    if [ "$1" = ok ]; then passed=$((passed + 1)); else failed=$((failed + 1)); fi
    printf '%-7s %-44s %s\n' "$1" "$2" "$3"
}

while IFS='|' read -r name file suite change; do
    name=${name// /} file=${file// /} suite=${suite// /}
    case $name in '' | '#'*) continue ;; esac
    [ $# = 0 ] || [[ " $* " == *" $name "* ]] || continue
    cp "$file" "$file.orig"
    perl -pi -e "${change# }" "$file"
    lines=$(diff "$file.orig" "$file" | grep -c '^>')
    if [ "$lines" != 1 ]; then
        verdict FAILED "$name" "changes $lines lines of $file, not one"
    elif ! make -j2 --no-print-directory $(programs_of "$suite") >"$out/mutant.log" 2>&1 </dev/null; then
        verdict FAILED "$name" "does not compile: $(grep -m1 error "$out/mutant.log")"
    elif run_suite "$suite" >"$out/mutant.log" 2>&1 </dev/null; then
        verdict FAILED "$name" "no test of $suite noticed"
    else
        verdict ok "$name" "$(grep -m1 -oE '^not ok.*|\[  FAILED  \].*|^# .*violat.*|Assertion.*' "$out/mutant.log" | cut -c1-70)"
    fi
    mv "$file.orig" "$file"
    touch "$file"
done <"$list"

echo "$passed passed, $failed failed"
[ "$failed" = 0 ] && [ "$passed" -gt 0 ]
