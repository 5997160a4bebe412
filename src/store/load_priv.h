/* One table being loaded: what load.c (steps) and decide.c (types, overrides, documents) share. */
#ifndef MARROW_STORE_LOAD_PRIV_H
#define MARROW_STORE_LOAD_PRIV_H

#include "store/store_priv.h"

#define LOAD_STAGE_NAME "object_stage"
#define LOAD_STAGE_TABLE LOAD_STAGE_NAME ".main.data"

struct load {
    struct store_worker *worker;
    struct store_import *import; /* the worker's */
    struct engine *engine;       /* the worker's */
    const struct progress *progress;
    const struct data_source *source;
    const struct store_stack *stack; /* the source is one; or NULL */
    json_t *parts;                   /* of the stack, for the manifest */
    struct store_place *place;       /* the files stay where they are: what is staged is a view; or NULL. In the arena, its schemas owned */
    const struct data_scan *scan; /* the source's; NULL: its rows are pushed */
    const char *directory; /* of the staged object */
    struct arena *arena;
    bool text;       /* columns are text whose types are inferred */
    bool spooled;    /* rows are in the scratch table, a stack's in the stack table */
    bool attached;   /* the stage is attached */
    bool scanned;    /* reject tables may be there */
    struct file_info *files; /* of the scan's paths, before reading */
    struct data_schema schema; /* names as stored; types as decided */
    size_t *splits;     /* columns that are parted in two; their comparators are the schema's last columns; from arena */
    size_t split_count;
    struct buf relation;       /* SQL: where the rows are, for everything but the last pass */
    struct store_stats stats;  /* text only */
    struct typing_decision *decisions; /* text only; from arena */
    struct store_column_plan *plans;   /* from arena */
    int64_t read_rows, pushed_rows, misfit_rows;
    int64_t left_out; /* rows that a newer one of their key outdid */
    struct store_rejects rejects;
    json_t *object, *entry; /* object.json and the manifest's entry, being built */
};
#define STORE_REJECTS_READ "rejects_read" /* tag of the reject tables of a first pass over a CSV scan */
#define STORE_REJECTS_WRITE "rejects_write"
/* The scan that a source is to be read by; NULL: its rows are pushed. */
const struct data_scan *store_load_scan_of(const struct data_source *source);
/* Note what the source's files are, and check that they are still that. */
enum err_code store_load_watch(struct load *load, const struct data_source *source, struct err *err) WARN_UNUSED;
enum err_code store_load_check_unchanged(const struct load *load, const struct data_source *source, struct err *err) WARN_UNUSED;
void store_load_drop_rejects(const struct load *load);
/* Read the stack's parts into its table: sets the schema, pushed_rows, parts. */
enum err_code store_stack_fill(struct load *load, struct err *err) WARN_UNUSED;
/* Parts the columns that an override says to be read as "comparator": adds their second columns to the schema. Once the schema is known. */
enum err_code store_load_find_splits(struct load *load, struct err *err) WARN_UNUSED;
enum err_code store_load_add_split(struct load *load, size_t idx, struct err *err) WARN_UNUSED;
/* Makes relation the view that has those columns. */
enum err_code store_load_split(const struct load *load, struct buf *relation, struct err *err) WARN_UNUSED;
/* Overrides, types, plans: fills decisions, plans and the schema's types. */
enum err_code store_load_decide(struct load *load, struct err *err) WARN_UNUSED;
/* SQL: the stage, attached, its table not made. with: more options of ATTACH, tried first; *ret_with: they were taken. */
enum err_code store_load_attach(struct load *load, const char *with, bool *ret_with, struct err *err) WARN_UNUSED;
enum err_code store_load_detach(struct load *load, struct err *err) WARN_UNUSED;
/* A stream whose types stand (source->newest), straight into the stage: schema, plans, pushed_rows, left_out. */
enum err_code store_load_newest(struct load *load, struct err *err) WARN_UNUSED;
/* Completes load->object, writes object.json, hashes the files, fills load->entry. */
enum err_code store_load_describe(struct load *load, struct err *err) WARN_UNUSED;

#endif
