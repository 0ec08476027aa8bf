#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Who calls whom in peer/core, read from the symbols of its objects: every file's calls to other files, those that go
# upwards, and the loops of files that call each other. Floors are the folders of peer/core, from the ground:
# order, port, people, link, message, transfer, and the root. A folder that is none of them counts as the root. Of message and
# transfer neither calls the other.
#   usage: tools/layers.sh BUILD [arrows]     the sums; with `arrows` each call too
#          tools/layers.sh BUILD faults       what must not be: nothing is printed if all is well
set -u
build=$1
what=${2-sums}
cd "$(dirname "$0")/.." || exit 1

objects() {
    find peer/core -name '*.c' | sed "s|^|$build/|; s|\.c$|.o|" | sort
}

for object in $(objects); do
    nm "$object" | awk -v file="${object#"$build"/peer/core/}" '
        NF == 3 && $2 ~ /^[TDBRC]$/ { print "def", file, $3 }
        NF == 2 && $1 == "U" { print "use", file, $2 }'
done | awk -v what="$what" '
    function floor_of(file, i) {
        for (i = 1; i <= floors; i++)
            if (index(file, floor_name[i] "/") == 1)
                return i
        return floors + 1
    }
    function folder_of(file) { return floor_of(file) > floors ? "root" : floor_name[floor_of(file)] }
    BEGIN { floors = split("order port people link message transfer", floor_name, " ") }
    { sub(/\.o$/, "", $2) }
    !($2 in number) { number[$2] = ++files; name[files] = $2 }
    $1 == "def" { owner[$3] = $2 }
    $1 == "use" { uses[++n] = $2; symbol[n] = $3 }
    END {
        for (i = 1; i <= n; i++) {
            from = uses[i]; to = owner[symbol[i]]
            if (to == "" || to == from)
                continue
            calls++
            a = number[from]; b = number[to]
            if (!((a, b) in arrow)) { arrow[a, b] = reach[a, b] = 1; arrows++ }
            which[a, b] = which[a, b] " " symbol[i]
            if (floor_of(to) > floor_of(from)) up++
        }
        for (k = 1; k <= files; k++) for (i = 1; i <= files; i++) if (reach[i, k])
            for (j = 1; j <= files; j++) if (reach[k, j]) reach[i, j] = 1
        for (i = 1; i <= files; i++) {
            size = 1; members = name[i]; across = 0; first = 1
            for (j = 1; j <= files; j++) if (j != i && reach[i, j] && reach[j, i]) {
                size++; members = members " " name[j]
                if (folder_of(name[i]) != folder_of(name[j])) across = 1
                if (j < i) first = 0
            }
            if (size == 1 || !first) continue
            loops++
            if (size > largest) largest = size
            loop[loops] = size " files call each other in a loop: " members
            if (size > 4) fault[++faults] = loop[loops] " (at most 4 may)"
            if (across) fault[++faults] = "a loop across folders: " members
        }
        for (i = 1; i <= files; i++) for (j = 1; j <= files; j++) if ((i, j) in arrow) {
            upward = floor_of(name[j]) > floor_of(name[i])
            if (what == "arrows") print name[i], (upward ? "UP" : "->"), name[j] ":" which[i, j]
            if (folder_of(name[i]) == "transfer" && folder_of(name[j]) == "message")
                fault[++faults] = name[i] " calls " name[j] ", of a floor beside its own:" which[i, j]
            if (upward) fault[++faults] = name[i] " calls up to " name[j] ":" which[i, j]
        }
        if (what == "faults") {
            for (i = 1; i <= faults; i++) print fault[i]
            exit
        }
        print files " files, " arrows " arrows between them (" calls " symbols used across files)"
        print up + 0 " of those symbols are on a higher floor"
        print loops + 0 " loops, the largest of " largest + 0 " files"
        for (i = 1; i <= loops; i++) print "  " loop[i]
    }'
