/* Warnings of a version's tables, for people: grouped by kind, what may change an answer first,
 * what is only good to know last. A kind met once is told in full; met often, it is one line with
 * its count and the first few places. `--json` has every one. */
#include "cli/render.h"

#include <stdio.h>
#include <string.h>

#define WARNINGS_NAMES_SHOWN 5   /* places named in a kind's line */
#define WARNINGS_MORE_WIDTH 16   /* " … and 1,234 more" */
#define WARNINGS_SINGLES_SHOWN 6 /* warnings of one kind without a line of its own */

struct kind {
    const char *code;
    const char *one;  /* in front of the message of a kind met once; may be NULL */
    const char *many; /* "%s columns …" after the count */
    bool note;        /* only good to know */
};
static const struct kind kinds[] = {
    {"ambiguous_date", NULL,
     "columns of dates whose day and month can't be told apart, kept as text", false},
    {"mixed_types", NULL, "columns mix numbers or dates with other values, kept as text", false},
    {"decimal_comma", NULL,
     "columns of numbers with decimal commas, read as such (--type TABLE.COLUMN=text keeps them)",
     false},
    {"censored_numbers", NULL,
     "columns of numbers have limits such as <0.5, kept as text (--type TABLE.COLUMN=comparator "
     "parts them)",
     false},
    {"partial_dates", NULL, "columns of dates have partial ones, kept as text", false},
    {"mixed_dates", NULL,
     "columns mix dates and timestamps, kept as text (--type TABLE.COLUMN=timestamp reads dates as "
     "midnight)",
     false},
    {"suspicious_null", NULL, "columns have cells that look like missing values, kept as text",
     false},
    {"all_null", NULL, "columns are empty", false},
    {"stackable", NULL, "groups of tables look like parts of one table (--stack auto stacks them)",
     false},
    {NULL, NULL, NULL, false}, /* here stand the kinds that are not named in this table */
    {"title_rows", NULL, "tables had rows above the header, skipped", false},
    {"merged_cells", NULL, "tables had merged cells: the value stands in the first", false},
    {"leading_zeros", NULL, "columns of numbers with leading zeros, kept as text", true},
    {"constant", NULL, "columns have the same value in every row", true},
    {"padded", NULL, "columns had blanks around their values, trimmed", true},
    {"encoding_converted", "text converted, ", "tables were converted to UTF-8", true},
    {"byte_order_mark", NULL, "files begin with a byte order mark, left out", true},
    {"line_ends", NULL, "files had other line ends, made equal", true},
};

static const char *code_of(const json_t *warning)
{
    return json_text(warning, "code", "");
}

static bool listed(const char *code)
{
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (kinds[i].code != NULL && strcmp(kinds[i].code, code) == 0)
            return true;
    return false;
}

/* A column whose zeros keep it text needs no second line that not all of it are numbers. */
static bool told_already(const json_t *warnings, const json_t *warning)
{
    const char *column = json_text(warning, "column", NULL);
    if (column == NULL || strcmp(code_of(warning), "mixed_types") != 0)
        return false;
    for (size_t i = 0; i < json_array_size(warnings); i++) {
        const json_t *other = json_array_get(warnings, i);
        if (strcmp(code_of(other), "leading_zeros") == 0 &&
            strcmp(json_text(other, "column", ""), column) == 0)
            return true;
    }
    return false;
}

static bool belongs(const struct kind *kind, const json_t *warnings, const json_t *warning)
{
    bool same =
        kind->code == NULL ? !listed(code_of(warning)) : strcmp(kind->code, code_of(warning)) == 0;
    return same && !told_already(warnings, warning);
}

static void put_place(struct cli *cli, const json_t *table, const json_t *warning)
{
    const char *column = json_text(warning, "column", NULL);
    cli_add_visible(&cli->out, str_of(json_text(table, "name", "")));
    if (column != NULL) {
        cli_say(cli, ".");
        cli_add_visible(&cli->out, str_of(column));
    }
}

static void put_single(struct cli *cli, const struct kind *kind, const json_t *table,
                       const json_t *warning)
{
    const char *message = json_is_string(warning) ? json_string_value(warning)
                                                  : json_text(warning, "message", code_of(warning));
    const char *column = json_text(warning, "column", NULL);
    if (column != NULL && strncmp(message, "column \"", 8) == 0 && strstr(message, "\": ") != NULL)
        message = strstr(message, "\": ") + 3; /* the name is shown in front */
    cli_say(cli, "  ");
    put_place(cli, table, warning);
    cli_say(cli, ": %s", kind->one != NULL ? kind->one : "");
    cli_add_visible(&cli->out, str_of(message));
    cli_say(cli, "\n");
}

static size_t count_of(const struct kind *kind, const json_t *tables)
{
    size_t count = 0;
    for (size_t i = 0; i < json_array_size(tables); i++) {
        const json_t *warnings = json_object_get(json_array_get(tables, i), "warnings");
        for (size_t k = 0; k < json_array_size(warnings); k++)
            count += belongs(kind, warnings, json_array_get(warnings, k)) ? 1 : 0;
    }
    return count;
}

/* The idx-th warning of a kind; false: there is none. */
static bool warning_at(const struct kind *kind, const json_t *tables, size_t idx,
                       const json_t **ret_table, const json_t **ret)
{
    for (size_t i = 0; i < json_array_size(tables); i++) {
        const json_t *warnings = json_object_get(json_array_get(tables, i), "warnings");
        for (size_t k = 0; k < json_array_size(warnings); k++) {
            *ret_table = json_array_get(tables, i);
            *ret = json_array_get(warnings, k);
            if (belongs(kind, warnings, *ret) && idx-- == 0)
                return true;
        }
    }
    return false;
}

/* As many places as a line of the terminal holds, one at least. */
static void put_places(struct cli *cli, const struct kind *kind, const json_t *tables, size_t count)
{
    const json_t *table, *warning;
    size_t start = cli->out.len, shown = 0;
    char text[32];
    cli_say(cli, "  %s %s: ", cli_count((int64_t)count, text), kind->many);
    for (; shown < WARNINGS_NAMES_SHOWN && warning_at(kind, tables, shown, &table, &warning);
         shown++) {
        size_t before = cli->out.len;
        cli_say(cli, shown > 0 ? ", " : "");
        put_place(cli, table, warning);
        int width = cli_text_width((struct str){cli->out.ptr + start, cli->out.len - start});
        if (shown > 0 && cli->width > 0 && width + WARNINGS_MORE_WIDTH > cli->width) {
            cli->out.len = before;
            break;
        }
    }
    if (count > shown)
        cli_say(cli, " … and %s more", cli_count((int64_t)(count - shown), text));
    cli_say(cli, "\n");
}

static void put_kind(struct cli *cli, const struct kind *kind, const json_t *tables, size_t count)
{
    const json_t *table, *warning;
    size_t shown = 0;
    char text[32];
    if (kind->code != NULL && count > 1) {
        put_places(cli, kind, tables, count);
        return;
    }
    for (; shown < WARNINGS_SINGLES_SHOWN && warning_at(kind, tables, shown, &table, &warning);
         shown++)
        put_single(cli, kind, table, warning);
    if (count > shown)
        cli_say(cli, "  … and %s more\n", cli_count((int64_t)(count - shown), text));
}

static void put_head(struct cli *cli, enum cli_style style, const char *name)
{
    cli_say(cli, "\n");
    cli_style(cli, style, "%s:", name);
    cli_say(cli, "\n");
}

void cli_put_table_warnings(struct cli *cli, const json_t *tables)
{
    size_t start = cli->out.len;
    for (int note = 0; note < 2; note++) {
        bool begun = false;
        for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
            size_t count = kinds[i].note == (note == 1) ? count_of(&kinds[i], tables) : 0;
            if (count == 0)
                continue;
            if (!begun)
                put_head(cli, note == 1 ? CLI_DIM : CLI_WARN,
                         note == 1 ? "good to know" : "warnings");
            begun = true;
            put_kind(cli, &kinds[i], tables, count);
        }
    }
    cli_wrap(&cli->out, start, cli->width);
}
