#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Proves that the tests can fail: applies each named one-line fault of tests/mutants/list to a copy of the tree, one at
# a time, builds, and runs the suite named beside it. A fault that no test notices, that changes no line or more than
# one, or that does not compile, is a failure. So is a suite that fails without any fault: it would notice everything.
#                                                   usage: tests/mutants/run.sh BUILD [NAME...]
#
# A row of the list: name | file | suite | perl substitution. A suite is an area of tests/unit, `sim`, `sim@STORY` (which
# alone must notice), `web.node` (tests/web), `sim@peers:1-40` (these seeds must), or the name of a file in tests/e2e followed by `.e2e`; `exercise@LINE.e2e` is noticed only if exactly that line of `usher exercise` fails
# (a dash stands for its space).
set -u
unset MAKEFLAGS MFLAGS
build=$1
shift
cd "$(dirname "$0")/../.." || exit 1
list=$PWD/tests/mutants/list
tree=$build/tree
rm -rf "$tree" # what an interrupted run left there is built of a fault
mkdir -p "$tree"
tar -c --exclude=./build --exclude=./.git . | tar -x -C "$tree"
cd "$tree" || exit 1
out=build
log=$PWD/mutant.log
passed=0
failed=0
sound=' ' # suites that pass without a fault

programs_of() {
    case $1 in
        sim | sim@*) echo "$out/tests/sim/sim" ;;
        web.node) echo web-tests ;;
        *.e2e) echo "programs $out/tests/usherd-that-hangs $out/tests/slept.so $out/tests/slow-sync.so $out/tests/hangup.so" ;;
        *) ls tests/unit/"$1"/test_*.c | sed "s|^|$out/|; s|\.c$||" ;;
    esac
}

# A mutant is built as it is, warnings and all, and fast rather than well.
build_suite() {
    [ "$1" != web.node ] || tools/web_sources.sh "$out" || return 1
    # shellcheck disable=SC2046 # several programs
    make -j2 --no-print-directory BUILD="$out" WERROR= OPT='-O1 -g' $(programs_of "$1") >"$log" 2>&1 </dev/null
}

run_suite() {
    local program
    case $1 in
        sim) timeout 300 "$out/tests/sim/sim" --seeds 1-100 ;;
        sim@*:*)
            program=${1#sim@}
            timeout 120 "$out/tests/sim/sim" --scenario "${program%:*}" --seeds "${program#*:}" ;;
        sim@*) timeout 120 "$out/tests/sim/sim" --scenario "${1#sim@}" ;;
        exercise@*.e2e)
            program=${1%.e2e}
            EXERCISE_FAILS=${program#*@} USHERD=$out/usherd USHER=$out/usher timeout 200 \
                node --test --test-name-pattern='all lines' tests/e2e/exercise.test.mjs ;;
        web.node) BUILD=$out timeout 100 node --test tests/web/wasm.test.mjs tests/web/journal.test.mjs tests/web/links.test.mjs ;;
        *.e2e) USHERD=$out/usherd USHER=$out/usher timeout 200 node --test "tests/e2e/${1%.e2e}.test.mjs" ;;
        *) for program in $(programs_of "$1"); do timeout 60 "$program" || return 1; done ;;
    esac >"$log" 2>&1 </dev/null
}

# Of a suite of unit tests the programs that name the file's module most often: most faults are noticed by one of these,
# and the others need not even be linked.
programs_near() {
    local module
    module=$(basename "${1%.*}")
    case $2 in
        sim | sim@* | *.e2e | web.node) ;;
        *) grep -c "$module" tests/unit/"$2"/test_*.c | sort -t: -k2 -rn |
            awk -F: -v out="$out" '$2 > 0 && n++ < 4 { sub(/\.c$/, "", $1); print out "/" $1 }' ;;
    esac
}

near_ones_notice() {
    local program programs
    programs=$(programs_near "$1" "$2")
    # shellcheck disable=SC2086 # several programs
    [ -n "$programs" ] &&
        make -j2 --no-print-directory BUILD="$out" WERROR= OPT='-O1 -g' $programs >"$log" 2>&1 </dev/null || return 1
    for program in $programs; do timeout 60 "$program" >"$log" 2>&1 </dev/null || return 0; done
    return 1
}

verdict() {
    if [ "$1" = ok ]; then passed=$((passed + 1)); else failed=$((failed + 1)); fi
    printf '%-7s %-36s %s\n' "$1" "$2" "$3"
}

# Whether the suite passes without a fault; asked once.
suite_is_sound() {
    case $sound in *" $1 "*) return 0 ;; esac
    build_suite "$1" && run_suite "$1" && sound="$sound$1 "
}

first_failure() {
    grep -m1 -oE '^not ok.*|\[  FAILED  \] .*|^# .*violat.*|Assertion.*' "$log" | cut -c1-80
}

while IFS='|' read -r name file suite change; do
    name=${name// /} file=${file// /} suite=${suite// /}
    case $name in '' | '#'*) continue ;; esac
    [ $# = 0 ] || [[ " $* " == *" $name "* ]] || continue
    if ! suite_is_sound "$suite"; then
        verdict FAILED "$name" "$suite fails without it: $(grep -m1 -E 'error:|\*\*\*' "$log" || first_failure)"
        continue
    fi
    cp "$file" "$file.orig"
    perl -pi -e "${change# }" "$file"
    lines=$(diff "$file.orig" "$file" | grep -c '^>')
    if [ "$lines" != 1 ]; then
        verdict FAILED "$name" "changes $lines lines of $file, not one"
    elif near_ones_notice "$file" "$suite"; then
        verdict ok "$name" "$(first_failure)"
    elif ! build_suite "$suite"; then
        verdict FAILED "$name" "does not compile: $(grep -m1 'error' "$log")"
    elif run_suite "$suite"; then
        verdict FAILED "$name" "no test of $suite noticed"
    else
        verdict ok "$name" "$(first_failure)"
    fi
    mv "$file.orig" "$file"
    touch "$file"
done <"$list"

echo "$passed passed, $failed failed"
[ "$failed" = 0 ] && [ "$passed" -gt 0 ]
