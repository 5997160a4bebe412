/* R for counts, means, medians …: the recipe (ask/recipe.c) says what the plan's last step computed
 * of the rows; the same is written in R and compared column by column. */
#include "report/r_priv.h"

#include <stdio.h>
#include <string.h>

/* %s: the column. */
static const struct {
    const char *name, *before, *after;
} functions[] = {
    {"count", "sum(!is.na(", "))"},       {"count_distinct", "count_distinct(", ")"},
    {"mean", "mean(", ", na.rm = TRUE)"}, {"median", "median(", ", na.rm = TRUE)"},
    {"sd", "sd(", ", na.rm = TRUE)"},     {"sum", "known(sum, ", ")"},
    {"min", "known(min, ", ")"},          {"max", "known(max, ", ")"},
    {"quantile", "quartile(", ")"},
};

static const char helpers[] =
    "count_distinct <- function(x) length(unique(x[!is.na(x)]))\n"
    "known <- function(f, x) if (all(is.na(x))) NA else f(x, na.rm = TRUE)\n"
    "quartile <- function(x, at) if (all(is.na(x))) NA else quantile(x, at, na.rm = TRUE, names = "
    "FALSE)\n"
    "key_of <- function(rows, columns) do.call(paste, c(lapply(rows[columns], function(x) "
    "ifelse(is.na(x), \"\\a\", as.character(x))), sep = "
    "\"\\r\"))\n";

/* Wilson's interval is prop.test's without its correction. */
static const char share[] =
    "found$share <- 100 * found$met / found$total\n"
    "wilson <- function(met, total, at) if (total == 0) NA else suppressWarnings(prop.test(met, total, "
    "correct = FALSE)$conf.int[at])\n"
    "found$low <- 100 * mapply(wilson, found$met, found$total, 1)\n"
    "found$high <- 100 * mapply(wilson, found$met, found$total, 2)\n";

static enum err_code put_call(struct buf *out, const json_t *call, struct err *err)
{
    const char *name = json_text(call, "function", "");
    const json_t *args = json_object_get(call, "args");
    if (strcmp(name, "count_rows") == 0) {
        buf_puts(out, "nrow(part)");
        return ERR_OK;
    }
    if (strcmp(name, "sub") == 0 && json_array_size(args) == 2) {
        TRY(put_call(out, json_array_get(args, 0), err));
        buf_puts(out, " - ");
        return put_call(out, json_array_get(args, 1), err);
    }
    for (size_t i = 0; i < sizeof functions / sizeof *functions; i++) {
        if (strcmp(functions[i].name, name) != 0)
            continue;
        buf_printf(out, "%spart[[", functions[i].before);
        r_value(out, json_array_get(args, 0));
        buf_puts(out, "]]");
        for (size_t k = 1; k < json_array_size(args); k++) {
            buf_puts(out, ", ");
            r_value(out, json_array_get(args, k));
        }
        buf_puts(out, functions[i].after);
        return ERR_OK;
    }
    err_set(err, ERR_UNSUPPORTED, "the R script has no words for '%s'", name);
    return err_hint(err, "--format md or html has the answer with its SQL");
}

static void put_names(struct buf *out, const json_t *names)
{
    buf_puts(out, "c(");
    for (size_t i = 0; i < json_array_size(names); i++) {
        buf_puts(out, i > 0 ? ", " : "");
        r_value(out, json_array_get(names, i));
    }
    buf_putc(out, ')');
}

static void put_order(struct buf *out, const json_t *recipe)
{
    const json_t *order = json_object_get(recipe, "order");
    if (json_array_size(order) > 0) {
        buf_puts(out, "found <- found[order(");
        for (size_t i = 0; i < json_array_size(order); i++) {
            buf_puts(out, "found[[");
            r_text(out, json_text(json_array_get(order, i), "column", ""));
            buf_puts(out, "]], ");
        }
        buf_puts(out, "method = \"radix\", decreasing = c(");
        for (size_t i = 0; i < json_array_size(order); i++)
            buf_printf(out, "%s%s", i > 0 ? ", " : "",
                       json_flag(json_array_get(order, i), "descending", false) ? "TRUE" : "FALSE");
        buf_puts(out, ")), , drop = FALSE]\n");
    }
    if (json_int(recipe, "limit", -1) >= 0)
        buf_printf(out, "found <- head(found, %lld)\n", (long long)json_int(recipe, "limit", 0));
}

/* Of the result as it is shown: columns by name, the rows that it has. */
static void put_checks(struct r_script *script)
{
    if (strcmp(json_text(script->answer, "intent", ""), "missingness") == 0) {
        buf_puts(script->out, "for (i in seq_along(expected[[1]]))\n"
                              "  check(paste(\"missing values of\", expected[[1]][i]),\n"
                              "        found[c(expected[[1]][i], \"marrow_rows\")], "
                              "c(expected[[2]][i], expected[[3]][i]))\n");
        return;
    }
    buf_puts(
        script->out,
        "shown <- head(found, length(expected[[1]]))\n"
        "stopifnot(nrow(found) >= length(expected[[1]]))\n"
        "for (column in names(expected)) check(column, shown[[column]], expected[[column]])\n");
    if (json_is_boolean(json_object_get(script->answer, "value")))
        buf_printf(script->out, "check(\"the answer\", found[[\"n\"]][1] > 0, %s)\n",
                   json_is_true(json_object_get(script->answer, "value")) ? "TRUE" : "FALSE");
}

static enum err_code put_groups(struct r_script *script, struct err *err)
{
    const json_t *recipe = script->rows->recipe, *groups = json_object_get(recipe, "groups"),
                 *columns = json_object_get(recipe, "columns");
    struct buf *out = script->out;
    buf_puts(out, helpers);
    buf_puts(out, "\n## ---- the numbers, computed anew\n\n");
    if (json_array_size(groups) > 0) {
        buf_puts(out, "keys <- key_of(rows, ");
        put_names(out, groups);
        buf_puts(out, ")\nparts <- split(seq_len(nrow(rows)), factor(keys, unique(keys)))\n");
    } else {
        buf_puts(out, "parts <- list(seq_len(nrow(rows)))\n");
    }
    buf_puts(out, "found <- do.call(rbind, lapply(unname(parts), function(of) {\n"
                  "  part <- rows[of, , drop = FALSE]\n  as.data.frame(list(");
    for (size_t i = 0; i < json_array_size(groups); i++) {
        buf_puts(out, i > 0 ? ",\n    " : "\n    ");
        r_value(out, json_array_get(groups, i));
        buf_puts(out, " = part[[");
        r_value(out, json_array_get(groups, i));
        buf_puts(out, "]][1]");
    }
    for (size_t i = 0; i < json_array_size(columns); i++) {
        const json_t *column = json_array_get(columns, i);
        buf_puts(out, i + json_array_size(groups) > 0 ? ",\n    " : "\n    ");
        r_text(out, json_text(column, "name", ""));
        buf_puts(out, " = ");
        TRY(put_call(out, column, err));
    }
    buf_puts(out, "), optional = TRUE, stringsAsFactors = FALSE)\n}))\n");
    if (strcmp(json_text(recipe, "kind", ""), "share") == 0)
        buf_puts(out, share);
    put_order(out, recipe);
    buf_puts(out, "print(head(found, 40), row.names = FALSE)\n\n## ---- Marrow's\n\n");
    r_expected(script);
    if (json_array_size(json_object_get(json_object_get(script->answer, "result"), "rows")) > 0)
        put_checks(script);
    else
        buf_puts(out, "stopifnot(is.null(found) || nrow(found) == 0)\n");
    return ERR_OK;
}

static void put_list(struct r_script *script)
{
    buf_puts(script->out, "## ---- the rows are the answer: nothing is computed of them\n\n"
                          "print(head(rows, 40), row.names = FALSE)\n\n## ---- Marrow's\n\n");
    r_expected(script);
    buf_puts(script->out, "for (column in names(expected)) check(column, head(rows[[column]], "
                          "length(expected[[column]])), expected[[column]])\n");
}

enum err_code r_plain(struct r_script *script, struct err *err)
{
    const char *kind = json_text(script->rows->recipe, "kind", "rows");
    if (strcmp(kind, "groups") == 0 || strcmp(kind, "share") == 0)
        return put_groups(script, err);
    put_list(script);
    return ERR_OK;
}
