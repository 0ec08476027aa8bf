# shellcheck shell=bash
# SPDX-License-Identifier: MIT
# What the parts of `make check-system` share: TAP, and a folder of their own ($scratch) that goes at the end.
tap=0

ok() {
    tap=$((tap + 1))
    echo "ok $tap - $*"
}

not_ok() {
    tap=$((tap + 1))
    echo "not ok $tap - $*"
}

# skip NAME WHY
skip() {
    tap=$((tap + 1))
    echo "ok $tap - $1 # SKIP $2"
}

# try NAME COMMAND...: ok if the command ends with 0.
try() {
    local name=$1
    shift
    if "$@" >&2; then ok "$name"; else not_ok "$name"; fi
}

# at_exit FUNCTION: called at the end, however it comes, in the reverse order of the calls.
at_exit() { endings=("$1" "${endings[@]}"); }
end() {
    local ending
    for ending in "${endings[@]}"; do "$ending"; done
}
# What is still mounted there stays: it may be this machine's.
remove_scratch() { rm -rf --one-file-system "$scratch"; }
endings=()
scratch=$(mktemp -d)
at_exit remove_scratch
trap end EXIT
trap 'exit 143' TERM INT
