#!/bin/sh
# The installed tree works for a C program: install into a new prefix, compile the example with pkg-config, run it; the header is clean C17 and
# C++; only marrow_* is exported; the man page and completion are there.
#     library.sh BUILD SOURCE
set -eu
build=$1 source=$2
prefix=$(mktemp -d -t marrow-install.XXXXXX)
trap 'rm -rf "$prefix"' EXIT
cmake --install "$build" --prefix "$prefix" >/dev/null
for file in bin/marrow lib/libmarrow.so.0 lib/marrow/libduckdb.so include/marrow.h include/marrow_arrow.h lib/pkgconfig/marrow.pc share/man/man1/marrow.1 \
    share/bash-completion/completions/marrow share/zsh/site-functions/_marrow share/fish/vendor_completions.d/marrow.fish; do
    [ -s "$prefix/$file" ] || { echo "not installed: $file"; exit 1; }
done
strangers=$(nm -D --defined-only "$prefix/lib/libmarrow.so.0" | awk '{print $3}' | sed 's/@.*//' | grep -v '^marrow_\|^MARROW_0$' || true)
[ -z "$strangers" ] || { echo "exported beside marrow_*: $strangers"; exit 1; }
declared=$(grep -o 'marrow_[a-z_]*(' "$prefix/include/marrow.h" | tr -d '(' | sort -u)
exported=$(nm -D --defined-only "$prefix/lib/libmarrow.so.0" | awk '{print $3}' | sed 's/@.*//' | grep '^marrow_' | sort -u)
[ "$declared" = "$exported" ] || { echo "declared and exported differ"; exit 1; }

PKG_CONFIG_PATH=$prefix/lib/pkgconfig
export PKG_CONFIG_PATH
echo '#include <marrow.h>
int main(void) { return marrow_version()[0] == 0; }' > "$prefix/header.c"
cp "$prefix/header.c" "$prefix/header.cpp"
# shellcheck disable=SC2046
cc -std=c17 -Wall -Wextra -Wpedantic -Werror $(pkg-config --cflags marrow) -c "$prefix/header.c" -o "$prefix/header.o"
if command -v c++ >/dev/null; then
    # shellcheck disable=SC2046
    c++ -Wall -Wextra -Wpedantic -Werror $(pkg-config --cflags marrow) -c "$prefix/header.cpp" -o "$prefix/header.o"
fi
sanitize=$(sed -n 's/^MARROW_SANITIZE:STRING=//p' "$build/CMakeCache.txt") # a sanitized library needs a program with the sanitizer's runtime
# shellcheck disable=SC2046
cc -std=c17 -Wall -Wextra -Werror ${sanitize:+-fsanitize=$sanitize} "$source/examples/c/query.c" $(pkg-config --cflags --libs marrow) -Wl,-rpath,"$prefix/lib" -o "$prefix/query"
mkdir "$prefix/example"
"$prefix/query" "$prefix/example" > "$prefix/answer"
cat "$prefix/answer"
grep -qx 'sex=female patients=3 highest=8.25' "$prefix/answer"
grep -qx 'sex=male patients=2 highest=7.9' "$prefix/answer"
grep -qx '2 rows' "$prefix/answer"
grep -q '^refused: ' "$prefix/answer"
MARROW_STORE=$prefix/example/store "$prefix/bin/marrow" sql visits 'SELECT count(*) AS n FROM visits' --format csv | tr -d '\r' | grep -qx 5

# A plan built through the header is the one in the file.
# shellcheck disable=SC2046
cc -std=c17 -Wall -Wextra -Werror ${sanitize:+-fsanitize=$sanitize} "$source/examples/c/plan.c" $(pkg-config --cflags --libs marrow) -Wl,-rpath,"$prefix/lib" -o "$prefix/plan"
"$prefix/plan" "$source/tests/tpch/plans/q03.json" | tail -n 2
"$prefix/plan" "$source/tests/tpch/plans/q03.json" | grep -qx 'the same plan'
