/* Bundles of rules held against a version: what they read is there, and each rule's plan with the
 * identity of what it reads.
 *
 *   bundle ──problems──▶ inputs of the version ──adapt──▶ plan per rule ──signature──▶
 *
 *   scan "labevents"      identity = the table's content hash
 *   scan "mart_patient"   identity = its run id
 *   scan "first_labs"     identity = that rule's signature over this version
 *   scan "chartevents"    optional and missing: values, no rows
 *
 * A rule's rows depend on nothing else, so a run made on another version whose contents are the
 * same is this rule's too, and its table there. */
#include "api/rules_priv.h"
#include "api/views_priv.h"

#include <stdio.h>
#include <string.h>

/* ---- reading -----------------------------------------------------------------------------------
 */

static enum err_code bind(void *user, const json_t *json, const json_t *params, const char *source,
                          json_t **ret, struct err *err)
{
    struct api *api = user;
    AUTO(api_plan_free) struct api_plan *read = NULL;
    struct api_bound bound = {.arena = NULL};
    const struct plan_rel *root = NULL;
    struct plan *plan = plan_new();
    if (plan == NULL)
        return err_set(err, ERR_MEMORY, "no memory for a plan");
    enum err_code code = plan_from_json(plan, json, source, &root, err);
    if (code != ERR_OK) {
        plan_free(plan);
        return code;
    }
    TRY(api_plan_of(plan, root, source, &read, err));
    code = api_params_bind(read, params, api != NULL && api->options.show_values, &bound, err);
    if (code == ERR_OK)
        code = api_params_close(&bound, err);
    if (code == ERR_OK)
        *ret = json_incref(bound.plan);
    api_bound_done(&bound);
    return code;
}

enum err_code api_rules_read(struct api *api, const char *path, struct rule_bundle **ret,
                             struct err *err)
{
    json_install();
    struct rule_host host = {bind, api};
    return rule_bundle_read(path, &host, ret, err);
}

/* ---- what the version has ----------------------------------------------------------------------
 */

/* A SQL-on-FHIR view as an input: {view, run_id: what its rows over this version are}. NULL: there is no such view. */
static enum err_code find_view(struct api *api, struct store_version *version, const char *name,
                               json_t **ret, struct err *err)
{
    AUTO(data_schema_done) struct data_schema schema = {0};
    char identity[65];
    bool found = false, ok = true;
    TRY(api_view_identity(api, version, name, identity, &schema, &found, err));
    if (!found)
        return ERR_OK;
    *ret = json_object();
    json_put_text(*ret, "view", name, &ok);
    json_put_text(*ret, "run_id", identity, &ok);
    return json_built(ok, err);
}

/* *ret_run: the view, mart, saved plan or rule's run of that name; NULL: there is none, or it is a table. */
static enum err_code find_input(struct api *api, struct store_version *version, const char *name,
                                const struct store_table **ret_table, json_t **ret_run,
                                struct err *err)
{
    struct err local = {.code = ERR_OK};
    *ret_table = store_version_table_find(version, name);
    *ret_run = NULL;
    if (*ret_table != NULL)
        return ERR_OK;
    TRY(find_view(api, version, name, ret_run, err));
    if (*ret_run != NULL)
        return ERR_OK;
    enum err_code code = api_run_find(api, version, name, NULL, ret_run, &local);
    if (code != ERR_OK && code != ERR_NOT_FOUND)
        *err = local;
    return code == ERR_NOT_FOUND ? ERR_OK : code;
}

enum err_code api_rule_input_run(struct api *api, struct store_version *version, const char *name,
                                 json_t **ret, struct err *err)
{
    const struct store_table *table = NULL;
    TRY(find_input(api, version, name, &table, ret, err));
    if (json_object_get(*ret, "view") == NULL)
        return ERR_OK;
    json_decref(*ret);
    *ret = NULL;
    err_set(err, ERR_UNSUPPORTED, "view %.100s is an input of rules on the embedded engine only", name);
    return err_hint(err, "run the rules without --engine");
}

static bool is_scan(const json_t *node)
{
    return strcmp(json_text(node, "node", ""), "scan") == 0;
}

static enum err_code fit_input(struct api *api, struct rule_bundle *bundle,
                               const struct rule_input *input, struct store_version *version,
                               struct err *err)
{
    const struct store_table *table = NULL;
    JSON_AUTO run = NULL;
    JSON_AUTO problems = NULL;
    JSON_AUTO plan = json_object();
    json_t *nodes = json_array(), *scan = json_object();
    bool ok = true;
    TRY(find_input(api, version, input->name, &table, &run, err));
    json_put_text(scan, "node", "scan", &ok);
    json_put_text(scan, "table", input->name, &ok);
    json_put(scan, "columns", json_deep_copy(input->columns), &ok);
    json_push(nodes, scan, &ok);
    json_put(plan, "nodes", nodes, &ok);
    TRY(json_built(ok, err));
    if (table == NULL && run == NULL && input->optional) {
        AUTO(buf_done) struct buf note = BUF_INIT;
        buf_printf(&note, "optional input \"%s\" is missing: an empty table stands in for it",
                   input->name);
        json_push_str(bundle->notes, buf_view(&note), &ok);
        return json_built(ok, err);
    }
    TRY(api_plan_problems(api, version, NULL, plan, NULL, &problems, err));
    for (size_t i = 0; i < json_array_size(problems); i++) {
        const json_t *one = json_array_get(problems, i);
        const char *column = json_text(one, "column", NULL), *words = json_text(one, "words", "");
        const char *text = strstr(words, "\": "); /* after the node */
        AUTO(buf_done) struct buf node = BUF_INIT;
        buf_printf(&node, "input \"%s\"", input->name);
        rule_problem(bundle, NULL, buf_text(&node), column, NULL, "%s",
                     text != NULL ? text + 3 : words);
    }
    return ERR_OK;
}

enum err_code api_rules_fit(struct api *api, struct rule_bundle *bundle, const char *dataset,
                            const char *version, struct store_version **ret, struct err *err)
{
    TRY(store_version_open(api->store, dataset, version, ret, err));
    for (size_t i = 0; i < bundle->input_count; i++)
        TRY(fit_input(api, bundle, &bundle->inputs[i], *ret, err));
    for (size_t i = 0; i < bundle->rule_count; i++)
        if (store_version_table_find(*ret, bundle->rules[i].name) != NULL)
            rule_problem(bundle, &bundle->rules[i], NULL, NULL, NULL,
                         "it has the name of a table of the dataset");
    return bundle->problems == NULL ? err_set(err, ERR_MEMORY, "no memory for the problems")
                                    : ERR_OK;
}

/* ---- one rule over the version -----------------------------------------------------------------
 */

#define HELD                                                                                       \
    "rule" /* stands in for "scan" where another rule is read, while the version is asked */

/* Scans of rules are held back; those of missing optional inputs become empty tables. */
static enum err_code hold(struct api_rules *rules, json_t *plan, struct api_rule *made,
                          struct err *err)
{
    json_t *node;
    size_t idx;
    bool ok = true;
    json_array_foreach(json_object_get(plan, "nodes"), idx, node)
    {
        const struct store_table *table = NULL;
        JSON_AUTO run = NULL;
        const char *name = json_text(node, "table", "");
        if (!is_scan(node))
            continue;
        if (rule_find(rules->bundle, name) >= 0) {
            json_put_text(node, "node", HELD, &ok);
            continue;
        }
        TRY(find_input(rules->api, rules->version, name, &table, &run, err));
        if (table != NULL || run != NULL)
            continue;
        json_put(made->inputs, name, json_null(), &ok);
        json_put_text(node, "node", "values", &ok);
        json_put(node, "rows", json_array(), &ok);
        (void)json_object_del(node, "table");
        (void)json_object_del(node, "identity");
    }
    return json_built(ok, err);
}

/* Every scan gets the identity of what it reads. */
static enum err_code identify(struct api_rules *rules, json_t *plan, struct api_rule *made,
                              struct err *err)
{
    json_t *node;
    size_t idx;
    bool ok = true;
    json_array_foreach(json_object_get(plan, "nodes"), idx, node)
    {
        const char *name = json_text(node, "table", "");
        if (strcmp(json_text(node, "node", ""), HELD) == 0) {
            int64_t at = rule_find(rules->bundle, name);
            const struct api_rule *other = &rules->rules[at];
            json_put_text(node, "node", "scan", &ok);
            json_put_text(node, "table", rules->bundle->rules[at].name, &ok); /* its own case */
            json_put_text(node, "identity", other->signature, &ok);
            json_put_text(made->rules, rules->bundle->rules[at].name, other->signature, &ok);
            if (json_object_update(made->inputs, other->inputs) != 0)
                ok = false;
        } else if (is_scan(node)) {
            const struct store_table *table = store_version_table_find(rules->version, name);
            if (table != NULL)
                json_put_text(node, "identity", table->hash, &ok);
            json_put_text(made->inputs, name, json_text(node, "identity", NULL), &ok);
            if (table != NULL) /* servers tell cases apart; name is no more */
                json_put_text(node, "table", table->name, &ok);
        }
    }
    return json_built(ok, err);
}

static enum err_code ready_rule(struct api_rules *rules, size_t at, struct err *err)
{
    const struct rule *rule = &rules->bundle->rules[at];
    struct api_rule *made = &rules->rules[at];
    JSON_AUTO plan = json_deep_copy(rule->plan);
    JSON_AUTO problems = NULL;
    made->inputs = json_object();
    made->rules = json_object();
    made->plan = plan_new();
    if (plan == NULL || made->inputs == NULL || made->rules == NULL || made->plan == NULL)
        return err_set(err, ERR_MEMORY, "no memory for a rule");
    TRY(hold(rules, plan, made, err));
    TRY(api_plan_problems(rules->api, rules->version, NULL, NULL, plan, &problems, err));
    if (json_array_size(problems) > 0)
        return err_set(err, ERR_INPUT, "rule \"%s\", %.400s", rule->name,
                       json_text(json_array_get(problems, 0), "words", ""));
    TRY(identify(rules, plan, made, err));
    TRY(plan_from_json(made->plan, plan, rule->file, &made->root, err));
    return plan_signature(made->root, made->signature, err);
}

static enum err_code refuse(const struct rule_bundle *bundle, struct err *err)
{
    size_t count = json_array_size(bundle->problems);
    if (count == 0)
        return ERR_OK;
    const json_t *first = json_array_get(bundle->problems, 0);
    err_set(err, ERR_INPUT, "%.500s", json_text(first, "words", ""));
    err_at(err, bundle->file, 0, 0);
    return count == 1 ? ERR_INPUT
                      : err_hint(err, "and %zu more: 'marrow rules check BUNDLE --dataset NAME'",
                                 count - 1);
}

enum err_code api_rules_ready(struct api *api, const char *path, const char *dataset,
                              const char *version, struct api_rules *ret, struct err *err)
{
    ret->api = api;
    TRY(api_rules_read(api, path, &ret->bundle, err));
    TRY(refuse(ret->bundle, err));
    TRY(api_rules_fit(api, ret->bundle, dataset, version, &ret->version, err));
    TRY(refuse(ret->bundle, err));
    TRY(store_run_list(api->store, dataset, "rule", &ret->runs, err));
    ret->rules = mem_zalloc(ret->bundle->rule_count + 1, sizeof *ret->rules);
    if (ret->rules == NULL)
        return err_set(err, ERR_MEMORY, "no memory for the rules");
    for (size_t i = 0; i < ret->bundle->rule_count; i++)
        TRY(ready_rule(ret, ret->bundle->order[i], err));
    return ERR_OK;
}

void api_rules_done(struct api_rules *rules)
{
    for (size_t i = 0; rules->rules != NULL && i < rules->bundle->rule_count; i++) {
        plan_free(rules->rules[i].plan);
        json_decref(rules->rules[i].inputs);
        json_decref(rules->rules[i].rules);
    }
    mem_free(rules->rules);
    json_decref(rules->runs);
    rule_bundle_free(rules->bundle);
    store_version_close(rules->version);
}

/* ---- a rule's table by name --------------------------------------------------------------------
 */

/* Does the version hold what the run read? */
static enum err_code reads_same(struct api *api, struct store_version *version, const json_t *run,
                                bool *ret, struct err *err)
{
    const char *name;
    json_t *identity;
    *ret = json_object_get(json_object_get(run, "layout"), "url") == NULL &&
           json_object_get(run, "problem") == NULL;
    json_object_foreach(json_object_get(run, "inputs"), name, identity)
    {
        const struct store_table *table = NULL;
        JSON_AUTO mart = NULL;
        if (!*ret)
            return ERR_OK;
        TRY(find_input(api, version, name, &table, &mart, err));
        const char *now = table != NULL  ? table->hash
                          : mart != NULL ? json_text(mart, "run_id", "")
                                         : "";
        *ret = strcmp(now, json_is_string(identity) ? json_string_value(identity) : "") == 0;
    }
    return ERR_OK;
}

enum err_code api_rule_run_find(struct api *api, struct store_version *version, const char *name,
                                json_t **ret, struct err *err)
{
    JSON_AUTO runs = NULL;
    JSON_AUTO decided = NULL;
    json_t *run;
    size_t idx;
    const char *dataset = store_version_dataset(version);
    *ret = NULL;
    TRY(store_run_list(api->store, dataset, "rule", &runs, err));
    if (json_array_size(runs) > 0)
        TRY(store_dataset_read(api->store, dataset, &decided, err));
    const char *meant = json_text(json_object_get(decided, "rules"), name, "");
    json_array_foreach(runs, idx, run)
    {
        bool same = false, is_meant = strcmp(json_text(run, "run_id", ""), meant) == 0;
        if ((*ret != NULL && !is_meant) ||
            !str_equal_nocase(str_of(json_text(run, "name", "")), str_of(name)))
            continue;
        TRY(reads_same(api, version, run, &same, err));
        if (!same)
            continue;
        json_decref(*ret); /* the newest, unless another is meant */
        *ret = json_incref(run);
    }
    return ERR_OK;
}

/* ---- check, graph ------------------------------------------------------------------------------
 */

static json_t *rules_json(const struct rule_bundle *bundle, bool *ok)
{
    json_t *rules = json_array();
    for (size_t i = 0; i < bundle->rule_count; i++) {
        const struct rule *rule = &bundle->rules[bundle->order != NULL ? bundle->order[i] : i];
        json_t *one = json_object(), *uses = json_array();
        for (size_t k = 0; k < rule->use_count; k++)
            json_push_text(uses, bundle->rules[rule->uses[k]].name, ok);
        json_put_text(one, "name", rule->name, ok);
        json_put_text(one, "description", rule->description, ok);
        json_put_text(one, "file", rule->file, ok);
        json_put_text(one, "signature", rule->signature[0] != '\0' ? rule->signature : NULL, ok);
        json_put(one, "uses", uses, ok);
        json_put(one, "output", rule->output != NULL ? json_deep_copy(rule->output) : json_array(),
                 ok);
        json_put(one, "key", rule->key != NULL ? json_deep_copy(rule->key) : json_array(), ok);
        json_push(rules, one, ok);
    }
    return rules;
}

static json_t *inputs_json(const struct rule_bundle *bundle, bool *ok)
{
    json_t *inputs = json_array();
    for (size_t i = 0; i < bundle->input_count; i++) {
        json_t *one = json_object();
        json_put_text(one, "name", bundle->inputs[i].name, ok);
        json_put_flag(one, "optional", bundle->inputs[i].optional, ok);
        json_put_flag(one, "used", bundle->inputs[i].used, ok);
        json_push(inputs, one, ok);
    }
    return inputs;
}

enum err_code api_rules_check(struct api *api, const char *path, const char *dataset,
                              const char *version, json_t **ret, struct err *err)
{
    AUTO(rule_bundle_free) struct rule_bundle *bundle = NULL;
    AUTO(store_version_close) struct store_version *opened = NULL;
    bool ok = true;
    if (api != NULL)
        api_begin(api);
    TRY(api_rules_read(api, path, &bundle, err));
    if (dataset != NULL)
        TRY(api_rules_fit(api, bundle, dataset, version, &opened, err));
    json_t *object = json_object();
    json_put_text(object, "bundle", bundle->name, &ok);
    json_put_text(object, "description", bundle->description, &ok);
    json_put_text(object, "signature", bundle->signature[0] != '\0' ? bundle->signature : NULL,
                  &ok);
    json_put_text(object, "dataset", dataset, &ok);
    json_put_text(object, "version", opened != NULL ? store_version_id(opened) : NULL, &ok);
    json_put_flag(object, "ok", json_array_size(bundle->problems) == 0, &ok);
    json_put(object, "rules", rules_json(bundle, &ok), &ok);
    json_put(object, "inputs", inputs_json(bundle, &ok), &ok);
    json_put(object, "problems", json_incref(bundle->problems), &ok);
    json_put(object, "notes", json_incref(bundle->notes), &ok);
    *ret = object;
    return json_built(ok, err);
}

enum err_code api_rules_graph(const char *path, json_t **ret, struct err *err)
{
    AUTO(rule_bundle_free) struct rule_bundle *bundle = NULL;
    AUTO(buf_done) struct buf dot = BUF_INIT, text = BUF_INIT;
    bool ok = true;
    TRY(api_rules_read(NULL, path, &bundle, err));
    TRY(refuse(bundle, err));
    TRY(rule_graph_dot(bundle, &dot, err));
    TRY(rule_graph_text(bundle, &text, err));
    json_t *object = json_object();
    json_put_text(object, "bundle", bundle->name, &ok);
    json_put_text(object, "signature", bundle->signature, &ok);
    json_put(object, "rules", rules_json(bundle, &ok), &ok);
    json_put(object, "inputs", inputs_json(bundle, &ok), &ok);
    json_put_str(object, "dot", buf_view(&dot), &ok);
    json_put_str(object, "text", buf_view(&text), &ok);
    *ret = object;
    return json_built(ok, err);
}
