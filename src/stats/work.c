/* One call in progress: the result and its arena, a scratch arena, notes and numbers as they come
 * up. Every door function is work_begin, its own thought, work_end: so that a failure never leaves
 * half a result, and no number of a header is infinite without an error. */
#include <stdarg.h>
#include <stdio.h>

#include "stats/gsl_library.h"
#include "stats/stats_priv.h"

#define WORK_MEMORY_BYTES                                                                          \
    ((size_t)1 << 40) /* rows are limited, not bytes: the system says no first */
#define WORK_TEXT_BYTES 512

static void result_clear(struct stats_result *ret)
{
    *ret = (struct stats_result){.statistic = NAN,
                                 .df = NAN,
                                 .df2 = NAN,
                                 .p = NAN,
                                 .estimate = NAN,
                                 .low = NAN,
                                 .high = NAN};
}

void stats_result_done(struct stats_result *result)
{
    if (result == NULL)
        return;
    arena_free(result->arena);
    *result = (struct stats_result){0};
}

double stats_result_number(const struct stats_result *result, const char *name)
{
    for (size_t i = 0; i < result->number_count; i++)
        if (str_equal(str_of(result->numbers[i].name), str_of(name)))
            return result->numbers[i].value;
    return NAN;
}

static enum err_code begin(struct work *work, const char *test)
{
    TRY(libgsl_load(work->err));
    work->arena = arena_new(WORK_MEMORY_BYTES);
    work->ret->arena = arena_new(WORK_MEMORY_BYTES);
    if (work->arena == NULL || work->ret->arena == NULL)
        return err_set(work->err, ERR_MEMORY, "out of memory");
    work->notes = arena_array(work->ret->arena, WORK_NOTES, sizeof *work->notes);
    work->numbers = arena_array(work->ret->arena, WORK_NUMBERS, sizeof *work->numbers);
    work->ret->test = test;
    work->ret->level = work->options.level == 0 ? 0.95 : work->options.level;
    if (!(work->ret->level > 0 && work->ret->level < 1))
        return err_set(work->err, ERR_USAGE, "a confidence level lies between 0 and 1");
    return work_memory(work);
}

enum err_code work_begin(struct work *work, const char *test, const struct stats_options *options,
                         struct stats_result *ret, struct err *err)
{
    *work = (struct work){.ret = ret, .err = err};
    if (options != NULL)
        work->options = *options;
    result_clear(ret);
    return begin(work, test);
}

enum err_code work_memory(struct work *work)
{
    if (arena_failed(work->arena) || arena_failed(work->ret->arena))
        return err_set(work->err, ERR_MEMORY, "out of memory");
    return ERR_OK;
}

enum err_code work_end(struct work *work, enum err_code code)
{
    struct stats_result *ret = work->ret;
    if (code == ERR_OK)
        code = work_memory(work);
    if (code == ERR_OK && ret->statistic_name != NULL &&
        !(isfinite(ret->statistic) && isfinite(ret->p))) {
        code = err_set(work->err, ERR_INPUT,
                       "the %s has no finite statistic: the values are too large, or do not vary",
                       ret->test);
        err_hint(work->err,
                 "look at the values' range; rescale them, or leave out what does not vary");
    }
    if (code == ERR_OK) {
        ret->notes = work->notes;
        ret->numbers = work->numbers;
    } else {
        stats_result_done(ret);
    }
    arena_free(work->arena);
    work->arena = NULL;
    return code;
}

void *work_array(struct work *work, int64_t count, size_t bytes)
{
    return arena_array(work->arena, (size_t)(count < 1 ? 1 : count), bytes);
}

const char *work_keep(struct work *work, const char *format, ...)
{
    char text[WORK_TEXT_BYTES];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    return arena_strdup(work->ret->arena, text);
}

void work_note(struct work *work, const char *format, ...)
{
    char text[WORK_TEXT_BYTES];
    va_list arguments;
    if (work->ret->note_count == WORK_NOTES)
        return;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    work->notes[work->ret->note_count++] = arena_strdup(work->ret->arena, text);
}

void work_number(struct work *work, const char *name, double value)
{
    if (work->ret->number_count < WORK_NUMBERS)
        work->numbers[work->ret->number_count++] = (struct stats_number){name, value};
}

enum err_code work_input(struct work *work, const char *format, ...)
{
    char text[WORK_TEXT_BYTES];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    return err_set(work->err, ERR_INPUT, "%s", text);
}

struct stats_term *work_terms(struct work *work, size_t count)
{
    struct stats_term *terms = arena_array(work->ret->arena, count, sizeof *terms);
    for (size_t i = 0; terms != NULL && i < count; i++)
        terms[i] = (struct stats_term){.name = "",
                                       .value = NAN,
                                       .se = NAN,
                                       .low = NAN,
                                       .high = NAN,
                                       .ratio = NAN,
                                       .ratio_low = NAN,
                                       .ratio_high = NAN,
                                       .statistic = NAN,
                                       .df = NAN,
                                       .p = NAN};
    work->ret->terms = terms;
    work->ret->term_count = terms == NULL ? 0 : count;
    return terms;
}

struct stats_group *work_groups(struct work *work, size_t count)
{
    struct stats_group *groups = arena_array(work->ret->arena, count, sizeof *groups);
    for (size_t i = 0; groups != NULL && i < count; i++)
        groups[i] = (struct stats_group){.name = "",
                                         .mean = NAN,
                                         .sd = NAN,
                                         .se = NAN,
                                         .mean_low = NAN,
                                         .mean_high = NAN,
                                         .min = NAN,
                                         .q1 = NAN,
                                         .median = NAN,
                                         .q3 = NAN,
                                         .max = NAN,
                                         .proportion = NAN,
                                         .observed = NAN,
                                         .expected = NAN,
                                         .median_low = NAN,
                                         .median_high = NAN,
                                         .rank_sum = NAN};
    work->ret->groups = groups;
    work->ret->group_count = groups == NULL ? 0 : count;
    return groups;
}
