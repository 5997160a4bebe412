/* The R script of an answer: its head, the reading of the rows, and the end; what is computed
 * between comes from the recipe (plain answers) or from question.analysis (statistical ones). */
#include "report/r_priv.h"

#include "base/screen.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

const char r_source_read[] =
    "here <- local({\n"
    "  file <- sub(\"^--file=\", \"\", grep(\"^--file=\", commandArgs(FALSE), value = TRUE))\n"
    "  if (length(file) == 1) dirname(gsub(\"~+~\", \" \", file, fixed = TRUE)) else \".\"  # ~+~: a blank\n"
    "})\n"
    "read_rows <- function() {\n"
    "  parquet <- file.path(here, \"data.parquet\")\n"
    "  rows <- if (requireNamespace(\"nanoparquet\", quietly = TRUE)) "
    "nanoparquet::read_parquet(parquet)\n"
    "    else if (requireNamespace(\"arrow\", quietly = TRUE)) arrow::read_parquet(parquet)\n"
    "    else read.csv(file.path(here, \"data.csv\"), colClasses = \"character\", na.strings = "
    "\"\\\\N\",\n"
    "                  check.names = FALSE, encoding = \"UTF-8\")\n"
    "  rows <- as.data.frame(rows, optional = TRUE)\n"
    "  names(rows) <- names(types)\n"
    "  as_type <- list(\n"
    "    number = function(x) as.numeric(x),\n"
    "    logical = function(x) if (is.character(x)) x == \"true\" else as.logical(x),\n"
    "    date = function(x) as.character(x),\n"
    "    time = function(x) if (inherits(x, \"POSIXct\")) format(x, \"%Y-%m-%d %H:%M:%S\", tz = "
    "\"UTC\") else x,\n"
    "    text = function(x) as.character(x))\n"
    "  for (column in seq_along(types)) rows[[column]] <- "
    "as_type[[types[[column]]]](rows[[column]])\n"
    "  rows\n"
    "}\n";

const char r_source_check[] =
    "# Compares what R found with what Marrow said, and stops where they differ.\n"
    "checked <- 0\n"
    "check <- function(what, found, expected, tolerance = 1e-6) {\n"
    "  cat(\"  \", what, sep = \"\")\n"
    "  found <- unname(unlist(found)); expected <- unname(unlist(expected))\n"
    "  if (is.numeric(expected)) {\n"
    "    found <- as.numeric(found); found[!is.finite(found)] <- NA\n"
    "    stopifnot(length(found) == length(expected), identical(is.na(found), is.na(expected)))\n"
    "    for (i in which(!is.na(expected))) {\n"
    "      if (abs(found[i]) < 1e-12 && abs(expected[i]) < 1e-12) next\n"
    "      stopifnot(all.equal(found[i], expected[i], tolerance = tolerance, scale = "
    "abs(expected[i])))\n"
    "    }\n"
    "  } else stopifnot(all.equal(as.character(found), as.character(expected)))\n"
    "  checked <<- checked + length(expected)\n"
    "  cat(\": as Marrow\\n\")\n"
    "}\n";

void r_text(struct buf *out, const char *text)
{
    struct str rest = str_of(text);
    buf_putc(out, '"');
    while (rest.len > 0) {
        unsigned char c = (unsigned char)rest.ptr[0];
        size_t length = c < 0x80 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
        uint32_t code = length == 1 ? c : c & (0xffu >> (length + 1));
        length = length > rest.len ? rest.len : length;
        for (size_t i = 1; i < length; i++)
            code = code << 6 | ((unsigned char)rest.ptr[i] & 0x3fu);
        if (c == '"' || c == '\\')
            buf_printf(out, "\\%c", c);
        else if (c >= 0x20 && c < 0x7f)
            buf_putc(out, (char)c);
        else
            buf_printf(out, code > 0xffff ? "\\U%08x" : "\\u%04x", code);
        rest = (struct str){rest.ptr + length, rest.len - length};
    }
    buf_putc(out, '"');
}

void r_value(struct buf *out, const json_t *value)
{
    if (json_is_string(value))
        r_text(out, json_string_value(value));
    else if (json_is_integer(value))
        buf_printf(out, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
    else if (json_is_real(value))
        buf_printf(out, "%.17g", json_real_value(value));
    else
        buf_puts(out, json_is_true(value) ? "TRUE" : json_is_false(value) ? "FALSE" : "NA");
}

void r_column(struct buf *out, const json_t *rows, size_t column)
{
    const char *missing = "NA_real_";
    for (size_t r = 0; r < json_array_size(rows); r++) {
        const json_t *cell = json_array_get(json_array_get(rows, r), column);
        if (json_is_string(cell))
            missing = "NA_character_";
        if (json_is_boolean(cell))
            missing = "NA";
    }
    buf_puts(out, "c(");
    for (size_t r = 0; r < json_array_size(rows); r++) {
        const json_t *cell = json_array_get(json_array_get(rows, r), column);
        buf_puts(out, r == 0 ? "" : r % 8 == 0 ? ",\n    " : ", ");
        if (json_is_null(cell))
            buf_puts(out, missing);
        else
            r_value(out, cell);
    }
    buf_puts(out, json_array_size(rows) == 0 ? "NULL)" : ")");
}

void r_expected(struct r_script *script)
{
    const json_t *result = json_object_get(script->answer, "result"),
                 *columns = json_object_get(result, "columns");
    buf_puts(script->out, "expected <- list(");
    for (size_t c = 0; c < json_array_size(columns); c++) {
        buf_puts(script->out, c > 0 ? ",\n  " : "\n  ");
        r_text(script->out, json_string_value(json_array_get(columns, c)));
        buf_puts(script->out, " = ");
        r_column(script->out, json_object_get(result, "rows"), c);
    }
    buf_puts(script->out, ")\n");
}

void r_comment(struct buf *out, const char *lead, const char *text)
{
    AUTO(buf_done) struct buf shown = BUF_INIT;
    screen_add_visible(&shown, str_of(text));
    struct str rest = buf_view(&shown);
    bool first = true;
    while (first || rest.len > 0) {
        size_t length = screen_cut(rest, 96), blank = length;
        while (length < rest.len && blank > 0 && rest.ptr[blank] != ' ')
            blank--;
        length = length < rest.len && blank > 0 ? blank : length;
        buf_printf(out, "# %s", first ? lead : "  ");
        buf_add(out, rest.ptr, length);
        buf_putc(out, '\n');
        rest = str_trim((struct str){rest.ptr + length, rest.len - length});
        first = false;
    }
}

static void put_head(struct r_script *script)
{
    struct buf *out = script->out;
    const json_t *answer = script->answer, *dropped = json_object_get(answer, "dropped");
    char text[400];
    r_comment(out, "", script->about->question);
    buf_puts(out, "#\n");
    r_comment(out, "Reading: ", json_text(answer, "reading", ""));
    if (json_text(json_object_get(answer, "test"), "name", NULL) != NULL)
        r_comment(out, "Test: ", json_text(json_object_get(answer, "test"), "name", ""));
    for (size_t i = 0; i < json_array_size(dropped); i++) {
        const json_t *one = json_array_get(dropped, i);
        (void)snprintf(text, sizeof text, "%lld: %.300s", (long long)json_int(one, "n", 0),
                       json_text(one, "reason", ""));
        r_comment(out, "Left out: ", text);
    }
    buf_puts(out, "#\n");
    r_comment(out, "Dataset ", json_text(answer, "dataset", ""));
    r_comment(out, "version ", json_text(answer, "version", ""));
    r_comment(out, "plan    ", json_text(answer, "signature", ""));
    r_comment(out, "run     ", json_text(answer, "run_key", ""));
    buf_printf(out, "# Written by Marrow " MARROW_VERSION " at %s.\n#\n", script->about->made_at);
    buf_puts(
        out,
        "# Base R and the package survival are enough:  Rscript analysis.R\n"
        "# It reads the rows beside it (data.parquet where a package can, else data.csv, which has "
        "the same),\n# computes every number anew, and stops where one is not Marrow's.\n\n");
}

static void put_rows(struct r_script *script)
{
    const json_t *columns = script->rows->columns;
    buf_puts(script->out, "## ---- the rows\n\ntypes <- c(");
    for (size_t i = 0; i < json_array_size(columns); i++) {
        buf_puts(script->out, i > 0 ? ", " : "");
        r_text(script->out, json_text(json_array_get(columns, i), "name", ""));
        buf_puts(script->out, " = ");
        r_text(script->out, json_text(json_array_get(columns, i), "type", "text"));
    }
    buf_puts(script->out, ")\n");
    buf_puts(script->out, r_source_read);
    buf_puts(script->out, "rows <- read_rows()\ncat(nrow(rows), \"rows read\\n\")\n\n");
    buf_puts(script->out, r_source_check);
    buf_putc(script->out, '\n');
}

enum err_code report_r_script(const json_t *answer, const struct report_about *about,
                              const struct report_rows *rows, struct buf *ret, struct err *err)
{
    struct r_script script = {answer, about, rows, ret};
    put_head(&script);
    put_rows(&script);
    if (rows->recipe != NULL)
        TRY(r_plain(&script, err));
    else
        TRY(r_statistics(&script, err));
    buf_puts(ret, "\ncat(checked, \"numbers are as Marrow gave them\\n\")\n");
    return buf_check(ret, err);
}
