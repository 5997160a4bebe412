# shellcheck shell=sh disable=SC2034
# Shared by the house checks: every check prints its findings as FILE:LINE: TEXT and ends with "N findings"; no findings, exit 0.
house=$(cd "$(dirname "$0")" && pwd)
source=$(cd "$house/../.." && pwd)
cd "$source" || exit 1
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
trap 'exit 130' INT TERM
: >"$scratch/findings"

our_sources() { find src include tests fuzz bench -name '*.[ch]' 2>/dev/null | sort; }
stripped() { awk -f "$house/strip.awk" "$1"; }
finding() { printf '%s\n' "$*" >>"$scratch/findings"; }
finish() {
    sort "$scratch/findings"
    count=$(wc -l <"$scratch/findings")
    echo "$count findings"
    [ "$count" -eq 0 ]
    exit
}
