#!/bin/sh
# TPC-H's tables at scale .1 as Parquet.   Usage: data.sh DIRECTORY — made once; prints nothing. Exit 3: no generator is to be had.
# The generator is tpchgen-cli: on PATH, MARROW_TPCHGEN, or from PyPI into DIRECTORY/python.
set -eu
directory=$1
[ ! -f "$directory/COMPLETE" ] || exit 0
mkdir -p "$directory"
generator=${MARROW_TPCHGEN:-$(command -v tpchgen-cli || true)}
if [ -z "$generator" ]; then
    python3 -m venv "$directory/python" >/dev/null 2>&1 && "$directory/python/bin/pip" install -q tpchgen-cli >/dev/null 2>&1 || exit 3
    generator=$directory/python/bin/tpchgen-cli
fi
"$generator" parquet -s 0.1 --output-dir "$directory" >"$directory/log" 2>&1 || { cat "$directory/log" >&2; exit 1; }
touch "$directory/COMPLETE"
