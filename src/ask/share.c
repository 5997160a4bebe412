/* Shares as they are told: each with Wilson's interval, and without a column of those whose value is
 * not recorded where there are none (answer.c says how many were left out). */
#include "ask/ask_priv.h"

#include <math.h>
#include <string.h>

/* Wilson (1927): the p for which the score test of hits out of n has p = 0.05. */
void ask_wilson(double hits, double n, double *ret_low, double *ret_high)
{
    const double z = 1.959963984540054;
    double p = n > 0 ? hits / n : NAN, middle = p + z * z / (2 * n),
           half = z * sqrt(p * (1 - p) / n + z * z / (4 * n * n)), scale = 1 + z * z / n;
    *ret_low = (middle - half) / scale;
    *ret_high = (middle + half) / scale;
    if (n > 0 && hits <= 0) /* exactly: rounding leaves 1e-16 */
        *ret_low = 0;
    if (n > 0 && hits >= n)
        *ret_high = 1;
}

static size_t column_of(const struct ask_result *result, const char *name)
{
    for (size_t i = 0; i < json_array_size(result->columns); i++)
        if (strcmp(json_string_value(json_array_get(result->columns, i)), name) == 0)
            return i;
    return ASK_NONE;
}

static json_t *percent(double share)
{
    return isfinite(share) ? json_real(100 * (share < 0 ? 0 : share > 1 ? 1 : share)) : json_null();
}

void ask_share_rows(const struct ask_result *result, json_t **ret_columns, json_t **ret_rows,
                    bool *ok)
{
    size_t met = column_of(result, "met"), total = column_of(result, "total"),
           unknown = column_of(result, "unknown");
    json_t *columns = json_array(), *rows = json_array();
    for (size_t i = 0; i < json_array_size(result->columns); i++)
        if (i != unknown)
            json_push(columns, json_incref(json_array_get(result->columns, i)), ok);
    json_push_text(columns, "low", ok);
    json_push_text(columns, "high", ok);
    for (size_t r = 0; r < json_array_size(result->rows); r++) {
        const json_t *from = json_array_get(result->rows, r);
        json_t *row = json_array();
        double low = NAN, high = NAN;
        ask_wilson(json_number_value(json_array_get(from, met)),
                   json_number_value(json_array_get(from, total)), &low, &high);
        for (size_t i = 0; i < json_array_size(from); i++)
            if (i != unknown)
                json_push(row, json_incref(json_array_get(from, i)), ok);
        json_push(row, percent(low), ok);
        json_push(row, percent(high), ok);
        json_push(rows, row, ok);
    }
    *ret_columns = columns;
    *ret_rows = rows;
}
