/* Small cells. An attrition is a falling chain of counts; what must not come out is any number from
 * 1 to least - 1, be it a count or the difference of two counts (those whom steps took away).
 *
 *     1000 ▸ 995 ▸ 500 ▸ 495, least 11:   1000, hidden, 500?, 495   500 - 495 is small, and the
 * answer matters most: 1000, –, –, 495
 *
 * All patients are shown unless they are few; then the answer, unless it or its complement is
 * small; then each step in order whose distance from the last one shown and from the answer is
 * nothing or large enough. A hidden count is known to lie within least - 1 of a shown one, and
 * never which of these it is (tests/cohort/test_suppress.c attacks every chain). */
#include "cohort/cohort.h"

static bool is_small(int64_t number, int64_t least)
{
    return number > 0 && number < least;
}

void cohort_suppress(const int64_t *counts, size_t count, int64_t least, bool *ret_hidden)
{
    size_t last = count - 1;
    int64_t above = counts[0];
    for (size_t i = 0; i < count; i++)
        ret_hidden[i] = is_small(counts[i], least);
    if (least <= 1 || count == 0)
        return;
    if (ret_hidden[0]) { /* what is left of few is few, and that nobody is left would tell that all
                            were taken away */
        for (size_t i = 0; i < count; i++)
            ret_hidden[i] = true;
        return;
    }
    ret_hidden[last] = ret_hidden[last] || is_small(counts[0] - counts[last], least);
    for (size_t i = 1; i < last; i++) {
        ret_hidden[i] = ret_hidden[i] || is_small(above - counts[i], least) ||
                        (!ret_hidden[last] && is_small(counts[i] - counts[last], least));
        above = ret_hidden[i] ? above : counts[i];
    }
}
