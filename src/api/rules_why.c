/* Why a rule would run: what it would read and do now, held against the run of it that was made
 * last. */
#include "api/rules_priv.h"

#include "plan/diff.h"
#include "run/run.h"

#include <stdio.h>
#include <string.h>

#define CHANGES_TOLD 3

static bool is_of(const json_t *run, const struct rule *rule)
{
    return json_object_get(run, "problem") == NULL &&
           str_equal_nocase(str_of(json_text(run, "name", "")), str_of(rule->name)) &&
           json_object_get(json_object_get(run, "layout"), "url") == NULL;
}

static bool same_key(const json_t *run, const struct rule *rule)
{
    JSON_AUTO none = json_array();
    const json_t *kept = json_object_get(run, "key");
    return json_equal(kept != NULL ? kept : none, rule->key != NULL ? rule->key : none);
}

const json_t *api_rule_kept(const struct api_rules *rules, size_t rule)
{
    for (size_t i = 0; i < json_array_size(rules->runs); i++) {
        const json_t *run = json_array_get(rules->runs, i);
        if (is_of(run, &rules->bundle->rules[rule]) && same_key(run, &rules->bundle->rules[rule]) &&
            strcmp(json_text(run, "rule_signature", ""), rules->rules[rule].signature) == 0)
            return run;
    }
    return NULL;
}

static void add_reason(struct buf *out, const char *reason)
{
    buf_printf(out, "%s%s", out->len == 0 ? "" : "; ", reason);
}

/* A plan whose scans say nothing of contents. */
static enum err_code without_contents(const json_t *json, struct plan *plan,
                                      const struct plan_rel **ret, struct err *err)
{
    JSON_AUTO copy = json_deep_copy(json);
    json_t *node;
    size_t idx;
    json_array_foreach(json_object_get(copy, "nodes"), idx, node)
    {
        (void)json_object_del(node, "identity");
    }
    return plan_from_json(plan, copy, "plan", ret, err);
}

static enum err_code plan_changes(const struct api_rules *rules, size_t rule, const json_t *before,
                                  struct buf *ret, struct err *err)
{
    JSON_AUTO kept = NULL;
    JSON_AUTO now = NULL;
    JSON_AUTO diff = NULL;
    AUTO(plan_free) struct plan *a = plan_new();
    AUTO(plan_free) struct plan *b = plan_new();
    const struct plan_rel *first = NULL, *second = NULL;
    if (a == NULL || b == NULL)
        return err_set(err, ERR_MEMORY, "no memory for a plan");
    TRY(run_plan_read(rules->api->store, store_version_dataset(rules->version),
                      json_text(before, "run_id", ""), &kept, err));
    TRY(plan_to_json(rules->rules[rule].root, &now, err));
    TRY(without_contents(json_object_get(kept, "plan"), a, &first, err));
    TRY(without_contents(now, b, &second, err));
    TRY(plan_diff(first, second, &diff, err));
    const json_t *changes = json_object_get(diff, "changes");
    size_t count = json_array_size(changes);
    if (json_flag(diff, "equal", true))
        return ERR_OK;
    add_reason(ret, "plan changed: ");
    for (size_t i = 0; i < count && i < CHANGES_TOLD; i++)
        buf_printf(ret, "%s%s", i == 0 ? "" : "; ",
                   json_text(json_array_get(changes, i), "words", ""));
    if (count > CHANGES_TOLD)
        buf_printf(ret, "; and %zu more", count - CHANGES_TOLD);
    return ERR_OK;
}

/* Inputs that are read through another rule are that rule's reason. */
static bool is_scanned(const struct api_rule *rule, const char *name)
{
    const char **tables = NULL;
    size_t count = 0;
    bool found = false;
    if (plan_tables(rule->root, &tables, &count, ERR_IGNORED) != ERR_OK)
        return false;
    for (size_t i = 0; i < count; i++)
        found = found || str_equal_nocase(str_of(tables[i]), str_of(name));
    mem_free(tables);
    return found;
}

static void input_changes(const struct api_rule *rule, const json_t *before, struct buf *ret)
{
    const char *name;
    json_t *now;
    json_object_foreach(rule->inputs, name, now)
    {
        const json_t *was = json_object_get(json_object_get(before, "inputs"), name);
        if (was == NULL || json_equal(was, now) || !is_scanned(rule, name))
            continue; /* a new or a vanished scan is a change of the plan */
        buf_printf(ret, "%sinput %s has another content", ret->len == 0 ? "" : "; ", name);
    }
    json_object_foreach(rule->rules, name, now)
    {
        const json_t *was = json_object_get(json_object_get(before, "rules"), name);
        if (was != NULL && !json_equal(was, now))
            buf_printf(ret, "%srule %s changed", ret->len == 0 ? "" : "; ", name);
    }
}

enum err_code api_rule_why(const struct api_rules *rules, size_t rule, struct buf *ret,
                           struct err *err)
{
    const struct rule *named = &rules->bundle->rules[rule];
    const json_t *before = NULL;
    for (size_t i = 0; before == NULL && i < json_array_size(rules->runs); i++)
        if (is_of(json_array_get(rules->runs, i), named))
            before = json_array_get(rules->runs, i);
    if (before == NULL) {
        add_reason(ret, "first run");
        return buf_check(ret, err);
    }
    TRY(plan_changes(rules, rule, before, ret, err));
    input_changes(&rules->rules[rule], before, ret);
    if (!same_key(before, named))
        add_reason(ret, "key changed");
    if (ret->len == 0)
        add_reason(ret, "made otherwise before");
    return buf_check(ret, err);
}

/* ---- which are meant ---------------------------------------------------------------------------
 */

enum err_code api_rules_wanted(const struct rule_bundle *bundle, const char *const *names,
                               size_t count, bool **ret, struct err *err)
{
    AUTO(mem_free) bool *wanted = mem_zalloc(bundle->rule_count + 1, sizeof *wanted);
    if (wanted == NULL)
        return err_set(err, ERR_MEMORY, "no memory for the rules");
    for (size_t i = 0; i < bundle->rule_count && count == 0; i++)
        wanted[i] = true;
    for (size_t i = 0; i < count; i++) {
        struct nearest nearest = {.asked = names[i]};
        int64_t at = rule_find(bundle, names[i]);
        for (size_t k = 0; k < bundle->rule_count; k++)
            nearest_offer(&nearest, bundle->rules[k].name);
        if (at < 0) {
            err_set(err, ERR_NOT_FOUND, "the bundle has no rule '%.100s'", names[i]);
            return nearest_text(&nearest) != NULL
                       ? err_hint(err, "did you mean %s?", nearest_text(&nearest))
                       : err_hint(err, "'marrow rules check BUNDLE' lists its rules");
        }
        wanted[at] = true;
    }
    for (size_t i = bundle->rule_count; i-- > 0;) { /* from what depends to what it depends on */
        const struct rule *rule = &bundle->rules[bundle->order[i]];
        for (size_t k = 0; wanted[bundle->order[i]] && k < rule->use_count; k++)
            wanted[rule->uses[k]] = true;
    }
    *ret = wanted;
    wanted = NULL;
    return ERR_OK;
}

enum err_code api_rules_explain(struct api *api, const struct api_rules_options *options,
                                json_t **ret, struct err *err)
{
    struct api_rules rules = {.version = NULL};
    AUTO(mem_free) bool *wanted = NULL;
    bool ok = true;
    api_begin(api);
    enum err_code code =
        api_rules_ready(api, options->path, options->dataset, options->version, &rules, err);
    if (code == ERR_OK)
        code = api_rules_wanted(rules.bundle, options->rules, options->rule_count, &wanted, err);
    JSON_AUTO object = json_object();
    json_t *list = json_array();
    for (size_t i = 0; code == ERR_OK && i < rules.bundle->rule_count; i++) {
        size_t at = rules.bundle->order[i];
        AUTO(buf_done) struct buf reason = BUF_INIT;
        const json_t *kept = api_rule_kept(&rules, at);
        json_t *one = json_object();
        if (!wanted[at]) {
            json_decref(one);
            continue;
        }
        if (kept != NULL)
            buf_puts(&reason, "nothing changed");
        else
            code = api_rule_why(&rules, at, &reason, err);
        json_put_text(one, "name", rules.bundle->rules[at].name, &ok);
        json_put_flag(one, "runs", kept == NULL, &ok);
        json_put_text(one, "run_id", json_text(kept, "run_id", NULL), &ok);
        json_put_str(one, "reason", buf_view(&reason), &ok);
        json_push(list, one, &ok);
    }
    if (code == ERR_OK) {
        json_put_text(object, "bundle", rules.bundle->name, &ok);
        json_put_text(object, "signature", rules.bundle->signature, &ok);
        json_put_text(object, "version", store_version_id(rules.version), &ok);
    }
    json_put(object, "rules", list, &ok);
    api_rules_done(&rules);
    TRY(code);
    TRY(json_built(ok, err));
    *ret = json_incref(object);
    return ERR_OK;
}
