/* One thread's evaluator: each resource is read once, then every view's rows go into that view's batch. A batch is handed on
 * between resources, never within one, so a resource that fails leaves no row behind. Texts lie in the documents as long as a
 * call lasts; what does not (unescaped, computed) is copied, and lives until all batches are handed on. */
#include <string.h>

#include "fhir/evaluate_priv.h"

#define FULL_ROWS (DATA_BATCH_ROWS / 16) /* in a batch that is handed on: their texts are still in the cache */
#define TEXT_BYTES ((size_t)8 << 20) /* of copied texts before all batches are handed on */

struct out {
    struct data_batch batch;
    struct data_vector *vectors;
    struct fhir_cell *cells;
    int64_t cap, rows_before; /* of this resource */
};
struct fhir_worker {
    const struct fhir_program *program;
    struct fhir_sink sink;
    struct json_bulk *bulk;
    struct arena *arena; /* of one resource */
    struct arena *texts;
    struct fhir_known *known;
    struct out *outs; /* by view */
    struct fhir_counts counts;
};
struct filling { /* the rows of one view of one resource */
    struct fhir_rows rows;
    struct fhir_worker *worker;
    struct out *out;
    struct str document, id;
};

static enum err_code no_memory(struct err *err)
{
    return err_set(err, ERR_MEMORY, "no memory to evaluate views");
}

/* ---- batches ----------------------------------------------------------------------------------- */

static bool grow(struct out *out)
{
    int64_t cap = out->cap == 0 ? DATA_BATCH_ROWS * 2 : out->cap * 2;
    for (size_t idx = 0; idx < out->batch.columns; idx++) {
        struct data_vector *vector = &out->vectors[idx];
        void *values = mem_resize(vector->any, (size_t)cap, data_kind_bytes(vector->type.kind));
        if (values == NULL)
            return false;
        vector->any = values;
        uint64_t *validity = mem_resize(vector->validity, (size_t)cap / 64, sizeof *validity);
        if (validity == NULL)
            return false;
        vector->validity = validity;
    }
    out->cap = cap;
    return true;
}

static enum err_code hand_on(struct fhir_worker *worker, size_t view, struct err *err)
{
    struct out *out = &worker->outs[view];
    if (out->batch.rows == 0)
        return ERR_OK;
    TRY(worker->sink.batch(worker->sink.user, view, &out->batch, err));
    out->batch.rows = 0;
    return ERR_OK;
}

static enum err_code hand_on_all(struct fhir_worker *worker, struct err *err)
{
    for (size_t view = 0; view < worker->program->view_count; view++)
        TRY(hand_on(worker, view, err));
    arena_reset(worker->texts);
    return ERR_OK;
}

/* A text that outlives the resource. */
static bool keep_text(struct filling *filling, struct str text, struct str *ret)
{
    const char *begin = filling->document.ptr, *end = begin + filling->document.len;
    *ret = text;
    if (text.len == 0 || (text.ptr >= begin && text.ptr < end))
        return true;
    ret->ptr = arena_strndup(filling->worker->texts, text.ptr, text.len);
    return ret->ptr != NULL || fhir_eval_fail(&filling->rows.eval, ERR_MEMORY, "no memory for rows");
}

/* data_vector_set_valid, in place: there are millions. */
static inline void set_valid(struct data_vector *vector, int64_t row, bool valid)
{
    uint64_t *word = &vector->validity[row >> 6];
    *word = (*word & ~((uint64_t)1 << (row & 63))) | (uint64_t)valid << (row & 63);
}

static bool put_cell(struct filling *filling, const struct fhir_cell *cell, struct data_vector *vector, int64_t row)
{
    set_valid(vector, row, cell->valid);
    switch (vector->type.kind) {
    case DATA_BOOLEAN:
        vector->u8[row] = cell->valid && cell->boolean;
        return true;
    case DATA_DOUBLE:
        vector->f64[row] = cell->f64;
        return true;
    case DATA_DECIMAL:
    case DATA_UHUGEINT:
        vector->i128[row] = cell->i128;
        return true;
    case DATA_BIGINT:
    case DATA_DATE:
    case DATA_TIME:
    case DATA_TIMESTAMP:
    case DATA_TIMESTAMPTZ:
        vector->i64[row] = cell->i64;
        return true;
    case DATA_TEXT:
    case DATA_JSON:
    case DATA_BLOB:
        vector->text[row] = (struct str){NULL, 0};
        return !cell->valid || keep_text(filling, cell->text, &vector->text[row]);
    case DATA_NULL:
    case DATA_INTERVAL:
    case DATA_LIST:
    case DATA_STRUCT:
        break;
    }
    return true;
}

static bool put_row(struct fhir_rows *rows)
{
    struct filling *filling = (struct filling *)rows;
    struct out *out = filling->out;
    int64_t row = out->batch.rows;
    size_t first = filling->worker->program->options.resource_id ? 1 : 0;
    if (row == out->cap && !grow(out))
        return fhir_eval_fail(&rows->eval, ERR_MEMORY, "no memory for rows");
    if (first == 1) {
        struct fhir_cell id = {.valid = filling->id.ptr != NULL, .text = filling->id};
        if (!put_cell(filling, &id, &out->vectors[0], row))
            return false;
    }
    const char *begin = filling->document.ptr, *end = begin + filling->document.len;
    for (size_t idx = first; idx < out->batch.columns; idx++) {
        const struct fhir_cell *cell = &out->cells[idx - first];
        struct data_vector *vector = &out->vectors[idx];
        if (vector->type.kind == DATA_TEXT && cell->valid && cell->text.ptr >= begin && cell->text.ptr < end) { /* nearly all are of this kind */
            set_valid(vector, row, true);
            vector->text[row] = cell->text;
        } else if (!put_cell(filling, cell, vector, row)) {
            return false;
        }
    }
    out->batch.rows++;
    return true;
}

/* ---- resources --------------------------------------------------------------------------------- */

/* A member of the resource that is a text. */
static const struct json_node *text_member(const struct json_node *root, size_t slot)
{
    size_t position = root->kind == JSON_NODE_OBJECT && root->members != NULL ? root->field->positions[slot] : 0;
    const struct json_node *member = position != 0 && position != FHIR_POSITION_SEARCHED ? root->members[position - 1] : NULL;
    return member != NULL && member->kind == JSON_NODE_STRING ? member : NULL;
}

/* Which resource it was: type and id, no other value. */
static enum err_code blame(const struct fhir_worker *worker, struct str id, const char *view, struct err *err)
{
    const char *resource = worker->program->resource;
    if (view != NULL && view[0] != '\0')
        err_context(err, "%s", view);
    if (id.len > 0)
        return err_context(err, "%s/%.*s", resource, (int)(id.len < 64 ? id.len : 64), id.ptr);
    return err_context(err, "a %s without id", resource);
}

static enum err_code fill(struct fhir_worker *worker, const struct json_node *root, size_t shape, struct str document, size_t view, struct err *err)
{
    const struct fhir_program *program = worker->program;
    const struct json_node *id = text_member(root, program->slot_id);
    struct fhir_item resource = fhir_item_of_node(root, FHIR_TYPE_COMPLEX);
    struct filling filling = {
        .rows = {.eval = {.program = program, .arena = worker->arena, .err = err, .document = document}, .view = &program->views[view], .cells = worker->outs[view].cells, .row = put_row},
        .worker = worker,
        .out = &worker->outs[view],
        .document = document,
        .id = id != NULL ? id->text : (struct str){NULL, 0},
    };
    bool done = fhir_known_rows(worker->known, shape, view, &filling.rows);
    if (!done)
        filling.out->batch.rows = filling.out->rows_before;
    if (!done && !fhir_known_learn(worker->known, shape, view, &filling.rows, &resource))
        return blame(worker, filling.id, program->views[view].view->name, err);
    worker->counts.nulled += filling.rows.nulled;
    if (filling.rows.nulled > 0 && worker->sink.nulled != NULL)
        worker->sink.nulled(worker->sink.user, view, filling.id.ptr != NULL ? filling.id : STR(""), filling.rows.nulled_column, filling.rows.nulled);
    return ERR_OK;
}

static enum err_code run_root(struct fhir_worker *worker, const struct json_node *root, size_t shape, struct str document, struct err *err)
{
    const struct fhir_program *program = worker->program;
    const struct json_node *type = text_member(root, program->slot_type);
    if (root->kind != JSON_NODE_OBJECT)
        return err_set(err, ERR_INPUT, "expected a resource: a JSON object");
    worker->counts.resources++;
    if (!program->options.same_type && (type == NULL || !str_equal(type->text, str_of(program->resource)))) {
        if (type != NULL && str_equal(type->text, STR("Bundle"))) { /* what is in it would be missed */
            err_set(err, ERR_INPUT, "a Bundle among resources: expected one resource a line");
            return err_hint(err, "'marrow import' takes Bundles apart; then run the view with --dataset");
        }
        worker->counts.passed_over++;
        return ERR_OK;
    }
    for (size_t view = 0; view < program->view_count; view++)
        worker->outs[view].rows_before = worker->outs[view].batch.rows;
    for (size_t view = 0; view < program->view_count; view++) {
        if (fill(worker, root, shape, document, view, err) == ERR_OK)
            continue;
        for (size_t undone = 0; undone <= view; undone++)
            worker->outs[undone].batch.rows = worker->outs[undone].rows_before;
        return err->code;
    }
    return ERR_OK;
}

static enum err_code run_one(struct fhir_worker *worker, struct str document, bool padded, struct err *err)
{
    const struct json_node *root;
    size_t shape;
    arena_reset(worker->arena);
    TRY(json_bulk_read_alike(worker->bulk, document, padded, worker->program->fields, worker->arena, &root, &shape, err));
    return run_root(worker, root, shape, document, err);
}

/* The first line of text, and whatever ends it: *ret_length. */
static enum err_code run_line(struct fhir_worker *worker, struct str text, bool padded, size_t *ret_length, struct err *err)
{
    struct str line;
    size_t shape;
    const struct json_node *root = padded ? json_bulk_read_known(worker->bulk, text, worker->program->fields, &line, &shape) : NULL;
    const char *from = root != NULL ? line.ptr + line.len : text.ptr, *end = text.ptr + text.len;
    const char *stop = from < end ? memchr(from, '\n', (size_t)(end - from)) : NULL;
    *ret_length = stop != NULL ? (size_t)(stop - text.ptr) + 1 : text.len;
    if (root != NULL) {
        arena_reset(worker->arena);
        return run_root(worker, root, shape, line, err);
    }
    line = str_trim((struct str){text.ptr, stop != NULL ? *ret_length - 1 : text.len});
    /* Behind a line stand the next lines, and behind the last the text's own padding. */
    return line.len > 0 ? run_one(worker, line, padded, err) : ERR_OK;
}

/* Full batches are handed on; all of them where the copied texts grow. */
static enum err_code between(struct fhir_worker *worker, struct err *err)
{
    if (arena_used_bytes(worker->texts) > TEXT_BYTES)
        return hand_on_all(worker, err);
    for (size_t view = 0; view < worker->program->view_count; view++)
        if (worker->outs[view].batch.rows >= FULL_ROWS)
            TRY(hand_on(worker, view, err));
    return ERR_OK;
}

enum err_code fhir_worker_run(struct fhir_worker *worker, const struct str *resources, size_t count, bool padded, struct err *err)
{
    for (size_t idx = 0; idx < count; idx++) {
        TRY(run_one(worker, resources[idx], padded, err));
        TRY(between(worker, err));
    }
    return hand_on_all(worker, err);
}

/* Only an error needs to know which line it was. */
static enum err_code at_line(struct str text, const char *at, struct err *err)
{
    err->line = 1;
    for (const char *byte = text.ptr; byte < at; byte++)
        err->line += *byte == '\n';
    return err->code;
}

enum err_code fhir_worker_run_lines(struct fhir_worker *worker, struct str text, bool padded, struct err *err)
{
    const char *at = text.ptr, *end = text.ptr + text.len;
    while (at < end) {
        size_t length;
        if (run_line(worker, (struct str){at, (size_t)(end - at)}, padded, &length, err) != ERR_OK)
            return at_line(text, at, err);
        TRY(between(worker, err));
        at += length;
    }
    return hand_on_all(worker, err);
}

/* ---- the door ---------------------------------------------------------------------------------- */

static enum err_code outs_new(struct fhir_worker *worker, struct err *err)
{
    const struct fhir_program *program = worker->program;
    worker->outs = mem_zalloc(program->view_count + 1, sizeof *worker->outs);
    if (worker->outs == NULL)
        return no_memory(err);
    for (size_t view = 0; view < program->view_count; view++) {
        struct out *out = &worker->outs[view];
        const struct data_schema *schema = &program->views[view].schema;
        out->vectors = mem_zalloc(schema->count + 1, sizeof *out->vectors);
        out->cells = mem_zalloc(schema->count + 1, sizeof *out->cells);
        if (out->vectors == NULL || out->cells == NULL)
            return no_memory(err);
        out->batch = (struct data_batch){out->vectors, schema->count, 0};
        for (size_t idx = 0; idx < schema->count; idx++)
            out->vectors[idx].type = schema->columns[idx].type;
        if (!grow(out))
            return no_memory(err);
    }
    return ERR_OK;
}

enum err_code fhir_worker_new(const struct fhir_program *program, const struct fhir_sink *sink, struct fhir_worker **ret, struct err *err)
{
    AUTO(fhir_worker_free) struct fhir_worker *worker = mem_zalloc(1, sizeof *worker);
    if (worker == NULL)
        return no_memory(err);
    worker->program = program;
    worker->sink = *sink;
    worker->arena = arena_new(0);
    worker->texts = arena_new(0);
    worker->known = fhir_known_new(program);
    if (worker->arena == NULL || worker->texts == NULL || worker->known == NULL)
        return no_memory(err);
    TRY(outs_new(worker, err));
    TRY(json_bulk_new(&worker->bulk, err));
    *ret = worker;
    worker = NULL;
    return ERR_OK;
}

void fhir_worker_free(struct fhir_worker *worker)
{
    if (worker == NULL)
        return;
    for (size_t view = 0; worker->outs != NULL && view < worker->program->view_count; view++) {
        struct out *out = &worker->outs[view];
        for (size_t idx = 0; out->vectors != NULL && idx < out->batch.columns; idx++) {
            mem_free(out->vectors[idx].any);
            mem_free(out->vectors[idx].validity);
        }
        mem_free(out->vectors);
        mem_free(out->cells);
    }
    mem_free(worker->outs);
    json_bulk_free(worker->bulk);
    fhir_known_free(worker->known);
    arena_free(worker->arena);
    arena_free(worker->texts);
    mem_free(worker);
}

enum err_code fhir_worker_finish(struct fhir_worker *worker, struct fhir_counts *ret, struct err *err)
{
    TRY(hand_on_all(worker, err));
    if (ret != NULL)
        *ret = worker->counts;
    return ERR_OK;
}
