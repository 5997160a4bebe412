#!/bin/sh
# SIGINT in the middle of a long import: exit 130 within a moment, and the store is as before.
#     interrupt.sh BUILD SOURCE
set -eu
marrow=$1/marrow
work=$(mktemp -d -t marrow-interrupt.XXXXXX)
trap 'rm -rf "$work"' EXIT
cd "$work"
printf 'a,b\n1,2\n' > small.csv
"$marrow" import small.csv --name study --store store --quiet >/dev/null
before=$("$marrow" versions study --store store --json)
awk 'BEGIN { print "id,code,value,text"; for (i = 0; i < 3000000; i++) print i ",C" i % 977 "," i % 1000 / 8 ",row number " i }' > large.csv
for wait in 0.2 0.7 1.3; do
    "$marrow" import large.csv --name study --store store --quiet >out 2>err &
    pid=$!
    sleep "$wait"
    kill -INT "$pid"
    status=0
    wait "$pid" || status=$?
    [ "$status" = 130 ] || { echo "expected exit 130 after $wait s, found $status"; cat out err; exit 1; }
    [ "$("$marrow" versions study --store store --json)" = "$before" ] || { echo "the versions changed"; exit 1; }
done
"$marrow" verify --store store >/dev/null
[ -z "$(ls store/tmp)" ] || { echo "left in tmp:"; ls store/tmp; exit 1; }
echo "3 interrupts, store as before"
