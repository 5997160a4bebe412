/* "Did you mean": the nearest of several words. */
#ifndef MARROW_BASE_NEAREST_H
#define MARROW_BASE_NEAREST_H

#include <stddef.h>

/* Start with .asked set, offer candidates, then ask. All texts are borrowed. */
struct nearest {
    const char *asked;
    const char *best;
    size_t distance;
};
void nearest_offer(struct nearest *nearest, const char *candidate);
/* The candidate nearest to asked by Damerau–Levenshtein distance, at most a third of the word's length; NULL: none is near. */
const char *nearest_text(const struct nearest *nearest);

#endif
