/* Invariants: what must hold between a mart and the raw tables, each as an expression over the
 * raw tables beside one over the mart: two independent SQL texts whose answers must agree. They run
 * before a mart is published and again at `mart verify`. Sums of doubles agree to a relative 1e-9
 * (each group's sum is rounded once); all else agrees exactly. */
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

/* One row of texts: SELECT list from. */
static enum err_code one_row(struct engine *engine, const struct buf *list, const char *from,
                             json_t **ret_row, struct err *err)
{
    AUTO(buf_done) struct buf sql = BUF_INIT;
    JSON_AUTO rows = NULL;
    buf_puts(&sql, "SELECT ");
    buf_add_str(&sql, buf_view(list));
    buf_printf(&sql, " %s", from);
    TRY(buf_check(list, err));
    TRY(buf_check(&sql, err));
    TRY(engine_query_json(engine, buf_text(&sql), 1, &rows, err));
    *ret_row = json_incref(json_array_get(rows, 0));
    return *ret_row != NULL ? ERR_OK : err_set(err, ERR_FAILED, "an invariant gave no row");
}

static void add_text(struct buf *list, const char *expression)
{
    buf_puts(list, list->len == 0 ? "" : ", ");
    buf_printf(list, "coalesce(CAST(%s AS VARCHAR), '0')", expression);
}

/* Raw side: invariants that read the same FROM are answered by one scan, in place: expected[] gets
 * the texts. */
static enum err_code raw_side(struct engine *engine, const json_t *invariants, json_t *expected,
                              struct err *err)
{
    size_t count = json_array_size(invariants);
    bool ok = true;
    for (size_t first = 0; first < count; first++) {
        const char *from = json_text(json_array_get(invariants, first), "from", "");
        AUTO(buf_done) struct buf list = BUF_INIT;
        JSON_AUTO row = NULL;
        size_t end = first;
        while (end < count &&
               strcmp(json_text(json_array_get(invariants, end), "from", ""), from) == 0)
            add_text(&list, json_text(json_array_get(invariants, end++), "raw", ""));
        TRY(one_row(engine, &list, from, &row, err));
        for (size_t i = first; i < end; i++)
            json_push(expected, json_incref(json_array_get(row, i - first)), &ok);
        first = end - 1;
    }
    return json_built(ok, err);
}

enum err_code mart_invariants_run(struct engine *engine, const json_t *invariants,
                                  json_t **ret_checks, bool *ret_ok, struct err *err)
{
    size_t idx;
    json_t *invariant;
    bool ok = true;
    JSON_AUTO checks = json_array();
    JSON_AUTO expected = json_array();
    JSON_AUTO found = NULL;
    AUTO(buf_done) struct buf list = BUF_INIT;
    *ret_ok = true;
    TRY(raw_side(engine, invariants, expected, err));
    json_array_foreach((json_t *)(uintptr_t)invariants, idx, invariant)
        add_text(&list, json_text(invariant, "mart", ""));
    TRY(one_row(engine, &list, "FROM marrow_result", &found, err));
    json_array_foreach((json_t *)(uintptr_t)invariants, idx, invariant)
    {
        const char *raw = json_string_value(json_array_get(expected, idx)),
                   *mart = json_string_value(json_array_get(found, idx));
        bool same = raw != NULL && mart != NULL && agree(raw, mart);
        json_t *entry = json_deep_copy(invariant);
        json_put_text(entry, "expected", raw, &ok);
        json_put_text(entry, "found", mart, &ok);
        json_put_flag(entry, "ok", same, &ok);
        json_push(checks, entry, &ok);
        *ret_ok = *ret_ok && same;
    }
    TRY(json_built(ok, err));
    *ret_checks = json_incref(checks);
    return ERR_OK;
}

enum err_code mart_verify(struct store *store, struct store_version *version,
                          const json_t *run_manifest, json_t **ret, struct err *err)
{
    AUTO(engine_close) struct engine *engine = NULL;
    json_t *checks = NULL;
    bool all_ok = false, ok = true;
    TRY(run_check_hashes(store, store_version_dataset(version), run_manifest,
                         err)); /* a flipped bit can give a wrong answer without an error */
    TRY(engine_open(&store_get_options(store)->engine, &engine, err));
    TRY(store_version_attach(version, engine, NULL, 0, err));
    TRY(run_attach(store, store_version_dataset(version), run_manifest, "marrow_result", engine,
                   err));
    TRY(mart_invariants_run(engine, json_object_get(run_manifest, "invariants"), &checks, &all_ok,
                            err));
    json_t *object = json_object();
    json_put_flag(object, "ok", all_ok, &ok);
    json_put_text(object, "run_id", json_text(run_manifest, "run_id", ""), &ok);
    json_put_text(object, "name", json_text(run_manifest, "name", ""), &ok);
    json_put(object, "checks", checks, &ok);
    *ret = object;
    return json_built(ok, err);
}
