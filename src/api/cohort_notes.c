/* What a count's answer says beside the number: whom it may lack, and why. */
#include "api/cohort_priv.h"
#include "api/views_priv.h"

#include <inttypes.h>
#include <string.h>

static void push_note(json_t *notes, const char *code, const char *message, bool *ok)
{
    json_t *note = json_object();
    json_put_text(note, "code", code, ok);
    json_put_text(note, "message", message, ok);
    json_push(notes, note, ok);
}

/* "12 rows in another unit (g/L) were left out" */
enum err_code api_cohort_note_units(struct api_cohort *cohort, json_t *notes, struct err *err)
{
    AUTO(plan_free) struct plan *plan = plan_new();
    AUTO(buf_done) struct buf sql = BUF_INIT;
    const struct plan_rel *root = NULL;
    JSON_AUTO rows = NULL;
    bool ok = true;
    if (plan == NULL)
        return err_set(err, ERR_MEMORY, "no memory for a plan");
    TRY(cohort_plan_other_units(plan, cohort->question, &root, err));
    if (root == NULL)
        return ERR_OK;
    TRY(api_cohort_compile(cohort, root, &sql, err));
    TRY(engine_query_json(cohort->engine, buf_text(&sql), 1000, &rows, err));
    for (size_t i = 0; i < json_array_size(rows); i++) {
        const json_t *row = json_array_get(rows, i);
        int64_t number = json_integer_value(json_array_get(row, 2));
        AUTO(buf_done) struct buf text = BUF_INIT;
        bool few = cohort->options->suppress > 0 && number < cohort->options->suppress;
        const char *unit = json_string_value(json_array_get(row, 1));
        if (few)
            buf_puts(&text, "some");
        else
            buf_printf(&text, "%" PRId64, number);
        buf_printf(&text, " values of %s were left out: their unit is %s",
                   json_string_value(json_array_get(row, 0)), unit != NULL ? unit : "not given");
        push_note(notes, "other_unit", buf_text(&text), &ok);
    }
    return json_built(ok, err);
}

/* ---- values that are null ------------------------------------------------------------------------
 */

/* What of a view's rows is null because it broke a rule: as it was attached, as the index was built,
 * else as it is kept. */
static const json_t *nulled_of(const struct api_cohort *cohort, const char *name,
                               const json_t *index)
{
    const char *plain = api_views_plain_name(name);
    const json_t *entry = json_object_get(cohort->fhir_views, plain);
    if (json_object_get(cohort->nulled, plain) != NULL)
        return json_object_get(cohort->nulled, plain);
    if (index != NULL)
        return json_object_get(json_object_get(index, "nulled"), plain);
    return strcmp(json_text(json_object_get(cohort->sources, name), "route", ""), "on the fly") == 0
               ? NULL
               : json_object_get(entry, "nulled");
}

/* Nobody is left out without a word: a patient whose only value is null meets no limit. */
static enum err_code note_nulled(const struct api_cohort *cohort, const char *name,
                                 const json_t *index, json_t *notes, struct err *err)
{
    AUTO(buf_done) struct buf text = BUF_INIT;
    const json_t *of = nulled_of(cohort, name, index);
    int64_t resources = json_int(of, "resources", 0);
    bool ok = true;
    if (resources == 0 || json_object_get(cohort->sources, name) == NULL)
        return ERR_OK;
    api_nulled_print(api_views_plain_name(name), json_text(of, "resource", ""), of,
                     cohort->options->suppress, &text);
    push_note(notes, "nulled_values", buf_text(&text), &ok);
    TRY(buf_check(&text, err));
    return json_built(ok, err);
}

/* Without this word, no row of a weight would look like no patient who was weighed. */
static void note_observations(const struct api_cohort *cohort, json_t *notes, bool *ok)
{
    const json_t *source = json_object_get(cohort->sources, "observation_labs");
    if (json_object_get(source, "fresh") != NULL) /* else a table of that name is the user's own */
        push_note(notes, "built_in_observations",
                  "observations are the laboratory's and blood pressures, as the built-in views "
                  "hold them; others: a view of your own, and --views FILE",
                  ok);
}

enum err_code api_cohort_note_views(struct api_cohort *cohort, const struct plan_rel *root,
                                    json_t *notes, struct err *err)
{
    const char **names = NULL;
    size_t count = 0;
    bool ok = true;
    JSON_AUTO index = NULL;
    TRY(api_cohort_index_manifest(cohort, &index, err));
    TRY(plan_tables(root, &names, &count, err));
    enum err_code code = ERR_OK;
    for (size_t i = 0; i < count && code == ERR_OK; i++) {
        if (strcmp(names[i], "observation_labs") == 0)
            note_observations(cohort, notes, &ok);
        code = note_nulled(cohort, names[i], index, notes, err);
    }
    mem_free(names);
    return code == ERR_OK ? json_built(ok, err) : code;
}

/* ---- rows without a code -----------------------------------------------------------------------
 */

static enum err_code count_uncoded(struct api_cohort *cohort, const char *table, int64_t *ret,
                                   struct err *err)
{
    AUTO(plan_free) struct plan *plan = plan_new();
    AUTO(buf_done) struct buf sql = BUF_INIT;
    const struct plan_rel *root = NULL;
    JSON_AUTO rows = NULL;
    *ret = 0;
    if (plan == NULL)
        return err_set(err, ERR_MEMORY, "no memory for a plan");
    TRY(cohort_plan_uncoded(plan, cohort->views, table, &root, err));
    if (root == NULL)
        return ERR_OK;
    TRY(api_cohort_attach_of(cohort, root, err));
    TRY(api_cohort_compile(cohort, root, &sql, err));
    TRY(engine_query_json(cohort->engine, buf_text(&sql), 1, &rows, err));
    *ret = json_integer_value(json_array_get(json_array_get(rows, 0), 0));
    return ERR_OK;
}

enum err_code api_cohort_uncoded(struct api_cohort *cohort, const char *const *tables,
                                 size_t count, json_t *ret, struct err *err)
{
    bool ok = true;
    for (size_t i = 0; i < count; i++) {
        int64_t rows = 0;
        if (json_object_get(ret, tables[i]) != NULL)
            continue;
        TRY(count_uncoded(cohort, tables[i], &rows, err));
        if (rows > 0)
            json_put_int(ret, tables[i], rows, &ok);
    }
    return json_built(ok, err);
}

/* Whoever has none but such rows meets no code. */
static enum err_code push_uncoded(const struct api_cohort *cohort, const json_t *uncoded,
                                  const char *table, json_t *notes, struct err *err)
{
    AUTO(buf_done) struct buf text = BUF_INIT;
    int64_t rows = json_int(uncoded, table, 0);
    bool ok = true, few = rows < cohort->options->suppress, one = rows == 1 && !few;
    if (rows == 0)
        return ERR_OK;
    if (few)
        buf_puts(&text, "some");
    else
        buf_printf(&text, "%" PRId64, rows);
    buf_printf(&text,
               " %s of %s %s no code that criteria look at: %s to what is not here, or %s coded "
               "otherwise; criteria by code miss %s",
               one ? "row" : "rows", api_views_plain_name(table), one ? "has" : "have",
               one ? "it refers" : "they refer", one ? "is" : "are", one ? "it" : "them");
    TRY(buf_check(&text, err));
    push_note(notes, "uncoded", buf_text(&text), &ok);
    return json_built(ok, err);
}

enum err_code api_cohort_note_uncoded(struct api_cohort *cohort, const struct plan_rel *root,
                                      json_t *notes, struct err *err)
{
    JSON_AUTO index = NULL;
    JSON_AUTO counted = json_object();
    const char **names = NULL;
    size_t count = 0;
    TRY(api_cohort_index_manifest(cohort, &index, err));
    TRY(plan_tables(root, &names, &count, err));
    enum err_code code =
        index == NULL ? api_cohort_uncoded(cohort, names, count, counted, err) : ERR_OK;
    for (size_t i = 0; i < count && code == ERR_OK; i++)
        code = push_uncoded(cohort, index != NULL ? json_object_get(index, "uncoded") : counted,
                            names[i], notes, err);
    mem_free(names);
    return code;
}
