/* "Did you mean": the candidate with the smallest edit distance, neighbours swapped counting one
 * (optimal string alignment). A candidate is offered only when it is near: a third of the word's
 * length, at least one edit. */
#include "base/nearest.h"

#include <string.h>

#define NEAREST_LIMIT 48 /* longer words are not compared */

static size_t smallest(size_t a, size_t b, size_t c)
{
    size_t least = a < b ? a : b;
    return least < c ? least : c;
}

static size_t distance(const char *a, const char *b)
{
    size_t rows[3][NEAREST_LIMIT + 1];
    size_t la = strlen(a), lb = strlen(b);
    if (la > NEAREST_LIMIT || lb > NEAREST_LIMIT)
        return NEAREST_LIMIT;
    for (size_t j = 0; j <= lb; j++)
        rows[0][j] = j;
    for (size_t i = 1; i <= la; i++) {
        size_t *now = rows[i % 3], *last = rows[(i - 1) % 3], *before = rows[(i + 1) % 3];
        now[0] = i;
        for (size_t j = 1; j <= lb; j++) {
            now[j] =
                smallest(last[j] + 1, now[j - 1] + 1, last[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1));
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
                before[j - 2] + 1 < now[j])
                now[j] = before[j - 2] + 1;
        }
    }
    return rows[la % 3][lb];
}

void nearest_offer(struct nearest *nearest, const char *candidate)
{
    size_t found = distance(nearest->asked, candidate);
    size_t length = strlen(nearest->asked);
    if (length >= 3 && strncmp(candidate, nearest->asked, length) == 0)
        found = 1; /* the beginning of a word is near to it */
    size_t allowed = length / 3 > 0 ? length / 3 : 1;
    if (found > allowed || found >= length || (nearest->best != NULL && found >= nearest->distance))
        return;
    nearest->best = candidate;
    nearest->distance = found;
}

const char *nearest_text(const struct nearest *nearest)
{
    return nearest->best;
}
