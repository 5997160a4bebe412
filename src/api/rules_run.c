/* `rules run`: each rule materialised as a run, in the order of the graph.
 *
 *   rule ──kept for these contents?──▶ reused
 *        ──else──▶ run_materialise over tables, marts and the runs of the rules that it scans; the
 *                  declared key is checked on the staged rows ──▶ published
 *
 * A rule that fails keeps what depends on it from running, and nothing else. */
#include "api/rules_priv.h"

#include "run/run.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

struct running {
    struct api_rules rules;
    const struct api_rules_options *options;
    json_t *run_ids;   /* {rule: run id} of those that stand */
    json_t *manifests; /* {rule: manifest} */
    json_t *pushed;    /* {mart, saved plan or other rule that is read: its table on the server} */
    json_t *answers;   /* one of each rule */
    enum err_code first_failure;
};
struct one {
    struct running *running;
    size_t at;
};

static enum err_code attach(void *user, struct engine *engine, const char *const *names,
                            size_t count, struct err *err)
{
    struct running *running = ((struct one *)user)->running;
    JSON_AUTO used = json_object();
    struct api_query_marts pinned = {.pinned = running->run_ids, .used = used, .exact = true};
    if (running->options->engine !=
        NULL) { /* rules are read there, where they are: here are the tables only */
        for (size_t i = 0; i < count; i++)
            if (store_version_table_find(running->rules.version, names[i]) != NULL)
                TRY(store_version_attach(running->rules.version, engine, &names[i], 1, err));
        return ERR_OK;
    }
    return api_attach_pinned(running->rules.api, running->rules.version, engine, names, count,
                             &pinned, err);
}

/* The key's columns hold no null and no combination twice. */
static enum err_code check_key(void *user, struct engine *engine, json_t *manifest, struct err *err)
{
    const struct one *one = user;
    const struct rule *rule = &one->running->rules.bundle->rules[one->at];
    AUTO(buf_done) struct buf nulls = BUF_INIT, columns = BUF_INIT, sql = BUF_INIT;
    JSON_AUTO rows = NULL;
    size_t count = json_array_size(rule->key);
    (void)manifest;
    if (count == 0)
        return ERR_OK;
    for (size_t i = 0; i < count; i++) {
        struct str name = str_of(json_string_value(json_array_get(rule->key, i)));
        buf_puts(&nulls, i == 0 ? "" : " OR ");
        engine_quote_identifier(&nulls, name);
        buf_puts(&nulls, " IS NULL");
        buf_puts(&columns, i == 0 ? "" : ", ");
        engine_quote_identifier(&columns, name);
    }
    buf_printf(
        &sql,
        "SELECT CAST((SELECT count(*) FROM marrow_result WHERE %s) AS VARCHAR), CAST((SELECT "
        "count(*) FROM (SELECT 1 FROM marrow_result GROUP BY %s HAVING count(*) > 1)) AS "
        "VARCHAR)",
        buf_text(&nulls), buf_text(&columns));
    TRY(buf_check(&sql, err));
    TRY(engine_query_json(engine, buf_text(&sql), 1, &rows, err));
    const json_t *row = json_array_get(rows, 0);
    const char *null_rows = json_string_value(json_array_get(row, 0)),
               *twice = json_string_value(json_array_get(row, 1));
    if (null_rows == NULL || twice == NULL)
        return err_set(err, ERR_FAILED, "the key's check gave no answer");
    if (strcmp(null_rows, "0") == 0 && strcmp(twice, "0") == 0)
        return ERR_OK;
    return err_set(err, ERR_INTEGRITY,
                   "the declared key does not hold: %s rows with a null in it, %s keys more than "
                   "once",
                   null_rows, twice);
}

static enum err_code make_extra(const struct running *running, size_t at, json_t *extra,
                                struct err *err)
{
    const struct rule *rule = &running->rules.bundle->rules[at];
    const struct api_rule *made = &running->rules.rules[at];
    bool ok = true;
    json_put_text(extra, "kind", "rule", &ok);
    json_put_text(extra, "bundle", running->rules.bundle->name, &ok);
    json_put_text(extra, "description", rule->description, &ok);
    json_put_text(extra, "rule_signature", made->signature, &ok);
    json_put(extra, "inputs", json_incref(made->inputs), &ok);
    json_put(extra, "rules", json_incref(made->rules), &ok);
    json_put(extra, "key", rule->key != NULL ? json_deep_copy(rule->key) : json_array(), &ok);
    return json_built(ok, err);
}

/* On a server the rows of a rule are a table run_…, those of a mart or of a saved plan a table
 * input_…: their scans read that. */
static enum err_code place(const struct running *running, const struct plan_rel *root,
                           struct plan *plan, const struct plan_rel **ret, struct err *err)
{
    JSON_AUTO json = NULL;
    json_t *node;
    size_t idx;
    bool ok = true;
    TRY(plan_to_json(root, &json, err));
    json_array_foreach(json_object_get(json, "nodes"), idx, node)
    {
        const char *name = json_text(node, "table", "");
        int64_t at = strcmp(json_text(node, "node", ""), "scan") == 0
                         ? rule_find(running->rules.bundle, name)
                         : -1;
        int64_t input = rule_input_find(running->rules.bundle, name);
        const char *pushed =
            input < 0 ? NULL
                      : json_text(running->pushed, running->rules.bundle->inputs[input].name, NULL);
        if (at < 0 && pushed != NULL)
            json_put_text(node, "table", pushed, &ok);
        if (at < 0)
            continue;
        const json_t *layout = json_object_get(
            json_object_get(running->manifests, running->rules.bundle->rules[at].name), "layout");
        if (json_array_size(json_object_get(layout, "tables")) != 1)
            return err_set(err, ERR_UNSUPPORTED,
                           "rule \"%s\" is too wide for one table of the server", name);
        json_put_text(node, "table", json_text(layout, "table", ""), &ok);
    }
    TRY(json_built(ok, err));
    return plan_from_json(plan, json, "plan", ret, err);
}

/* Name and key go into the run's identity: a renamed rule is another table, and a key is a promise
 * that must have been checked. */
static enum err_code kind_text(const struct rule *rule, struct buf *ret, struct err *err)
{
    buf_printf(ret, "rule %s", rule->name);
    for (size_t i = 0; i < json_array_size(rule->key); i++)
        buf_printf(ret, " %s", json_string_value(json_array_get(rule->key, i)));
    return buf_check(ret, err);
}

static enum err_code materialise(struct running *running, size_t at, struct run_result *result,
                                 struct err *err)
{
    const struct rule *rule = &running->rules.bundle->rules[at];
    struct engine_options engine = api_engine_options(running->rules.api);
    struct one one = {running, at};
    const struct plan_rel *root = running->rules.rules[at].root;
    AUTO(plan_free) struct plan *placed = plan_new();
    AUTO(buf_done) struct buf kind = BUF_INIT;
    JSON_AUTO extra = json_object();
    TRY(make_extra(running, at, extra, err));
    TRY(kind_text(rule, &kind, err));
    if (placed == NULL)
        return err_set(err, ERR_MEMORY, "no memory for a plan");
    if (running->options->engine != NULL)
        TRY(place(running, root, placed, &root, err));
    AUTO(mem_free) const char **sort = mem_zalloc(root->column_count + 1, sizeof *sort);
    if (sort == NULL)
        return err_set(err, ERR_MEMORY, "no memory for the order of rows");
    for (size_t i = 0; i < root->column_count; i++)
        sort[i] = root->columns[i].name; /* equal in all columns is equal: a total order */
    struct run_request request = {.kind = buf_text(&kind),
                                  .name = rule->name,
                                  .plan = root,
                                  .sort_columns = sort,
                                  .sort_count = root->column_count,
                                  .extra = extra,
                                  .attach = attach,
                                  .check = check_key,
                                  .user = &one,
                                  .engine_url = running->options->engine,
                                  .force = running->options->force};
    return run_materialise(running->rules.api->store, running->rules.version, &request, &engine,
                           result, err);
}

/* ---- which run the name means ------------------------------------------------------------------
 */

struct meaning {
    const char *name, *run_id;
};

static enum err_code mean(void *user, json_t *dataset_json, struct err *err)
{
    const struct meaning *meaning = user;
    bool ok = true;
    if (!json_is_object(json_object_get(dataset_json, "rules")))
        json_put(dataset_json, "rules", json_object(), &ok);
    json_put_text(json_object_get(dataset_json, "rules"), meaning->name, meaning->run_id, &ok);
    return json_built(ok, err);
}

/* A name means its newest run; where that is another (a rule was changed back), it is written down.
 */
static enum err_code point(struct running *running, const char *name, const char *run_id,
                           struct err *err)
{
    struct api *api = running->rules.api;
    JSON_AUTO run = NULL;
    struct meaning meaning = {name, run_id};
    TRY(api_rule_run_find(api, running->rules.version, name, &run, err));
    if (strcmp(json_text(run, "run_id", ""), run_id) == 0 || !store_is_writable(api->store))
        return ERR_OK;
    return store_dataset_edit(api->store, running->options->dataset, mean, &meaning, err);
}

/* ---- one after another -------------------------------------------------------------------------
 */

/* The rule that failed or was left out, among those that this one scans. */
static const char *missing_use(const struct running *running, const struct rule *rule)
{
    for (size_t i = 0; i < rule->use_count; i++) {
        const char *name = running->rules.bundle->rules[rule->uses[i]].name;
        if (json_object_get(running->run_ids, name) == NULL)
            return name;
    }
    return NULL;
}

static enum err_code run_one(struct running *running, size_t at, json_t *answer, struct err *err)
{
    const struct rule *rule = &running->rules.bundle->rules[at];
    struct run_result result = {.manifest = NULL};
    AUTO(buf_done) struct buf reason = BUF_INIT;
    bool ok = true;
    const json_t *kept =
        running->options->engine == NULL ? api_rule_kept(&running->rules, at) : NULL;
    if (kept != NULL && !running->options->force) {
        result.reused = true;
        result.manifest = json_incref((json_t *)(uintptr_t)kept);
        buf_puts(&reason, "nothing changed");
    } else {
        if (kept != NULL)
            buf_puts(&reason, "forced");
        else if (running->options->engine != NULL)
            buf_puts(&reason, "not on the server yet");
        else
            TRY(api_rule_why(&running->rules, at, &reason, err));
        enum err_code code = materialise(running, at, &result, err);
        if (code != ERR_OK) {
            json_put_str(answer, "reason", buf_view(&reason), &ok);
            run_result_done(&result);
            return code;
        }
        if (result.reused && !running->options->force) {
            buf_clear(&reason);
            buf_puts(&reason, "nothing changed");
        }
    }
    JSON_AUTO manifest = json_incref(result.manifest);
    run_result_done(&result);
    const char *run_id = json_text(manifest, "run_id", "");
    json_put_text(answer, "run_id", run_id, &ok);
    json_put_flag(answer, "reused", result.reused, &ok);
    json_put_int(answer, "row_count", json_int(manifest, "row_count", 0), &ok);
    json_put_str(answer, "reason", buf_view(&reason), &ok);
    json_put_text(running->run_ids, rule->name, run_id, &ok);
    json_put(running->manifests, rule->name, json_incref(manifest), &ok);
    TRY(json_built(ok, err));
    return running->options->engine == NULL ? point(running, rule->name, run_id, err) : ERR_OK;
}

static json_t *error_json(const struct err *err, bool *ok)
{
    json_t *error = json_object();
    json_put_text(error, "code", err_code_name(err->code), ok);
    json_put_text(error, "message", err->message, ok);
    if (err->hint[0] != '\0')
        json_put_text(error, "hint", err->hint, ok);
    return error;
}

static enum err_code step(struct running *running, size_t at, json_t *answer, struct err *err)
{
    const struct rule *rule = &running->rules.bundle->rules[at];
    struct err local = {.code = ERR_OK};
    AUTO(buf_done) struct buf reason = BUF_INIT;
    bool ok = true;
    const char *missing = missing_use(running, rule);
    json_put_text(answer, "name", rule->name, &ok);
    if (missing != NULL) {
        buf_printf(&reason, "left out: rule %s did not run", missing);
        json_put_str(answer, "reason", buf_view(&reason), &ok);
        json_put_flag(answer, "skipped", true, &ok);
        return json_built(ok, err);
    }
    int64_t started_us = clock_monotonic_us();
    enum err_code code = run_one(running, at, answer, &local);
    if (code == ERR_INTERRUPTED || code == ERR_MEMORY) {
        *err = local;
        return code;
    }
    if (code != ERR_OK) {
        json_put(answer, "error", error_json(&local, &ok), &ok);
        (void)json_object_del(running->run_ids, rule->name);
        running->first_failure = running->first_failure == ERR_OK ? code : running->first_failure;
    }
    json_put_int(answer, "duration_ms", api_elapsed_ms(started_us), &ok);
    return json_built(ok, err);
}

static enum err_code run_all(struct running *running, const bool *wanted, struct err *err)
{
    const struct rule_bundle *bundle = running->rules.bundle;
    struct api *api = running->rules.api;
    int64_t total = 0, done = 0;
    bool ok = true;
    for (size_t i = 0; i < bundle->rule_count; i++)
        total += wanted[i] ? 1 : 0;
    for (size_t i = 0; i < bundle->rule_count; i++) {
        size_t at = bundle->order[i];
        if (!wanted[at])
            continue;
        struct progress_event event = {"rule", bundle->rules[at].name, done++, total, "rules"};
        progress_report(api->options.progress, &event);
        TRY(progress_check(api->options.progress, err));
        json_t *answer = json_object();
        enum err_code code = step(running, at, answer, err);
        json_push(running->answers, answer, &ok);
        TRY(code);
        TRY(json_built(ok, err));
        if (running->options->told != NULL)
            running->options->told(running->options->user, answer);
    }
    return ERR_OK;
}

static enum err_code push_tables(struct running *running, const char *const *tables, size_t count,
                                 struct err *err)
{
    AUTO(store_version_close) struct store_version *version = NULL;
    AUTO(profile_free) struct profile *profile = NULL;
    JSON_AUTO pushed = NULL;
    TRY(api_open_profile(running->rules.api, running->options->dataset,
                         store_version_id(running->rules.version), &version, &profile, err));
    return count == 0 ? ERR_OK
                      : api_push_tables(running->rules.api, version, profile,
                                        running->options->engine, tables, count, &pushed, err);
}

/* A mart, saved plan or other bundle's rule that is an input: the columns that are declared of it. */
static enum err_code push_run(struct running *running, const struct rule_input *input,
                              json_t *manifest, struct err *err)
{
    struct engine_options options = api_engine_options(running->rules.api);
    size_t count = json_array_size(input->columns);
    AUTO(mem_free) const char **columns = mem_zalloc(count + 1, sizeof *columns);
    struct run_push_run run = {.manifest = manifest, .columns = columns, .column_count = count};
    bool ok = true;
    if (columns == NULL)
        return err_set(err, ERR_MEMORY, "no memory to push a run");
    for (size_t i = 0; i < count; i++)
        columns[i] = json_string_value(json_array_get(json_array_get(input->columns, i), 0));
    options.url = running->options->engine;
    TRY(run_push_runs(running->rules.api->store, running->rules.version, &options, &run, 1, err));
    json_put_text(running->pushed, input->name, run.table, &ok);
    return json_built(ok, err);
}

/* What the rules read, on the server first. An optional input that is missing is nowhere. */
static enum err_code push_inputs(struct running *running, struct err *err)
{
    const struct rule_bundle *bundle = running->rules.bundle;
    struct store_version *version = running->rules.version;
    AUTO(mem_free) const char **tables = mem_zalloc(bundle->input_count + 1, sizeof *tables);
    size_t count = 0;
    if (tables == NULL)
        return err_set(err, ERR_MEMORY, "no memory to push tables");
    for (size_t i = 0; i < bundle->input_count; i++) {
        const struct rule_input *input = &bundle->inputs[i];
        const struct store_table *table = store_version_table_find(version, input->name);
        JSON_AUTO manifest = NULL;
        if (table != NULL && input->used)
            tables[count++] = table->name;
        if (table != NULL || !input->used)
            continue;
        TRY(api_rule_input_run(running->rules.api, version, input->name, &manifest, err));
        if (manifest != NULL)
            TRY(push_run(running, input, manifest, err));
    }
    return push_tables(running, tables, count, err);
}

static enum err_code make_answer(const struct running *running, int64_t started_us, json_t **ret,
                                 struct err *err)
{
    bool ok = true;
    json_t *object = json_object();
    json_put_text(object, "bundle", running->rules.bundle->name, &ok);
    json_put_text(object, "signature", running->rules.bundle->signature, &ok);
    json_put_text(object, "dataset", running->options->dataset, &ok);
    json_put_text(object, "version", store_version_id(running->rules.version), &ok);
    json_put_flag(object, "ok", running->first_failure == ERR_OK, &ok);
    json_put_int(object, "exit", err_code_exit(running->first_failure), &ok);
    json_put(object, "rules", json_incref(running->answers), &ok);
    json_put_int(object, "duration_ms", api_elapsed_ms(started_us), &ok);
    *ret = object;
    return json_built(ok, err);
}

static enum err_code run(struct running *running, struct api *api, struct err *err)
{
    const struct api_rules_options *options = running->options;
    AUTO(mem_free) bool *wanted = NULL;
    TRY(api_rules_ready(api, options->path, options->dataset, options->version, &running->rules,
                        err));
    TRY(api_rules_wanted(running->rules.bundle, options->rules, options->rule_count, &wanted, err));
    if (options->engine != NULL)
        TRY(push_inputs(running, err));
    return run_all(running, wanted, err);
}

/* The history's entry: the answer without errors' words. */
static void record(struct api *api, const char *dataset, const json_t *answer)
{
    json_t *entry = json_deep_copy(answer), *one;
    size_t idx;
    (void)json_object_del(entry, "dataset");
    (void)json_object_del(entry, "exit");
    json_array_foreach(json_object_get(entry, "rules"), idx, one)
    {
        (void)json_object_del(json_object_get(one, "error"), "message");
        (void)json_object_del(json_object_get(one, "error"), "hint");
        (void)json_object_del(one, "reason"); /* may quote a plan's literals */
    }
    api_record(api, dataset, "rules", entry);
}

enum err_code api_rules_run(struct api *api, const struct api_rules_options *options, json_t **ret,
                            struct err *err)
{
    struct running running = {.options = options};
    int64_t started_us = clock_monotonic_us();
    api_begin(api);
    JSON_AUTO run_ids = running.run_ids = json_object();
    JSON_AUTO manifests = running.manifests = json_object();
    JSON_AUTO answers = running.answers = json_array();
    JSON_AUTO pushed = running.pushed = json_object();
    enum err_code code = run_ids == NULL || manifests == NULL || answers == NULL || pushed == NULL
                             ? err_set(err, ERR_MEMORY, "no memory for the rules")
                             : run(&running, api, err);
    if (code == ERR_OK)
        code = make_answer(&running, started_us, ret, err);
    if (code == ERR_OK)
        record(api, options->dataset, *ret);
    else if (running.rules.version != NULL)
        api_record_failure(api, options->dataset, "rules", err, started_us);
    api_rules_done(&running.rules);
    return code;
}
