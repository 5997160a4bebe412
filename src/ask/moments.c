/* Moments that are compared in the same patients: "before and after", "from baseline to month 12",
 * "at 0, 6 and 12 months", "first versus last"; and columns of one measure, one for each moment.
 *
 *     compare | weight | at baseline and month 12      →  moments {first} {month 12}
 *     sbp_pre, sbp_post · weight_0, weight_m6 · Prewt, Postwt     →  series sbp, weight, wt */
#include "ask/ask_priv.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

static const struct {
    const char *word;
    enum ask_moment_kind kind;
} moment_words[] = {
#define ASK_MOMENT_WORD(word, kind) {word, ASK_MOMENT_##kind},
#define ASK_MOMENT_UNIT(word, unit)
#define ASK_MOMENT_CHANGE(word)
#include "ask/moments.def"
#undef ASK_MOMENT_WORD
#undef ASK_MOMENT_UNIT
};
static const struct {
    const char *word;
    enum ask_moment_unit unit;
} unit_words[] = {
#define ASK_MOMENT_WORD(word, kind)
#define ASK_MOMENT_UNIT(word, unit) {word, ASK_EVERY_##unit},
#include "ask/moments.def"
#undef ASK_MOMENT_UNIT
#undef ASK_MOMENT_CHANGE
};
static const char *const change_words[] = {
#define ASK_MOMENT_UNIT(word, unit)
#define ASK_MOMENT_CHANGE(word) word,
#include "ask/moments.def"
#undef ASK_MOMENT_WORD
#undef ASK_MOMENT_UNIT
#undef ASK_MOMENT_CHANGE
    NULL};

static bool is_one_of(const char *word, const char *const *words)
{
    for (; *words != NULL; words++)
        if (strcmp(word, *words) == 0)
            return true;
    return false;
}

static bool kind_of(const char *word, enum ask_moment_kind *ret)
{
    for (size_t i = 0; i < sizeof moment_words / sizeof *moment_words; i++)
        if (strcmp(moment_words[i].word, word) == 0) {
            *ret = moment_words[i].kind;
            return true;
        }
    return false;
}

/* The unit, alone ("visit") or with an s. */
static enum ask_moment_unit unit_of(const char *word)
{
    char stem[ASK_STEM_BYTES];
    ask_stem(str_of(word), stem);
    for (size_t i = 0; i < sizeof unit_words / sizeof *unit_words; i++)
        if (strcmp(unit_words[i].word, stem) == 0 || strcmp(unit_words[i].word, word) == 0)
            return unit_words[i].unit;
    return ASK_EVERY_NOTHING;
}

double ask_moment_days(const struct ask_moment *moment)
{
    static const double days[] = {
        [ASK_EVERY_NOTHING] = NAN, [ASK_EVERY_VISIT] = NAN,     [ASK_EVERY_DAY] = 1,
        [ASK_EVERY_WEEK] = 7,      [ASK_EVERY_MONTH] = 30.4375, [ASK_EVERY_YEAR] = 365.25};
    return moment->kind == ASK_MOMENT_AT ? moment->number * days[moment->unit] : NAN;
}

/* ---- moments of a question ---------------------------------------------------------------- */

static const char *word_at(const struct ask_reading *reading, size_t at)
{
    return at < reading->token_count ? reading->tokens[at].lower : "";
}

/* "m12", "visit1": letters and digits as one word. */
static bool glued(const char *word, struct ask_moment *ret)
{
    char unit[ASK_STEM_BYTES];
    size_t letters = 0;
    while (isalpha((unsigned char)word[letters]))
        letters++;
    if (letters == 0 || letters >= sizeof unit || word[letters] == '\0' ||
        !str_to_double(str_of(word + letters), &ret->number))
        return false;
    memcpy(unit, word, letters);
    unit[letters] = '\0';
    ret->kind = ASK_MOMENT_AT;
    ret->unit = unit_of(unit);
    return ret->unit != ASK_EVERY_NOTHING;
}

/* A moment that begins at token at: how many tokens it takes; 0: none. */
static size_t moment_at(const struct ask_reading *reading, size_t at, struct ask_moment *ret)
{
    static const char *const leads[] = {"at", "on", "in", "the", "of", NULL};
    static const char *const tails[] = {"visit",    "visits",    "measurement", "measurements",
                                        "value",    "values",    "assessment",  "reading",
                                        "readings", "treatment", "therapy",     "intervention",
                                        "surgery",  "operation", "one",         NULL};
    size_t from = at;
    *ret = (struct ask_moment){.from = at};
    while (is_one_of(word_at(reading, at), leads))
        at++;
    ret->from = at;
    const char *word = word_at(reading, at);
    bool number = at < reading->token_count && reading->tokens[at].number;
    bool next = at + 1 < reading->token_count && reading->tokens[at + 1].number;
    if (strcmp(word, "follow") == 0 && strcmp(word_at(reading, at + 1), "up") == 0) {
        ret->kind = ASK_MOMENT_LAST;
        at += 2;
    } else if (kind_of(word, &ret->kind)) {
        at++;
        at += is_one_of(word_at(reading, at), tails) ? 1 : 0;
    } else if (unit_of(word) != ASK_EVERY_NOTHING && strlen(word) > 2 && next) {
        ret->kind = ASK_MOMENT_AT;
        ret->unit = unit_of(word);
        ret->number = reading->tokens[at + 1].value;
        at += 2;
    } else if (number) {
        ret->kind = ASK_MOMENT_AT;
        ret->number = reading->tokens[at].value;
        ret->unit = strlen(word_at(reading, at + 1)) > 2 ? unit_of(word_at(reading, at + 1))
                                                         : ASK_EVERY_NOTHING;
        at += ret->unit != ASK_EVERY_NOTHING ? 2 : 1;
    } else if (glued(word, ret)) {
        at++;
    } else {
        return 0;
    }
    ret->to = at;
    return at - from;
}

/* What joins two moments; its length. */
static size_t join_at(const struct ask_reading *reading, size_t at)
{
    static const char *const joins[] = {"and", "vs",    "versus",  "to",      "with", "than",
                                        "or",  "until", "through", "against", NULL};
    static const char *const twos[][2] = {
        {"compared", "with"}, {"compared", "to"}, {"different", "from"}, {"relative", "to"},
        {"differ", "from"},   {"lower", "than"},  {"higher", "than"},    {"less", "than"},
        {"greater", "than"},  {"more", "than"}};
    for (size_t i = 0; i < sizeof twos / sizeof *twos; i++)
        if (strcmp(word_at(reading, at), twos[i][0]) == 0 &&
            strcmp(word_at(reading, at + 1), twos[i][1]) == 0)
            return 2;
    return is_one_of(word_at(reading, at), joins) ? 1 : 0;
}

/* The measure said again ("… different from sbp before"): words that stand before the first moment.
 */
static size_t said_again(const struct ask_reading *reading, size_t at, size_t before)
{
    size_t count = 0;
    while (count < 3 && at + count < reading->token_count) {
        bool found = false;
        for (size_t i = 0; i < before; i++)
            found = found || strcmp(word_at(reading, i), word_at(reading, at + count)) == 0;
        if (!found)
            break;
        count++;
    }
    return count;
}

/* "0, 6 and 12 months": the unit of the last is that of all. */
static bool share_unit(struct ask_moments *m)
{
    enum ask_moment_unit unit = ASK_EVERY_NOTHING;
    for (size_t i = 0; i < m->count; i++)
        unit = m->list[i].unit != ASK_EVERY_NOTHING ? m->list[i].unit : unit;
    for (size_t i = 0; i < m->count; i++) {
        bool bare = m->list[i].kind == ASK_MOMENT_AT && m->list[i].unit == ASK_EVERY_NOTHING;
        if (bare && unit == ASK_EVERY_NOTHING)
            return false;
        m->list[i].unit = bare ? unit : m->list[i].unit;
    }
    return true;
}

static bool same_moment(const struct ask_moment *a, const struct ask_moment *b)
{
    return a->kind == b->kind && a->number == b->number && a->unit == b->unit;
}

/* Two or more moments from a token on. */
static bool frame_at(const struct ask_reading *reading, size_t at, struct ask_moments *ret)
{
    static const char *const leads[] = {"from", "between", "since", NULL};
    *ret = (struct ask_moments){.from = at};
    at += is_one_of(word_at(reading, at), leads) ? 1 : 0;
    size_t first = at, length = moment_at(reading, at, &ret->list[0]);
    while (length > 0 && ret->count < ASK_MOMENTS_MAX) {
        ret->to = at += length;
        ret->count++;
        if (ret->count == ASK_MOMENTS_MAX)
            break;
        size_t join = join_at(reading, at);
        size_t again = join > 0 ? said_again(reading, at + join, first) : 0;
        length = moment_at(reading, at + join + again, &ret->list[ret->count]);
        at += length > 0 ? join + again : 0;
        ret->again = ret->again || (length > 0 && again > 0);
    }
    if (ret->count < 2 || !share_unit(ret))
        return false;
    for (size_t i = 1; i < ret->count; i++)
        if (same_moment(&ret->list[i], &ret->list[i - 1]))
            return false;
    return true;
}

/* "change since baseline", "did weight change over time", "has it changed": from the first to the
 * last. */
static bool change_at(const struct ask_reading *reading, size_t at, struct ask_moments *ret)
{
    static const char *const changes[] = {"change", "changed", "changes", NULL};
    static const char *const asks[] = {"did", "does", "do", "has", "have", NULL};
    static const char *const since[] = {"from", "since", NULL};
    size_t next = at + 1;
    bool said = false;
    *ret = (struct ask_moments){.from = at};
    for (size_t i = 0; i <= at; i++)
        said = said || is_one_of(word_at(reading, i), changes);
    if (said && is_one_of(word_at(reading, at), since) &&
        strcmp(word_at(reading, next), "baseline") == 0) {
        ret->to = next + 1;
        ret->count = 2;
        ret->list[0] = (struct ask_moment){.kind = ASK_MOMENT_FIRST, .from = next, .to = next + 1};
        ret->list[1] = (struct ask_moment){.kind = ASK_MOMENT_LAST};
        return true;
    }
    if (!is_one_of(word_at(reading, at), changes))
        return false;
    bool asked = is_one_of(word_at(reading, 0), asks) && at > 1;
    bool over = strcmp(word_at(reading, next), "over") == 0 &&
                strcmp(word_at(reading, next + 1), "time") == 0;
    ret->to = next + (over ? 2 : 0);
    return asked && (over || next == reading->token_count);
}

/* A question that counts, lists or asks about one patient has spans of time, no pairs. */
static bool may_compare(const struct ask_reading *reading, const struct ask_moments *m)
{
    static const char *const others[] = {"how",   "list",    "show",      "which", "when",
                                         "count", "patient", "admission", NULL};
    static const char *const asks[] = {"did", "does", "do", "has", "have", NULL};
    static const char *const against[] = {"vs", "versus", "against", "compared", NULL};
    bool says = false, ends = m->list[0].kind != ASK_MOMENT_AT;
    for (size_t i = 0; i < reading->token_count; i++) {
        says = says || is_one_of(reading->tokens[i].lower, change_words);
        bool manner = strcmp(reading->tokens[i].lower, "how") == 0 &&
                      is_one_of(word_at(reading, i + 1), asks); /* "how did it change" */
        if (!manner && is_one_of(reading->tokens[i].lower, others) &&
            (i == 0 || (i + 1 < reading->token_count && reading->tokens[i + 1].number)))
            return false;
    }
    for (size_t i = m->from; i < m->to; i++)
        says = says || is_one_of(reading->tokens[i].lower, against);
    for (size_t i = 1; i < m->count; i++)
        ends = ends && m->list[i].kind != ASK_MOMENT_AT;
    return says || m->count == 0 || ends;
}

void ask_moments_find(struct ask_reading *reading)
{
    struct ask_moments *m = &reading->moments;
    for (size_t at = 0; at < reading->token_count && !m->on; at++)
        m->on = frame_at(reading, at, m) && may_compare(reading, m);
    for (size_t at = 0; at < reading->token_count && !m->on; at++)
        m->on = change_at(reading, at, m) && may_compare(reading, m);
    if (!m->on)
        *m = (struct ask_moments){0};
}

bool ask_moments_at(const struct ask_reading *reading, size_t from, struct ask_item *ret)
{
    static const char *const verbs[] = {"compare", "comparison", "paired", NULL};
    const struct ask_moments *m = &reading->moments;
    const char *word = word_at(reading, from); /* "increase between …": which way is not asked */
    bool frame = m->on && from == m->from;
    bool noise = m->on && is_one_of(word, change_words) && !is_one_of(word, verbs);
    bool plain = !m->again; /* words of moments.def and no number: nothing to mask */
    for (size_t i = 0; i < m->count; i++)
        plain = plain && m->list[i].kind != ASK_MOMENT_AT;
    if (frame)
        *ret = (struct ask_item){
            .class = ASK_MOMENTS, .from = from, .to = m->to, .code = plain, .quality = 1};
    else if (noise)
        *ret = (struct ask_item){.class = ASK_NOISE, .from = from, .to = from + 1, .quality = 1};
    return frame || noise;
}

/* ---- columns of one measure --------------------------------------------------------------- */

#define PIECES 12 /* of a name */

/* A name's pieces: "Weight_m12" → weight m 12. */
static size_t pieces_of(const char *name, char ret[PIECES][ASK_STEM_BYTES])
{
    size_t count = 0;
    for (const char *p = name; *p != '\0' && count < PIECES;) {
        size_t length = 0;
        if (!isalnum((unsigned char)*p)) {
            p++;
            continue;
        }
        bool digit = isdigit((unsigned char)*p);
        do
            length++;
        while (isalnum((unsigned char)p[length]) &&
               (isdigit((unsigned char)p[length]) != 0) == digit &&
               !(isupper((unsigned char)p[length]) && islower((unsigned char)p[length - 1])));
        for (size_t i = 0; i < length && i < ASK_STEM_BYTES - 1; i++)
            ret[count][i] = (char)tolower((unsigned char)p[i]);
        ret[count++][length < ASK_STEM_BYTES ? length : ASK_STEM_BYTES - 1] = '\0';
        p += length;
    }
    return count;
}

/* "prewt": the moment is the front of the word. */
static size_t front_of(const char *piece, struct ask_moment *ret)
{
    static const char *const fronts[] = {"pre", "post", "before", "after", "baseline"};
    for (size_t i = 0; i < sizeof fronts / sizeof *fronts; i++) {
        size_t length = strlen(fronts[i]);
        if (strncmp(piece, fronts[i], length) == 0 && strlen(piece) > length + 1 &&
            kind_of(fronts[i], &ret->kind))
            return length;
    }
    return 0;
}

/* Which of the pieces from at on are a moment: how many. */
static size_t moment_pieces(char pieces[PIECES][ASK_STEM_BYTES], size_t count, size_t at,
                            struct ask_moment *ret)
{
    bool next = at + 1 < count && str_to_double(str_of(pieces[at + 1]), &ret->number);
    *ret = (struct ask_moment){.number = next ? ret->number : 0};
    if (at + 1 < count && strcmp(pieces[at], "follow") == 0 && strcmp(pieces[at + 1], "up") == 0) {
        ret->kind = ASK_MOMENT_LAST;
        return 2;
    }
    ret->unit = unit_of(pieces[at]);
    if (ret->unit != ASK_EVERY_NOTHING && next) {
        ret->kind = ASK_MOMENT_AT;
        return 2;
    }
    ret->number = 0;
    ret->unit = ASK_EVERY_NOTHING;
    if (kind_of(pieces[at], &ret->kind))
        return 1;
    if (at + 1 == count && at > 0 && str_to_double(str_of(pieces[at]), &ret->number)) {
        ret->kind = ASK_MOMENT_AT;
        return 1;
    }
    return 0;
}

/* The measure's words and the moment of a column's name; false: it names no moment. */
static bool part_name(const char *name, struct ask_words *ret_base, struct ask_moment *ret)
{
    char pieces[PIECES][ASK_STEM_BYTES];
    size_t count = pieces_of(name, pieces), from = count, length = 0, front = 0;
    for (size_t i = 0; i < count && length == 0; i++) {
        length = moment_pieces(pieces, count, i, ret);
        from = i;
    }
    if (length == 0 && count > 0 && (front = front_of(pieces[0], ret)) > 0)
        from = count;
    AUTO(buf_done) struct buf base = BUF_INIT;
    for (size_t i = 0; i < count; i++)
        if (i < from || i >= from + length)
            buf_printf(&base, "%s ", pieces[i] + (i == 0 ? front : 0));
    *ret_base = (struct ask_words){0};
    if (!base.failed && base.len > 0)
        ask_name_words(buf_text(&base), ret_base);
    return length > 0 || front > 0;
}

static bool same_words(const struct ask_words *a, const struct ask_words *b)
{
    bool same = a->count == b->count;
    for (size_t i = 0; same && i < a->count; i++)
        same = strcmp(a->text[i], b->text[i]) == 0;
    return same;
}

static int compare_moments(const struct ask_moment *a, const struct ask_moment *b)
{
    if (a->kind != b->kind)
        return a->kind < b->kind ? -1 : 1;
    return a->number < b->number ? -1 : a->number > b->number ? 1 : 0;
}

static bool is_measured(const struct ask_column *column)
{
    bool few = column->distinct <= ASK_GROUP_LEVELS && column->role != PROFILE_CODE;
    return column->role != PROFILE_IDENTIFIER && !data_type_is_temporal(column->type) &&
           (data_type_is_numeric(column->type) || few || column->type.kind == DATA_BOOLEAN);
}

bool ask_series_of(const struct ask_catalogue *c, size_t table, size_t column,
                   struct ask_series *ret)
{
    const struct ask_table *t = &c->tables[table];
    *ret = (struct ask_series){.table = table};
    struct ask_moment moment;
    if (!is_measured(&t->columns[column]) ||
        !part_name(t->columns[column].name, &ret->base, &moment))
        return false;
    double least = INFINITY;
    bool bare = true;
    for (size_t i = 0; i < t->column_count && ret->count < ASK_MOMENTS_MAX; i++) {
        struct ask_words base;
        if (!is_measured(&t->columns[i]) || !part_name(t->columns[i].name, &base, &moment) ||
            !same_words(&base, &ret->base) ||
            data_type_is_numeric(t->columns[i].type) !=
                data_type_is_numeric(t->columns[column].type))
            continue;
        size_t at = ret->count++;
        while (at > 0 && compare_moments(&moment, &ret->moments[at - 1]) < 0) {
            ret->moments[at] = ret->moments[at - 1];
            ret->columns[at] = ret->columns[at - 1];
            at--;
        }
        ret->moments[at] = moment;
        ret->columns[at] = i;
        bare = bare && moment.kind == ASK_MOMENT_AT && moment.unit == ASK_EVERY_NOTHING;
        least = moment.number < least ? moment.number : least;
    }
    return ret->count > 1 && !(bare && least > 1); /* asa81, asa325 are doses */
}

bool ask_series_match(const struct ask_reading *reading, size_t from, size_t to,
                      struct ask_item *ret)
{
    const struct ask_catalogue *c = reading->catalogue;
    if (!reading->moments.on)
        return false;
    *ret = (struct ask_item){.class = ASK_SERIES, .from = from, .to = to};
    for (size_t t = 0; t < c->table_count; t++)
        for (size_t i = 0; i < c->tables[t].column_count && !c->tables[t].hidden; i++) {
            struct ask_series series;
            double fit = 0;
            if (ret->column_count == ASK_CANDIDATES || !ask_series_of(c, t, i, &series) ||
                series.columns[0] != i || series.base.count == 0 ||
                (fit = ask_name_fit(reading, from, to, &series.base)) <= ret->quality)
                continue;
            ret->columns[0].table = t;
            ret->columns[0].column = i;
            ret->columns[0].quality = ret->quality = fit;
            ret->column_count = 1;
        }
    return ret->column_count > 0;
}
