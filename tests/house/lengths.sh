#!/bin/sh
# Files of at most 800 lines, functions of at most 60 (from brace to brace, as clang-format lays them out; tables of data within
# them are exempt). A file opens with a comment that says what it is.
# shellcheck source=tests/house/lib.sh
. "$(dirname "$0")/lib.sh"
for file in $(our_sources); do
    lines=$(wc -l <"$file")
    [ "$lines" -le 800 ] || finding "$file: $lines lines, 800 at most"
    head -n 1 "$file" | grep -q '^/\*' || finding "$file:1: does not open with a comment"
    stripped "$file" | awk -v file="$file" '
        /^[A-Za-z_].*\(/ && !/;[ \t]*$/ { head = $0 }
        /^\{/ { start = NR; name = head; sub(/\(.*/, "", name); sub(/.*[ *]/, "", name) }
        start && /^    .*\] = \{$/ { table = NR }
        table && /^    \};/ { rows += NR - table + 1; table = 0 }
        /^\}/ && start { lines = NR - start - 1 - rows; start = 0; rows = 0; table = 0
            if (lines > 60) printf "%s:%d: function %s has %d lines, 60 at most\n", file, NR, name, lines }' >>"$scratch/findings"
done
finish
