#!/bin/sh
# The ADBC driver for PostgreSQL that PyPI's adbc_driver_postgresql carries, for tests: tests/servers/adbc_postgresql.sh
# Fetches it once (pip, 3 MB) and prints the library's path. Status 77: cannot be had here; the reason is on stderr.
# Settings: MARROW_CACHE (default: marrow in the user's cache folder).
set -eu
version=1.13.0
cache=${MARROW_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/marrow}/adbc-postgresql-$version
library=$cache/libadbc_driver_postgresql.so

skip() {
    printf 'SKIPPED: no ADBC driver for PostgreSQL here: %s\n' "$*" >&2
    exit 77
}

if [ ! -f "$library" ]; then
    command -v python3 >/dev/null || skip "python3 is not installed"
    part=$cache.part.$$
    mkdir -p "$part"
    trap 'rm -rf "$part"' EXIT
    python3 -m pip download -q --no-deps --only-binary :all: -d "$part" "adbc-driver-postgresql==$version" >"$part/log" 2>&1 ||
        skip "pip could not fetch it: $(grep -m 1 ERROR "$part/log" | cut -c 1-200)"
    python3 -m zipfile -e "$part"/*.whl "$part" # a wheel is a zip
    found=$(find "$part" -name 'libadbc_driver_postgresql.so' | head -n 1)
    [ -n "$found" ] || skip "its wheel holds no libadbc_driver_postgresql.so"
    mkdir -p "$cache"
    mv "$found" "$library"
fi
printf '%s\n' "$library"
