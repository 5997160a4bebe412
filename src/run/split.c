/* Cutting a plan (split.h). A node goes to the server if its whole subtree can be written in the
 * server's dialect; a node that cannot is done here over its inputs. Capability is asked of the
 * dialect itself, node by node from the root down, so the parts are as large as can be. */
#include "run/split.h"

#include "plan/rewrite.h"

#include <stdio.h>
#include <string.h>

#define SPLIT_LIMIT_PARTS 200

struct cut {
    struct run_split *split;
    struct run_server *server;
    const struct plan_rel **done; /* by id */
    struct err *err;
    enum err_code code;
};

/* ERR_UNSUPPORTED: the dialect lacks something, and says what. */
static enum err_code try_there(struct run_server *server, const struct plan_rel *rel,
                               struct err *err)
{
    AUTO(buf_done) struct buf sql = BUF_INIT;
    struct dialect_options options = {run_server_table, server};
    return run_compile_for(engine_dialect(server->engine), rel, &options, &sql, err);
}

static void note(struct cut *cut, const struct err *lacks)
{
    bool ok = true;
    for (size_t i = 0; i < json_array_size(cut->split->computed_here); i++)
        if (strcmp(json_string_value(json_array_get(cut->split->computed_here, i)),
                   lacks->message) == 0)
            return;
    json_push_text(cut->split->computed_here, lacks->message, &ok);
    if (!ok)
        cut->code = err_set(cut->err, ERR_MEMORY, "no memory to cut a plan");
}

/* The part's rows, as a scan of a table of the embedded engine. */
static const struct plan_rel *part_scan(struct cut *cut, const struct plan_rel *rel)
{
    struct run_split *split = cut->split;
    struct data_schema schema = {0};
    if (split->part_count == SPLIT_LIMIT_PARTS) {
        cut->code = err_set(cut->err, ERR_LIMIT, "the plan falls into more than %d parts",
                            SPLIT_LIMIT_PARTS);
        return NULL;
    }
    struct run_split_part *part = &split->parts[split->part_count++];
    part->rel = rel;
    (void)snprintf(part->name, sizeof part->name, "marrow_part_%zu", split->part_count);
    for (size_t i = 0; i < rel->column_count && cut->code == ERR_OK; i++)
        cut->code =
            data_schema_add(&schema, str_of(rel->columns[i].name), rel->columns[i].type, cut->err);
    const struct plan_rel *scan =
        cut->code == ERR_OK ? plan_scan(split->over, part->name, &schema) : NULL;
    data_schema_done(&schema);
    return scan;
}

static const struct plan_rel *cut_at(struct cut *cut, const struct plan_rel *rel)
{
    struct err lacks = {0};
    if (cut->code != ERR_OK)
        return NULL;
    if (cut->done[rel->id] != NULL)
        return cut->done[rel->id];
    enum err_code code = try_there(cut->server, rel, &lacks);
    if (code == ERR_OK)
        return cut->done[rel->id] = part_scan(cut, rel);
    if (code != ERR_UNSUPPORTED || rel->input_count == 0) {
        *cut->err = lacks;
        cut->code = code;
        return NULL;
    }
    AUTO(mem_free)
    const struct plan_rel **inputs = mem_zalloc(rel->input_count + 1, sizeof *inputs);
    if (inputs == NULL)
        cut->code = err_set(cut->err, ERR_MEMORY, "no memory to cut a plan");
    bool here = true; /* the fault lies in this node, not below it */
    for (size_t i = 0; cut->code == ERR_OK && i < rel->input_count; i++) {
        here = here && try_there(cut->server, rel->inputs[i], ERR_IGNORED) == ERR_OK;
        inputs[i] = cut_at(cut, rel->inputs[i]);
    }
    if (cut->code != ERR_OK)
        return NULL;
    if (here)
        note(cut, &lacks);
    return cut->done[rel->id] = plan_with_inputs(cut->split->over, rel, inputs);
}

enum err_code run_split_plan(const struct plan_rel *root, struct run_server *server,
                             struct run_split *ret, struct err *err)
{
    struct err lacks = {0};
    *ret = (struct run_split){.local = NULL};
    enum err_code code = try_there(server, root, &lacks);
    if (code == ERR_OK)
        return ERR_OK;
    if (code != ERR_UNSUPPORTED || dialect_find(engine_dialect(server->engine)) == NULL) {
        *err = lacks;
        return code;
    }
    ret->over = plan_new_over(root);
    ret->computed_here = json_array();
    ret->parts = mem_zalloc(SPLIT_LIMIT_PARTS, sizeof *ret->parts);
    AUTO(mem_free) const struct plan_rel **done = mem_zalloc((size_t)root->id + 1, sizeof *done);
    if (ret->over == NULL || ret->computed_here == NULL || ret->parts == NULL || done == NULL)
        return err_set(err, ERR_MEMORY, "no memory to cut a plan");
    struct cut cut = {ret, server, done, err, ERR_OK};
    ret->local = cut_at(&cut, root);
    TRY(cut.code);
    return plan_finish(ret->over, ret->local, err);
}

static enum err_code run_part(const struct run_split_part *part, struct run_server *server,
                              struct buf *all, struct err *err)
{
    AUTO(buf_done) struct buf sql = BUF_INIT;
    struct dialect_options options = {run_server_table, server};
    struct data_schema columns = {0};
    TRY(run_compile_for(engine_dialect(server->engine), part->rel, &options, &sql, err));
    buf_printf(all, "-- %s\n%s\n", part->name, buf_text(&sql));
    enum err_code code = ERR_OK;
    for (size_t i = 0; i < part->rel->column_count && code == ERR_OK; i++)
        code = data_schema_add(&columns, str_of(part->rel->columns[i].name),
                               part->rel->columns[i].type, err);
    if (code == ERR_OK)
        code = run_server_fetch(server, buf_text(&sql), part->name, &columns, err);
    data_schema_done(&columns);
    return code;
}

enum err_code run_split_run(struct run_split *split, struct run_server *server, struct buf *sql,
                            struct err *err)
{
    AUTO(buf_done) struct buf view = BUF_INIT, select = BUF_INIT;
    if (split->local == NULL)
        return ERR_OK;
    for (size_t i = 0; i < split->part_count; i++)
        TRY(run_part(&split->parts[i], server, sql, err));
    TRY(run_compile(split->local, &select, err));
    buf_printf(sql, "-- here\n%s", buf_text(&select));
    buf_printf(&view, "CREATE OR REPLACE TEMP VIEW " RUN_SPLIT_RESULT " AS\n%s", buf_text(&select));
    TRY(buf_check(&view, err));
    return engine_execute(server->local, buf_text(&view), NULL, 0, err);
}

void run_split_done(struct run_split *split)
{
    plan_free(split->over);
    mem_free(split->parts);
    json_decref(split->computed_here);
    memset(split, 0, sizeof *split);
}
