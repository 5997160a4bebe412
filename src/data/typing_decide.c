/* From statistics to types, a table at a time (rules and reasons: docs/TYPING.md).
 *
 *   1. each column's core: the type that holds every text that is no candidate marker
 *      (numbers whose commas it can't read by itself are settled by the other columns, then by the
 *      file's delimiter)
 *   2. a provable marker (NA, null …) is proven when it stands in a column whose core is numeric or
 * temporal
 *   3. markers that count as null here: all in typed columns; in others the unambiguous and the
 * proven ones
 *   4. counts, warnings
 *
 * Pure over the statistics; nothing is guessed from a sample. */
#include <stdio.h>
#include <string.h>

#include "data/typing_priv.h"

enum {
    FAMILY_NUMBER,
    FAMILY_DATE,
    FAMILY_TIMESTAMP,
    FAMILY_TIMESTAMPTZ,
    FAMILY_TIME,
    FAMILY_OTHER,
    FAMILY_BOOLEAN,
    FAMILIES
};

struct decider {
    const struct typing_options *options;
    struct arena *arena;
    bool proven[TYPING_MARKERS];
    unsigned notations; /* that some column proves */
};

/* One column under decision. */
struct column {
    const struct typing_stats *stats;
    const char *name;
    struct typing_summary
        summary;        /* of an exact column too; markers given by the user are taken out */
    int64_t user_nulls; /* summarised: cells that are a marker given by the user */
    bool user_present[TYPING_MARKERS]; /* built-in markers that the user's list keeps */
    bool has_core;                     /* there is a text that is no candidate marker */
    struct data_type core;
    const char *given;     /* format that the user gave, or NULL */
    bool ambiguous;        /* several date formats fit */
    bool ambiguous_number; /* both notations of numbers with commas fit */
    struct typing_decision *decision;
};

static bool has_user_list(const struct decider *decider)
{
    return decider->options != NULL && decider->options->null_markers != NULL;
}

static bool in_user_list(const struct decider *decider, struct str text)
{
    for (size_t i = 0; has_user_list(decider) && i < decider->options->null_marker_count; i++)
        if (str_equal(text, str_of(decider->options->null_markers[i])))
            return true;
    return false;
}

/* ---- 1. the core -------------------------------------------------------------------------------
 */

static int64_t total_of(const struct typing_summary *summary)
{
    int64_t total = 0;
    for (int i = 0; i < CLASS_COUNT; i++)
        total += summary->classes[i];
    return total;
}

/* With the user's own list, a built-in marker that is not in it is a text like any other. */
static void release_markers(const struct decider *decider, struct column *column)
{
    struct typing_summary *summary = &column->summary;
    if (!has_user_list(decider))
        return;
    for (int i = 0; i < TYPING_MARKERS; i++) {
        struct str text = str_of(typing_markers[i].text);
        column->user_present[i] = i <= TYPING_MARKER_BLANK || in_user_list(decider, text);
        if (column->user_present[i])
            continue;
        int64_t cells = summary->markers[i] + summary->padded_markers[i];
        summary->markers[i] = summary->padded_markers[i] = 0;
        if (cells == 0)
            continue;
        struct typing_cell cell = {.class = CLASS_TEXT};
        typing_summary_add(summary, &cell, text.len, cells);
    }
}

/* The set's texts: all of an exact column, the strays of a summarised one. */
static void read_set(const struct decider *decider, struct column *column)
{
    const struct typing_set *set = &column->stats->set;
    for (uint32_t i = 0; i < set->count; i++) {
        struct str text = typing_entry_text(set, &set->entries[i]);
        int64_t count = set->entries[i].count;
        bool user = text.len > 0 && in_user_list(decider, text);
        struct typing_cell cell;
        typing_classify(text, &cell);
        bool built_in = cell.class == CLASS_MARKER && !cell.padded;
        if (user && !built_in) {
            column->user_nulls += count;
            if (column->stats->summarised)
                column->summary.classes[cell.class] -= count;
        } else if (!column->stats->summarised) {
            typing_summary_add(&column->summary, &cell, text.len, count);
        }
    }
}

static struct data_type number_core(const struct typing_summary *summary)
{
    int64_t digits = summary->whole + summary->scale;
    bool points = summary->classes[CLASS_DECIMAL] > 0,
         exponents = summary->classes[CLASS_EXPONENT] > 0;
    if (!points && !exponents) {
        if (summary->classes[CLASS_WIDE_INTEGER] == 0)
            return DATA_TYPE(BIGINT);
        return summary->whole <= 38 ? data_type_decimal(38, 0) : DATA_TYPE(TEXT);
    }
    if (!exponents && digits <= 38)
        return data_type_decimal(digits <= 18 ? 18 : 38, (unsigned)summary->scale);
    return summary->significant <= 15 ? DATA_TYPE(DOUBLE) : DATA_TYPE(TEXT);
}

/* One format, or several that say the same of every cell; a date without a time is a date. */
static struct data_type other_core(struct column *column)
{
    uint32_t mask = (uint32_t)column->summary.date_mask;
    for (int i = 0; column->given != NULL && i < TYPING_DATE_FORMATS; i++)
        mask &= column->given == typing_date_formats[i] ? 1u << i : ~(1u << i);
    if (mask == 0)
        return DATA_TYPE(TEXT);
    if ((mask & (mask - 1)) != 0) {
        column->ambiguous = true;
        return DATA_TYPE(TEXT);
    }
    int bit = __builtin_ctz(mask);
    column->decision->format = typing_date_formats[bit];
    return bit % 3 == 0 ? DATA_TYPE(DATE) : DATA_TYPE(TIMESTAMP);
}

static struct data_type notation_core(struct column *column, enum typing_notation notation)
{
    struct data_type type = typing_notation_core(&column->summary, notation);
    if (type.kind != DATA_TEXT)
        column->decision->format = typing_number_formats[notation];
    return type;
}

/* Numbers with commas among them: the one notation that fits, be it the given one. */
static struct data_type comma_core(struct column *column)
{
    unsigned mask = typing_notations(&column->summary);
    enum typing_notation given;
    if (typing_format_is_number(column->given, &given))
        mask &= 1u << given;
    /* "1.234.567" and no comma anywhere may as well be an identifier */
    bool dots_only = mask == 1u << TYPING_COMMA_DECIMAL && column->given == NULL &&
                     column->summary.scales[TYPING_COMMA_DECIMAL] == 0;
    column->ambiguous_number = (mask & (mask - 1)) != 0 || dots_only;
    if (mask == 0 || column->ambiguous_number || column->summary.classes[CLASS_EXPONENT] > 0)
        return DATA_TYPE(TEXT);
    return notation_core(column, (enum typing_notation)__builtin_ctz(mask));
}

/* What a column proves of the whole table's numbers. */
static unsigned proven_notation(const struct column *column)
{
    enum typing_notation notation;
    if (typing_format_is_number(column->decision->format, &notation))
        return 1u << notation;
    bool points = data_type_is_numeric(column->core) && column->summary.decimal_points > 0;
    return points ? 1u << TYPING_COMMA_GROUPS : 0;
}

/* "1,234" and nothing else in the column: as the other columns say, else as the delimiter does. */
static void settle_number(const struct decider *decider, struct column *column)
{
    unsigned mask = decider->notations;
    bool hint = decider->options != NULL && decider->options->decimal_comma;
    if (mask == 0 && hint)
        mask = 1u << TYPING_COMMA_DECIMAL;
    if (!column->ambiguous_number || mask == 0 || (mask & (mask - 1)) != 0 ||
        (mask & typing_notations(&column->summary)) == 0)
        return;
    column->ambiguous_number = false;
    column->core = notation_core(column, (enum typing_notation)__builtin_ctz(mask));
}

static void families_of(const struct typing_summary *summary, int64_t ret[FAMILIES])
{
    const int64_t *classes = summary->classes;
    ret[FAMILY_NUMBER] = classes[CLASS_INTEGER] + classes[CLASS_WIDE_INTEGER] +
                         classes[CLASS_DECIMAL] + classes[CLASS_EXPONENT];
    ret[FAMILY_DATE] = classes[CLASS_DATE];
    ret[FAMILY_TIMESTAMP] = classes[CLASS_TIMESTAMP];
    ret[FAMILY_TIMESTAMPTZ] = classes[CLASS_TIMESTAMPTZ];
    ret[FAMILY_TIME] = classes[CLASS_TIME];
    ret[FAMILY_OTHER] = classes[CLASS_OTHER_DATE];
    ret[FAMILY_BOOLEAN] =
        classes[CLASS_BOOLEAN_LOWER] + classes[CLASS_BOOLEAN_TITLE] + classes[CLASS_BOOLEAN_UPPER];
}

/* Are commas, or points that were said to part thousands, to be read? */
static bool has_commas(const struct column *column)
{
    return column->summary.classes[CLASS_COMMA_NUMBER] > 0 ||
           (column->given == typing_number_formats[TYPING_COMMA_DECIMAL] &&
            column->summary.classes[CLASS_DECIMAL] > 0);
}

static struct data_type core_of(struct column *column)
{
    const struct typing_summary *summary = &column->summary;
    int64_t total = total_of(summary), families[FAMILIES];
    families_of(summary, families);
    if (families[FAMILY_NUMBER] + summary->classes[CLASS_COMMA_NUMBER] == total)
        return has_commas(column) ? comma_core(column) : number_core(summary);
    if (families[FAMILY_DATE] == total)
        return DATA_TYPE(DATE);
    if (families[FAMILY_TIMESTAMP] == total)
        return DATA_TYPE(TIMESTAMP);
    if (families[FAMILY_TIMESTAMPTZ] == total)
        return DATA_TYPE(TIMESTAMPTZ);
    if (families[FAMILY_TIME] == total)
        return DATA_TYPE(TIME);
    if (families[FAMILY_OTHER] == total)
        return other_core(column);
    for (int i = CLASS_BOOLEAN_LOWER; i <= CLASS_BOOLEAN_UPPER; i++)
        if (summary->classes[i] == total)
            return DATA_TYPE(BOOLEAN);
    return DATA_TYPE(TEXT);
}

/* "unknown" beside true and false is a third value, not a missing one. */
static bool has_third_value(const struct typing_summary *summary)
{
    int64_t cells = 0;
    for (int i = 0; i < TYPING_MARKERS; i++)
        if (typing_markers[i].trust == TRUST_IF_TYPED && i != TYPING_MARKER_BLANK)
            cells += summary->markers[i] + summary->padded_markers[i];
    return cells > 0;
}

static void find_core(const struct decider *decider, struct column *column)
{
    if (column->stats->summarised)
        column->summary = *column->stats->summary;
    else
        typing_summary_init(&column->summary);
    read_set(decider, column);
    release_markers(decider, column);
    column->has_core = total_of(&column->summary) > 0;
    column->core = column->has_core ? core_of(column) : DATA_TYPE(TEXT);
    if (column->core.kind == DATA_BOOLEAN && !has_user_list(decider) &&
        has_third_value(&column->summary))
        column->core = DATA_TYPE(TEXT);
}

/* ---- 2. and 3. markers -------------------------------------------------------------------------
 */

static bool is_typed(struct data_type type)
{
    return data_type_is_numeric(type) || data_type_is_temporal(type) || type.kind == DATA_TIME;
}

static void find_proofs(struct decider *decider, const struct column *column)
{
    for (int i = 0; i < TYPING_MARKERS; i++)
        if (is_typed(column->core) &&
            column->summary.markers[i] + column->summary.padded_markers[i] > 0)
            decider->proven[i] = true;
}

/* Does marker i count as null in this column? */
static bool counts_as_null(const struct decider *decider, const struct column *column, int i)
{
    struct data_type type = column->decision->type;
    if (is_typed(type))
        return true;
    if (i == TYPING_MARKER_BLANK)
        return type.kind != DATA_TEXT;
    if (has_user_list(decider))
        return true; /* the user said so; what he did not name has been released */
    switch (typing_markers[i].trust) {
    case TRUST_ANYWHERE:
        return true;
    case TRUST_IF_PROVEN:
        return decider->proven[i] || type.kind != DATA_TEXT;
    case TRUST_IF_TYPED:
        return false;
    }
    return false;
}

static void warn(struct column *column, const char *code, const char *text, bool *ok)
{
    json_t *object = json_object();
    AUTO(buf_done) struct buf message = BUF_INIT;
    buf_printf(&message, "column \"%s\": %s", column->name == NULL ? "" : column->name, text);
    json_put_text(object, "code", code, ok);
    json_put_text(object, "message", buf_text(&message), ok);
    json_push(column->decision->warnings, object, ok);
    if (message.failed)
        *ok = false;
}

/* Chooses the null markers, counts them; warns of those left as texts. */
static void settle_markers(const struct decider *decider, struct column *column, bool *ok)
{
    struct typing_decision *decision = column->decision;
    const struct typing_summary *summary = &column->summary;
    size_t user = has_user_list(decider) ? decider->options->null_marker_count : 0;
    decision->null_markers =
        arena_array(decider->arena, TYPING_MARKERS + user, sizeof *decision->null_markers);
    if (decision->null_markers == NULL) {
        *ok = false;
        return;
    }
    int64_t suspicious = 0;
    const char *example = NULL;
    for (int i = 0; i < TYPING_MARKERS; i++) {
        int64_t cells = summary->markers[i] + summary->padded_markers[i];
        bool null = counts_as_null(decider, column, i);
        if (cells > 0 && null && i > TYPING_MARKER_BLANK && !has_user_list(decider))
            decision->null_markers[decision->null_marker_count++] = typing_markers[i].text;
        if (cells > 0 && !null && i > TYPING_MARKER_BLANK) {
            suspicious += cells;
            example = example == NULL ? typing_markers[i].text : example;
        }
    }
    for (size_t i = 0; i < user; i++) {
        const char *copy = arena_strdup(decider->arena, decider->options->null_markers[i]);
        if (copy == NULL)
            *ok = false;
        else if (copy[0] != '\0')
            decision->null_markers[decision->null_marker_count++] = copy;
    }
    if (suspicious > 0) {
        char text[160];
        snprintf(text, sizeof text,
                 "%lld cells such as \"%s\" look like missing values and were kept as text",
                 (long long)suspicious, example);
        warn(column, "suspicious_null", text, ok);
    }
}

/* ---- 4. counts ---------------------------------------------------------------------------------
 */

static bool is_null(const struct typing_decision *decision, struct str text)
{
    if (decision->padded)
        text = str_trim(text);
    if (text.len == 0)
        return true;
    for (size_t i = 0; i < decision->null_marker_count; i++)
        if (str_equal(text, str_of(decision->null_markers[i])))
            return true;
    return false;
}

static void count_text(struct typing_decision *decision, size_t length)
{
    int64_t bytes = (int64_t)length;
    if (decision->shortest < 0 || bytes < decision->shortest)
        decision->shortest = bytes;
    if (bytes > decision->longest)
        decision->longest = bytes;
}

static void count_exact(struct column *column)
{
    const struct typing_set *set = &column->stats->set;
    struct typing_decision *decision = column->decision;
    int64_t distinct = 0;
    for (uint32_t i = 0; i < set->count; i++) {
        struct str text = typing_entry_text(set, &set->entries[i]);
        decision->rows += set->entries[i].count;
        if (is_null(decision, text)) {
            decision->nulls += set->entries[i].count;
            continue;
        }
        distinct++;
        count_text(decision, text.len);
    }
    decision->distinct_estimate = (double)distinct;
    decision->distinct_exact = true;
}

static void count_summarised(const struct decider *decider, struct column *column)
{
    const struct typing_summary *summary = column->stats->summary;
    struct typing_decision *decision = column->decision;
    int64_t kept_markers = 0;
    decision->rows += total_of(summary);
    decision->nulls += column->user_nulls;
    for (int i = 0; i < TYPING_MARKERS; i++) {
        bool exact_null =
            has_user_list(decider)
                ? column->user_present[i] && (i != TYPING_MARKER_BLANK || decision->padded)
                : counts_as_null(decider, column, i);
        int64_t nulls = (exact_null ? summary->markers[i] : 0) +
                        (exact_null && decision->padded ? summary->padded_markers[i] : 0);
        int64_t cells = summary->markers[i] + summary->padded_markers[i];
        decision->rows += cells;
        decision->nulls += nulls;
        if (cells > nulls) {
            kept_markers++;
            count_text(decision, strlen(typing_markers[i].text));
        }
    }
    decision->distinct_estimate =
        typing_registers_estimate(column->stats->registers) + (double)kept_markers;
    if (summary->shortest != INT64_MAX) {
        count_text(decision, (size_t)summary->shortest);
        count_text(decision, (size_t)summary->longest);
    }
}

/* ---- warnings ----------------------------------------------------------------------------------
 */

/* Texts that no type holds. */
static int64_t texts_of(const struct typing_summary *summary)
{
    int64_t texts = 0;
    for (int i = 0; i < CLASS_COUNT; i++)
        texts += typing_class_is_text((enum typing_class)i) ? summary->classes[i] : 0;
    return texts;
}

/* Number of values that share one kind, when at least half do (or nothing is plain text), and the
 * kind's name; 0 = nothing to say. */
static int64_t conforming(const struct typing_summary *summary, const char **ret_kind)
{
    static const char *const kinds[FAMILIES] = {
        [FAMILY_NUMBER] = "numbers",
        [FAMILY_DATE] = "dates",
        [FAMILY_TIMESTAMP] = "timestamps",
        [FAMILY_TIMESTAMPTZ] = "timestamps with a zone",
        [FAMILY_TIME] = "times",
        [FAMILY_OTHER] = "dates",
        [FAMILY_BOOLEAN] = "true or false",
    };
    int64_t families[FAMILIES], best = 0, total = total_of(summary);
    families_of(summary, families);
    families[FAMILY_NUMBER] +=
        summary->classes[CLASS_LEADING_ZEROS] + summary->classes[CLASS_COMMA_NUMBER];
    for (int i = 0; i < FAMILIES; i++) {
        *ret_kind = families[i] > best ? kinds[i] : *ret_kind;
        best = families[i] > best ? families[i] : best;
    }
    bool mixed = best < total && (best * 2 >= total || texts_of(summary) == 0);
    return mixed ? best : 0;
}

/* Numbers as they stand: no leading zeros among them. */
static int64_t numbers_of(const struct typing_summary *summary)
{
    int64_t families[FAMILIES];
    families_of(summary, families);
    return families[FAMILY_NUMBER] + summary->classes[CLASS_COMMA_NUMBER];
}

/* "<0.5" among numbers: at least half are numbers, and hardly anything is neither. */
static bool warn_of_censored(struct column *column, bool *ok)
{
    const struct typing_summary *summary = &column->summary;
    int64_t total = total_of(summary), numbers = numbers_of(summary),
            compared = summary->classes[CLASS_COMPARED];
    char text[320];
    if (compared == 0 || numbers * 2 < total || (numbers + compared) * 20 < total * 19)
        return false;
    snprintf(
        text, sizeof text,
        "%lld of %lld values are numbers, %lld begin with <, >, ≤ or ≥; kept as text "
        "(--type TABLE.COLUMN=comparator makes two columns: the number, and COLUMN_comparator)",
        (long long)numbers, (long long)total, (long long)compared);
    warn(column, "censored_numbers", text, ok);
    return true;
}

/* Few words among numbers, whatever they say: as missing values they would leave a number. */
static bool warn_of_words(struct column *column, bool *ok)
{
    const struct typing_summary *summary = &column->summary;
    int64_t total = total_of(summary), numbers = numbers_of(summary), words = texts_of(summary);
    char text[320], different[48] = "";
    size_t distinct = 0;
    const struct typing_set *set = &column->stats->set;
    if (words == 0 || numbers + words != total || numbers * 20 < total * 19)
        return false;
    for (uint32_t i = 0; i < set->count; i++) {
        struct typing_cell cell;
        typing_classify(typing_entry_text(set, &set->entries[i]), &cell);
        distinct += typing_class_is_text(cell.class);
    }
    if (!column->stats->strays_full && words > 1)
        snprintf(different, sizeof different, " (%zu different)", distinct);
    snprintf(text, sizeof text,
             "%lld of %lld values are numbers, %lld %s%s; kept as text (words that mean no value: "
             "--overrides with {TABLE:{COLUMN:{\"null_markers\":[…]}}})",
             (long long)numbers, (long long)total, (long long)words,
             words == 1 ? "is a word" : "are words", different);
    warn(column, "few_words", text, ok);
    return true;
}

/* Whole dates beside "2013-07" or "2013". */
static bool warn_of_partial(struct column *column, bool *ok)
{
    const struct typing_summary *summary = &column->summary;
    int64_t total = total_of(summary),
            whole = summary->classes[CLASS_DATE] + summary->classes[CLASS_TIMESTAMP],
            partial = summary->classes[CLASS_PARTIAL_DATE] + summary->classes[CLASS_INTEGER];
    char text[160];
    if (whole == 0 || partial == 0 || whole + partial != total || summary->whole > 4 ||
        (partial == summary->classes[CLASS_INTEGER] && summary->whole < 4))
        return false;
    snprintf(text, sizeof text,
             "%lld of %lld values are whole dates, %lld are partial (a year, or year and month); "
             "kept as text",
             (long long)whole, (long long)total, (long long)partial);
    warn(column, "partial_dates", text, ok);
    return true;
}

/* A date is no instant: to read it as its midnight is for the user to say. */
static bool warn_of_mixed_dates(struct column *column, bool *ok)
{
    const struct typing_summary *summary = &column->summary;
    int64_t total = total_of(summary), dates = summary->classes[CLASS_DATE];
    char text[160];
    if (dates == 0 || dates == total || dates + summary->classes[CLASS_TIMESTAMP] != total)
        return false;
    snprintf(text, sizeof text,
             "%lld of %lld values are dates, the rest timestamps; kept as text "
             "(--type TABLE.COLUMN=timestamp reads a date as its midnight)",
             (long long)dates, (long long)total);
    warn(column, "mixed_dates", text, ok);
    return true;
}

static void warn_of_zeros(struct column *column, bool *ok)
{
    const struct typing_summary *summary = &column->summary;
    int64_t total = total_of(summary), zeros = summary->classes[CLASS_LEADING_ZEROS];
    char text[128];
    if (zeros == 0 || (numbers_of(summary) + zeros) * 2 < total)
        return;
    snprintf(text, sizeof text, "%lld of %lld values are numbers with leading zeros; kept as text",
             (long long)zeros, (long long)total);
    warn(column, "leading_zeros", text, ok);
}

static void warn_of_text(struct column *column, bool *ok)
{
    const struct typing_summary *summary = &column->summary;
    int64_t total = total_of(summary);
    const char *kind = "of one kind";
    int64_t best = conforming(summary, &kind);
    char text[192];
    warn_of_zeros(column, ok);
    if (column->given != NULL)
        warn(column, "mixed_types",
             "not every value can be read in the format that was given; kept as text", ok);
    else if (column->ambiguous)
        warn(column, "ambiguous_date",
             "dates whose day and month cannot be told apart; kept as text (--type "
             "TABLE.COLUMN=%d/%m/%Y, or another order, says which)",
             ok);
    else if (column->ambiguous_number)
        warn(column, "ambiguous_number",
             "signs in numbers such as 9,999 or 9.999.999 may part thousands or not; kept as text "
             "(--type TABLE.COLUMN=1.234,5 or =1,234.5 says which)",
             ok);
    else if (summary->classes[CLASS_OTHER_DATE] == total && summary->date_mask == 0)
        warn(column, "mixed_types",
             "every value is a date, but no one format fits all; kept as text", ok);
    else if (numbers_of(summary) == total && summary->classes[CLASS_COMMA_NUMBER] > 0)
        warn(column, "mixed_types",
             "every value is a number, but commas and points in them do not go together, or there "
             "are too many digits; kept as text",
             ok);
    else if (!warn_of_partial(column, ok) && !warn_of_mixed_dates(column, ok) &&
             !warn_of_censored(column, ok) && !warn_of_words(column, ok) && best > 0) {
        snprintf(text, sizeof text, "%lld of %lld values are %s, the rest is not; kept as text",
                 (long long)best, (long long)total, kind);
        warn(column, "mixed_types", text, ok);
    }
}

/* Numbers that were read by what their commas and points seem to mean. */
static void warn_of_notation(const struct decider *decider, struct column *column, bool *ok)
{
    const struct typing_summary *summary = &column->summary;
    enum typing_notation notation;
    if (column->given != NULL)
        return; /* the user knows */
    if (typing_format_is_number(column->decision->format, &notation)) {
        warn(column, notation == TYPING_COMMA_DECIMAL ? "decimal_comma" : "thousands_commas",
             notation == TYPING_COMMA_DECIMAL
                 ? "commas in numbers are read as decimal signs (--type TABLE.COLUMN=text keeps "
                   "the texts, =1,234.5 reads them as thousands)"
                 : "commas in numbers are read as parting thousands (--type TABLE.COLUMN=text "
                   "keeps the texts, =1.234,5 reads them as decimal signs)",
             ok);
    } else if (decider->notations == 1u << TYPING_COMMA_DECIMAL &&
               column->decision->type.kind == DATA_DECIMAL && summary->classes[CLASS_DECIMAL] > 0 &&
               summary->decimal_points == 0) {
        warn(column, "ambiguous_number",
             "points in numbers such as 9.999 are read as decimal signs, though other columns have "
             "decimal commas (--type TABLE.COLUMN=1.234,5 reads them as thousands)",
             ok);
    }
}

static void add_warnings(const struct decider *decider, struct column *column, bool *ok)
{
    struct typing_decision *decision = column->decision;
    int64_t values = decision->rows - decision->nulls;
    if (decision->rows > 0 && values == 0)
        warn(column, "all_null", "every value is missing", ok);
    if (decision->distinct_exact && values > 1 && decision->distinct_estimate == 1)
        warn(column, "constant", "every value is the same", ok);
    if (decision->padded)
        warn(column, "padded", "blanks around values are trimmed", ok);
    warn_of_notation(decider, column, ok);
    if (decision->type.kind == DATA_TEXT && column->core.kind == DATA_TEXT && column->has_core)
        warn_of_text(column, ok);
}

/* ---- the door ----------------------------------------------------------------------------------
 */

static void choose_type(struct column *column, const struct data_type *forced)
{
    struct typing_decision *decision = column->decision;
    decision->type = column->core;
    if (forced == NULL || forced->kind == DATA_NULL)
        return;
    decision->type = *forced;
    enum typing_notation notation;
    if (data_type_is_numeric(*forced) && column->summary.classes[CLASS_COMMA_NUMBER] > 0) {
        unsigned fits = typing_notations(&column->summary);
        if (typing_format_is_number(column->given, &notation))
            decision->format = column->given;
        else if (decision->format == NULL && fits != 0 && !column->ambiguous_number)
            decision->format = typing_number_formats[__builtin_ctz(fits)];
        return;
    }
    if (column->given != NULL && data_type_is_temporal(*forced) &&
        !typing_format_is_number(column->given, &notation)) {
        decision->format = column->given;
        return;
    }
    uint32_t mask = (uint32_t)column->summary.date_mask;
    bool dates = column->summary.classes[CLASS_OTHER_DATE] > 0 && mask != 0;
    decision->format =
        dates && data_type_is_temporal(*forced) ? typing_date_formats[__builtin_ctz(mask)] : NULL;
}

static bool is_padded(const struct column *column)
{
    const struct typing_summary *summary = &column->summary;
    int64_t padded = summary->padded + summary->markers[TYPING_MARKER_BLANK];
    for (int i = 0; i < TYPING_MARKERS; i++)
        padded += summary->padded_markers[i];
    return column->decision->type.kind != DATA_TEXT && padded > 0;
}

static void settle(const struct decider *decider, struct column *column,
                   const struct data_type *forced, bool *ok)
{
    struct typing_decision *decision = column->decision;
    choose_type(column, forced);
    decision->padded = is_padded(column);
    decision->empties = column->summary.markers[TYPING_MARKER_EMPTY] > 0 ||
                        column->summary.markers[TYPING_MARKER_BLANK] > 0;
    settle_markers(decider, column, ok);
    decision->rows = decision->nulls = column->stats->nulls;
    decision->shortest = -1;
    if (column->stats->summarised)
        count_summarised(decider, column);
    else
        count_exact(column);
    if (decision->shortest < 0)
        decision->shortest = 0;
    add_warnings(decider, column, ok);
}

enum err_code typing_decide(struct typing_stats *const *stats, const char *const *names,
                            size_t count, const struct typing_options *options, struct arena *arena,
                            struct typing_decision *ret, struct err *err)
{
    struct decider decider = {.options = options, .arena = arena};
    bool ok = true;
    AUTO(mem_free) struct column *columns = mem_zalloc(count, sizeof *columns);
    memset(ret, 0, count * sizeof *ret);
    for (size_t i = 0; i < count && columns != NULL; i++) {
        ret[i].warnings = json_array();
        columns[i] = (struct column){
            .stats = stats[i],
            .name = names == NULL ? NULL : names[i],
            .given = options == NULL || options->formats == NULL ? NULL : options->formats[i],
            .decision = &ret[i]};
        ok = ok && ret[i].warnings != NULL && !stats[i]->failed;
        find_core(&decider, &columns[i]);
        decider.notations |= proven_notation(&columns[i]);
    }
    for (size_t i = 0; i < count && columns != NULL; i++) {
        settle_number(&decider, &columns[i]);
        find_proofs(&decider, &columns[i]);
    }
    for (size_t i = 0; i < count && columns != NULL && ok; i++)
        settle(&decider, &columns[i],
               options == NULL || options->forced == NULL ? NULL : &options->forced[i], &ok);
    if (ok && columns != NULL && !arena_failed(arena))
        return ERR_OK;
    for (size_t i = 0; i < count; i++) {
        json_decref(ret[i].warnings);
        ret[i].warnings = NULL;
    }
    return err_set(err, ERR_MEMORY, "no memory to decide the types of %zu columns", count);
}
