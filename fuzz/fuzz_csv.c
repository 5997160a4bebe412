/* layer: ingest — CSV sniffing, the tokenizer and the search for stacked tables over any bytes. */
#include <stdlib.h>

#include "ingest/parts_priv.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count)
{
    struct str text = {(const char *)bytes, count};
    struct err err = {0};
    for (int whole = 0; whole < 2; whole++) {
        struct csv_guess guess;
        struct csv_stack stack = {0};
        struct csv_hints hints = {.header = -1};
        AUTO(arena_free) struct arena *arena = arena_new(0);
        if (arena == NULL || csv_sniff(text, whole == 1, &hints, arena, &guess, &err) != ERR_OK)
            continue;
        if (guess.columns == 0 || guess.dialect.delimiter[0] == '\0')
            abort();
        if (whole == 1 && csv_stack_find(text, &guess, &stack, &err) == ERR_OK)
            for (size_t i = 0; i < stack.count; i++)
                if (stack.pieces[i].offset < 0 || stack.pieces[i].bytes < 0 ||
                    (size_t)(stack.pieces[i].offset + stack.pieces[i].bytes) > count)
                    abort();
        csv_stack_done(&stack);
    }
    return 0;
}
