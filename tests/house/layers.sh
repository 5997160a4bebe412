#!/bin/sh
# src/LAYERS is the law: includes follow it, and every layer's folder has its README of at most 40 lines.
# shellcheck source=tests/house/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck disable=SC2046
awk -f tools/check-layers.awk src/LAYERS $(find src -name '*.[ch]') >>"$scratch/findings"
sed -n 's/^\([a-z]*\):.*/\1/p' src/LAYERS >"$scratch/layers"
while read -r layer; do
    [ -d "src/$layer" ] || { finding "src/$layer: named in src/LAYERS but missing"; continue; }
    if [ ! -f "src/$layer/README.md" ]; then finding "src/$layer/README.md: missing"
    elif [ "$(wc -l <"src/$layer/README.md")" -gt 40 ]; then finding "src/$layer/README.md: over 40 lines"; fi
    [ -f "src/$layer/$layer.h" ] || [ "$layer" = base ] || finding "src/$layer/$layer.h: the door is missing"
done <"$scratch/layers"
for folder in src/*/; do
    grep -q "^$(basename "$folder"):" src/LAYERS || finding "$folder: not named in src/LAYERS"
done
finish
