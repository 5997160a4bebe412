/* R for statistical answers: the columns with their kinds, then what each family of analysis
 * computes, and a check of each row and statistic of the answer. */
#include "report/r_priv.h"

#include <string.h>

static const char check_all[] = "# The numbers that Marrow gave of a test, by name.\n"
                                "check_all <- function(what, found, expected, tolerance = 1e-6)\n"
                                "  for (name in names(expected)) check(paste(what, name), "
                                "found[[name]], expected[[name]], tolerance)\n";

const json_t *r_variable(const json_t *analysis, const char *member, const char *name)
{
    const json_t *list = json_object_get(analysis, "variables");
    for (size_t i = 0; name != NULL && i < json_array_size(list); i++)
        if (strcmp(json_text(json_array_get(list, i), member, ""), name) == 0)
            return json_array_get(list, i);
    return NULL;
}

const char *r_label(const json_t *analysis, const char *column)
{
    return json_text(r_variable(analysis, "column", column), "label", column);
}

/* rows[["status"]][level_text(rows[["status"]]) == "Unknown"] <- NA */
static void put_missing(struct r_script *script, const json_t *analysis)
{
    const json_t *list = json_object_get(script->answer, "recoding");
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *one = json_array_get(list, i);
        const char *column =
            json_text(r_variable(analysis, "label", json_text(one, "column", "")), "column", NULL);
        if (json_text(one, "missing", NULL) == NULL || column == NULL)
            continue;
        buf_puts(script->out, "rows[[");
        r_text(script->out, column);
        buf_puts(script->out, "]][level_text(rows[[");
        r_text(script->out, column);
        buf_puts(script->out, "]]) %in% ");
        r_text(script->out, json_text(one, "missing", ""));
        buf_puts(script->out, "] <- NA  # says that it is unknown\n");
    }
}

static void put_variable(struct r_script *script, const char *name, const char *column,
                         const char *how)
{
    buf_printf(script->out, "%s <- %s(rows[[", name, how);
    r_text(script->out, column);
    buf_puts(script->out, "]])\n");
}

static const char *first_group(const json_t *analysis)
{
    return json_string_value(json_array_get(json_object_get(analysis, "groups"), 0));
}

/* Each statistic that is a test of y in groups of g; pairs of groups with Holm's p. */
static void put_statistics(struct r_script *script)
{
    const json_t *list = json_object_get(json_object_get(script->answer, "result"), "statistics");
    bool pairs = false;
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *one = json_array_get(list, i);
        const struct r_test *test = r_test_find(json_text(one, "test", ""));
        const char *pair = json_text(one, "pair", NULL);
        if (test == NULL || json_text(one, "term", NULL) != NULL)
            continue;
        if (pair != NULL && !pairs)
            buf_puts(script->out, "\n# Every two groups; p is adjusted by Holm's method.\n"
                                  "pairs <- combn(levels(droplevels(g[!is.na(y) & !is.na(g)])), 2, "
                                  "simplify = FALSE)\n"
                                  "names(pairs) <- sapply(pairs, paste, collapse = \" \\u2013 "
                                  "\")\np_of_pairs <- c()\n");
        pairs = pairs || pair != NULL;
        if (pair != NULL) {
            buf_puts(script->out, "of <- g %in% pairs[[");
            r_text(script->out, pair);
            buf_printf(script->out, "]]; found <- %s(y[of], g[of])\n", test->function);
            buf_puts(script->out, "p_of_pairs <- c(p_of_pairs, found$p); check_all(");
            r_text(script->out, pair);
            buf_puts(script->out, ", found, ");
        } else {
            buf_puts(script->out, "check_all(");
            r_text(script->out, json_text(one, "test", ""));
            buf_printf(script->out, ", %s(y, g), ", test->function);
        }
        r_numbers(script->out, one);
        buf_puts(script->out, strcmp(test->function, "fisher") == 0 ? ", 1e-3)\n" : ")\n");
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
        if (test == NULL || !json_is_number(json_object_get(one, "p")))
            continue;
        buf_puts(script->out, "check(");
        AUTO(buf_done) struct buf what = BUF_INIT;
        buf_printf(&what, "instead: %s, p", json_text(one, "name", ""));
        r_text(script->out, buf_text(&what));
        buf_printf(script->out, ", %s(y, g)$p, ", test->function);
        r_value(script->out, json_object_get(one, "p"));
        buf_puts(script->out, ", 1e-4)\n");
    }
}

static void put_number_by_group(struct r_script *script, const json_t *analysis)
{
    struct buf *out = script->out;
    put_variable(script, "y", json_text(analysis, "outcome", ""), "as.numeric");
    put_variable(script, "g", first_group(analysis), "as_levels");
    buf_puts(out, "\n## ---- the groups\n\nfound <- describe(y, g)\n"
                  "print(found)\n");
    r_expected(script);
    buf_puts(
        out,
        "found <- found[expected[[1]], ]\n"
        "for (column in names(expected)[-1]) check(column, found[[column]], expected[[column]])\n"
        "\n## ---- the test\n\n");
    put_statistics(script);
    put_alternatives(script);
}

static void put_category_by_group(struct r_script *script, const json_t *analysis)
{
    struct buf *out = script->out;
    const json_t *list = json_object_get(json_object_get(script->answer, "result"), "statistics");
    put_variable(script, "y", json_text(analysis, "outcome", ""), "as_levels");
    put_variable(script, "g", first_group(analysis), "as_levels");
    buf_puts(out,
             "d <- pair(y, g)\n\n## ---- the cells, with Wilson's intervals of their shares\n\n"
             "print(table(d$g, d$y))\n");
    r_expected(script);
    buf_puts(out,
             "n <- mapply(function(a, b) sum(d$g == a & d$y == b), expected[[1]], expected[[2]])\n"
             "of <- sapply(expected[[1]], function(a) sum(d$g == a))\n"
             "wilson <- mapply(function(n, of) suppressWarnings(prop.test(n, of, correct = "
             "FALSE))$conf.int, n, of)\n"
             "check(\"n\", n, expected$n); check(\"of\", of, expected$of); check(\"percent\", 100 "
             "* n / of, expected$percent)\n"
             "check(\"low\", 100 * wilson[1, ], expected$low); check(\"high\", 100 * wilson[2, ], "
             "expected$high)\n"
             "\n## ---- the test\n\n");
    put_statistics(script);
    put_alternatives(script);
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *one = json_array_get(list, i);
        if (strcmp(json_text(one, "test", ""), "odds ratio (Wald)") != 0)
            continue;
        buf_puts(out, "\n# The odds of the second outcome in the second group against the first, "
                      "with Wald's interval.\n"
                      "fit <- glm(as.numeric(y == levels(y)[2]) ~ g, binomial, d, control = "
                      "glm.control(epsilon = 1e-14, maxit = 100))\n"
                      "found <- list(estimate = exp(coef(fit)[[2]]), ci_low = "
                      "exp(confint.default(fit)[2, 1]),\n"
                      "              ci_high = exp(confint.default(fit)[2, 2]), p = "
                      "summary(fit)$coefficients[2, 4])\n"
                      "check_all(\"odds ratio\", found, ");
        r_numbers(out, one);
        buf_puts(out, ")\n");
    }
}

static void put_correlation(struct r_script *script, const json_t *analysis)
{
    struct buf *out = script->out;
    const json_t *list = json_object_get(json_object_get(script->answer, "result"), "statistics");
    put_variable(script, "y", json_text(analysis, "outcome", ""), "as.numeric");
    put_variable(script, "g", first_group(analysis), "as.numeric");
    buf_puts(out, "\n## ---- the test\n\n");
    put_statistics(script);
    put_alternatives(script);
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *one = json_array_get(list, i);
        if (json_text(one, "term", NULL) == NULL)
            continue;
        buf_puts(out, "\n# The line of least squares in the figure.\nfit <- lm(g ~ y)\n"
                      "found <- list(estimate = coef(fit)[[2]], ci_low = confint(fit)[2, 1], "
                      "ci_high = confint(fit)[2, 2],\n"
                      "  statistic = summary(fit)$coefficients[2, 3], df = fit$df.residual, p = "
                      "summary(fit)$coefficients[2, 4])\n"
                      "check_all(\"slope\", found, ");
        r_numbers(out, one);
        buf_puts(out, ")\n");
        break;
    }
}

static void put_normality(struct r_script *script, const json_t *analysis)
{
    put_variable(script, "y", json_text(analysis, "outcome", ""), "as.numeric");
    buf_puts(script->out, "g <- NULL\nfound <- describe(y, rep(\"all\", length(y)))\n"
                          "found$skewness <- skewness(y)\nprint(found)\n");
    r_expected(script);
    buf_puts(
        script->out,
        "for (column in names(expected)[-1]) check(column, found[[column]], expected[[column]])\n");
    put_statistics(script);
}

static const struct {
    const char *family;
    void (*put)(struct r_script *script, const json_t *analysis);
} families[] = {{"number_by_group", put_number_by_group},
                {"category_by_group", put_category_by_group},
                {"correlation", put_correlation},
                {"normality", put_normality},
                {"survival", r_survival},
                {"table_one", r_table_one},
                {"paired", r_paired},
                {"stratified", r_stratified}};

enum err_code r_statistics(struct r_script *script, struct err *err)
{
    const json_t *analysis =
        json_object_get(json_object_get(script->answer, "question"), "analysis");
    const char *family = json_text(analysis, "family", "");
    bool model = strcmp(family, "linear") == 0 || strcmp(family, "logistic") == 0 ||
                 strcmp(family, "cox") == 0;
    r_test_sources(script);
    buf_puts(script->out, r_source_describe);
    buf_puts(script->out, check_all);
    buf_putc(script->out, '\n');
    put_missing(script, analysis);
    if (model) {
        r_model(script, analysis, family);
        return ERR_OK;
    }
    for (size_t i = 0; i < sizeof families / sizeof *families; i++)
        if (strcmp(families[i].family, family) == 0) {
            families[i].put(script, analysis);
            return ERR_OK;
        }
    return err_set(err, ERR_UNSUPPORTED, "no R script is known for an analysis of this kind");
}
