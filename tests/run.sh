#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Runs suites and counts what they say. A skipped test counts as failed, and so does a program that ends badly without
# having said which test failed. The last line is "N passed, N failed"; the sums are left in BUILD/results/sums too.
#   usage: tests/run.sh BUILD unit|core-unit|sim|e2e|browser|fuzz ...
set -u
build=$1
shift
cd "$(dirname "$0")/.." || exit 1
results=$build/results
mkdir -p "$results"
passed=0
failed=0

# count NAME FILE STATUS: adds what a TAP file says.
count() {
    local name=$1 file=$2 status=$3 ok bad
    if grep -q '^# pass [0-9]' "$file"; then # node's own sums: nested tests are in them
        ok=$(awk '/^# pass /{n+=$3} END{print n+0}' "$file")
        bad=$(awk '/^# (fail|cancelled|skipped|todo) /{n+=$3} END{print n+0}' "$file")
    else
        ok=$(grep '^ok ' "$file" | grep -cvi '# *\(skip\|todo\)')
        bad=$(($(grep -c '^not ok ' "$file") + $(grep '^ok ' "$file" | grep -ci '# *\(skip\|todo\)')))
    fi
    if [ "$bad" = 0 ] && { [ "$status" != 0 ] || [ "$ok" = 0 ]; }; then
        bad=1
        echo "# $name ended with status $status and $ok tests passed" >>"$file"
    fi
    passed=$((passed + ok))
    failed=$((failed + bad))
    if [ "$bad" = 0 ]; then
        printf 'ok      %-44s %4d\n' "$name" "$ok"
    else
        printf 'FAILED  %-44s %4d passed, %d failed\n' "$name" "$ok" "$bad"
        sed 's/^/    /' "$file" | tail -n 60
    fi
}

# run NAME SECONDS COMMAND...: one program that prints TAP, within a bound.
run() {
    local name=$1 bound=$2 file
    shift 2
    file=$results/${name//\//-}.tap
    timeout --kill-after=10 "$bound" "$@" >"$file" 2>&1 </dev/null
    count "$name" "$file" $?
}

# The same beside another one: begin starts it, and waits first for one of two that run to end; finish waits for them all.
declare -A running=() # names, by process id
begin() {
    local name=$1 bound=$2
    shift 2
    [ ${#running[@]} -lt 2 ] || end_one
    timeout --kill-after=10 "$bound" "$@" >"$results/${name//\//-}.tap" 2>&1 </dev/null &
    running[$!]=$name
}
end_one() {
    local pid status name
    wait -n -p pid "${!running[@]}"
    status=$?
    name=${running[$pid]}
    unset "running[$pid]"
    count "$name" "$results/${name//\//-}.tap" "$status"
}
finish() {
    while [ ${#running[@]} -gt 0 ]; do end_one; done
}

unit() {
    local area program source
    for area in "$@"; do
        for source in tests/unit/"$area"/test_*.c; do
            [ -f "$source" ] || continue
            program=$build/${source%.c}
            CMOCKA_MESSAGE_OUTPUT=TAP run "unit/$area/$(basename "$program")" 120 "$program"
        done
    done
}

# Says in TAP how a fuzz target ended.
fuzz_one() {
    local name=$1 seconds=$2 corpus=tests/fuzz/corpus/${1#fuzz_}
    mkdir -p "$results/$name"
    if "$build/fuzz/tests/fuzz/$name" -max_total_time="$seconds" -max_len=70000 -timeout=10 \
        -artifact_prefix="$results/$name-" "$results/$name" ${corpus:+$([ -d "$corpus" ] && echo "$corpus")} \
        >"$results/$name.log" 2>&1; then
        echo "ok 1 - $name $(tail -n 1 "$results/$name.log")"
    else
        echo "not ok 1 - $name"
        tail -n 40 "$results/$name.log"
    fi
}

fuzz() {
    local source seconds=${FUZZ_SECONDS:-5}
    export build results
    export -f fuzz_one
    for source in tests/fuzz/fuzz_*.c; do
        source=$(basename "${source%.c}")
        begin "fuzz/$source" $((seconds + 60)) bash -c 'fuzz_one "$@"' fuzz "$source" "$seconds"
    done
    finish
}

# They measure time, or fill the machine: each has it for itself. Of the others two run at a time.
alone="cluster_faults daemon_fair daemon_flood daemon_freeze daemon_late daemon_readers daemon_rekey daemon_slow exercise page_room peer_idle \
peer_slow_disk peer_storm peer_wrtc"

# Calls, and times that need a machine of their own: `make check-web` has them, one after the other.
browser="page_call page_times"

export_programs() {
    export USHERD=$build/usherd USHER=$build/usher USHER_WEB=${USHER_WEB:-$build/web}
}

browser() {
    local name
    export_programs
    for name in $browser; do
        run "browser/$name" 300 node --test --test-reporter=tap "tests/e2e/$name.test.mjs"
    done
}

e2e() {
    local test name
    export_programs
    for test in tests/e2e/*.test.mjs; do
        name=$(basename "${test%.test.mjs}")
        case " $alone $browser " in
            *" $name "*) ;;
            *) begin "e2e/$name" 300 node --test --test-reporter=tap "$test" ;;
        esac
    done
    finish
    for name in $alone; do
        run "e2e/$name" 300 node --test --test-reporter=tap "tests/e2e/$name.test.mjs"
    done
}

for suite in "$@"; do
    case $suite in
        unit) unit base protocol server_core peer sim server_adapters server_io peer_io peer_cli
              run vectors/node 60 node --test --test-reporter=tap tests/vectors/vectors.test.mjs
              BUILD=$(dirname "${USHER_WEB:-$build/web}") run web/node 300 node --test --test-reporter=tap tests/web/*.test.mjs ;;
        core-unit) unit base protocol server_core peer sim ;;
        sim) run sim 600 "$build/tests/sim/sim" --seeds "${SEEDS:-1-2000}"
             run sim/losses 300 "$build/tests/sim/sim" --scenario losses --seeds 1-600
             run sim/short-memory 300 "$build/tests/sim/sim" --scenario short-memory --seeds "${MEMORY_SEEDS:-1-1500}"
             run sim/files 300 "$build/tests/sim/sim" --scenario files --seeds "${FILES_SEEDS:-1-200}"
             run sim/storms 300 "$build/tests/sim/sim" --scenario storms --seeds 1-60
             run sim/room-of-64 300 "$build/tests/sim/sim" --scenario room-of-64 ;;
        e2e) e2e ;;
        browser) browser ;;
        fuzz) fuzz ;;
        *) echo "tests/run.sh: no suite $suite" >&2; exit 2 ;;
    esac
done

echo "$passed $failed" >"$results/sums"
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
