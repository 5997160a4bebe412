/* What an engine is behind engine.h: a driver (one const table of functions) and three base structs
 * that its own begin with.
 *
 *     engine_open("postgresql://…")  ──scheme──▶  engine.c: ENGINES[]  ──▶  driver->open
 *     engine_query(engine, …)        ──────────▶  engine->driver->query
 *
 * To add an engine: a folder with a driver, a line in engine.c's table. tests/conform runs whole
 * against it. Only engine/ includes this. */
#ifndef MARROW_ENGINE_DRIVER_H
#define MARROW_ENGINE_DRIVER_H

#include "engine/engine.h"

struct engine { /* the first member of every driver's own struct */
    const struct engine_driver *driver;
    const struct progress
        *progress; /* asked while statements run (every ≤ 50 ms): cancel, fraction; may be NULL */
    const char *phase, *subject; /* borrowed, for progress */
    int64_t time_limit_ms;       /* of a statement; 0 = none */
};
struct engine_result { /* likewise */
    struct engine *engine;
    struct data_schema schema; /* owned; freed by engine_result_close before driver->result_close */
};
struct engine_appender { /* likewise */
    struct engine *engine;
};

struct engine_driver {
    const char *name;    /* "postgresql" */
    const char *schemes; /* URL schemes, blank between: "postgresql postgres" */
    const char *dialect; /* a name of dialect/dialects.c */
    uint32_t abilities;  /* enum engine_ability, or-ed */
    const char *what; /* one line for `marrow engines`: "PostgreSQL 12 and later, through libpq" */
    const char *example; /* "postgresql://user@localhost/db" */
    enum err_code (*load)(struct err *err); /* the libraries it needs; open does it too */
    /* Connects: options->url is never NULL unless this is the embedded engine. Fills its own part;
     * base is filled by engine_open. */
    enum err_code (*open)(const struct engine_options *options, struct engine **ret,
                          struct err *err);
    void (*close)(struct engine *engine); /* frees the struct; NULL-safe half-built */
    const char *(*version)(const struct engine *engine); /* the server's, "15.6" */
    void (*interrupt)(struct engine *engine);            /* any thread */
    enum err_code (*execute)(struct engine *engine, const char *sql,
                             const struct engine_value *values, size_t count, struct err *err);
    enum err_code (*query)(struct engine *engine, const char *sql,
                           const struct engine_value *values, size_t count,
                           struct engine_result **ret, struct err *err);
    /* NULL where the engine lacks ENGINE_TAKES_SUBSTRAIT */
    enum err_code (*query_substrait)(struct engine *engine, struct str plan,
                                     struct engine_result **ret, struct err *err);
    enum err_code (*result_next)(struct engine_result *result, const struct data_batch **ret,
                                 struct err *err);
    void (*result_close)(struct engine_result *result); /* frees the struct, but not schema; cancels
                                                           what still runs */
    /* NULL where the engine lacks ENGINE_CAN_APPEND */
    enum err_code (*append_open)(struct engine *engine, const char *schema_name, const char *table,
                                 struct engine_appender **ret, struct err *err);
    enum err_code (*append_batch)(struct engine_appender *appender, const struct data_batch *batch,
                                  struct err *err);
    enum err_code (*append_close)(struct engine_appender *appender, struct err *err);
    void (*append_abort)(struct engine_appender *appender);
    /* NULL: tables are not filled so */
    enum err_code (*fill)(struct engine *engine, const struct engine_fill_table *tables,
                          size_t count, const struct engine_fill_work *work, struct err *err);
    /* NULL where tables are not made of files */
    bool (*shared_folder)(const struct engine *engine, const char **ret_path,
                          const char **ret_location);
    enum err_code (*create_external)(struct engine *engine, const char *schema_name,
                                     const char *table, const struct engine_external *external,
                                     struct err *err);
};
/* The table of engines, ended by NULL: engine.c. The first is the embedded one. */
extern const struct engine_driver *const ENGINES[];

/* Is text a decimal number that a DECIMAL type holds exactly? Servers would round it. */
bool engine_decimal_fits(struct str text, struct data_type type);

/* Add an engine's message to out with its values replaced by their patterns (mask.c): single-quoted
 * text always, double-quoted text and numbers where holds_data. One line. */
void engine_mask(struct str message, bool holds_data, struct buf *out);
/* Was it the plan's own raise() that failed? Then err is its message, of ERR_INPUT. */
bool engine_raised(const char *message, struct err *err);

#endif
