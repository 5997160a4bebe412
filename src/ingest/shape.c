/* Units and footers, as people write them around a table. The one idea: a row is only taken out of
 * the data when its own words say so and the rows above contradict; every doubt leaves it where it
 * is (docs/TYPING.md, "Around the table"). */
#include "ingest/shape_priv.h"

#include <string.h>

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

static bool is_letter(char c)
{
    return (lower(c) >= 'a' && lower(c) <= 'z') || (unsigned char)c >= 0x80;
}

static bool in_list(struct str text, const char *const *list, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (str_equal_nocase(text, str_of(list[i])))
            return true;
    return false;
}
#define IN_LIST(text, list) in_list(text, list, sizeof(list) / sizeof *(list))

/* ---- units -------------------------------------------------------------------------------------
 */

static const char *const unit_words[] = {
    "y",       "yr",     "yrs",    "year",    "years",   "month", "months", "mo",         "week",
    "weeks",   "wk",     "day",    "days",    "d",       "hour",  "hours",  "hr",         "hrs",
    "h",       "min",    "mins",   "minute",  "minutes", "sec",   "second", "seconds",    "s",
    "ms",      "kg",     "g",      "gram",    "grams",   "mg",    "ug",     "µg",         "μg",
    "mcg",     "ng",     "pg",     "fg",      "lb",      "lbs",   "oz",     "l",          "dl",
    "cl",      "ml",     "ul",     "µl",      "μl",      "fl",    "mol",    "mmol",       "umol",
    "µmol",    "μmol",   "nmol",   "pmol",    "meq",     "eq",    "iu",     "u",          "mu",
    "miu",     "kiu",    "ku",     "mmhg",    "cmh2o",   "kpa",   "mbar",   "bar",        "cm",
    "mm",      "m",      "m2",     "m²",      "m^2",     "cm2",   "cm²",    "mm2",        "mm²",
    "mm3",     "mm³",    "cm3",    "cm³",     "ft",      "in",    "inch",   "inches",     "%",
    "percent", "‰",      "°c",     "°f",      "celsius", "ºc",    "bpm",    "beats",      "breaths",
    "cells",   "copies", "score",  "points",  "units",   "kcal",  "kj",     "j",          "w",
    "mv",      "v",      "hz",     "mosm",    "mosmol",  "osm",   "ratio",  "index",      "gy",
    "mgy",     "msv",    "bq",     "mbq",     "hu",      "met",   "mets",   "pack-years", "weeks",
    "jahre",   "monate", "tage",   "wochen",  "stunden", "ans",   "años",   "jours",      "meses",
    "mois",    "1.73m2", "1.73m²", "1.73 m2", "1.73 m²"};

/* What may stand above a column that has no unit. */
static const char *const no_units[] = {
    "-",    "--",         "–",          "—",          "n/a",        "na",         "none",    "text",
    "code", "id",         "date",       "y/n",        "yes/no",     "0/1",        "1/0",     "m/f",
    "f/m",  "yyyy-mm-dd", "dd/mm/yyyy", "mm/dd/yyyy", "dd.mm.yyyy", "dd-mm-yyyy", "category"};

/* Bytes of a superscript digit or minus; 0: none. */
static size_t superscript(struct str text)
{
    static const char *const single[] = {"¹", "²", "³"};
    if (str_has_prefix(text, "\xe2\x81")) /* ⁰ ⁴ … ⁹ ⁻ */
        return text.len > 2 ? 3 : 0;
    for (size_t i = 0; i < 3; i++)
        if (str_has_prefix(text, single[i]))
            return 2;
    return 0;
}

/* Bytes of an exponent, after its 10: "^9", "*6", "e-3", "³". 0: none, as in 100 and 10.5. */
static size_t exponent(struct str text)
{
    size_t at = 0, digits = 0, length = 0;
    while ((length = superscript((struct str){text.ptr + at, text.len - at})) > 0)
        at += length;
    if (at > 0 || text.len == 0 || memchr("^*eE", text.ptr[0], 4) == NULL)
        return at;
    at = str_has_prefix(text, "**") ? 2 : 1;
    at += at < text.len && (text.ptr[at] == '-' || text.ptr[at] == '+');
    for (; at < text.len && text.ptr[at] >= '0' && text.ptr[at] <= '9'; at++)
        digits++;
    return digits > 0 ? at : 0;
}

/* A word of the list, or a power of ten before one: "10^9", "x10e3", "×10³", "10*6". */
static bool is_unit_word(struct str text)
{
    text = str_trim(text);
    if (IN_LIST(text, unit_words))
        return true;
    if (text.len > 0 && lower(text.ptr[0]) == 'x')
        text = (struct str){text.ptr + 1, text.len - 1};
    else if (str_has_prefix(text, "×"))
        text = (struct str){text.ptr + 2, text.len - 2};
    if (!str_has_prefix(text, "10") || text.len > 16)
        return false;
    text = (struct str){text.ptr + 2, text.len - 2};
    size_t at = exponent(text);
    struct str rest = str_trim((struct str){text.ptr + at, text.len - at});
    return at > 0 && (rest.len == 0 || IN_LIST(rest, unit_words));
}

/* Words parted by '/', or "min-1"-like powers: every part is a word. The first may be empty
 * ("/min"). */
static bool is_unit_ratio(struct str text)
{
    size_t parts = 0;
    while (parts < 5) {
        const char *slash = memchr(text.ptr, '/', text.len);
        struct str part = {text.ptr, slash == NULL ? text.len : (size_t)(slash - text.ptr)};
        if (!is_unit_word(part) && !(parts == 0 && part.len == 0 && slash != NULL))
            return false;
        parts++;
        if (slash == NULL)
            return true;
        text = (struct str){slash + 1, text.len - part.len - 1};
    }
    return false;
}

static struct str without_brackets(struct str text)
{
    bool round = text.len > 2 && text.ptr[0] == '(' && text.ptr[text.len - 1] == ')';
    bool square = text.len > 2 && text.ptr[0] == '[' && text.ptr[text.len - 1] == ']';
    return round || square ? str_trim((struct str){text.ptr + 1, text.len - 2}) : text;
}

struct str shape_unit(struct str text)
{
    text = without_brackets(str_trim(text));
    if (str_has_prefix(text, "in ") && text.len > 3)
        text = (struct str){text.ptr + 3, text.len - 3};
    size_t numeric = 0; /* 10e3 is a number */
    while (numeric < text.len && memchr("0123456789.,eE+-", text.ptr[numeric], 16) != NULL)
        numeric++;
    bool unit = text.len > 0 && text.len <= 32 && numeric < text.len && is_unit_ratio(text);
    return unit ? text : (struct str){text.ptr, 0};
}

bool shape_is_units_row(const struct shape_cell *cells, size_t count)
{
    size_t filled = 0, units = 0, measured = 0;
    for (size_t i = 0; i < count; i++) {
        const struct shape_cell *cell = &cells[i];
        if (cell->text.len == 0)
            continue;
        bool unit = shape_unit(cell->text).len > 0;
        if (!unit && !IN_LIST(without_brackets(cell->text), no_units))
            return false;
        filled++;
        units += unit;
        measured += unit && cell->numbers > 0 && cell->numbers == cell->filled;
    }
    return units > 0 && units * 2 >= filled && measured * 2 >= units;
}

/* ---- below the table ---------------------------------------------------------------------------
 */

static bool begins_with_mark(struct str text)
{
    static const char *const marks[] = {"*", "†", "‡", "§", "¶"};
    static const char *const words[] = {
        "source",    "sources",     "note",          "notes",        "n.b",       "nb",
        "footnote",  "footnotes",   "abbreviations", "abbreviation", "abbr",      "legend",
        "remark",    "remarks",     "comment",       "comments",     "quelle",    "quellen",
        "anmerkung", "anmerkungen", "hinweis",       "legende",      "fuente",    "nota",
        "notas",     "remarque",    "data source",   "data from",    "copyright", "last updated",
        "exported",  "generated",   "disclaimer"};
    for (size_t i = 0; i < sizeof marks / sizeof *marks; i++)
        if (str_has_prefix(text, marks[i]) && text.len > strlen(marks[i]) + 1)
            return true;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        size_t length = strlen(words[i]);
        if (text.len > length + 1 &&
            str_equal_nocase((struct str){text.ptr, length}, str_of(words[i])) &&
            (text.ptr[length] == ':' || text.ptr[length] == '.' ||
             (text.ptr[length] == ' ' &&
              memchr(text.ptr + length + 1, ' ', text.len - length - 1) != NULL)))
            return true;
    }
    return false;
}

static bool is_total(struct str text)
{
    static const char *const words[] = {
        "total",     "totals",    "grand total", "sum",      "mean",       "average",   "avg",
        "sd",        "std",       "median",      "n",        "min",        "max",       "count",
        "mean (sd)", "mean ± sd", "gesamt",      "summe",    "mittelwert", "insgesamt", "somme",
        "moyenne",   "suma",      "media",       "promedio", "totale"};
    while (text.len > 0 && (text.ptr[text.len - 1] == ':' || text.ptr[text.len - 1] == ' '))
        text.len--;
    return IN_LIST(text, words);
}

static size_t count_words(struct str text)
{
    size_t words = 0;
    bool inside = false;
    for (size_t i = 0; i < text.len; i++) {
        bool blank = text.ptr[i] == ' ' || text.ptr[i] == '\t';
        words += !blank && !inside;
        inside = !blank;
    }
    return words;
}

static bool has_letter(struct str text)
{
    for (size_t i = 0; i < text.len; i++)
        if (is_letter(text.ptr[i]))
            return true;
    return false;
}

void shape_profile_add(struct shape_profile *profile, const struct shape_row *row)
{
    profile->rows++;
    if (!row->first_column)
        return;
    size_t length = strlen(row->first);
    profile->texts += row->text;
    profile->numbers += !row->text;
    if (row->text && length > profile->longest)
        profile->longest = length;
}

/* gap: an empty row parts it from the data. */
static bool is_tail_row(const struct shape_profile *above, const struct shape_row *row, bool gap,
                        size_t columns)
{
    struct str first = str_of(row->first);
    bool only_numbers = above->numbers >= 2 && above->texts == 0;
    if (!row->text || !row->first_column || !has_letter(first))
        return false;
    if (row->filled > 1)
        return is_total(first) && row->numbers_follow && (gap || only_numbers);
    if (begins_with_mark(first) && (first.len > above->longest || gap))
        return true;
    if (columns < 3)
        return false;
    size_t words = count_words(first);
    bool sentence = words >= 3 && first.len > above->longest;
    return sentence || (gap && words >= 2 && first.len > above->longest) ||
           (only_numbers && (words >= 2 || gap));
}

size_t shape_find_tail(const struct shape_profile *above, const struct shape_row *rows,
                       size_t count, size_t columns)
{
    struct shape_profile profile = *above;
    for (size_t start = 0; start < count; shape_profile_add(&profile, &rows[start++])) {
        bool gap = false, all = profile.rows >= 2 && columns >= 2;
        for (size_t i = start; i < count && all; i++) {
            gap = gap || rows[i].gap;
            all = is_tail_row(&profile, &rows[i], gap, columns);
        }
        if (all)
            return start;
    }
    return count;
}
