/* What a user's text is, before it runs — and without running or binding anything: binding would
 * already open the files that a read_csv('…') names. DuckDB's parser counts the statements; a
 * SELECT's parse tree, as json_serialize_sql gives it, is walked for the tables it reads. Only a
 * statement that is a SELECT through and through has such a tree.
 *
 *   WITH a AS (SELECT * FROM labs), b AS (SELECT * FROM a) SELECT * FROM b, x.y.z, a   →   labs,
 * x.y.z
 *
 * A common table expression hides a table only where it is in scope: its own body still means the
 * table. */
#include <string.h>
#include <strings.h>

#include "engine/duckdb/duckdb_priv.h"

#define SCOPE_DEPTH 256 /* common table expressions in scope at once */
#define TREE_DEPTH 512

struct walk {
    struct engine_statement *statement;
    const char *scope[SCOPE_DEPTH];
    size_t scope_count;
    struct err *err;
};

static enum err_code walk_json(struct walk *walk, const json_t *json, int depth);

static enum err_code names_add(char ***names, size_t *count, const char *name, struct err *err)
{
    for (size_t idx = 0; idx < *count; idx++)
        if (strcmp((*names)[idx], name) == 0)
            return ERR_OK;
    char **larger = mem_resize(*names, *count + 1, sizeof **names);
    if (larger == NULL)
        return err_set(err, ERR_MEMORY, "no memory for a statement's names");
    *names = larger;
    larger[*count] = mem_strdup(name);
    if (larger[*count] == NULL)
        return err_set(err, ERR_MEMORY, "no memory for a statement's names");
    ++*count;
    return ERR_OK;
}

static bool in_scope(const struct walk *walk, const char *name)
{
    for (size_t idx = 0; idx < walk->scope_count; idx++)
        if (str_equal_nocase(str_of(walk->scope[idx]), str_of(name)))
            return true;
    return false;
}

static enum err_code table_add(struct walk *walk, const json_t *json)
{
    const char *catalog = json_text(json, "catalog_name", ""),
               *schema = json_text(json, "schema_name", ""),
               *table = json_text(json, "table_name", "");
    if (*catalog == '\0' && *schema == '\0' && in_scope(walk, table))
        return ERR_OK;
    __attribute__((cleanup(auto_buf_done))) struct buf name = BUF_INIT;
    if (*catalog != '\0')
        buf_printf(&name, "%s.", catalog);
    if (*schema != '\0')
        buf_printf(&name, "%s.", schema);
    buf_puts(&name, table);
    TRY(buf_check(&name, walk->err));
    return names_add(&walk->statement->tables, &walk->statement->table_count, buf_text(&name),
                     walk->err);
}

static enum err_code scope_push(struct walk *walk, const char *name)
{
    if (walk->scope_count == SCOPE_DEPTH)
        return err_set(walk->err, ERR_LIMIT,
                       "the statement nests more than %d common table expressions", SCOPE_DEPTH);
    walk->scope[walk->scope_count++] = name;
    return ERR_OK;
}

/* cte_map: each body sees the names before it; a recursive one its own too. */
static enum err_code walk_ctes(struct walk *walk, const json_t *map, int depth)
{
    size_t idx;
    json_t *entry;
    json_array_foreach(json_object_get(map, "map"), idx, entry)
    {
        const char *name = json_text(entry, "key", "");
        const json_t *value = json_object_get(entry, "value");
        const json_t *node = json_object_get(json_object_get(value, "query"), "node");
        bool recursive = strcmp(json_text(node, "type", ""), "RECURSIVE_CTE_NODE") == 0;
        if (recursive)
            TRY(scope_push(walk, name));
        TRY(walk_json(walk, value, depth + 1));
        if (!recursive)
            TRY(scope_push(walk, name));
    }
    return ERR_OK;
}

/* What would bring DuckDB down, or hide from this walk what runs. An aggregate of ours with an
 * ORDER BY of its own: DuckDB 1.5.6 hands its callback one state where it promises one a row. */
static enum err_code check_function(struct walk *walk, const json_t *json)
{
    static const char *const hiding[] = {"query", "query_table", "json_execute_serialized_sql"};
    struct str name = str_of(json_text(json, "function_name", ""));
    const json_t *orders = json_object_get(json_object_get(json, "order_bys"), "orders");
    for (size_t idx = 0; idx < sizeof hiding / sizeof *hiding; idx++)
        if (str_equal_nocase(name, str_of(hiding[idx])))
            return err_set(walk->err, ERR_INPUT,
                           "%s runs a text as a statement, which is not offered", hiding[idx]);
    bool ordered = json_array_size(orders) > 0 ||
                   json_array_size(json_object_get(json, "arg_orders")) > 0; /* of a window */
    if (ordered && name.len > 7 && str_equal_nocase((struct str){name.ptr, 7}, STR("marrow_")))
        return err_set(walk->err, ERR_INPUT,
                       "%.60s takes no ORDER BY: its result does not depend on the order",
                       name.ptr);
    return ERR_OK;
}

static enum err_code walk_object(struct walk *walk, const json_t *json, int depth)
{
    size_t outer = walk->scope_count;
    const json_t *ctes = json_object_get(json, "cte_map");
    if (ctes != NULL)
        TRY(walk_ctes(walk, ctes, depth));
    const char *type = json_text(json, "type", "");
    if (strcmp(type, "BASE_TABLE") == 0 && json_object_get(json, "table_name") != NULL)
        TRY(table_add(walk, json));
    if (json_object_get(json, "function_name") != NULL)
        TRY(check_function(walk, json));
    if (strcmp(type, "TABLE_FUNCTION") == 0) {
        const char *name = json_text(json_object_get(json, "function"), "function_name", "");
        TRY(names_add(&walk->statement->table_functions, &walk->statement->table_function_count,
                      name, walk->err));
    }
    const char *key;
    const json_t *member;
    void *iterator = json_object_iter((json_t *)(uintptr_t)json);
    for (; iterator != NULL;
         iterator = json_object_iter_next((json_t *)(uintptr_t)json, iterator)) {
        key = json_object_iter_key(iterator);
        member = json_object_iter_value(iterator);
        if (strcmp(key, "cte_map") != 0)
            TRY(walk_json(walk, member, depth + 1));
    }
    walk->scope_count = outer;
    return ERR_OK;
}

static enum err_code walk_json(struct walk *walk, const json_t *json, int depth)
{
    if (depth > TREE_DEPTH)
        return err_set(walk->err, ERR_LIMIT, "the statement nests deeper than %d", TREE_DEPTH);
    if (json_is_object(json))
        return walk_object(walk, json, depth);
    for (size_t idx = 0; idx < json_array_size(json); idx++)
        TRY(walk_json(walk, json_array_get(json, idx), depth + 1));
    return ERR_OK;
}

/* ERR_INPUT with DuckDB's words and the place. */
static enum err_code parse_failed(const char *sql, const json_t *tree, struct err *err)
{
    const char *message = json_text(tree, "error_message", "the statement does not parse");
    const char *position = json_text(tree, "position", "");
    int64_t byte = 0, line = 1, column = 1;
    if (!str_to_int64(str_of(position), &byte) || byte < 0)
        return err_set(err, ERR_INPUT, "%s", message);
    for (int64_t idx = 0; idx < byte && sql[idx] != '\0'; idx++) {
        column = sql[idx] == '\n' ? 1 : column + 1;
        line += sql[idx] == '\n';
    }
    err_set(err, ERR_INPUT, "%s", message);
    return err_at(err, "sql", line, column);
}

static enum err_code tree_of(struct embedded *engine, const char *sql, json_t **ret,
                             struct err *err)
{
    AUTO(engine_result_close) struct engine_result *result = NULL;
    struct engine_value value = {.type = DATA_TYPE(TEXT), .text = str_of(sql)};
    const struct data_batch *batch = NULL;
    /* A place that is unknown is 2^64-1, which no JSON reader of 64-bit integers takes. */
    TRY(engine_query(&engine->base,
                     "SELECT replace(CAST(json_serialize_sql($1::VARCHAR) AS VARCHAR), "
                     "':18446744073709551615', ':-1')",
                     &value, 1, &result, err));
    TRY(engine_result_next(result, &batch, err));
    if (batch == NULL || !data_vector_is_valid(&batch->vectors[0], 0))
        return err_set(err, ERR_ENGINE, "the engine gave no parse tree");
    return json_parse(batch->vectors[0].text[0], "parse tree", ret, err);
}

static int count_of(const char *text, size_t length, const char *what)
{
    int count = 0;
    for (size_t idx = 0; idx + 1 < length; idx++)
        count += text[idx] == what[0] && text[idx + 1] == what[1];
    return count;
}

/* What takes DuckDB's parser time with the square of its number, and nothing can interrupt a
 * parser: set operations (their tree nests by one each) and the openings of nested comments. */
static enum err_code check_quadratic(const char *sql, struct err *err)
{
    static const char *const words[] = {"UNION", "EXCEPT", "INTERSECT"};
    int operations = 0, comments = 0;
    for (const char *text = sql; *text != '\0';) {
        size_t skipped = sql_skip(text);
        if (text[0] == '/' && text[1] == '*')
            comments += count_of(text, skipped, "/*");
        for (size_t idx = 0; skipped == 0 && idx < 3; idx++)
            operations += strncasecmp(text, words[idx], strlen(words[idx])) == 0;
        if (operations > ENGINE_LIMIT_SET_OPERATIONS)
            return err_set(err, ERR_LIMIT,
                           "the statement has more than %d UNION, EXCEPT or INTERSECT",
                           ENGINE_LIMIT_SET_OPERATIONS);
        if (comments > ENGINE_LIMIT_COMMENTS)
            return err_set(err, ERR_LIMIT, "the statement has more than %d comments",
                           ENGINE_LIMIT_COMMENTS);
        text += skipped > 0 ? skipped : 1;
    }
    return ERR_OK;
}

enum err_code engine_statement_inspect(struct engine *base, const char *sql,
                                       struct engine_statement *ret, struct err *err)
{
    struct embedded *engine = NULL;
    *ret = (struct engine_statement){0};
    TRY(embedded_of(base, "looking at a statement", &engine, err));
    JSON_AUTO tree = NULL;
    TRY(check_quadratic(sql, err));
    TRY(tree_of(engine, sql, &tree, err));
    bool failed = json_flag(tree, "error", false);
    const char *type = json_text(tree, "error_type", "");
    if (failed && (strcmp(type, "parser") == 0 || strcmp(type, "syntax") == 0))
        return parse_failed(sql, tree, err);
    duckdb_extracted_statements list = NULL;
    ret->count = (int64_t)duckdb_extract_statements(engine->connection, sql, &list);
    duckdb_destroy_extracted(&list);
    if (failed)
        return ERR_OK; /* parses, but is no SELECT */
    const json_t *statements = json_object_get(tree, "statements");
    ret->is_select = json_array_size(statements) > 0;
    struct walk walk = {.statement = ret, .err = err};
    enum err_code code = walk_json(&walk, statements, 0);
    if (code != ERR_OK)
        engine_statement_done(ret);
    return code;
}

void engine_statement_done(struct engine_statement *statement)
{
    for (size_t idx = 0; idx < statement->table_count; idx++)
        mem_free(statement->tables[idx]);
    for (size_t idx = 0; idx < statement->table_function_count; idx++)
        mem_free(statement->table_functions[idx]);
    mem_free(statement->tables);
    mem_free(statement->table_functions);
    *statement = (struct engine_statement){0};
}
