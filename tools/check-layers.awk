# Usage: awk -f tools/check-layers.awk src/LAYERS FILE...   — prints each include that src/LAYERS forbids; exit 1 if any.
function layer_of(path,   parts) { sub(/^.*src\//, "", path); split(path, parts, "/"); return parts[1] }
FNR == 1 { file_index++ }
file_index == 1 {
    if ($0 ~ /^[a-z]+:/) { name = $1; sub(/:.*/, "", name); rest = $0; sub(/^[a-z]+:/, "", rest); known[name] = 1; allowed[name] = " " name " " rest " " }
    else if ($0 ~ /^!/) { header = $1; sub(/^!/, "", header); sub(/:$/, "", header); rest = $0; sub(/^![^ ]+ */, "", rest); only[header] = rest }
    next
}
/^[ \t]*#[ \t]*include/ {
    target = $0; sub(/^[^<"]*[<"]/, "", target); sub(/[>"].*/, "", target)
    here = FILENAME; sub(/^.*src\//, "", here); own = layer_of(FILENAME)
    if (target in only) {
        ok = 0; count = split(only[target], places, /[ \t]+/)
        for (i = 1; i <= count; i++) if (places[i] != "" && index(here, places[i]) == 1) ok = 1
        if (!ok) { printf "%s:%d: <%s> may be included only by %s\n", FILENAME, FNR, target, only[target]; bad = 1 }
    }
    if ($0 ~ /include[ \t]*"/) {
        if (target !~ /\//) { if (target !~ /^marrow(_arrow)?\.h$/) { printf "%s:%d: include \"%s\" does not name its layer\n", FILENAME, FNR, target; bad = 1 } next }
        split(target, parts, "/"); to = parts[1]
        if (!(to in known)) { printf "%s:%d: unknown layer %s\n", FILENAME, FNR, to; bad = 1 }
        else if (index(allowed[own], " " to " ") == 0) { printf "%s:%d: layer %s may not include %s\n", FILENAME, FNR, own, target; bad = 1 }
        if (target ~ /_priv\.h$/ && to != own) { printf "%s:%d: %s is private to %s\n", FILENAME, FNR, target, to; bad = 1 }
    }
}
END { exit bad }
