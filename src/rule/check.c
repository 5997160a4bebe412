/* The graph's laws: who scans what, contracts between rules, no cycles.
 *
 *   scan "x" ─▶ another rule: its declared output is the contract
 *            ─▶ a declared input: its declared columns are
 *            ─▶ neither: a problem, with the nearest name
 *
 * Columns of scans must have the declared type exactly: a contract widened silently would be none.
 */
#include "rule/rule_priv.h"

#include "base/nearest.h"

#include <string.h>

int64_t rule_find(const struct rule_bundle *bundle, const char *name)
{
    for (size_t i = 0; i < bundle->rule_count; i++)
        if (str_equal_nocase(str_of(bundle->rules[i].name), str_of(name)))
            return (int64_t)i;
    return -1;
}

int64_t rule_input_find(const struct rule_bundle *bundle, const char *name)
{
    for (size_t i = 0; i < bundle->input_count; i++)
        if (str_equal_nocase(str_of(bundle->inputs[i].name), str_of(name)))
            return (int64_t)i;
    return -1;
}

static bool same_type(struct rule_bundle *bundle, const char *a, const char *b)
{
    struct data_type first, second;
    return data_type_parse_nested(bundle->arena, str_of(a), &first, ERR_IGNORED) == ERR_OK &&
           data_type_parse_nested(bundle->arena, str_of(b), &second, ERR_IGNORED) == ERR_OK &&
           data_type_equal(first, second);
}

/* Type declared for a column, or NULL with the nearest name. */
static const char *declared_type(const json_t *columns, const char *name, const char **ret_near)
{
    struct nearest nearest = {.asked = name};
    for (size_t i = 0; i < json_array_size(columns); i++) {
        const json_t *column = json_array_get(columns, i);
        const char *other = json_string_value(json_array_get(column, 0));
        if (other == NULL)
            continue;
        if (str_equal_nocase(str_of(other), str_of(name)))
            return json_string_value(json_array_get(column, 1));
        nearest_offer(&nearest, other);
    }
    *ret_near = nearest_text(&nearest);
    return NULL;
}

/* ---- scans -------------------------------------------------------------------------------------
 */

static void check_scan_columns(struct rule_bundle *bundle, const struct rule *rule,
                               const char *node, const json_t *scan, const json_t *declared,
                               const char *by)
{
    for (size_t i = 0; i < json_array_size(json_object_get(scan, "columns")); i++) {
        const json_t *column = json_array_get(json_object_get(scan, "columns"), i);
        const char *name = json_string_value(json_array_get(column, 0)),
                   *wanted = json_string_value(json_array_get(column, 1)), *near = NULL;
        const char *found = declared_type(declared, name, &near);
        if (found == NULL)
            rule_problem(bundle, rule, node, name, near, "no column \"%s\" in what %s declares",
                         name, by);
        else if (!same_type(bundle, wanted, found))
            rule_problem(bundle, rule, node, name, NULL,
                         "column \"%s\" is %s as %s declares it, %s expected", name, found, by,
                         wanted);
    }
}

static void unknown_table(struct rule_bundle *bundle, const struct rule *rule, const char *node,
                          const char *table)
{
    struct nearest nearest = {.asked = table};
    for (size_t i = 0; i < bundle->rule_count; i++)
        nearest_offer(&nearest, bundle->rules[i].name);
    for (size_t i = 0; i < bundle->input_count; i++)
        nearest_offer(&nearest, bundle->inputs[i].name);
    rule_problem(bundle, rule, node, NULL, nearest_text(&nearest),
                 "\"%s\" is neither a rule nor a declared input", table);
}

static void add_use(struct rule *rule, size_t other)
{
    for (size_t i = 0; i < rule->use_count; i++)
        if (rule->uses[i] == other)
            return;
    rule->uses[rule->use_count++] = other;
}

static enum err_code check_scans(struct rule_bundle *bundle, struct rule *rule, struct err *err)
{
    const json_t *nodes = json_object_get(rule->plan, "nodes");
    rule->uses = arena_array(bundle->arena, json_array_size(nodes) + 1, sizeof *rule->uses);
    if (rule->uses == NULL)
        return err_set(err, ERR_MEMORY, "no memory for the graph");
    for (size_t i = 0; rule->root != NULL && i < json_array_size(nodes); i++) {
        const json_t *scan = json_array_get(nodes, i);
        if (strcmp(json_text(scan, "node", ""), "scan") != 0)
            continue;
        const char *table = json_text(scan, "table", "");
        const char *node = arena_printf(bundle->arena, "scan \"%s\"", table);
        int64_t other = rule_find(bundle, table), input = rule_input_find(bundle, table);
        if (node == NULL)
            return err_set(err, ERR_MEMORY, "no memory for the graph");
        if (other >= 0) {
            add_use(rule, (size_t)other);
            if (bundle->rules[other].output != NULL)
                check_scan_columns(bundle, rule, node, scan, bundle->rules[other].output,
                                   "the rule");
        } else if (input >= 0) {
            bundle->inputs[input].used = true;
            check_scan_columns(bundle, rule, node, scan, bundle->inputs[input].columns,
                               "the input");
        } else {
            unknown_table(bundle, rule, node, table);
        }
    }
    return ERR_OK;
}

/* ---- what a rule promises ----------------------------------------------------------------------
 */

static void check_output(struct rule_bundle *bundle, const struct rule *rule)
{
    size_t count = json_array_size(rule->output);
    bool same_names = true;
    for (size_t i = 0; i < count; i++) {
        const json_t *column = json_array_get(rule->output, i);
        const char *name = json_string_value(json_array_get(column, 0)),
                   *declared = json_string_value(json_array_get(column, 1));
        int64_t at = plan_column_find(rule->root, name);
        if (at < 0) {
            struct nearest nearest = {.asked = name};
            for (size_t c = 0; c < rule->root->column_count; c++)
                nearest_offer(&nearest, rule->root->columns[c].name);
            rule_problem(bundle, rule, "output", name, nearest_text(&nearest),
                         "column \"%s\" is declared, the plan does not give it", name);
            same_names = false;
            continue;
        }
        AUTO(buf_done) struct buf type = BUF_INIT;
        data_type_write(rule->root->columns[at].type, &type);
        if (!same_type(bundle, declared, buf_text(&type)))
            rule_problem(bundle, rule, "output", name, NULL,
                         "column \"%s\" is declared %s, the plan gives %s", name, declared,
                         buf_text(&type));
    }
    for (size_t c = 0; c < rule->root->column_count; c++) {
        const char *name = rule->root->columns[c].name, *near = NULL;
        if (declared_type(rule->output, name, &near) == NULL) {
            rule_problem(bundle, rule, "output", name, near,
                         "the plan gives column \"%s\", which is not declared", name);
            same_names = false;
        }
    }
    for (size_t i = 0; same_names && i < count; i++) {
        const char *name = json_string_value(json_array_get(json_array_get(rule->output, i), 0));
        if (!str_equal_nocase(str_of(name), str_of(rule->root->columns[i].name))) {
            rule_problem(bundle, rule, "output", name, NULL,
                         "the columns are declared in another order than the plan gives them");
            break;
        }
    }
}

static void check_key(struct rule_bundle *bundle, const struct rule *rule)
{
    if (rule->key != NULL && (!json_is_array(rule->key) || json_array_size(rule->key) == 0))
        rule_problem(bundle, rule, "key", NULL, NULL, "expected [\"column\", …]");
    for (size_t i = 0; rule->output != NULL && i < json_array_size(rule->key); i++) {
        const char *name = json_string_value(json_array_get(rule->key, i)), *near = NULL;
        if (name == NULL)
            rule_problem(bundle, rule, "key", NULL, NULL, "expected [\"column\", …]");
        else if (declared_type(rule->output, name, &near) == NULL)
            rule_problem(bundle, rule, "key", name, near,
                         "column \"%s\" is no column of the output", name);
    }
}

static void check_names(struct rule_bundle *bundle)
{
    for (size_t i = 0; i < bundle->rule_count; i++) {
        const struct rule *rule = &bundle->rules[i];
        if (rule_find(bundle, rule->name) != (int64_t)i)
            rule_problem(bundle, rule, NULL, NULL, NULL, "another rule has this name");
        if (rule_input_find(bundle, rule->name) >= 0)
            rule_problem(bundle, rule, NULL, NULL, NULL, "an input has this name");
    }
    for (size_t i = 0; i < bundle->input_count; i++)
        if (rule_input_find(bundle, bundle->inputs[i].name) != (int64_t)i)
            rule_problem(bundle, NULL, NULL, NULL, NULL, "input \"%s\" is declared twice",
                         bundle->inputs[i].name);
}

/* ---- cycles and order --------------------------------------------------------------------------
 */

enum mark { UNSEEN, OPEN, DONE };
struct walk {
    struct rule_bundle *bundle;
    unsigned char *marks;
    size_t *path, path_count; /* the open rules, as they use one another */
    size_t *next;             /* of each: the use to follow */
    size_t order_count;
};

static void tell_cycle(struct walk *walk, size_t again)
{
    AUTO(buf_done) struct buf words = BUF_INIT;
    size_t start = 0;
    while (walk->path[start] != again)
        start++;
    for (size_t i = start; i < walk->path_count; i++)
        buf_printf(&words, "%s → ", walk->bundle->rules[walk->path[i]].name);
    buf_puts(&words, walk->bundle->rules[again].name);
    rule_problem(walk->bundle, &walk->bundle->rules[again], NULL, NULL, NULL,
                 "it depends on itself: %s", buf_text(&words));
}

/* Depth first without recursion: a chain may be as long as the bundle. */
static void walk_from(struct walk *walk, size_t start)
{
    walk->path[walk->path_count++] = start;
    walk->marks[start] = OPEN;
    while (walk->path_count > 0) {
        size_t at = walk->path[walk->path_count - 1];
        const struct rule *rule = &walk->bundle->rules[at];
        if (walk->next[at] == rule->use_count) {
            walk->marks[at] = DONE;
            walk->bundle->order[walk->order_count++] = at;
            walk->path_count--;
            continue;
        }
        size_t other = rule->uses[walk->next[at]++];
        if (walk->marks[other] == OPEN)
            tell_cycle(walk, other);
        if (walk->marks[other] != UNSEEN)
            continue;
        walk->marks[other] = OPEN;
        walk->path[walk->path_count++] = other;
    }
}

static enum err_code sort_rules(struct rule_bundle *bundle, struct err *err)
{
    size_t count = bundle->rule_count + 1;
    struct walk walk = {.bundle = bundle};
    walk.marks = arena_array(bundle->arena, count, sizeof *walk.marks);
    walk.path = arena_array(bundle->arena, count, sizeof *walk.path);
    walk.next = arena_array(bundle->arena, count, sizeof *walk.next);
    bundle->order = arena_array(bundle->arena, count, sizeof *bundle->order);
    if (walk.marks == NULL || walk.path == NULL || walk.next == NULL || bundle->order == NULL)
        return err_set(err, ERR_MEMORY, "no memory for the graph");
    for (size_t i = 0; i < bundle->rule_count; i++)
        if (walk.marks[i] == UNSEEN)
            walk_from(&walk, i);
    if (json_array_size(bundle->problems) > 0)
        bundle->order = NULL;
    return ERR_OK;
}

enum err_code rule_bundle_check(struct rule_bundle *bundle, struct err *err)
{
    bool ok = true;
    check_names(bundle);
    for (size_t i = 0; i < bundle->rule_count; i++) {
        struct rule *rule = &bundle->rules[i];
        TRY(check_scans(bundle, rule, err));
        if (rule->root != NULL && rule->output != NULL)
            check_output(bundle, rule);
        check_key(bundle, rule);
    }
    for (size_t i = 0; i < bundle->input_count; i++) {
        AUTO(buf_done) struct buf note = BUF_INIT;
        buf_printf(&note, "input \"%s\" is declared and no rule reads it", bundle->inputs[i].name);
        if (!bundle->inputs[i].used)
            json_push_str(bundle->notes, buf_view(&note), &ok);
    }
    TRY(json_built(ok, err));
    return sort_rules(bundle, err);
}
