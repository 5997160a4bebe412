#!/bin/sh
# DataFusion as an ADBC driver, for tests: tests/servers/datafusion.sh build | driver
#
# build   builds it once (cargo, about 290 crates: a quarter of an hour on two cores, then never again) and prints the library's path.
# driver  prints the path of what was built; status 1 where nothing was.
# Its URL: adbc:PATH?dialect=datafusion
# Status 77: cannot be had here (no cargo, one that is too old, or its registry does not answer); the reason is on stderr.
# Settings: MARROW_CACHE (default: marrow in the user's cache folder), CARGO, MARROW_CARGO_JOBS (all cores).
set -eu
here=$(cd "$(dirname "$0")" && pwd)
crate=$here/datafusion
cache=${MARROW_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/marrow}/datafusion
cargo=${CARGO:-cargo}
library=$cache/libadbc_driver_datafusion-$(cat "$crate/Cargo.toml" "$crate/lib.rs" | cksum | cut -d ' ' -f 1).so

say() { printf '%s\n' "$*" >&2; }
skip() {
    say "SKIPPED: no DataFusion here: $*"
    exit 77
}

build() {
    [ ! -f "$library" ] || return 0
    command -v "$cargo" >/dev/null || skip "cargo is not installed"
    command -v "${PROTOC:-protoc}" >/dev/null || skip "protoc is not installed (apt-get install protobuf-compiler)"
    mkdir -p "$cache/crate"
    # The versions that cargo resolves are kept in the cache, not beside the sources.
    cp "$crate/Cargo.toml" "$crate/lib.rs" "$cache/crate/"
    say "building DataFusion's ADBC driver in $cache"
    nice "$cargo" build --release ${MARROW_CARGO_JOBS:+--jobs "$MARROW_CARGO_JOBS"} --manifest-path "$cache/crate/Cargo.toml" \
        --target-dir "$cache/target" >"$cache/log" 2>&1 ||
        skip "cargo could not build it ($cache/log): $(grep -m 1 '^error' "$cache/log" | cut -c 1-200)"
    cp "$cache/target/release/libadbc_driver_datafusion.so" "$library.part"
    mv "$library.part" "$library"
}

case ${1:-} in
build) build && printf '%s\n' "$library" ;;
driver) [ -f "$library" ] && printf '%s\n' "$library" ;;
*) say "usage: tests/servers/datafusion.sh build | driver" && exit 2 ;;
esac
