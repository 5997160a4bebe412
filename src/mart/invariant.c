/* Invariants: what must hold between a mart and the raw tables, each as two independent SQL texts whose answers must agree. They run before
 * a mart is published and again at `mart verify`. Sums of doubles agree to a relative 1e-9 (each group's sum is rounded once); all
 * else agrees exactly. */
#include "mart/mart_priv.h"

#include <math.h>
#include <string.h>

static bool agree(const char *expected, const char *found)
{
    double a = 0, b = 0;
    if (strcmp(expected, found) == 0)
        return true;
    if (!str_to_double(str_of(expected), &a) || !str_to_double(str_of(found), &b))
        return false;
    bool fraction = strpbrk(expected, ".eE") != NULL || strpbrk(found, ".eE") != NULL;
    return fraction && fabs(a - b) <= 1e-9 * fmax(fabs(a), fabs(b));
}

static enum err_code one(struct engine *engine, const char *sql, struct buf *ret, struct err *err)
{
    AUTO(buf_done) struct buf text = BUF_INIT;
    buf_printf(&text, "SELECT coalesce(CAST((%s) AS VARCHAR), '0')", sql);
    TRY(buf_check(&text, err));
    return engine_query_text(engine, buf_text(&text), ret, err);
}

enum err_code mart_invariants_run(struct engine *engine, const json_t *invariants, json_t **ret_checks, bool *ret_ok, struct err *err)
{
    size_t idx;
    json_t *invariant;
    bool ok = true;
    JSON_AUTO checks = json_array();
    *ret_ok = true;
    json_array_foreach((json_t *)(uintptr_t)invariants, idx, invariant) {
        AUTO(buf_done) struct buf expected = BUF_INIT, found = BUF_INIT;
        TRY(one(engine, json_text(invariant, "raw_sql", ""), &expected, err));
        TRY(one(engine, json_text(invariant, "mart_sql", ""), &found, err));
        bool same = agree(buf_text(&expected), buf_text(&found));
        json_t *entry = json_deep_copy(invariant);
        json_put_text(entry, "expected", buf_text(&expected), &ok);
        json_put_text(entry, "found", buf_text(&found), &ok);
        json_put_flag(entry, "ok", same, &ok);
        json_push(checks, entry, &ok);
        *ret_ok = *ret_ok && same;
    }
    TRY(json_built(ok, err));
    *ret_checks = json_incref(checks);
    return ERR_OK;
}

enum err_code mart_verify(struct store *store, struct store_version *version, const json_t *run_manifest, json_t **ret, struct err *err)
{
    AUTO(engine_close) struct engine *engine = NULL;
    json_t *checks = NULL;
    bool all_ok = false, ok = true;
    TRY(engine_open(&store_get_options(store)->engine, &engine, err));
    TRY(store_version_attach(version, engine, NULL, 0, err));
    TRY(run_attach(store, store_version_dataset(version), run_manifest, "marrow_result", engine, err));
    TRY(mart_invariants_run(engine, json_object_get(run_manifest, "invariants"), &checks, &all_ok, err));
    json_t *object = json_object();
    json_put_flag(object, "ok", all_ok, &ok);
    json_put_text(object, "run_id", json_text(run_manifest, "run_id", ""), &ok);
    json_put_text(object, "name", json_text(run_manifest, "name", ""), &ok);
    json_put(object, "checks", checks, &ok);
    *ret = object;
    return json_built(ok, err);
}
