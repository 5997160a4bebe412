/* R for the same patients measured twice or more: the moments described over complete rows, the
 * test of the later less the earlier, every two of several. */
#include "report/r_priv.h"

#include <string.h>

static const json_t *moments_of(const json_t *analysis)
{
    return json_object_get(analysis, "moments");
}

/* list(a = rows[["sbp_pre"]], …): the moments in their order, by their labels. */
static void put_moments(struct r_script *script, const json_t *analysis, const char *how)
{
    const json_t *list = moments_of(analysis);
    buf_puts(script->out, "moments <- list(");
    for (size_t i = 0; i < json_array_size(list); i++) {
        const char *column = json_string_value(json_array_get(list, i));
        buf_puts(script->out, i == 0 ? "" : ", ");
        r_text(script->out, r_label(analysis, column));
        buf_printf(script->out, " = %s(rows[[", how);
        r_text(script->out, column);
        buf_puts(script->out, "]])");
    }
    buf_puts(script->out, ")\nwhole <- complete.cases(as.data.frame(moments))\n"
                          "before <- moments[[1]]; after <- moments[[length(moments)]]\n");
}

static void put_tests(struct r_script *script)
{
    const json_t *list = json_object_get(json_object_get(script->answer, "result"), "statistics");
    bool pairs = false;
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *one = json_array_get(list, i);
        const struct r_test *test = r_test_find(json_text(one, "test", ""));
        const char *pair = json_text(one, "pair", NULL);
        if (test == NULL)
            continue;
        if (pair != NULL) {
            buf_puts(script->out, pairs ? "" : "p_of_pairs <- c()\n");
            buf_puts(script->out, "of <- moments[strsplit(");
            r_text(script->out, pair);
            buf_printf(script->out, ", \" \\u2013 \")[[1]]]; found <- %s(of[[1]], of[[2]])\n",
                       test->function);
            buf_puts(script->out, "p_of_pairs <- c(p_of_pairs, found$p); check_all(");
            r_text(script->out, pair);
            buf_puts(script->out, ", found, ");
        } else {
            buf_puts(script->out, "check_all(");
            r_text(script->out, json_text(one, "test", ""));
            buf_printf(script->out,
                       strcmp(test->function, "friedman") == 0 ? ", %s(moments), "
                       : strcmp(test->function, "mcnemar") == 0
                           ? json_text(one, "statistic_name", NULL) == NULL
                                 ? ", %s(before, after, TRUE), "
                                 : ", %s(before, after), "
                           : ", %s(after, before), ",
                       test->function);
        }
        r_numbers(script->out, one);
        buf_puts(script->out, ")\n");
        pairs = pairs || pair != NULL;
    }
    if (!pairs)
        return;
    buf_puts(script->out, "check(\"p adjusted\", p.adjust(p_of_pairs, \"holm\"), c(");
    for (size_t i = 0, n = 0; i < json_array_size(list); i++)
        if (json_object_get(json_array_get(list, i), "p_adjusted") != NULL) {
            buf_puts(script->out, n++ > 0 ? ", " : "");
            r_value(script->out, json_object_get(json_array_get(list, i), "p_adjusted"));
        }
    buf_puts(script->out, "))\n");
}

static void put_alternatives(struct r_script *script)
{
    const json_t *list = json_object_get(json_object_get(script->answer, "test"), "alternatives");
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *one = json_array_get(list, i);
        const struct r_test *test = r_test_find(json_text(one, "name", ""));
        AUTO(buf_done) struct buf what = BUF_INIT;
        if (test == NULL || !json_is_number(json_object_get(one, "p")))
            continue;
        buf_printf(&what, "instead: %s, p", json_text(one, "name", ""));
        buf_puts(script->out, "check(");
        r_text(script->out, buf_text(&what));
        buf_printf(script->out, ", %s(after, before)$p, ", test->function);
        r_value(script->out, json_object_get(one, "p"));
        buf_puts(script->out, ", 1e-4)\n");
    }
}

static void put_answers(struct r_script *script, const json_t *analysis)
{
    put_moments(script, analysis, "as_levels");
    buf_puts(script->out,
             "known <- union(levels(before), levels(after))\n"
             "before <- factor(before, known); after <- factor(after, known)\n"
             "\n## ---- who changed to what\n\nprint(table(before[whole], after[whole]))\n");
    r_expected(script);
    buf_puts(script->out, "n <- mapply(function(a, b) sum(before[whole] == a & after[whole] == b), "
                          "expected[[1]], expected[[2]])\n"
                          "check(\"n\", n, expected$n); check(\"percent\", 100 * n / sum(whole), "
                          "expected$percent)\n\n## ---- the test\n\n");
    put_tests(script);
}

void r_paired(struct r_script *script, const json_t *analysis)
{
    const json_t *list = moments_of(analysis);
    const char *first = json_string_value(json_array_get(list, 0));
    const json_t *variable = r_variable(analysis, "column", first);
    if (strcmp(json_text(variable, "kind", ""), "category") == 0) {
        put_answers(script, analysis);
        return;
    }
    put_moments(script, analysis, "as.numeric");
    buf_puts(script->out, "\n## ---- the moments, of who has them all\n\n"
                          "described <- lapply(moments, function(x) x[whole])\n");
    if (json_array_size(list) == 2)
        buf_puts(script->out, "described$change <- (after - before)[whole]\n");
    buf_puts(script->out, "found <- do.call(rbind, lapply(described, function(x) describe(x, "
                          "rep(\"all\", length(x)))))\nprint(found)\n");
    r_expected(script);
    buf_puts(script->out, "for (column in names(expected)[-1]) check(column, found[[column]], "
                          "expected[[column]])\n\n## ---- the test\n\n");
    put_tests(script);
    put_alternatives(script);
}
