/* Cohorts on a server, over the FHIR views that `view create --engine` put there as tables.
 *
 *     each view's table has a note with it: whose rows they are ─▶ this version's? ─▶ the plan runs
 *     there ─▶ are they the same tables still? (a refresh swaps others in, at any moment) */
#include "api/cohort_priv.h"
#include "api/views_priv.h"

#include "run/run.h"

#include <string.h>

bool api_cohort_on_server(const struct api_cohort *cohort)
{
    return json_object_size(cohort->wanted) > 0;
}

enum err_code api_cohort_server_open(struct api_cohort *cohort, struct err *err)
{
    struct engine_options options = api_engine_options(cohort->api);
    options.url = cohort->options->engine;
    TRY(run_mirror_open(&options, cohort->version, &cohort->engine, &cohort->pushed, err));
    return run_mirror_notes(cohort->engine, VIEWS_SCHEMA, &cohort->there, err);
}

void api_cohort_table_sql(void *user, const char *table, struct buf *out)
{
    const struct api_cohort *cohort = user;
    if (json_object_get(cohort->wanted, table) == NULL) {
        engine_quote_identifier(out, str_of(table));
        return;
    }
    buf_puts(out, VIEWS_SCHEMA ".");
    engine_quote_identifier(out, str_of(api_views_plain_name(table)));
}

/* ---- whose rows they are ------------------------------------------------------------------------
 */

/* of: the version of this dataset that is there; NULL: none. */
static enum err_code create_hint(const struct api_cohort *cohort, const char *view, const char *of,
                                 struct err *err)
{
    const char *dataset = cohort->options->dataset;
    return of == NULL
               ? err_hint(err,
                          "'marrow view create %s %s --engine URL' puts the newest version's there",
                          dataset, view)
               : err_hint(err,
                          "'marrow view create %s %s --engine URL' puts the newest version's "
                          "there; --version %.12s asks for those that are",
                          dataset, view, of);
}

static enum err_code is_another(const struct api_cohort *cohort, const char *view,
                                const json_t *note, struct err *err)
{
    const char *dataset = json_text(note, "dataset", NULL), *of = json_text(note, "version", "");
    const char *version = store_version_id(cohort->version);
    bool ours = dataset != NULL && strcmp(dataset, cohort->options->dataset) == 0;
    bool same = ours && strcmp(of, version) == 0;
    if (dataset == NULL)
        err_set(err, ERR_NOT_FOUND,
                "the server's table " VIEWS_SCHEMA ".%s does not say whose rows it has, expected "
                "version %.12s of '%s'",
                view, version, cohort->options->dataset);
    else if (same)
        err_set(err, ERR_NOT_FOUND, "the server's view '%s' is of another definition", view);
    else
        err_set(err, ERR_NOT_FOUND,
                "the server's view '%s' is of version %.12s of '%.100s', expected version %.12s of "
                "'%s'",
                view, of, dataset, version, cohort->options->dataset);
    return create_hint(cohort, view, ours && !same ? of : NULL, err);
}

static enum err_code check_view(const struct api_cohort *cohort, const char *name,
                                const char *identity, struct err *err)
{
    const char *view = api_views_plain_name(name);
    const json_t *table = json_object_get(cohort->there, view);
    JSON_AUTO note = NULL;
    if (table == NULL) {
        err_set(err, ERR_NOT_FOUND, "view '%s' is not on the server", view);
        return create_hint(cohort, view, NULL, err);
    }
    /* Anyone may write a comment: one that is not ours says nothing. */
    if (json_parse(str_of(json_text(table, "note", "")), "a note", &note, ERR_IGNORED) != ERR_OK ||
        strcmp(json_text(note, "identity", ""), identity) != 0)
        return is_another(cohort, view, note, err);
    return ERR_OK;
}

static enum err_code check_pushed(const struct api_cohort *cohort, const char *name,
                                  struct err *err)
{
    for (size_t i = 0; i < json_array_size(cohort->pushed); i++)
        if (strcmp(json_string_value(json_array_get(cohort->pushed, i)), name) == 0)
            return ERR_OK;
    err_set(err, ERR_NOT_FOUND, "table '%s' of version %.12s is not on the server", name,
            store_version_id(cohort->version));
    return err_hint(err, "marrow push %s --table %s --engine URL", cohort->options->dataset, name);
}

/* What the answer says of a view that is read there. */
static void put_source(struct api_cohort *cohort, const char *name, bool *ok)
{
    json_t *source = json_object_get(cohort->sources, name);
    json_put_text(source, "route", engine_name(cohort->engine), ok);
    json_put_text(source, "why", "the server's table is of these very resources", ok);
}

enum err_code api_cohort_server_check(struct api_cohort *cohort, const char *const *names,
                                      size_t count, struct err *err)
{
    bool ok = true;
    for (size_t i = 0; i < count; i++) {
        const char *identity = json_text(cohort->wanted, names[i], NULL);
        if (identity == NULL) {
            TRY(check_pushed(cohort, names[i], err));
            continue;
        }
        TRY(check_view(cohort, names[i], identity, err));
        put_source(cohort, names[i], &ok);
        json_put_flag(cohort->attached, names[i], true, &ok);
    }
    return json_built(ok, err);
}

enum err_code api_cohort_server_still(struct api_cohort *cohort, struct err *err)
{
    JSON_AUTO now = NULL;
    const char *name;
    json_t *unused;
    if (cohort->there == NULL)
        return ERR_OK;
    TRY(run_mirror_notes(cohort->engine, VIEWS_SCHEMA, &now, err));
    json_object_foreach(cohort->attached, name, unused)
    {
        const char *view = api_views_plain_name(name);
        if (json_equal(json_object_get(cohort->there, view), json_object_get(now, view)))
            continue;
        err_set(err, ERR_LOCKED, "the server's view '%s' was refreshed while it was read", view);
        return err_hint(err, "ask again");
    }
    return ERR_OK;
}
