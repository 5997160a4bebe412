/* A version's place on a server: names, types, what is there. Rows to and from it: server_rows.c.
 */
#include "run/server.h"

#include "plan/rewrite.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* ---- names --------------------------------------------------------------------------------------
 */

void run_url_public(const char *url, char ret[RUN_SERVER_URL_BYTES])
{
    const char *rest = strstr(url, "://");
    size_t scheme = rest == NULL ? 0 : (size_t)(rest - url) + 3;
    const char *from = url + scheme;
    size_t length = strcspn(from, "?#"), authority = strcspn(from, "/?#");
    for (size_t i = authority; i > 0; i--)
        if (from[i - 1] == '@') {
            from += i;
            length -= i;
            break;
        }
    (void)snprintf(ret, RUN_SERVER_URL_BYTES, "%.*s%.*s", (int)(scheme < 32 ? scheme : 32), url,
                   (int)(length < 400 ? length : 400), from);
}

/* marrow_DATASET_VERSION12: lower case, letters, digits and _, at most 63 bytes, whatever the
 * dataset is called. */
static void schema_name(const struct store_version *version, char ret[RUN_SCHEMA_BYTES])
{
    const char *dataset = store_version_dataset(version);
    char name[STORE_LIMIT_NAME_BYTES + 1], hash[HASH_HEX_BYTES];
    size_t length = 0;
    for (; dataset[length] != '\0' && length < STORE_LIMIT_NAME_BYTES; length++)
        name[length] = isalnum((unsigned char)dataset[length])
                           ? (char)tolower((unsigned char)dataset[length])
                           : '_';
    name[length] = '\0';
    hash_sha256_of(dataset, strlen(dataset), hash);
    if (length <= 40)
        (void)snprintf(ret, RUN_SCHEMA_BYTES, "marrow_%.40s_%.12s", name,
                       store_version_id(version));
    else
        (void)snprintf(ret, RUN_SCHEMA_BYTES, "marrow_%.30s_%.8s_%.12s", name, hash,
                       store_version_id(version));
}

void run_server_table(void *server, const char *table, struct buf *out)
{
    engine_quote_identifier(out, str_of(((const struct run_server *)server)->schema));
    buf_putc(out, '.');
    engine_quote_identifier(out, str_of(table));
}

void run_server_column(const struct run_server *server, const char *name, struct buf *out)
{
    const struct dialect *dialect = dialect_find(engine_dialect(server->engine));
    if (dialect != NULL)
        dialect_quote_identifier(dialect, str_of(name), out);
    else
        engine_quote_identifier(out, str_of(name));
}

bool run_server_transacts(const struct run_server *server)
{
    return engine_can(server->engine, ENGINE_HAS_TRANSACTIONS);
}

/* ---- what is there ------------------------------------------------------------------------------
 */

/* Names are compared without case (Trino's are lower case), and where the server cut them by what
 * is left. */
static bool lists(const json_t *names, const char *table)
{
    for (size_t i = 0; i < json_array_size(names); i++) {
        struct str name = str_of(json_string_value(json_array_get(names, i)));
        struct str asked = str_of(table);
        if (asked.len > name.len && name.len >= 60)
            asked.len = name.len;
        if (str_equal_nocase(name, asked))
            return true;
    }
    return false;
}

bool run_server_has(const struct run_server *server, const char *table)
{
    return lists(server->tables, table);
}

bool run_server_has_hashes(void *server, const char *table)
{
    return lists(((const struct run_server *)server)->hashed, table);
}

bool run_server_in_place(const struct run_server *server, const char *table)
{
    return lists(server->in_place, table);
}

void run_server_staging(const struct run_server *server, const char *table, char *ret,
                        size_t capacity)
{
    (void)snprintf(ret, capacity, "%.400s%s", table, server->attempt);
}

static void name_attempt(struct run_server *server)
{
    const int64_t facts[] = {(int64_t)getpid(), clock_monotonic_us(), clock_now_us()};
    if (!run_server_transacts(server))
        (void)snprintf(server->attempt, sizeof server->attempt, RUN_STAGING_SUFFIX "_%016" PRIx64,
                       hash_xxh3_128(facts, sizeof facts, 0).low);
}

enum err_code run_server_sweep(struct run_server *server, const char *table, struct err *err)
{
    AUTO(buf_done) struct buf left = BUF_INIT;
    if (run_server_transacts(server))
        return ERR_OK;
    buf_printf(&left, "%.400s" RUN_STAGING_SUFFIX, table);
    TRY(buf_check(&left, err));
    for (size_t i = 0; i < json_array_size(server->tables); i++) {
        const char *name = json_string_value(json_array_get(server->tables, i));
        struct str start = {name, strlen(name) < left.len ? strlen(name) : left.len};
        if (str_equal_nocase(start, buf_view(&left)))
            TRY(run_server_drop(server, name, err));
    }
    return ERR_OK;
}

/* select: up to where the schema's name is compared. */
static enum err_code names_of(struct run_server *server, const char *select, const char *condition,
                              json_t **ret, struct err *err)
{
    AUTO(buf_done) struct buf sql = BUF_INIT;
    JSON_AUTO rows = NULL;
    bool ok = true;
    buf_puts(&sql, select);
    engine_quote_literal(&sql, str_of(server->schema));
    buf_puts(&sql, condition);
    TRY(buf_check(&sql, err));
    TRY(engine_query_json(server->engine, buf_text(&sql), 100000, &rows, err));
    JSON_AUTO names = json_array();
    for (size_t i = 0; i < json_array_size(rows); i++)
        json_push(names, json_incref(json_array_get(json_array_get(rows, i), 0)), &ok);
    TRY(json_built(ok && names != NULL, err));
    json_decref(*ret);
    *ret = json_incref(names);
    return ERR_OK;
}

static bool is_registered(struct store_version *version)
{
    for (size_t i = 0; i < store_version_table_count(version); i++) {
        JSON_AUTO place = NULL;
        if (store_version_place(version, store_version_table(version, i)->name, &place,
                                ERR_IGNORED) != ERR_OK ||
            place != NULL)
            return true;
    }
    return false;
}

enum err_code run_server_look(struct run_server *server, struct err *err)
{
    TRY(names_of(server, "SELECT table_name FROM information_schema.tables WHERE table_schema = ",
                 "", &server->tables, err));
    if (server->registered && strcmp(engine_name(server->engine), "trino") == 0)
        TRY(names_of(server,
                     "SELECT table_name FROM system.metadata.table_comments WHERE catalog_name = "
                     "current_catalog AND schema_name = ",
                     " AND comment = '" RUN_PLACE_COMMENT "'", &server->in_place, err));
    return names_of(server,
                    "SELECT table_name FROM information_schema.columns WHERE table_schema = ",
                    " AND column_name = '" PLAN_STORED_ORDER "'", &server->hashed, err);
}

enum err_code run_server_open(const struct engine_options *options,
                              const struct store_version *version, struct run_server *ret,
                              struct err *err)
{
    struct engine_options local = *options;
    memset(ret, 0, sizeof *ret);
    local.url = NULL;
    ret->progress = options->progress;
    run_url_public(options->url, ret->url);
    schema_name(version, ret->schema);
    TRY(engine_open(options, &ret->engine, err));
    if (engine_can(ret->engine, ENGINE_IS_LOCAL)) {
        err_set(err, ERR_UNSUPPORTED,
                "this engine keeps no tables: nothing is pushed to it, and no mart is kept there");
        return err_hint(err, "'marrow plan run' and 'marrow sql' with --engine read the store's "
                             "files through it");
    }
    name_attempt(ret);
    TRY(engine_open(&local, &ret->local, err));
    ret->registered = is_registered((struct store_version *)(uintptr_t)version);
    return run_server_look(ret, err);
}

static enum err_code set_schema(struct run_server *server, struct err *err)
{
    AUTO(buf_done) struct buf sql = BUF_INIT;
    buf_puts(&sql,
             strcmp(engine_name(server->engine), "trino") == 0 ? "USE " : "SET search_path TO ");
    engine_quote_identifier(&sql, str_of(server->schema));
    TRY(buf_check(&sql, err));
    return engine_execute(server->engine, buf_text(&sql), NULL, 0, err);
}

/* The server's engine, in whose session plain names are the version's pushed tables. */
static enum err_code stand_in_schema(struct run_server *server, const struct store_version *version,
                                     struct engine **ret, struct err *err)
{
    TRY(run_place_check_all(server, (struct store_version *)(uintptr_t)version, err));
    TRY(set_schema(server, err));
    *ret = server->engine;
    server->engine = NULL;
    return ERR_OK;
}

static enum err_code open_read_only(const struct engine_options *options,
                                    const struct store_version *version, struct run_server *server,
                                    struct err *err)
{
    struct engine_options read_only = *options;
    read_only.read_only = true;
    schema_name(version, server->schema);
    TRY(engine_open(&read_only, &server->engine, err));
    if (engine_can(server->engine, ENGINE_IS_LOCAL))
        return ERR_OK;
    server->registered = is_registered((struct store_version *)(uintptr_t)version);
    return run_server_look(server, err);
}

enum err_code run_engine_open(const struct engine_options *options,
                              const struct store_version *version, struct engine **ret,
                              struct err *err)
{
    AUTO(run_server_done) struct run_server server = {.engine = NULL};
    TRY(open_read_only(options, version, &server, err));
    if (engine_can(server.engine, ENGINE_IS_LOCAL)) {
        *ret = server.engine;
        server.engine = NULL;
        return ERR_OK;
    }
    if (json_array_size(server.tables) == 0) {
        err_set(err, ERR_NOT_FOUND, "version %.12s of '%s' is not on the server",
                store_version_id(version), store_version_dataset(version));
        return err_hint(err, "marrow push %s --engine URL", store_version_dataset(version));
    }
    return stand_in_schema(&server, version, ret, err);
}

enum err_code run_mirror_open(const struct engine_options *options,
                              const struct store_version *version, struct engine **ret,
                              json_t **ret_pushed, struct err *err)
{
    AUTO(run_server_done) struct run_server server = {.engine = NULL};
    TRY(open_read_only(options, version, &server, err));
    if (strcmp(engine_dialect(server.engine), "postgresql") != 0) {
        err_set(err, ERR_UNSUPPORTED, "%s keeps no tables of views, expected a PostgreSQL server",
                engine_name(server.engine));
        return err_hint(err, "without --engine the views are read here; 'marrow view create "
                             "--engine postgresql://…' puts them on a server");
    }
    TRY(stand_in_schema(&server, version, ret, err));
    *ret_pushed = json_incref(server.tables);
    return ERR_OK;
}

void run_server_done(struct run_server *server)
{
    engine_close(server->engine);
    engine_close(server->local);
    json_decref(server->tables);
    json_decref(server->hashed);
    json_decref(server->in_place);
    memset(server, 0, sizeof *server);
}

/* ---- types --------------------------------------------------------------------------------------
 */

/* Texts are compared bytewise everywhere, as the plan says. */
static const char *postgres_type(enum data_kind kind)
{
    switch (kind) {
    case DATA_BOOLEAN:
        return "boolean";
    case DATA_BIGINT:
        return "bigint";
    case DATA_DECIMAL:
        return "numeric";
    case DATA_UHUGEINT:
        return "numeric(39, 0)";
    case DATA_DOUBLE:
        return "double precision";
    case DATA_NULL:
    case DATA_TEXT:
        return "text COLLATE \"C\"";
    case DATA_JSON:
        return "json";
    case DATA_BLOB:
        return "bytea";
    case DATA_DATE:
        return "date";
    case DATA_TIME:
        return "time";
    case DATA_TIMESTAMP:
        return "timestamp";
    case DATA_TIMESTAMPTZ:
        return "timestamptz";
    case DATA_INTERVAL:
        return "interval";
    case DATA_LIST:
    case DATA_STRUCT:
        return NULL;
    }
    return NULL;
}

static const char *trino_type(enum data_kind kind)
{
    switch (kind) {
    case DATA_BOOLEAN:
        return "boolean";
    case DATA_BIGINT:
        return "bigint";
    case DATA_DECIMAL:
        return "decimal";
    case DATA_DOUBLE:
        return "double";
    case DATA_NULL:
    case DATA_TEXT:
    case DATA_JSON:
        return "varchar";
    case DATA_BLOB:
        return "varbinary";
    case DATA_DATE:
        return "date";
    case DATA_TIMESTAMP:
        return "timestamp(6)";
    case DATA_UHUGEINT:
    case DATA_TIME:
    case DATA_TIMESTAMPTZ:
    case DATA_INTERVAL:
    case DATA_LIST:
    case DATA_STRUCT:
        return NULL;
    }
    return NULL;
}

enum err_code run_server_type(const struct run_server *server, struct data_type type,
                              struct buf *out, struct err *err)
{
    char text[32];
    const char *name = strcmp(engine_name(server->engine), "trino") == 0 ? trino_type(type.kind)
                                                                         : postgres_type(type.kind);
    if (name == NULL)
        return err_set(err, ERR_UNSUPPORTED, "%s cannot store a column of type %s",
                       engine_name(server->engine), data_type_text(type, text));
    buf_puts(out, name);
    if (type.kind == DATA_DECIMAL)
        buf_printf(out, "(%u, %u)", (unsigned)type.precision, (unsigned)type.scale);
    return buf_check(out, err);
}
