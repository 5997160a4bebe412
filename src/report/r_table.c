/* R for Table 1: the same texts, built of the rows, and the standardised differences and p-values.
 */
#include "report/r_priv.h"

#include <string.h>

const char r_source_table[] =
    "figure <- function(x) if (is.na(x)) \"\\u2013\" else sprintf(\"%.*f\", if (x == 0 || abs(x) >= "
    "1000) 0L else if (abs(x) >= 100) 1L else if (abs(x) >= 1) 2L else 3L, x)\n"
    "mean_text <- function(x) { x <- x[!is.na(x)]; if (length(x) == 0) \"\\u2013\" else "
    "paste0(figure(mean(x)), \" (\", figure(sd(x)), \")\") }\n"
    "median_text <- function(x) {\n"
    "  x <- x[!is.na(x)]; if (length(x) == 0) return(\"\\u2013\")\n"
    "  q <- quantile(x, c(0.5, 0.25, 0.75), names = FALSE); paste0(figure(q[1]), \" [\", "
    "figure(q[2]), \", \", figure(q[3]), \"]\")\n"
    "}\n"
    "share_text <- function(x, level) {\n"
    "  x <- x[!is.na(x)]; sprintf(\"%d (%.1f %%)\", sum(x == level), if (length(x) > 0) 100 * "
    "sum(x == level) / length(x) else 0)\n"
    "}\n"
    "# A number: one row, of medians where it is skewed; a category: one row for each level.\n"
    "rows_of <- function(x) {\n"
    "  cells <- function(text) c(text(x[!is.na(g)]), sapply(levels(g), function(k) "
    "text(x[!is.na(g) & g == k])))\n"
    "  missing <- sum(is.na(x) & !is.na(g))\n"
    "  if (is.factor(x)) {\n"
    "    x <- factor(x, levels(x)[levels(x) %in% x[!is.na(g)]])\n"
    "    return(do.call(rbind, lapply(seq_along(levels(x)), function(i)\n"
    "      data.frame(t(cells(function(v) share_text(v, levels(x)[i]))), missing = if (i == 1) "
    "missing else NA))))\n"
    "  }\n"
    "  data.frame(t(cells(if (abs(skewness(x)) > 1) median_text else mean_text)), missing = "
    "missing)\n"
    "}\n"
    "# Texts are the same, but that a number half-way between two roundings may be rounded up or "
    "down.\n"
    "check_texts <- function(what, found, expected) {\n"
    "  numbers <- function(x) regmatches(x, gregexpr(\"-?[0-9.]+(e[+-]?[0-9]+)?\", x))[[1]]\n"
    "  for (i in which(found != expected)) {\n"
    "    a <- numbers(found[i]); b <- numbers(expected[i])\n"
    "    step <- ifelse(grepl(\"e\", b), abs(as.numeric(b)) * 1e-2, 10^-nchar(sub(\"^[^.]*[.]?\", "
    "\"\", b)))\n"
    "    stopifnot(length(a) == length(b), abs(as.numeric(a) - as.numeric(b)) <= step * 1.01)\n"
    "    found[i] <- expected[i]\n"
    "  }\n"
    "  check(what, found, expected)\n"
    "}\n";

static void put_columns(struct r_script *script, const json_t *analysis, const char *group)
{
    const json_t *list = json_object_get(analysis, "variables");
    struct buf *out = script->out;
    bool first = true;
    buf_puts(out, "variables <- list(");
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *one = json_array_get(list, i);
        const char *column = json_text(one, "column", "");
        bool number = strcmp(json_text(one, "kind", ""), "number") == 0;
        if (group != NULL && strcmp(column, group) == 0)
            continue;
        buf_puts(out, first ? "\n  " : ",\n  ");
        first = false;
        r_text(out, json_text(one, "label", column));
        buf_printf(out, " = %s(rows[[", number ? "as.numeric" : "as_levels");
        r_text(out, column);
        buf_puts(out, "]])");
    }
    buf_puts(out, ")\n");
}

static void put_tests(struct r_script *script)
{
    const json_t *list = json_object_get(json_object_get(script->answer, "result"), "statistics");
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *one = json_array_get(list, i);
        const struct r_test *test = r_test_find(json_text(one, "test", ""));
        const char *term = json_text(one, "term", NULL);
        if (test == NULL || term == NULL)
            continue;
        AUTO(buf_done) struct buf what = BUF_INIT;
        bool smd = strcmp(test->function, "smd") == 0;
        buf_printf(&what, "%s: %s", term, json_text(one, "test", ""));
        buf_puts(script->out, "check_all(");
        r_text(script->out, buf_text(&what));
        buf_printf(script->out, ", %s(variables[[", test->function);
        r_text(script->out, term);
        buf_puts(script->out, "]], g), ");
        if (smd) {
            buf_puts(script->out, "list(estimate = ");
            r_value(script->out, json_object_get(one, "estimate"));
            buf_putc(script->out, ')');
        } else {
            r_numbers(script->out, one);
        }
        buf_puts(script->out, strcmp(test->function, "fisher") == 0 ? ", 1e-3)\n" : ")\n");
    }
}

void r_table_one(struct r_script *script, const json_t *analysis)
{
    struct buf *out = script->out;
    const char *group = json_string_value(json_array_get(json_object_get(analysis, "groups"), 0));
    const json_t *columns = json_object_get(json_object_get(script->answer, "result"), "columns");
    size_t count = json_array_size(columns), holm = count;
    for (size_t i = 0; i < count; i++)
        if (strcmp(json_string_value(json_array_get(columns, i)), "p_holm") == 0)
            holm = i;
    buf_puts(out, r_source_table);
    if (group != NULL) {
        buf_puts(out, "g <- as_levels(rows[[");
        r_text(out, group);
        buf_puts(out, "]])\n");
    } else {
        buf_puts(out, "g <- factor(rep(\"all\", nrow(rows)))\n");
    }
    put_columns(script, analysis, group);
    buf_puts(out, "\n## ---- the table\n\n");
    r_expected(script);
    buf_puts(out, group != NULL
                      ? "counts <- c(sum(!is.na(g)), table(g)); shown <- seq_along(counts)\n"
                      : "counts <- nrow(rows); shown <- 1\n");
    buf_puts(
        out,
        "check(\"n\", as.character(counts), sapply(shown, function(i) expected[[i + 2]][1]))\n"
        "found <- do.call(rbind, lapply(variables, rows_of))\nprint(found)\n"
        "for (i in shown) check_texts(names(expected)[i + 2], found[[i]], expected[[i + 2]][-1])\n"
        "check(\"missing\", found$missing, expected$missing[-1])\n");
    if (group == NULL)
        return;
    buf_puts(out, "\n## ---- how far the groups are apart\n\n");
    put_tests(script);
    if (holm < count)
        buf_puts(out, "known <- !is.na(expected$p)\n"
                      "check(\"p, Holm's\", p.adjust(expected$p[known], \"holm\"), "
                      "expected$p_holm[known])\n");
}
