/* The engines that are there: the embedded one always, its library as an ADBC driver too;
 * PostgreSQL when its server is installed (it is started by tests/servers/postgres.sh), and through
 * the ADBC driver MARROW_ADBC_POSTGRESQL; Trino at MARROW_TRINO_URL; DataFusion by the ADBC driver
 * MARROW_DATAFUSION_DRIVER; any at MARROW_ENGINE_URLS (blank between). What is not there is said.
 */
#include "conform.h"

#define TARGETS_MOST 16
struct target *target;

static const struct target spellings[] = {
    {.dialect = "duckdb",
     .series = "range(1, %lld + 1) AS %s(i)",
     .array = "[1, 2, NULL]",
     .keeps_zero_bytes = true,
     .keeps_json = true},
    {.dialect = "postgresql",
     .series = "generate_series(1, %lld) AS %s(i)",
     .array = "ARRAY[1, 2, NULL]",
     .keeps_json = true},
    {.dialect = "trino",
     .series = "(SELECT a * 1000 + b + 1 AS i FROM UNNEST(sequence(0, (%lld - 1) / 1000)) AS x(a) "
               "CROSS JOIN UNNEST(sequence(0, 999)) AS y(b)) AS %s(i)",
     .array = "ARRAY[1, 2, NULL]",
     .keeps_zero_bytes = true},
    {.dialect = "datafusion",
     .series = "generate_series(1, %lld) AS %s(i)",
     .array = "[1, 2, NULL]",
     .keeps_zero_bytes = true},
};

static void add(struct target *targets, const char *url)
{
    struct target *at = targets;
    struct engine *engine = NULL;
    struct err err = {0};
    while (at->name != NULL)
        at++;
    if (at - targets >= TARGETS_MOST - 1)
        return;
    if (engine_open(&(struct engine_options){.url = url}, &engine, &err) != ERR_OK) {
        fprintf(stderr, "conform: an engine gives no connection: %s / %s\n", err.message,
                err.detail);
        exit(1);
    }
    for (size_t idx = 0; idx < sizeof spellings / sizeof *spellings; idx++)
        if (strcmp(spellings[idx].dialect, engine_dialect(engine)) == 0)
            *at = spellings[idx];
    if (at->dialect == NULL) {
        fprintf(stderr, "conform: no spelling of the dialect %s\n", engine_dialect(engine));
        exit(1);
    }
    at->name = strcmp(engine_name(engine), "adbc") != 0            ? engine_name(engine)
               : strcmp(engine_dialect(engine), "duckdb") == 0     ? "adbc-duckdb"
               : strcmp(engine_dialect(engine), "postgresql") == 0 ? "adbc-postgresql"
               : strcmp(engine_dialect(engine), "datafusion") == 0 ? "adbc-datafusion"
                                                                   : "adbc";
    printf("conform: %s %s\n", at->name, engine_version(engine));
    snprintf(at->url, sizeof at->url, "%s", url != NULL ? url : "");
    at->decimals_are_texts = strcmp(at->name, "adbc-postgresql") == 0;
    engine_close(engine);
}

static bool run_script(const char *script, const char *arguments, char *line, size_t cap)
{
    char command[1024];
    snprintf(command, sizeof command, "sh '%s/servers/%s' %s", TEST_SOURCE_DIRECTORY, script,
             arguments);
    FILE *output = popen(command, "r");
    if (output == NULL)
        return false;
    line[0] = '\0';
    if (fgets(line, (int)cap, output) != NULL)
        line[strcspn(line, "\n")] = '\0';
    return pclose(output) == 0;
}

static void add_postgres(struct target *targets)
{
    char directory[64], arguments[128], url[400];
    snprintf(directory, sizeof directory, "/tmp/marrow-conform-%ld", (long)getpid());
    if (!run_script("postgres.sh", "available", url, sizeof url)) {
        printf("conform: SKIPPED postgresql: no server is installed\n");
        return;
    }
    snprintf(arguments, sizeof arguments, "start '%s' %ld", directory, (long)getpid());
    if (!run_script("postgres.sh", arguments, url, sizeof url)) {
        fprintf(stderr, "conform: PostgreSQL is installed but could not be started\n");
        exit(1);
    }
    add(targets, url);
    struct target *at = targets;
    while (at[1].name != NULL)
        at++;
    snprintf(at->server, sizeof at->server, "%s", directory);
}

/* An ADBC driver by its path; uri: an option of its database, or NULL. */
static void add_adbc(struct target *targets, const char *variable, const char *dialect,
                     const char *uri)
{
    const char *path = getenv(variable);
    char url[512];
    if (path == NULL || path[0] == '\0') {
        printf("conform: SKIPPED %s through ADBC: %s is not set\n", dialect, variable);
        return;
    }
    int length = snprintf(url, sizeof url, "adbc:%s?dialect=%s%s", path, dialect,
                          uri != NULL ? "&uri=" : "");
    for (; uri != NULL && *uri != '\0' && length < (int)sizeof url - 4; uri++)
        length +=
            snprintf(url + length, sizeof url - (size_t)length, "%%%02X", (unsigned char)*uri);
    add(targets, url);
}

struct target *targets_find(void)
{
    struct target *targets = calloc(TARGETS_MOST, sizeof *targets);
    const char *trino = getenv("MARROW_TRINO_URL"), *further = getenv("MARROW_ENGINE_URLS");
    if (targets == NULL)
        exit(1);
    add(targets, NULL);
#ifdef TEST_DUCKDB_LIBRARY /* not for the differential tests: it is the embedded engine's own      \
                              library */
    add(targets, "adbc:" TEST_DUCKDB_LIBRARY "?entrypoint=duckdb_adbc_init");
#endif
    add_postgres(targets);
    const struct target *last = targets;
    while (last->name != NULL && last->server[0] == '\0')
        last++;
    if (last->name != NULL)
        add_adbc(targets, "MARROW_ADBC_POSTGRESQL", "postgresql", last->url);
    add_adbc(targets, "MARROW_DATAFUSION_DRIVER", "datafusion", NULL);
    if (trino != NULL && trino[0] != '\0')
        add(targets, trino);
    else
        printf("conform: SKIPPED trino: MARROW_TRINO_URL is not set\n");
    char *list = further != NULL ? strdup(further) : NULL;
    char *rest = list;
    for (char *url; list != NULL && (url = strsep(&rest, " ")) != NULL;)
        if (url[0] != '\0')
            add(targets, url);
    free(list);
    return targets;
}

void targets_stop(struct target *targets)
{
    char arguments[128], ignored[64];
    for (struct target *at = targets; at->name != NULL; at++) {
        if (at->server[0] == '\0')
            continue;
        snprintf(arguments, sizeof arguments, "stop '%s'", at->server);
        (void)run_script("postgres.sh", arguments, ignored, sizeof ignored);
    }
    free(targets);
}

/* ---- helpers ------------------------------------------------------------------------------------
 */

static struct buf *ring(void)
{
    static struct buf buffers[32];
    static size_t next;
    struct buf *buf = &buffers[next++ % 32];
    buf_clear(buf);
    return buf;
}

const char *sql(const char *format, ...)
{
    char text[4096];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    struct buf *buf = ring();
    buf_puts(buf, text);
    return buf_text(buf);
}

const char *series(long long count, const char *alias)
{
    char text[512];
    struct str pattern = str_of(target->series);
    const char *number = strstr(pattern.ptr, "%lld"), *name = strstr(pattern.ptr, "%s");
    snprintf(text, sizeof text, "%.*s%lld%.*s%s%s", (int)(number - pattern.ptr), pattern.ptr, count,
             (int)(name - number - 4), number + 4, alias, name + 2);
    return sql("%s", text);
}

const char *type_sql(struct data_type type)
{
    static const struct {
        enum data_kind kind;
        const char *postgresql, *trino, *datafusion;
    } names[] = {
        {DATA_BOOLEAN, "boolean", "boolean", "boolean"},
        {DATA_BIGINT, "bigint", "bigint", "bigint"},
        {DATA_UHUGEINT, "numeric(39, 0)", NULL, NULL},
        {DATA_DOUBLE, "double precision", "double", "double"},
        {DATA_TEXT, "text", "varchar", "varchar"},
        {DATA_JSON, "json", "json", NULL},
        {DATA_BLOB, "bytea", "varbinary", "bytea"},
        {DATA_DATE, "date", "date", "date"},
        {DATA_TIME, "time", "time(6)", "time"},
        {DATA_TIMESTAMP, "timestamp", "timestamp(6)", "timestamp(6)"},
        {DATA_TIMESTAMPTZ, "timestamptz", "timestamp(6) with time zone",
         "timestamp(6) with time zone"},
        {DATA_INTERVAL, "interval", NULL, "interval"},
    };
    struct buf *buf = ring();
    if (strcmp(target->dialect, "duckdb") == 0) {
        engine_type_sql(type, buf);
        return buf_text(buf);
    }
    if (type.kind == DATA_DECIMAL)
        return sql("decimal(%d, %d)", type.precision, type.scale);
    for (size_t idx = 0; idx < sizeof names / sizeof *names; idx++)
        if (names[idx].kind == type.kind)
            return strcmp(target->dialect, "trino") == 0        ? names[idx].trino
                   : strcmp(target->dialect, "datafusion") == 0 ? names[idx].datafusion
                                                                : names[idx].postgresql;
    return NULL;
}

struct engine *open_target(const struct progress *progress)
{
    struct err err = {0};
    struct engine *engine = NULL;
    OK(engine_open(&(struct engine_options){.url = target->url[0] != '\0' ? target->url : NULL,
                                            .threads = 2,
                                            .progress = progress},
                   &engine, &err));
    return engine;
}

const char *ask(struct engine *engine, const char *text)
{
    struct buf *value = ring();
    struct err err = {0};
    struct engine_result *result = NULL;
    const struct data_batch *batch = NULL;
    OK(engine_query(engine, text, NULL, 0, &result, &err));
    OK(engine_result_next(result, &batch, &err));
    assert_non_null(batch);
    if (!data_value_text(&batch->vectors[0], 0, value))
        buf_puts(value, "NULL");
    engine_result_close(result);
    return buf_text(value);
}

bool lacks(const struct engine *engine, enum engine_ability ability)
{
    if (engine_can(engine, ability))
        return false;
    target->skipped++;
    return true;
}
