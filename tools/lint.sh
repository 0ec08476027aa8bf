#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Each check prints one line; what it found stands above it. The last line is "N passed, N failed".
#   usage: tools/lint.sh BUILD
set -u
build=$1
cd "$(dirname "$0")/.." || exit 1
results=$build/results
mkdir -p "$results"
passed=0
failed=0

# check NAME COMMAND...: fails if the command does, or prints anything.
check() {
    local name=$1 said
    shift
    if said=$("$@" 2>&1) && [ -z "$said" ]; then
        passed=$((passed + 1))
        echo "ok      $name"
    else
        failed=$((failed + 1))
        printf '%s\n' "$said" | head -n 40 | sed 's/^/    /'
        echo "FAILED  $name"
    fi
}

sources() {
    git ls-files --cached --others --exclude-standard "$@"
}

formatting() {
    sources '*.c' '*.h' | xargs clang-format --dry-run -Werror
}

second_compiler() {
    make --no-print-directory -s BUILD="$build/clang" CC=clang WERROR=-Werror programs unit-programs >"$results/clang.log" 2>&1 ||
        { grep -E 'error|warning|No rule' "$results/clang.log" | head -n 20; return 1; }
}

tidy() {
    # The version is a string; __FILE__ is one without quotes to carry through a shell.
    TIDY_FLAGS="-I. -D_GNU_SOURCE -DUSHER_VERSION=__FILE__ -std=c11 $(pkg-config --cflags libwebsockets libuv \
        libsystemd inih libjwt hiredis jansson nice gio-2.0 openssl usrsctp sqlite3 libedit libqrencode)"
    export TIDY_FLAGS
    sources 'base/*.c' 'protocol/*.c' 'server/*.c' 'peer/*.c' |
        xargs -P 2 -n 6 sh -c 'clang-tidy --quiet "$@" -- $TIDY_FLAGS 2>/dev/null' sh |
        grep -E 'warning:|error:'
    # What runs in a browser, for its machine.
    if [ -e "$build/web-src/complete" ]; then
        sources 'web/core/*.c' | xargs -n 8 sh -c 'build=$0; clang-tidy --quiet "$@" -- --target=wasm32-wasi -std=c11 -I. -D_GNU_SOURCE \
            -isystem "$build/web-src/include" -isystem "$build/web-src/jansson/src" -isystem "$build/web-src/bearssl/inc" \
            -isystem "$build/web-src/libsodium/src/libsodium/include" 2>/dev/null' "$build" | grep -E 'warning:|error:'
    fi
    return 0
}

# JSDoc types of what others may use.
types() {
    node tests/e2e/node_modules/typescript/bin/tsc -p web/jsconfig.json
}

# The table of docs/architecture.md: which project headers a folder may include.
layers() {
    local folder allowed file line
    while read -r folder allowed; do
        for file in $(sources "$folder/*.c" "$folder/*.h"); do
            [ "$folder" != server ] || [ "$(dirname "$file")" = server ] || continue
            grep -nE '^#include "' "$file" | while IFS= read -r line; do
                echo "$line" | grep -qE "\"($allowed)" || echo "$file:$line is not for $folder/"
            done
        done
    done <<'EOF'
base base/
protocol (base|protocol)/
server/core (base|protocol|server/core)/
server/adapters (base|protocol)/|server/adapters/|server/core/core\.h
server/io (base|protocol)/|server/io/|server/adapters/|server/core/core\.h
server (base|protocol)/|server/
peer/core (base|protocol|peer/core)/
peer/io (base|protocol)/|peer/io/|peer/core/peer\.h|peer/include/usher\.h
peer/cli peer/cli/|peer/include/usher\.h
peer/include -
web/core (base|protocol)/|peer/core/peer\.h|peer/io/(code_keys|words)\.h|web/core/
EOF
    # System headers of the pure folders: libc without files, clocks and sockets; uthash; jansson above base.
    grep -nE '^#include <' $(sources 'base/*.[ch]' 'protocol/*.[ch]' 'server/core/*.[ch]' 'peer/core/*.[ch]' | grep -v 'base/os_') |
        grep -vE '<(assert|ctype|errno|inttypes|limits|math|stdarg|stdbool|stddef|stdint|stdio|stdlib|string|time|uthash|utlist|utarray|emmintrin)\.h>' |
        grep -vE '^(protocol|peer/core|server/core)/.*<jansson\.h>'
    return 0
}

# What the archives of the cores leave undefined: pure functions of libc, jansson, and each other.
pure_symbols() {
    local allowed='^(malloc|calloc|realloc|free|mem(cpy|move|cmp|set|chr|rchr|mem)|str(len|n?cmp|r?chr|str|spn|cspn|pbrk|nlen|n?dup|toul?l?|tod|n?cat|ncpy|cpy)|strn?casecmp|qsort|bsearch|v?snprintf|gmtime_r|strftime|abort|exit|__.*_chk|__stack_chk_fail|__assert_fail|__errno_location|__ctype_b_loc|__isoc99_sscanf|_GLOBAL_OFFSET_TABLE_|json_.*|floor|lround|ldexp|stderr|fprintf|fwrite)$'
    local archives="$build/libservercore.a $build/libpeercore.a $build/libpeer_*.a $build/libprotocol.a $build/libbase.a"
    # shellcheck disable=SC2086 # a list
    comm -23 <(nm -u $archives | awk 'NF==2{print $2}' | sort -u) \
        <(nm --defined-only $archives | awk 'NF==3{print $3}' | sort -u) | grep -vE "$allowed"
    # uthash's out-of-memory exit and stray printing have no place in a core.
    # shellcheck disable=SC2086
    nm -u $archives | awk 'NF==2{print $2}' | grep -xE 'exit|fprintf|fwrite|stderr' | sort -u
    return 0
}

sizes() {
    sources '*.c' '*.h' '*.mjs' | while read -r file; do
        awk -v file="$file" '
            /^\{/ { start = NR }
            /^\}/ && start { n = NR - start; if (n > 100) print file ":" start ": a function of " n " lines (hard limit 100)"; start = 0 }
            END { if (NR > 800) print file ": " NR " lines (hard limit 800)" }' "$file"
    done
}

spdx() {
    sources '*.c' '*.h' '*.mjs' '*.sh' 'completions/*' Makefile | while read -r file; do
        head -n 3 "$file" | grep -q 'SPDX-License-Identifier: MIT' || echo "$file has no SPDX line"
    done
}

# What the module owns, what must hold before a call, what holds after: in each header of the peer's core but those of one
# module's own files (_inner, _state) and of the whole (peer.h, state.h, bounds.h).
contracts() {
    local part
    sources 'peer/core/*.h' | grep -vE '_(inner|state)\.h$|/core/(peer|state|bounds)\.h$' | while read -r file; do
        for part in owns before after; do
            grep -qE "^ \*   $part  +[^ ]" "$file" || echo "$file does not say: $part"
        done
    done
}

unfinished() {
    grep -nE '\b(TODO|FIXME|XXX|HACK)\b|usleep\(|[^a-z_]sleep\(|(it|test|describe)\.(skip|only)\(' \
        $(sources '*.c' '*.h' '*.mjs' '*.sh' | grep -v tools/lint.sh)
    return 0
}

lock_files() {
    grep -ln '"resolved"' $(sources '*package-lock.json')
    return 0
}

links() {
    sources '*.md' | while read -r file; do
        grep -oE '\]\([^)# ]+' "$file" | cut -c3- | grep -v '^https\?:' | while read -r to; do
            [ -e "$(dirname "$file")/$to" ] || echo "$file: no such file: $to"
        done
    done
}

man_pages() {
    mandoc -T lint -W warning docs/man/*.[158]
}

scripts() {
    shellcheck $(sources '*.sh' 'completions/*.bash' 'debian/*.p*') .ci/run
}

check 'clang-format' formatting
check 'clang compiles without warnings' second_compiler
check 'clang-tidy' tidy
check 'types of the browser modules' types
check 'layers: includes' layers
check 'layers: symbols of the cores' pure_symbols
check "layers: calls in the peer's core" tools/layers.sh "$build" faults
check 'sizes of files and functions' sizes
check 'SPDX lines' spdx
check "contracts in the peer's core" contracts
check 'nothing unfinished' unfinished
check 'lock files carry no addresses' lock_files
check 'links in documents' links
check 'man pages' man_pages
check 'scripts' scripts

echo "$passed $failed" >"$results/lint-sums"
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
