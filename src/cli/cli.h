/* The command line's own door: what its files share. The cli is a thin shell: a verb reads its options, calls one api function and draws
 * the JSON document that came back (or, with --json, prints that document and nothing else).
 *
 *     argv ──args──▶ struct cli (verb, words, options) ──verb_x──▶ api ──▶ document ──render──▶ stdout
 *
 * Invariants: stdout holds the answer, stderr everything else; stderr is silent with --json unless something failed or --log asks;
 * the exit status comes from base/err.def. */
#ifndef MARROW_CLI_CLI_H
#define MARROW_CLI_CLI_H

#include "api/api.h"
#include "base/nearest.h"

/* Runs one command line; returns the exit status. Call once per process: it installs signal handlers. */
int cli_main(int argc, char **argv);

/* ---- the table of verbs ------------------------------------------------------------------------ */

struct cli;
enum cli_option_kind { CLI_FLAG, CLI_TEXT, CLI_LIST, CLI_INTEGER, CLI_BYTES, CLI_SECONDS };
struct cli_option {
    const char *name; /* without dashes */
    enum cli_option_kind kind;
    const char *value;   /* placeholder in the help; NULL for flags */
    const char *purpose; /* one line */
    const char *const *choices; /* ends with NULL; NULL = any */
};
struct cli_verb {
    const char *name;      /* "import", "mart build" */
    const char *arguments; /* "PATH…" */
    int minimum, maximum;  /* count of arguments; maximum -1 = any */
    const char *purpose;   /* one line */
    const char *detail;    /* more lines for the verb's own help; may be NULL */
    const struct cli_option *options; /* ends with name NULL; may be NULL */
    const char *const *examples;      /* "command\0meaning" pairs: command, meaning, …, NULL */
    enum err_code (*run)(struct cli *cli, struct err *err);
};
const struct cli_verb *cli_verbs(void); /* ends with name NULL */
const struct cli_option *cli_common_options(void);
const struct cli_option *cli_option_find(const struct cli_option *options, const char *name, size_t length);
const struct cli_verb *cli_verb_find(const char *first, const char *second, int *ret_words);

/* ---- one command line -------------------------------------------------------------------------- */

struct cli_value {
    const struct cli_option *option;
    const char *text;
    int64_t number;
};
struct cli {
    const struct cli_verb *verb; /* NULL: overview */
    const char **words;          /* arguments of the verb */
    int word_count;
    struct cli_value *values; /* options given, in order */
    size_t value_count;
    bool json, quiet, help, version;
    bool stdout_tty, stderr_tty, colour;
    int width; /* columns of the terminal; 0 = unlimited */
    struct progress progress;
    struct buf out;     /* waiting for stdout */
    bool broken_pipe;   /* the reader of stdout has gone: end quietly */
    bool out_failed;
    int status;         /* exit status when the verb returned ERR_OK */
    struct api *api;
    char next[600];     /* suggestion for a newcomer */
};
enum err_code cli_args_parse(struct cli *cli, int argc, char **argv, struct err *err) WARN_UNUSED;
void cli_args_done(struct cli *cli);
const char *cli_text(const struct cli *cli, const char *option, const char *fallback);
int64_t cli_number(const struct cli *cli, const char *option, int64_t fallback);
bool cli_flag(const struct cli *cli, const char *option);
size_t cli_list(const struct cli *cli, const char *option, const char **ret, size_t cap); /* texts of a repeated option */
const char *cli_word(const struct cli *cli, int idx); /* NULL past the end */
/* Opens the store with the common options; the api is closed by cli_main. */
enum err_code cli_open(struct cli *cli, bool create, struct err *err) WARN_UNUSED;
/* "marrow mart build demo --grain patient", shown to a person at a terminal when the verb succeeded. */
void cli_next(struct cli *cli, const char *format, ...) PRINTF_LIKE(2, 3);

/* ---- output ------------------------------------------------------------------------------------ */

/* Texts for the terminal go to cli->out; control characters of data never reach it. */
enum cli_style { CLI_PLAIN, CLI_BOLD, CLI_DIM, CLI_GOOD, CLI_WARN, CLI_BAD };
void cli_style(struct cli *cli, enum cli_style style, const char *format, ...) PRINTF_LIKE(3, 4);
void cli_say(struct cli *cli, const char *format, ...) PRINTF_LIKE(2, 3);
void cli_add_visible(struct buf *out, struct str text); /* control and bidi characters replaced by pictures */
int cli_text_width(struct str text);                    /* terminal columns */
void cli_wrap(struct buf *text, size_t start, int width); /* breaks the lines from start on at blanks, with hanging indents; width 0: none */
/* Writes what waits when there is much of it, or all with cli_flush. ERR_IO: the output could not be written. A reader that has gone sets
 * broken_pipe and gives ERR_INTERRUPTED. */
enum err_code cli_flush(struct cli *cli, struct err *err) WARN_UNUSED;
enum err_code cli_flush_some(struct cli *cli, struct err *err) WARN_UNUSED;
/* The document as the one object on stdout, with the api's warnings in it. Takes document. */
enum err_code cli_print_json(struct cli *cli, json_t *document_taken, struct err *err) WARN_UNUSED;

/* Numbers for people, each into ret (≥ 32 bytes): 1,234,567 · 12.3 MB · 4.2 s · 97.5 % */
const char *cli_count(int64_t number, char ret[32]);
const char *cli_bytes(int64_t bytes, char ret[32]);
const char *cli_duration(int64_t ms, char ret[32]);
const char *cli_share(double share, char ret[32]);
const char *cli_plural(int64_t number, const char *one, const char *many);

#define CLI_TABLE_COLUMNS 4096
struct cli_table; /* rows held until printed */
struct cli_table *cli_table_new(void);
void cli_table_free(struct cli_table *table);
AUTO_DEFINE(struct cli_table, cli_table_free)
void cli_table_column(struct cli_table *table, const char *name, bool right);
void cli_table_cell(struct cli_table *table, enum cli_style style, const char *text); /* row by row; NULL = null */
void cli_table_cell_str(struct cli_table *table, enum cli_style style, struct str text);
void cli_table_printf(struct cli_table *table, enum cli_style style, const char *format, ...) PRINTF_LIKE(3, 4);
void cli_table_count(struct cli_table *table, int64_t number);
size_t cli_table_rows(const struct cli_table *table);
/* Aligned to cli->out; the last columns give way when the terminal is narrow. header false: rows that go on with the widths found before. */
void cli_table_print(struct cli *cli, struct cli_table *table, bool header);
/* The last column goes on in further lines where a terminal is too narrow for it. */
void cli_table_wrap(struct cli_table *table);
void cli_table_clear(struct cli_table *table); /* rows only; widths stay */
bool cli_table_failed(const struct cli_table *table);

/* ---- rows ------------------------------------------------------------------------------------------ */

/* A query's rows in the format and to the place that the verb's options say (--format, --out, --overwrite, --limit). */
struct cli_rows_ask {
    enum err_code (*open)(void *user, struct api *api, struct api_rows **ret, struct err *err);
    enum err_code (*parquet)(void *user, struct api *api, const char *path, json_t **ret, struct err *err); /* {row_count?, bytes …}; NULL: not offered */
    /* The rows as text already, piece after piece, in "csv", "ndjson" or "json"; *ret: an answer {rows?, …}. NULL: not offered. */
    enum err_code (*stream)(void *user, struct api *api, const char *format, enum err_code (*write)(void *, struct str, struct err *), void *write_user,
                            json_t **ret, struct err *err);
    bool objects; /* --format json is an array of objects, one a row */
    void *user;
};
/* The values of --param NAME=VALUE, NAME=@FILE (JSON), put into params. */
enum err_code cli_params(const struct cli *cli, json_t *params, struct err *err) WARN_UNUSED;
enum err_code cli_rows_write(struct cli *cli, const struct cli_rows_ask *ask, struct err *err) WARN_UNUSED;
/* Appends all of standard input; what: "the statement", for errors. */
enum err_code cli_read_stdin(size_t limit_bytes, const char *what, struct buf *ret, struct err *err) WARN_UNUSED;

/* ---- stderr ------------------------------------------------------------------------------------ */

void cli_progress_init(struct cli *cli);
void cli_progress_end(struct cli *cli); /* takes the bar away; before anything else goes to stderr */
void cli_signals_install(void);
bool cli_interrupted(void);
void cli_print_error(struct cli *cli, const struct err *err);
void cli_print_warnings(struct cli *cli);
void cli_note(struct cli *cli, const char *format, ...) PRINTF_LIKE(2, 3); /* not with --quiet or --json */

/* ---- help -------------------------------------------------------------------------------------- */

void cli_help_overview(struct cli *cli);
void cli_help_verb(struct cli *cli, const struct cli_verb *verb);
bool cli_help_group(struct cli *cli, const char *group); /* "mart": its verbs; false: no such group */
void cli_help_man(struct cli *cli);

/* ---- what import and register share (verb_import.c) --------------------------------------------- */

/* ERR_NOT_FOUND with the nearest name, before the store is opened. */
enum err_code cli_check_path(const char *path, struct err *err) WARN_UNUSED;
enum err_code cli_read_header(const char *text, int *ret, struct err *err) WARN_UNUSED;       /* yes, no or how many rows; NULL: -1 */
enum err_code cli_read_overrides(const struct cli *cli, json_t **ret, struct err *err) WARN_UNUSED; /* --overrides and --type */
void cli_put_imported(struct cli *cli, const json_t *tables);
void cli_put_skipped(struct cli *cli, const json_t *skipped);

/* ---- verbs ------------------------------------------------------------------------------------- */

enum err_code verb_help(struct cli *cli, struct err *err);
enum err_code verb_demo_data(struct cli *cli, struct err *err);
enum err_code verb_import(struct cli *cli, struct err *err);
enum err_code verb_register(struct cli *cli, struct err *err);
enum err_code verb_registry(struct cli *cli, struct err *err);
enum err_code verb_datasets(struct cli *cli, struct err *err);
enum err_code verb_show(struct cli *cli, struct err *err);
enum err_code verb_versions(struct cli *cli, struct err *err);
enum err_code verb_diff(struct cli *cli, struct err *err);
enum err_code verb_profile(struct cli *cli, struct err *err);
enum err_code verb_relations(struct cli *cli, struct err *err);
enum err_code verb_role(struct cli *cli, struct err *err);
enum err_code verb_mart_build(struct cli *cli, struct err *err);
enum err_code verb_mart_plan(struct cli *cli, struct err *err);
enum err_code verb_mart_list(struct cli *cli, struct err *err);
enum err_code verb_mart_show(struct cli *cli, struct err *err);
enum err_code verb_mart_verify(struct cli *cli, struct err *err);
enum err_code verb_push(struct cli *cli, struct err *err);
enum err_code verb_sql(struct cli *cli, struct err *err);
enum err_code verb_plan_check(struct cli *cli, struct err *err);
enum err_code verb_plan_print(struct cli *cli, struct err *err);
enum err_code verb_plan_substrait(struct cli *cli, struct err *err);
enum err_code verb_plan_sql(struct cli *cli, struct err *err);
enum err_code verb_plan_hash(struct cli *cli, struct err *err);
enum err_code verb_plan_lineage(struct cli *cli, struct err *err);
enum err_code verb_plan_diff(struct cli *cli, struct err *err);
enum err_code verb_plan_run(struct cli *cli, struct err *err);
enum err_code verb_rules_check(struct cli *cli, struct err *err);
enum err_code verb_rules_run(struct cli *cli, struct err *err);
enum err_code verb_rules_explain(struct cli *cli, struct err *err);
enum err_code verb_rules_graph(struct cli *cli, struct err *err);
enum err_code verb_cohort_count(struct cli *cli, struct err *err);
enum err_code verb_cohort_show(struct cli *cli, struct err *err);
enum err_code verb_cohort_save(struct cli *cli, struct err *err);
enum err_code verb_cohort_index(struct cli *cli, struct err *err);
enum err_code verb_alias(struct cli *cli, struct err *err);
enum err_code verb_ask(struct cli *cli, struct err *err);
enum err_code verb_fhir_apply(struct cli *cli, struct err *err);
enum err_code verb_fhir_compact(struct cli *cli, struct err *err);
enum err_code verb_view_check(struct cli *cli, struct err *err);
enum err_code verb_view_sql(struct cli *cli, struct err *err);
enum err_code verb_view_ddl(struct cli *cli, struct err *err);
enum err_code verb_view_run(struct cli *cli, struct err *err);
enum err_code verb_view_query(struct cli *cli, struct err *err);
enum err_code verb_view_create(struct cli *cli, struct err *err);
enum err_code verb_view_refresh(struct cli *cli, struct err *err);
enum err_code verb_view_list(struct cli *cli, struct err *err);
enum err_code verb_view_status(struct cli *cli, struct err *err);
enum err_code verb_view_drop(struct cli *cli, struct err *err);
enum err_code verb_engines(struct cli *cli, struct err *err);
enum err_code verb_dialects(struct cli *cli, struct err *err);
enum err_code verb_history(struct cli *cli, struct err *err);
enum err_code verb_export(struct cli *cli, struct err *err);
enum err_code verb_prune(struct cli *cli, struct err *err);
enum err_code verb_fhir_check(struct cli *cli, struct err *err);
enum err_code verb_verify(struct cli *cli, struct err *err);
enum err_code verb_repair(struct cli *cli, struct err *err);
enum err_code verb_doctor(struct cli *cli, struct err *err);
enum err_code verb_completion(struct cli *cli, struct err *err);

#endif
