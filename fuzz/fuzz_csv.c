/* layer: ingest — CSV sniffing, the tokenizer, the search for stacked tables, for units below the
 * header and for notes below the rows, over any bytes. */
#include <stdlib.h>

#include "ingest/parts_priv.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);

/* The same count by the tokenizer: the two must agree on every regular text. */
static int64_t count_records(const struct csv_guess *guess, const char *end)
{
    struct csv_row row = {0};
    const char *at = guess->first_data;
    int64_t records = 0;
    while (csv_next_row(&guess->dialect, &at, end, true, &row)) {
        const char *last = row.end;
        last -= last > row.start && last[-1] == '\n';
        last -= last > row.start && last[-1] == '\r';
        records += guess->columns == 1 || last > row.start;
    }
    csv_row_done(&row);
    return records;
}

/* What stands around the table must be lines of the text, the notes behind the units. */
static void find_shape(struct csv_guess *guess, struct str text, struct arena *arena)
{
    struct csv_tail tail;
    struct err err = {0};
    const char *end = text.ptr + text.len, *data = guess->first_data;
    if (csv_find_units(guess, end, arena, &err) != ERR_OK ||
        csv_find_tail(guess, text, &tail, &err) != ERR_OK)
        abort();
    if (guess->first_data < data || guess->first_data > end ||
        (guess->units != NULL) != (guess->first_data > data))
        abort();
    if (tail.start != NULL && (tail.start <= guess->first_data || tail.start >= end ||
                               tail.start[-1] != '\n' || tail.rows < 1))
        abort();
}

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
        struct csv_census census;
        if (whole == 1 && csv_census(&guess.dialect, guess.first_data, text.ptr + count,
                                     guess.columns, NULL, NULL, &census, &err) != ERR_OK)
            abort();
        if (whole == 1 && census.regular &&
            census.records != count_records(&guess, text.ptr + count))
            abort();
        if (whole == 1 && csv_stack_find(text, &guess, NULL, NULL, &stack, &err) == ERR_OK)
            for (size_t i = 0; i < stack.count; i++)
                if (stack.pieces[i].offset < 0 || stack.pieces[i].bytes < 0 ||
                    (size_t)(stack.pieces[i].offset + stack.pieces[i].bytes) > count)
                    abort();
        csv_stack_done(&stack);
        if (whole == 1)
            find_shape(&guess, text, arena);
    }
    return 0;
}
