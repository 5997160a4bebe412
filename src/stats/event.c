/* Event codes read as registries write them, and times in order. Every recoding is said in words: a
 * curve of the censored instead of the dead would look just as smooth. */
#include "stats/survival_priv.h"

#define CODES_MAX 16                         /* more are no event codes */
#define TIE_TOLERANCE 1.4901161193847656e-08 /* √ε, as survival's timefix */

static const char *const event_words[] = {
    "dead", "died",    "death",    "deceased",   "event",   "yes",    "y",          "true",
    "t",    "relapse", "relapsed", "recurrence", "failure", "failed", "progressed", "1"};
static const char *const other_words[] = {"alive",
                                          "living",
                                          "censored",
                                          "censor",
                                          "no",
                                          "n",
                                          "false",
                                          "f",
                                          "none",
                                          "no event",
                                          "no relapse",
                                          "no recurrence",
                                          "lost to follow-up",
                                          "0"};

struct codes {
    double code[CODES_MAX];
    size_t count;
    bool more; /* than CODES_MAX */
};

static struct codes codes_find(const struct stats_column *column)
{
    struct codes found = {.count = 0};
    for (int64_t row = 0; row < column->rows; row++) {
        double value = column->values[row];
        size_t i = 0;
        if (!isfinite(value))
            continue;
        while (i < found.count && found.code[i] < value)
            i++;
        if (i < found.count && found.code[i] == value)
            continue;
        if (found.count == CODES_MAX) {
            found.more = true;
            break;
        }
        for (size_t j = found.count++; j > i; j--)
            found.code[j] = found.code[j - 1];
        found.code[i] = value;
    }
    return found;
}

static bool in_words(const char *text, const char *const *words, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (str_equal_nocase(str_trim(str_of(text)), str_of(words[i])))
            return true;
    return false;
}

static const char *label_of(const struct stats_column *column, double code)
{
    bool labelled = column->labels != NULL && code >= 0 && code < (double)column->label_count &&
                    code == floor(code);
    return labelled ? column->labels[(size_t)code] : NULL;
}

/* 1: the event, 0: another, -1: unknown; by label, or by number where {1,2} or {0,1} are all that
 * occur. */
static int meaning(const struct stats_column *column, const struct codes *codes, double code)
{
    const char *label = label_of(column, code);
    if (label != NULL)
        return in_words(label, event_words, sizeof event_words / sizeof *event_words)   ? 1
               : in_words(label, other_words, sizeof other_words / sizeof *other_words) ? 0
                                                                                        : -1;
    if (codes->count == 2 && codes->code[0] == 1 && codes->code[1] == 2)
        return code == 2 ? 1 : 0;
    return code == 0 ? 0 : code == 1 ? 1 : -1;
}

/* The one code that is the event; NaN: nothing has it. */
static enum err_code find_event(const struct stats_column *event, const struct codes *codes,
                                const struct stats_options *options, double *ret, struct err *err)
{
    size_t events = 0, others = 0, unknown = 0, given = 0;
    *ret = NAN;
    for (size_t i = 0; i < codes->count; i++) {
        int means = meaning(event, codes, codes->code[i]);
        unknown += means < 0 ? 1 : 0;
        events += means == 1 ? 1 : 0;
        others += means == 0 ? 1 : 0;
        if (means == 1)
            *ret = codes->code[i];
        given +=
            options != NULL && options->has_event_value && codes->code[i] == options->event_value
                ? 1
                : 0;
    }
    if (options != NULL && options->has_event_value) {
        *ret = options->event_value;
        if (given == 0)
            return err_set(err, ERR_INPUT, "the event value does not occur in %s", event->name);
        return ERR_OK;
    }
    if (!codes->more && event->labels != NULL && events == 1 && others > 0)
        return ERR_OK; /* dead, censored and a transplant: all but the event are censored, which is said */
    if (codes->more || codes->count > 2)
        err_set(err, ERR_INPUT, "%s has %s%zu codes, expected two: an event and censored",
                event->name, codes->more ? "more than " : "", codes->count);
    else if (unknown > 0 || events > 1)
        err_set(err, ERR_INPUT,
                "%s has codes that do not say which is the event (0 and 1, 1 and 2, alive and dead "
                "… do)",
                event->name);
    else
        return ERR_OK;
    return err_hint(err, "name the code that is the event; all others are then censored");
}

static const char *code_text(const struct stats_column *column, double code, char text[32])
{
    const char *label = label_of(column, code);
    return label != NULL ? label : str_from_double(code, text);
}

static const char *describe_codes(const struct stats_column *event, const struct codes *codes,
                                  double value, struct arena *arena)
{
    char text[32], other_text[32];
    if (isnan(value))
        return arena_printf(arena, "no row of %s has the event", event->name);
    const char *name = code_text(event, value, text);
    if (codes->more || codes->count > 2)
        return arena_printf(arena, "%s = %s is the event, all other codes are censored",
                            event->name, name);
    for (size_t i = 0; i < codes->count; i++)
        if (codes->code[i] != value)
            return arena_printf(arena, "%s = %s is the event, %s is censored", event->name, name,
                                code_text(event, codes->code[i], other_text));
    return arena_printf(arena, "%s = %s is the event, no row is censored", event->name, name);
}

enum err_code stats_event_codes(const struct stats_column *event,
                                const struct stats_options *options, struct arena *arena,
                                double *ret, const char **ret_note, struct err *err)
{
    struct codes codes = codes_find(event);
    double value = NAN;
    *ret_note = "";
    if (codes.count > 0)
        TRY(find_event(event, &codes, options, &value, err));
    for (int64_t row = 0; row < event->rows; row++)
        ret[row] = !isfinite(event->values[row]) ? event->values[row]
                   : event->values[row] == value ? 1
                                                 : 0;
    *ret_note = describe_codes(event, &codes, value, arena);
    return *ret_note == NULL ? err_set(err, ERR_MEMORY, "out of memory") : ERR_OK;
}

/* Times nearer to their neighbour below than the tolerance, absolutely or by the mean of distinct
 * times, take its value. */
static void tie_times(struct keyed *keys, int64_t n)
{
    long double sum = 0;
    int64_t distinct = 0;
    for (int64_t i = 0; i < n; i++)
        if (i == 0 || keys[i].key != keys[i - 1].key) {
            sum += fabs(keys[i].key);
            distinct++;
        }
    double mean = (double)(sum / (distinct > 0 ? distinct : 1)), first = n > 0 ? keys[0].key : 0,
           before = first;
    for (int64_t i = 0; i < n; i++) {
        double own = keys[i].key, gap = own - before;
        if (gap > TIE_TOLERANCE && gap > TIE_TOLERANCE * mean)
            first = own;
        before = own;
        keys[i].key = first;
    }
}

static enum err_code times_order(struct work *work, const struct sample *sample, struct times *ret)
{
    struct keyed *keys = work_array(work, sample->n, sizeof *keys);
    ret->time = work_array(work, sample->n, sizeof *ret->time);
    ret->event = work_array(work, sample->n, sizeof *ret->event);
    ret->row = work_array(work, sample->n, sizeof *ret->row);
    TRY(work_memory(work));
    for (int64_t i = 0; i < sample->n; i++)
        keys[i] = (struct keyed){sample->x[0][i], i};
    sort_keyed(keys, sample->n);
    tie_times(keys, sample->n);
    for (int64_t i = 0; i < sample->n; i++) {
        ret->time[i] = keys[i].key;
        ret->row[i] = keys[i].row;
        ret->event[i] = sample->x[1][keys[i].row];
        ret->events += ret->event[i];
    }
    return ERR_OK;
}

/* The strata one after the other; within each the order of time stays. */
static enum err_code times_part(struct work *work, const struct stats_column *strata,
                                const double *codes, struct times *times)
{
    struct levels levels;
    struct times whole = *times;
    TRY(levels_find(work, strata, codes, times->n, STATS_LEVELS_MAX, &levels));
    int64_t *at = work_array(work, (int64_t)levels.count + 1, sizeof *at);
    times->time = work_array(work, times->n, sizeof *times->time);
    times->event = work_array(work, times->n, sizeof *times->event);
    times->row = work_array(work, times->n, sizeof *times->row);
    times->stratum = work_array(work, times->n, sizeof *times->stratum);
    TRY(work_memory(work));
    for (size_t k = 0; k < levels.count; k++)
        at[k + 1] = at[k] + levels.n[k];
    for (int64_t i = 0; i < whole.n; i++) {
        uint32_t k = levels.index[whole.row[i]];
        times->time[at[k]] = whole.time[i];
        times->event[at[k]] = whole.event[i];
        times->row[at[k]] = whole.row[i];
        times->stratum[at[k]++] = k;
    }
    work_note(work, "%zu strata of %s: each is compared within itself", levels.count,
              strata->name);
    return ERR_OK;
}

enum err_code times_take(struct work *work, const struct stats_column *time,
                         const struct stats_column *event, const struct stats_column *more,
                         size_t count, struct times *ret)
{
    double *codes = work_array(work, event->rows, sizeof *codes);
    const struct stats_column *strata = work->options.strata;
    const struct stats_column **columns = work_array(work, (int64_t)count + 3, sizeof *columns);
    const char *note = NULL;
    struct sample sample;
    TRY(work_memory(work));
    TRY(stats_event_codes(event, &work->options, work->ret->arena, codes, &note, work->err));
    work_note(work, "%s", note);
    struct stats_column coded = *event;
    coded.values = codes;
    columns[0] = time;
    columns[1] = &coded;
    for (size_t i = 0; i < count; i++)
        columns[2 + i] = &more[i];
    columns[2 + count] = strata;
    TRY(sample_take(work, columns, count + (strata != NULL ? 3 : 2), &sample));
    *ret = (struct times){.n = sample.n, .x = sample.x + 2};
    TRY(times_order(work, &sample, ret));
    if (sample.n == 0)
        return work_input(work, "no row has %s, %s and all else that is asked for", time->name,
                          event->name);
    if (ret->time[0] < 0)
        return work_input(work, "%s has times below zero: time to an event is counted from 0",
                          time->name);
    return strata != NULL ? times_part(work, strata, sample.x[2 + count], ret) : ERR_OK;
}

enum err_code times_need_events(struct work *work, const struct stats_column *event,
                                const struct times *times)
{
    return times->events > 0
               ? ERR_OK
               : work_input(work, "no row has the event in %s: there is nothing to compare",
                            event->name);
}
