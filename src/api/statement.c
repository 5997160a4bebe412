/* May this statement of a user run? Checked before anything does: exactly one, a SELECT (DESCRIBE
 * and SUMMARIZE of the version's own tables are SELECTs in disguise), reading tables and marts of
 * one version, and of the functions that stand where a table may only those that make rows out of
 * their arguments. What a function list can't know, engine_confine keeps away: files, the network,
 * settings. */
#include "api/api_priv.h"

#include <string.h>

#define STATEMENT_LIMIT_BYTES (1 << 20)

/* Table functions that read nothing but their arguments. All others (read_csv, glob, query,
 * duckdb_settings …) are refused by name. */
static const char *const harmless[] = {"generate_series", "json_each",  "json_tree", "range",
                                       "repeat",          "repeat_row", "unnest"};

static bool is_harmless(const char *function)
{
    for (size_t i = 0; i < sizeof harmless / sizeof *harmless; i++)
        if (str_equal_nocase(str_of(harmless[i]), str_of(function)))
            return true;
    return false;
}

static enum err_code check_functions(const struct engine_statement *statement, struct err *err)
{
    for (size_t i = 0; i < statement->table_function_count; i++) {
        if (is_harmless(statement->table_functions[i]))
            continue;
        err_set(err, ERR_INPUT,
                "the table function '%.100s' may not be used: it could read more than this version",
                statement->table_functions[i]);
        return err_hint(err, "tables are named plainly; allowed are range, generate_series, "
                             "unnest, repeat, json_each, json_tree");
    }
    return ERR_OK;
}

enum err_code api_statement_check(struct engine *engine, const char *sql,
                                  struct engine_statement *ret, struct err *err)
{
    memset(ret, 0, sizeof *ret);
    if (strlen(sql) > STATEMENT_LIMIT_BYTES)
        return err_set(err, ERR_LIMIT, "the statement is longer than %d bytes",
                       STATEMENT_LIMIT_BYTES);
    enum err_code code = engine_statement_inspect(engine, sql, ret, err);
    if (code == ERR_UNSUPPORTED && err != NULL)
        err->code = ERR_INPUT; /* the statement's fault, not the engine's */
    TRY(code == ERR_UNSUPPORTED ? ERR_INPUT : code);
    if (ret->count != 1) {
        err_set(err, ERR_INPUT, "expected exactly one statement, found %lld",
                (long long)ret->count);
        return err_hint(err, "give one SELECT; several results need several calls");
    }
    if (!ret->is_select) {
        err_set(err, ERR_INPUT,
                "the statement is no SELECT; versions are immutable and nothing else may run");
        return err_hint(err, "write a SELECT (WITH … SELECT is fine)");
    }
    return check_functions(ret, err);
}

/* ---- for other engines ---- */

/* Past blanks and comments; block comments nest, as in PostgreSQL. */
static const char *skip_comments(const char *sql)
{
    for (;;) {
        sql += strspn(sql, " \t\r\n\f\v");
        if (strncmp(sql, "--", 2) == 0) {
            sql += strcspn(sql, "\n");
        } else if (strncmp(sql, "/*", 2) == 0) {
            int depth = 0;
            do {
                depth += strncmp(sql, "/*", 2) == 0 ? 1 : strncmp(sql, "*/", 2) == 0 ? -1 : 0;
                sql += strncmp(sql, "/*", 2) == 0 || strncmp(sql, "*/", 2) == 0 ? 2 : 1;
            } while (depth > 0 && *sql != '\0');
        } else {
            return sql;
        }
    }
}

enum err_code api_statement_check_elsewhere(const char *sql, struct err *err)
{
    static const char *const reading[] = {"select", "with", "values", "table"};
    if (strlen(sql) > STATEMENT_LIMIT_BYTES)
        return err_set(err, ERR_LIMIT, "the statement is longer than %d bytes",
                       STATEMENT_LIMIT_BYTES);
    const char *begins = skip_comments(sql);
    while (*begins == '(')
        begins = skip_comments(begins + 1);
    struct str word = {begins,
                       strspn(begins, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_")};
    for (size_t i = 0; i < sizeof reading / sizeof *reading; i++)
        if (str_equal_nocase(word, str_of(reading[i])))
            return ERR_OK;
    err_set(err, ERR_INPUT, "the statement is no SELECT; nothing else may run");
    return err_hint(err, "write a SELECT (WITH … SELECT and VALUES are fine)");
}

/* The engine's classes of errors that are the statement's fault. */
static const char *const faults[] = {
    "Binder Error",          "Catalog Error",      "Parser Error",        "Syntax Error",
    "Conversion Error",      "Out of Range Error", "Invalid Input Error", "Mismatch Type Error",
    "Not implemented Error", "Permission Error"};

enum err_code api_statement_blame(enum err_code code, struct err *err)
{
    for (size_t i = 0; code == ERR_ENGINE && err != NULL && i < sizeof faults / sizeof *faults; i++)
        if (strncmp(err->detail, faults[i], strlen(faults[i])) == 0)
            return err->code = ERR_INPUT;
    return code;
}
