/* Units that are one under several spellings (unit.def). No conversion: what is not the same unit
 * is left out, and counted. */
#include "cohort/criteria_priv.h"

#include <string.h>

struct unit_row {
    const char *ucum, *others;
};
static const struct unit_row units[] = {
#define COHORT_UNIT(ucum, others) {ucum, others},
#include "cohort/unit.def"
#undef COHORT_UNIT
};

static bool has_spelling(const struct unit_row *row, struct str unit, bool exact)
{
    bool (*equal)(struct str, struct str) = exact ? str_equal : str_equal_nocase;
    if (equal(unit, str_of(row->ucum)))
        return true;
    for (const char *word = row->others; *word != '\0';) {
        size_t length = strcspn(word, " ");
        if (length > 0 && equal(unit, (struct str){word, length}))
            return true;
        word += length + strspn(word + length, " ");
    }
    return false;
}

static void add(struct arena *arena, struct cohort_list *list, struct str spelling)
{
    const char **item = cohort_list_add(arena, list, sizeof *item);
    if (item != NULL)
        *item = arena_strndup(arena, spelling.ptr, spelling.len);
}

static const struct unit_row *find_row(struct str unit)
{
    for (int exact = 1; exact >= 0; exact--)
        for (size_t i = 0; i < sizeof units / sizeof *units; i++)
            if (has_spelling(&units[i], unit, exact == 1))
                return &units[i];
    return NULL;
}

const char *const *cohort_unit_spellings(struct arena *arena, const char *unit, size_t *ret_count)
{
    struct cohort_list list = {0};
    const struct unit_row *row = find_row(str_of(unit));
    add(arena, &list, str_of(unit));
    if (row != NULL)
        add(arena, &list, str_of(row->ucum));
    for (const char *word = row != NULL ? row->others : ""; *word != '\0';) {
        size_t length = strcspn(word, " ");
        add(arena, &list, (struct str){word, length});
        word += length + strspn(word + length, " ");
    }
    *ret_count = list.count;
    return list.items;
}
