/* Criteria meet the views: which view serves which event, which of the texts and codes that occur
 * are meant. What no view can serve is an error that names it; what occurs nowhere is a note, and
 * matches nobody.
 *
 *     condition "diabetes"  ──lister(condition_simple, code_text)──▶  code_text in ("Diabetes",
 * "Type 2 diabetes mellitus (disorder)") */
#include "cohort/views_priv.h"

#include "base/clock.h"
#include "base/file.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

struct resolver {
    struct cohort_question *question;
    const char *folder;
    const struct cohort_lister *lister;
    bool ok;
    struct err *err;
};

void cohort_question_free(struct cohort_question *question)
{
    if (question == NULL)
        return;
    json_decref(question->notes);
    arena_free(question->arena);
    mem_free(question);
}

const json_t *cohort_question_notes(const struct cohort_question *question)
{
    return question->notes;
}

static void note(struct resolver *resolver, const char *code, const struct buf *message)
{
    json_t *one = json_object();
    json_put_text(one, "code", code, &resolver->ok);
    json_put_str(one, "message", buf_view(message), &resolver->ok);
    resolver->ok = resolver->ok && !message->failed;
    for (size_t i = 0; i < json_array_size(resolver->question->notes); i++)
        if (json_equal(json_array_get(resolver->question->notes, i),
                       one)) { /* the same words, asked twice */
            json_decref(one);
            return;
        }
    json_push(resolver->question->notes, one, &resolver->ok);
}

/* ---- ages and genders ---------------------------------------------------------------------------
 */

int64_t cohort_birth_day(int64_t as_of_day, int64_t age)
{
    int64_t year;
    unsigned month, day;
    clock_civil_from_days(as_of_day, &year, &month, &day);
    year -= age;
    if (!clock_civil_valid(year, month,
                           day)) /* 29 February of a leap year, seen from another year */
        day = 28;
    return clock_days_from_civil(year, month, day);
}

void cohort_birth_days(int64_t as_of_day, const struct cohort_span *ages, int64_t *ret_low,
                       int64_t *ret_high)
{
    *ret_high = cohort_birth_day(as_of_day, ages->low);
    *ret_low = ages->high >= COHORT_AGE_MOST ? COHORT_OPEN_LOW
                                             : cohort_birth_day(as_of_day, ages->high + 1) + 1;
}

const char *const *cohort_gender_spellings(const char *gender, size_t *ret_count)
{
    static const char *const female[] = {"female", "f", "w"}, *const male[] = {"male", "m"};
    *ret_count = strcmp(gender, "female") == 0 ? 3 : 2;
    return strcmp(gender, "female") == 0 ? female : strcmp(gender, "male") == 0 ? male : NULL;
}

/* ---- which views --------------------------------------------------------------------------------
 */

static bool has_matches(const struct cohort_event *event)
{
    return event->code_count + event->text_count + event->value_set_count > 0;
}

/* The column that the view lacks for the event, in words; NULL: none. */
static const char *lacks(const struct cohort_view *view, const struct cohort_resolved *resolved)
{
    const struct cohort_event *event = resolved->event;
    if (event->category != NULL && view->category.name == NULL)
        return "a category";
    if (event->status != NULL && view->status.name == NULL)
        return "a status";
    if (event->value.given && view->value.name == NULL)
        return "values";
    if (event->value.given && event->value.unit != NULL && view->unit.name == NULL)
        return "units";
    if (resolved->needs_dates && view->date_count == 0)
        return "dates";
    if (event->text_count > 0 && event->code_count + event->value_set_count == 0 &&
        view->text.name == NULL)
        return "texts";
    if (event->text_count == 0 && has_matches(event) && view->code_count == 0)
        return "codes";
    return NULL;
}

static enum err_code choose_views(struct resolver *resolver, struct cohort_resolved *resolved)
{
    const struct cohort_views *views = resolver->question->views;
    enum cohort_domain domain = resolved->event->domain;
    const struct cohort_view *wanting = NULL;
    const char *lack = NULL, *table = NULL;
    bool found = false;
    resolved->views = arena_array(resolver->question->arena, views->count + 1, sizeof(bool));
    if (resolved->views == NULL)
        return err_set(resolver->err, ERR_MEMORY, "no memory for a question");
    for (size_t i = 0; i < views->count; i++) {
        const struct cohort_view *view = &views->views[i];
        if (domain != COHORT_IN_ANY && view->domain != domain)
            continue;
        table = view->table;
        if (!view->bound)
            continue;
        const char *without = lacks(view, resolved);
        if (without != NULL) {
            wanting = view;
            lack = without;
            continue;
        }
        resolved->views[i] = found = true;
    }
    if (found)
        return ERR_OK;
    if (wanting != NULL) {
        err_set(resolver->err, ERR_NOT_FOUND,
                "a criterion asks for %s of %ss, which '%.100s' does not have", lack,
                cohort_domain_word(domain), wanting->table);
        return err_hint(resolver->err,
                        "--views FILE says which columns hold what (docs/COHORT.md)");
    }
    err_set(resolver->err, ERR_NOT_FOUND,
            "a criterion asks for %ss, and there is no view of them%s%.100s%s",
            cohort_domain_word(domain), table != NULL ? ": '" : "", table != NULL ? table : "",
            table != NULL ? "'" : "");
    return err_hint(resolver->err,
                    "'marrow view create NAME' makes the views of FHIR data; --views FILE "
                    "says which of other tables hold what (docs/COHORT.md)");
}

/* ---- codes --------------------------------------------------------------------------------------
 */

static enum err_code gather_codes(struct resolver *resolver, const struct cohort_event *event,
                                  struct cohort_list *codes)
{
    struct arena *arena = resolver->question->arena;
    for (size_t i = 0; i < event->code_count; i++) {
        struct cohort_code *item = cohort_list_add(arena, codes, sizeof *item);
        if (item == NULL)
            return err_set(resolver->err, ERR_MEMORY, "no memory for a question");
        *item = event->codes[i];
    }
    for (size_t i = 0; i < event->value_set_count; i++) {
        char path[FILE_PATH_BYTES];
        const char *file = event->value_sets[i];
        if (resolver->folder == NULL) {
            err_set(resolver->err, ERR_INPUT, "value sets can't be read from files here");
            return err_hint(resolver->err, "list their codes in the criteria");
        }
        if (file[0] == '/')
            TRY(file_path_join("/", file + 1, path, resolver->err));
        else
            TRY(file_path_join(resolver->folder, file, path, resolver->err));
        TRY(cohort_value_set_read(arena, path, codes, resolver->err));
    }
    return ERR_OK;
}

static int compare_texts(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Sorted, each once. */
static void settle(struct cohort_list *list)
{
    const char **items = list->items;
    size_t kept = 0;
    if (list->count > 1)
        qsort(items, list->count, sizeof *items, compare_texts);
    for (size_t i = 0; i < list->count; i++)
        if (kept == 0 || strcmp(items[kept - 1], items[i]) != 0)
            items[kept++] = items[i];
    list->count = kept;
}

/* Which of many values occur, and which texts have the words. */
struct sieve {
    struct resolver *resolver;
    const struct cohort_list *wanted; /* sorted texts; NULL: words are asked for */
    struct buf core, words;
    struct cohort_list *kept;
};

static void sieve_value(void *user, struct str value)
{
    struct sieve *sieve = user;
    struct arena *arena = sieve->resolver->question->arena;
    char *text = NULL;
    if (sieve->wanted != NULL) {
        text = arena_strndup(arena, value.ptr, value.len);
        if (text != NULL && bsearch(&text, sieve->wanted->items, sieve->wanted->count, sizeof text,
                                    compare_texts) == NULL)
            return;
    } else {
        buf_clear(&sieve->words);
        cohort_words(value, &sieve->words);
        if (!cohort_words_match(buf_view(&sieve->core), buf_view(&sieve->words)))
            return;
        text = arena_strndup(arena, value.ptr, value.len);
    }
    const char **item = cohort_list_add(arena, sieve->kept, sizeof *item);
    if (item != NULL && text != NULL)
        *item = text;
    else
        sieve->resolver->ok = false;
}

static enum err_code list_values(struct sieve *sieve, const struct cohort_view *view,
                                 const char *column)
{
    const struct cohort_lister *lister = sieve->resolver->lister;
    const struct cohort_lookup *lookup = &view->lookup;
    TRY(lister->list(lister->user, view->table, column, sieve_value, sieve, sieve->resolver->err));
    if (lookup->table != NULL && data_schema_find(&lookup->schema, str_of(column)) >= 0)
        TRY(lister->list(lister->user, lookup->table, column, sieve_value, sieve,
                         sieve->resolver->err));
    return arena_failed(sieve->resolver->question->arena) || !sieve->resolver->ok
               ? err_set(sieve->resolver->err, ERR_MEMORY, "no memory for a question")
               : ERR_OK;
}

#define ALWAYS_LISTED 200 /* so many codes are compared without asking first which occur */

static enum err_code keep_match(struct resolver *resolver, struct cohort_list *matches, size_t view,
                                const char *column, struct cohort_list *values,
                                struct cohort_list *prefixes)
{
    settle(values);
    settle(prefixes);
    if (values->count > ALWAYS_LISTED && column[0] != '=') {
        struct cohort_list kept = {0};
        struct sieve sieve = {.resolver = resolver, .wanted = values, .kept = &kept};
        TRY(list_values(&sieve, &resolver->question->views->views[view], column));
        settle(&kept);
        *values = kept;
    }
    if (values->count + prefixes->count > COHORT_LIMIT_VALUES)
        return err_set(resolver->err, ERR_LIMIT,
                       "a criterion is compared with more than %d codes or texts",
                       COHORT_LIMIT_VALUES);
    if (values->count + prefixes->count == 0)
        return ERR_OK;
    struct cohort_match *match = cohort_list_add(resolver->question->arena, matches, sizeof *match);
    if (match == NULL)
        return err_set(resolver->err, ERR_MEMORY, "no memory for a question");
    *match = (struct cohort_match){.view = view,
                                   .column = column,
                                   .values = values->items,
                                   .value_count = values->count,
                                   .prefixes = prefixes->items,
                                   .prefix_count = prefixes->count};
    return ERR_OK;
}

/* The codes that a column can hold. placed[i]: code i found a column. */
static enum err_code match_codes(struct resolver *resolver, struct cohort_list *matches,
                                 size_t view, const struct cohort_code_column *column,
                                 const struct cohort_list *codes, bool *placed)
{
    struct cohort_list values = {0}, prefixes = {0};
    const struct cohort_code *all = codes->items;
    for (size_t i = 0; i < codes->count; i++) {
        if (all[i].system != NULL && column->system != NULL &&
            strcmp(all[i].system, column->system) != 0)
            continue;
        const char **item = cohort_list_add(resolver->question->arena,
                                            all[i].prefix ? &prefixes : &values, sizeof *item);
        if (item == NULL)
            return err_set(resolver->err, ERR_MEMORY, "no memory for a question");
        *item = all[i].code;
        placed[i] = true;
    }
    return keep_match(resolver, matches, view, column->name, &values, &prefixes);
}

#define NOTED_TEXTS 8

static void note_texts(struct resolver *resolver, const struct cohort_event *event,
                       const char *text, struct cohort_list *found)
{
    AUTO(buf_done) struct buf message = BUF_INIT;
    settle(found);
    buf_printf(&message, "%s \"%s\": ", cohort_domain_word(event->domain), text);
    if (found->count == 0)
        buf_puts(&message, "no text has these words");
    else
        buf_printf(&message, "%zu %s: ", found->count, found->count == 1 ? "text" : "texts");
    for (size_t i = 0; i < found->count && i < NOTED_TEXTS; i++)
        buf_printf(&message, "%s%s", i == 0 ? "" : "; ", ((const char **)found->items)[i]);
    if (found->count > NOTED_TEXTS)
        buf_puts(&message, "; …");
    note(resolver, found->count == 0 ? "text_unknown" : "text_found", &message);
}

static enum err_code match_texts(struct resolver *resolver, struct cohort_list *matches,
                                 const struct cohort_resolved *resolved)
{
    const struct cohort_views *views = resolver->question->views;
    const struct cohort_event *event = resolved->event;
    struct cohort_list *values =
        arena_array(resolver->question->arena, views->count + 1, sizeof *values);
    if (values == NULL)
        return err_set(resolver->err, ERR_MEMORY, "no memory for a question");
    for (size_t t = 0; t < event->text_count; t++) {
        struct cohort_list found = {0};
        for (size_t i = 0; i < views->count; i++) {
            if (!resolved->views[i] || views->views[i].text.name == NULL)
                continue;
            struct cohort_list kept = {0};
            struct sieve sieve = {.resolver = resolver, .kept = &kept};
            cohort_words(str_of(event->texts[t]), &sieve.core);
            enum err_code code =
                list_values(&sieve, &views->views[i], views->views[i].text.name);
            buf_done(&sieve.core);
            buf_done(&sieve.words);
            TRY(code);
            settle(&kept);
            for (size_t k = 0; k < kept.count; k++) {
                const char **one =
                               cohort_list_add(resolver->question->arena, &values[i], sizeof *one),
                           **two = cohort_list_add(resolver->question->arena, &found, sizeof *two);
                if (one == NULL || two == NULL)
                    return err_set(resolver->err, ERR_MEMORY, "no memory for a question");
                *one = *two = ((const char **)kept.items)[k];
            }
        }
        note_texts(resolver, event, event->texts[t], &found);
    }
    for (size_t i = 0; i < views->count; i++) {
        struct cohort_list none = {0};
        if (values[i].count > 0)
            TRY(keep_match(resolver, matches, i, views->views[i].text.name, &values[i], &none));
    }
    return ERR_OK;
}

static enum err_code note_unplaced(struct resolver *resolver, const struct cohort_list *codes,
                                   const bool *placed)
{
    AUTO(buf_done) struct buf message = BUF_INIT;
    size_t count = 0;
    const char *system = NULL;
    for (size_t i = 0; i < codes->count; i++) {
        if (placed[i])
            continue;
        count++;
        system = ((const struct cohort_code *)codes->items)[i].system;
    }
    if (count == 0)
        return ERR_OK;
    buf_printf(&message, "%zu %s of a system that no column of the views holds (%s)", count,
               count == 1 ? "code" : "codes", system != NULL ? system : "");
    note(resolver, "code_unplaced", &message);
    return ERR_OK;
}

static enum err_code resolve_event(struct resolver *resolver, struct cohort_resolved *resolved)
{
    const struct cohort_views *views = resolver->question->views;
    struct cohort_list codes = {0}, matches = {0};
    TRY(choose_views(resolver, resolved));
    resolved->all_rows = !has_matches(resolved->event);
    TRY(gather_codes(resolver, resolved->event, &codes));
    bool *placed = arena_array(resolver->question->arena, codes.count + 1, sizeof *placed);
    if (placed == NULL)
        return err_set(resolver->err, ERR_MEMORY, "no memory for a question");
    for (size_t i = 0; i < views->count; i++)
        for (size_t c = 0; resolved->views[i] && c < views->views[i].code_count; c++)
            TRY(match_codes(resolver, &matches, i, &views->views[i].codes[c], &codes, placed));
    TRY(note_unplaced(resolver, &codes, placed));
    if (resolved->event->text_count > 0)
        TRY(match_texts(resolver, &matches, resolved));
    resolved->matches = matches.items;
    resolved->match_count = matches.count;
    return ERR_OK;
}

/* ---- the tree -----------------------------------------------------------------------------------
 */

/* operand: another event's time is measured from it. */
static enum err_code walk(struct resolver *resolver, const struct cohort_node *node, bool operand)
{
    const struct cohort_patients *patients = &resolver->question->views->patients;
    const char *lack = NULL;
    for (size_t i = 0; i < node->child_count; i++)
        TRY(walk(resolver, node->children[i], operand));
    if (node->kind == COHORT_GENDER && patients->gender.name == NULL)
        lack = "genders";
    if ((node->kind == COHORT_AGE || node->kind == COHORT_BORN ||
         (node->event != NULL && node->event->age.given)) &&
        patients->birth_date.name == NULL)
        lack = "dates of birth";
    if (node->kind == COHORT_DECEASED && patients->deceased.name == NULL)
        lack = "deaths";
    if (lack != NULL) {
        err_set(resolver->err, ERR_NOT_FOUND,
                "a criterion asks for %s, which '%.100s' does not have", lack, patients->table);
        return err_hint(resolver->err,
                        "--views FILE says which columns hold what (docs/COHORT.md)");
    }
    if (node->kind != COHORT_EVENT)
        return ERR_OK;
    const struct cohort_event *event = node->event;
    struct cohort_resolved *resolved = &resolver->question->events[event->ordinal];
    resolved->event = event;
    resolved->needs_dates =
        operand || event->dates.given || event->age.given || event->relation_count > 0;
    TRY(resolve_event(resolver, resolved));
    for (size_t i = 0; i < event->relation_count; i++)
        TRY(walk(resolver, event->relations[i].event, true));
    return ERR_OK;
}

enum err_code cohort_question_new(const struct cohort_criteria *criteria,
                                  const struct cohort_views *views, const char *folder,
                                  int64_t as_of_day, const struct cohort_lister *lister,
                                  struct cohort_question **ret, struct err *err)
{
    AUTO(cohort_question_free) struct cohort_question *question = mem_zalloc(1, sizeof *question);
    if (question == NULL)
        return err_set(err, ERR_MEMORY, "no memory for a question");
    question->criteria = criteria;
    question->views = views;
    question->as_of_day = as_of_day;
    question->arena = arena_new(0);
    question->notes = json_array();
    question->events =
        question->arena == NULL
            ? NULL
            : arena_array(question->arena, criteria->event_count + 1, sizeof *question->events);
    if (question->events == NULL || question->notes == NULL)
        return err_set(err, ERR_MEMORY, "no memory for a question");
    struct resolver resolver = {question, folder, lister, true, err};
    TRY(walk(&resolver, criteria->root, false));
    TRY(json_built(resolver.ok && !arena_failed(question->arena), err));
    *ret = question;
    question = NULL;
    return ERR_OK;
}
