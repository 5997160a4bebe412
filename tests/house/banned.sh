#!/bin/sh
# Calls that are banned in src/: unsafe, locale-dependent or unpredictable ones, malloc outside base/mem.c, and `default:` in a
# switch over an enum of ours (the compiler shall name every walker that must learn a new value).
# shellcheck source=tests/house/lib.sh
. "$(dirname "$0")/lib.sh"
banned='sprintf|vsprintf|strcpy|strcat|strtok|atoi|atol|atof|strtod|gmtime|localtime|ctime|asctime|mktime|rand|srand|random|setjmp|longjmp|alloca|gets|tmpnam|mktemp|system|popen'
for file in $(find src include -name '*.[ch]' | sort); do
    stripped "$file" >"$scratch/code"
    names=$banned
    [ "$file" = src/base/mem.c ] || names="$names|malloc|calloc|realloc|free|strdup|strndup|asprintf"
    case $file in
    src/base/file.c | src/base/directory.c | src/base/lock.c) ;;
    *) names="$names|fsync|fdatasync|rename|renameat2" ;;
    esac
    awk -v file="$file" -v names="$names" '
        { line = " " $0
          while (match(line, "[^A-Za-z0-9_.>](" names ")[ \t]*\\(")) {
              word = substr(line, RSTART + 1, RLENGTH - 1); sub(/[ \t]*\($/, "", word)
              printf "%s:%d: %s is banned here\n", file, NR, word
              line = substr(line, RSTART + RLENGTH)
          } }' "$scratch/code" >>"$scratch/findings"
    grep -nE '(^|[^A-Za-z0-9_])typedef[ ]+(struct|enum|union)' "$scratch/code" |
        while IFS=: read -r line _; do finding "$file:$line: typedef of a struct, enum or union"; done
done

# Own enumerators, and prefixes made by X-macros (ERR_##name).
for file in $(find src include -name '*.h' -o -name '*.c' | sort); do stripped "$file"; done | awk '
    /enum([ \t]+[a-z_0-9]+)?[ \t]*\{/ { inside = 1 }
    inside { line = $0; sub(/^.*enum[^{]*\{/, "", line)
             while (match(line, /[A-Z][A-Z0-9_]+/)) { name = substr(line, RSTART, RLENGTH); rest = substr(line, RSTART + RLENGTH)
                 print (rest ~ /^##/ ? "prefix " : "name ") name; line = rest } }
    inside && /\}/ { inside = 0 }' | sort -u >"$scratch/enums"
for file in $(find src -name '*.c' | sort); do
    stripped "$file" >"$scratch/code"
    awk -v file="$file" '
        FNR == NR { if ($1 == "name") known[$2] = 1; else prefixes[$2] = 1; next }
        { indent = match($0, /[^ \t]/) }
        /^[ \t]*switch[ \t]*\(/ { depth++; own[depth] = 0; at[depth] = indent; default_line[depth] = 0 }
        depth > 0 && /^[ \t]*case[ \t]/ { label = $0; sub(/^[ \t]*case[ \t]+/, "", label); sub(/[^A-Z0-9_a-z].*/, "", label)
            if (label in known) own[depth] = 1
            for (p in prefixes) if (index(label, p) == 1) own[depth] = 1 }
        depth > 0 && /^[ \t]*default[ \t]*:/ { default_line[depth] = FNR }
        depth > 0 && /^[ \t]*\}/ && indent == at[depth] {
            if (own[depth] && default_line[depth]) printf "%s:%d: default: in a switch over our own enum\n", file, default_line[depth]
            depth-- }' "$scratch/enums" "$scratch/code" >>"$scratch/findings"
done
finish
