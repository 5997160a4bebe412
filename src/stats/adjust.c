/* p-values adjusted for their number: Holm's step-down, Benjamini and Hochberg's step-up. */
#include "stats/stats_priv.h"

enum err_code stats_adjust(const double *p, size_t count, enum stats_adjust_method method,
                           double *ret, struct err *err)
{
    struct keyed *keys = mem_zalloc(count + 1, sizeof *keys);
    int64_t n = 0;
    if (keys == NULL)
        return err_set(err, ERR_MEMORY, "out of memory");
    for (size_t i = 0; i < count; i++) {
        if (p[i] < 0 || p[i] > 1) {
            mem_free(keys);
            return err_set(err, ERR_USAGE, "a p-value lies between 0 and 1");
        }
        if (!isnan(p[i]))
            keys[n++] = (struct keyed){p[i], (int64_t)i};
    }
    sort_keyed(keys, n);
    for (size_t i = 0; i < count; i++)
        ret[i] = NAN;
    double most = 0, least = 1;
    switch (method) {
    case STATS_HOLM: /* from the smallest up: (n - i)·p, never falling */
        for (int64_t i = 0; i < n; i++) {
            most = fmax(most, (double)(n - i) * keys[i].key);
            ret[keys[i].row] = fmin(1, most);
        }
        break;
    case STATS_BENJAMINI_HOCHBERG: /* from the largest down: n/i·p, never rising */
        for (int64_t i = n; i-- > 0;) {
            least = fmin(least, (double)n / (double)(i + 1) * keys[i].key);
            ret[keys[i].row] = least;
        }
        break;
    }
    mem_free(keys);
    return ERR_OK;
}
