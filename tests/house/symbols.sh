#!/bin/sh
# libmarrow.so exports marrow_* and nothing else.   BUILD_DIRECTORY: where it was built.
# shellcheck source=tests/house/lib.sh
. "$(dirname "$0")/lib.sh"
library=$(find "${BUILD_DIRECTORY:-build}" -maxdepth 2 -name 'libmarrow.so*' -type f 2>/dev/null | head -n 1)
[ -n "$library" ] || { echo "SKIPPED: no libmarrow.so in this build"; exit 77; }
nm -D --defined-only "$library" | awk '{print $NF}' | sed 's/@.*//' | sort -u >"$scratch/exported"
grep -v '^marrow_' "$scratch/exported" | grep -vE '^(MARROW_[0-9.]+|_init|_fini|__bss_start|_edata|_end|__asan.*|__odr_asan.*)$' |
    while read -r name; do finding "$library: exports $name"; done
grep -c '^marrow_' "$scratch/exported" | grep -qv '^0$' || finding "$library: exports no marrow_ function"
finish
