#!/bin/sh
# The committed tree names no machine: no absolute path of a developer's machine, no package mirror, no private key.
# shellcheck source=tests/house/lib.sh
. "$(dirname "$0")/lib.sh"
if git rev-parse --is-inside-work-tree >/dev/null 2>&1; then git ls-files; else find . -type f | sed 's|^\./||' | grep -v '^\(build\|deps/\|\.git/\)'; fi |
    while read -r file; do
        [ -f "$file" ] || continue
        # The last member of each bracket keeps this file from finding itself.
        grep -InE '/wor[k]/|/hom[e]/[a-z]|/Users/[a-z]|/roo[t]/|/tm[p]/(b-|dk/|marrow/)|https?://[^/ "]*(registr[y]|mirro[r]|artifactor[y]|prox[y])|npmj[s]\.|deb\.debia[n]|BEGIN [A-Z ]*PRIVATE KE[Y]' "$file" /dev/null |
            cut -c1-200
    done >>"$scratch/findings"
finish
