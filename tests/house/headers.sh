#!/bin/sh
# Every header compiles alone as C17, and every header that leaves its folder also inside C++ extern "C" (a *_priv.h never does).
# HEADER_DIRECTORIES: further include directories; CC, CXX: the compilers.
# shellcheck source=tests/house/lib.sh
. "$(dirname "$0")/lib.sh"
flags="-D_GNU_SOURCE -DMARROW_VERSION=0 -Isrc -Iinclude $(pkg-config --cflags-only-I libpq libcurl 2>/dev/null || true)"
for directory in ${HEADER_DIRECTORIES:-}; do flags="$flags -isystem $directory"; done
for header in $(find src include -name '*.h' | sort); do
    printf '#include "%s"\n' "$source/$header" >"$scratch/one.c"
    # shellcheck disable=SC2086
    "${CC:-cc}" -std=gnu17 -fsyntax-only -Wall -Wextra -Werror -Wno-unused-function $flags "$scratch/one.c" 2>"$scratch/log" ||
        finding "$header: does not compile alone as C: $(grep -m1 'error' "$scratch/log" | sed 's/.*error: //')"
    case $header in *_priv.h) continue ;; esac
    printf 'extern "C" {\n#include "%s"\n}\n' "$source/$header" >"$scratch/one.cc"
    # shellcheck disable=SC2086
    "${CXX:-c++}" -std=gnu++20 -fsyntax-only $flags "$scratch/one.cc" 2>"$scratch/log" ||
        finding "$header: does not compile in extern \"C\": $(grep -m1 'error' "$scratch/log" | sed 's/.*error: //')"
done
finish
