/* Rows that are known: documents of one shape (json_bulk_read_alike) have the very same nodes, so where a path of members leads is known of
 * the first of them. What hangs on texts, where() and its kin, is noted as *guards*; while all of them hold, the next document's rows
 * have their cells of the same nodes.
 *
 *     guards   [coding 1 · system] is "http://loinc.org": yes      [coding 2 · system] is "http://loinc.org": no
 *     row      id ◀ text of [id]     code ◀ text of [coding 1 · code]     value ◀ cell of [value]     patient_id ◀ key in [reference]
 *
 * A shape has several such variants, by the outcome of its guards. What is computed of texts is evaluated again, at the node that is
 * known; a view that iterates over what hangs on texts is not known at all. */
#include <string.h>

#include "fhir/evaluate_priv.h"

#define PLACES 512          /* of shapes, by number: json/bulk_shapes.c has half as many at once */
#define VARIANTS_MOST 12    /* of a shape in a view */
#define ROWS_MOST 64        /* of a variant */
#define KNOWN_BYTES ((size_t)32 << 20)

enum source_kind { SOURCE_NULL, SOURCE_INDEX, SOURCE_TEXT, SOURCE_NODE, SOURCE_KEY, SOURCE_EVALUATED };
struct source { /* of a cell */
    enum source_kind kind;
    enum fhir_type type;          /* NODE: of the item */
    const struct json_node *node; /* TEXT, NODE; KEY: the reference */
    const struct json_node *declared; /* KEY: the type beside it, or NULL */
    struct str key_type, prefix;  /* KEY */
    bool found;                   /* KEY: there was one */
    const struct fhir_block_column *column;
    struct fhir_focus focus; /* EVALUATED; its row index: INDEX */
};
struct variant {
    struct variant *next;
    const struct fhir_guard *guards;
    size_t guard_count, row_count;
    const struct source *sources; /* row by row */
};
struct place {
    size_t shape; /* 0: none */
    struct known_view {
        struct variant *first;
        size_t tried;
    } *views;
};
struct fhir_known {
    const struct fhir_program *program;
    struct arena *arena;
    bool *knowable; /* by view */
    struct place places[PLACES];
};
struct fhir_recording {
    struct arena *arena;
    struct fhir_trace trace;
    struct source *current; /* by output */
    struct source *rows;
    size_t outputs, row_count;
    bool failed;
};

/* ---- what can be known -------------------------------------------------------------------------- */

/* Do only names and places decide what it leads to? */
static bool is_structural(const struct fhir_expr *expr)
{
    for (; expr->path->kind != FHIR_PATH_THIS; expr = expr->input) {
        bool first = expr->path->kind == FHIR_PATH_CALL && expr->path->function == FHIR_FUNCTION_FIRST;
        if (expr->path->kind != FHIR_PATH_MEMBER && !first)
            return false;
    }
    return true;
}

static bool is_knowable(const struct fhir_block *block)
{
    const struct fhir_select *select = block->select;
    bool knowable = true;
    for (size_t idx = 0; idx < select->iterate_count; idx++)
        knowable = knowable && is_structural(block->iterates[idx]);
    for (size_t idx = 0; idx < select->select_count; idx++)
        knowable = knowable && is_knowable(block->selects[idx]);
    for (size_t idx = 0; idx < select->union_count; idx++)
        knowable = knowable && is_knowable(block->unions[idx]);
    return knowable;
}

void fhir_known_free(struct fhir_known *known)
{
    if (known == NULL)
        return;
    arena_free(known->arena);
    mem_free(known->knowable);
    mem_free(known);
}

struct fhir_known *fhir_known_new(const struct fhir_program *program)
{
    struct fhir_known *known = mem_zalloc(1, sizeof *known);
    if (known == NULL)
        return NULL;
    known->program = program;
    known->arena = arena_new(0);
    known->knowable = mem_zalloc(program->view_count + 1, sizeof *known->knowable);
    if (known->arena == NULL || known->knowable == NULL) {
        fhir_known_free(known);
        return NULL;
    }
    for (size_t view = 0; view < program->view_count; view++) {
        known->knowable[view] = is_knowable(program->views[view].root);
        for (size_t idx = 0; idx < program->views[view].view->where_count; idx++)
            known->knowable[view] = known->knowable[view] && program->views[view].quick_where[idx] != NULL;
    }
    return known;
}

/* What is known of the shape in the view; NULL: no memory for it. */
static struct known_view *known_of(struct fhir_known *known, size_t shape, size_t view)
{
    struct place *place = &known->places[shape % PLACES];
    if (place->shape == shape)
        return &place->views[view];
    if (arena_used_bytes(known->arena) > KNOWN_BYTES) {
        arena_reset(known->arena);
        memset(known->places, 0, sizeof known->places);
    }
    place->views = arena_array(known->arena, known->program->view_count + 1, sizeof *place->views);
    place->shape = place->views != NULL ? shape : 0;
    return place->views != NULL ? &place->views[view] : NULL;
}

/* ---- using it ------------------------------------------------------------------------------------ */

/* memcmp, in place: these are short. */
static inline bool same_text(const char *a, const char *b, size_t length)
{
    uint64_t left, right;
    size_t idx = 0;
    for (; idx + sizeof left <= length; idx += sizeof left) {
        memcpy(&left, a + idx, sizeof left);
        memcpy(&right, b + idx, sizeof right);
        if (left != right)
            return false;
    }
    while (idx < length && a[idx] == b[idx])
        idx++;
    return idx == length;
}

static inline bool holds(const struct fhir_guard *guard)
{
    const struct str *text = &guard->node->text;
    bool enough = guard->begins ? text->len >= guard->text.len : text->len == guard->text.len;
    return (enough && same_text(text->ptr, guard->text.ptr, guard->text.len)) == guard->holds;
}

static bool all_hold(const struct variant *variant)
{
    for (size_t idx = 0; idx < variant->guard_count; idx++)
        if (!holds(&variant->guards[idx]))
            return false;
    return true;
}

/* The focus as it is now: its node has another text. */
static bool evaluated_cell(struct fhir_rows *rows, const struct source *source, struct fhir_cell *cell)
{
    struct fhir_focus focus = source->focus;
    focus.this_ = fhir_item_of_node(focus.this_.node, focus.this_.type);
    focus.this_.shadow = source->focus.this_.shadow;
    focus.this_.choice = source->focus.this_.choice;
    return fhir_column_cell(rows, source->column, &focus, cell);
}

static bool node_cell(struct fhir_rows *rows, const struct source *source, struct fhir_cell *cell)
{
    struct fhir_item item = fhir_item_of_node(source->node, source->type);
    struct fhir_items items;
    items.list = &item;
    items.count = 1;
    return fhir_cell_of(&rows->eval, source->column, &items, cell) == NULL && rows->eval.code == ERR_OK;
}

/* Where a reference has no key, others may be looked at: only who evaluates knows. */
static bool key_cell(struct fhir_rows *rows, const struct source *source, struct fhir_cell *cell)
{
    struct str key, declared = source->declared != NULL ? source->declared->text : (struct str){NULL, 0};
    cell->valid = fhir_reference_key(source->node->text, declared, source->key_type, &key);
    if (!cell->valid)
        return !source->found;
    cell->text = key;
    return source->prefix.len == 0 || fhir_quick_join(&rows->eval, source->prefix, key, &cell->text);
}

static inline bool set_cell(struct fhir_rows *rows, const struct source *source, struct fhir_cell *cell)
{
    cell->valid = true;
    switch (source->kind) {
    case SOURCE_NULL:
        cell->valid = false;
        return true;
    case SOURCE_INDEX:
        cell->i64 = source->focus.row_index;
        return true;
    case SOURCE_TEXT:
        cell->text = source->node->text;
        return true;
    case SOURCE_NODE:
        return node_cell(rows, source, cell);
    case SOURCE_KEY:
        return key_cell(rows, source, cell);
    case SOURCE_EVALUATED:
        return evaluated_cell(rows, source, cell);
    }
    return false;
}

static bool put_rows(struct fhir_rows *rows, const struct variant *variant, size_t outputs)
{
    const struct source *source = variant->sources;
    for (size_t row = 0; row < variant->row_count; row++) {
        for (size_t output = 0; output < outputs; output++)
            if (!set_cell(rows, source++, &rows->cells[output]))
                return false;
        rows->count++;
        if (!rows->row(rows))
            return false;
    }
    return true;
}

bool fhir_known_rows(struct fhir_known *known, size_t shape, size_t view, struct fhir_rows *rows)
{
    struct place *place = &known->places[shape % PLACES];
    if (shape == 0 || place->shape != shape)
        return false;
    struct variant **link = &place->views[view].first;
    while (*link != NULL && !all_hold(*link))
        link = &(*link)->next;
    struct variant *variant = *link;
    if (variant == NULL)
        return false;
    if (link != &place->views[view].first) { /* the next document most likely is like this one */
        *link = variant->next;
        variant->next = place->views[view].first;
        place->views[view].first = variant;
    }
    if (put_rows(rows, variant, rows->view->view->column_count))
        return true;
    rows->eval.code = ERR_OK; /* evaluating finds the error again, and says it */
    rows->count = rows->nulled = 0;
    return false;
}

/* ---- learning it --------------------------------------------------------------------------------- */

/* Where the value came from. False: it must be evaluated. */
static bool set_source(struct source *source, const struct fhir_trace *trace, enum fhir_quick_found found, const struct fhir_item *item)
{
    bool takes_text = source->column->takes_text, text = trace->node != NULL && trace->node->kind == JSON_NODE_STRING && takes_text;
    if (trace->computed || found == FHIR_QUICK_OTHER || trace->keys > 1 || (trace->prefix.ptr != NULL && trace->keys == 0))
        return false;
    source->node = trace->node;
    source->type = item->type;
    if (trace->keys == 1) {
        source->node = trace->reference;
        source->declared = trace->declared;
        source->key_type = trace->key_type;
        source->prefix = trace->prefix;
        source->found = found == FHIR_QUICK_ONE;
        source->kind = takes_text ? SOURCE_KEY : SOURCE_EVALUATED;
    } else if (found == FHIR_QUICK_NONE) {
        source->kind = SOURCE_NULL;
    } else if (text || item->node != NULL) {
        source->kind = text ? SOURCE_TEXT : SOURCE_NODE;
    }
    return source->kind != SOURCE_EVALUATED;
}

void fhir_record_column(struct fhir_rows *rows, const struct fhir_block_column *column, const struct fhir_focus *focus)
{
    struct fhir_recording *recording = rows->recording;
    struct fhir_trace *trace = &recording->trace;
    struct source *source = &recording->current[column->output];
    const struct json_node *node = focus->this_.node;
    size_t before = trace->count;
    struct fhir_item item = {0};
    *source = (struct source){.kind = SOURCE_EVALUATED, .column = column, .focus = *focus};
    recording->failed = recording->failed || node == NULL;
    if (column->row_index && column->about->type.kind == DATA_BIGINT)
        source->kind = SOURCE_INDEX;
    if (column->row_index || column->quick == NULL || node == NULL || node->kind != JSON_NODE_OBJECT || focus->this_.shadow != NULL)
        return;
    struct fhir_eval eval = rows->eval;
    eval.trace = trace;
    trace->node = NULL;
    trace->computed = false;
    trace->keys = 0;
    trace->prefix = (struct str){NULL, 0};
    enum fhir_quick_found found = fhir_quick_value_of(&eval, column->quick, node, &item);
    if (!set_source(source, trace, found, &item))
        trace->count = before;
}

void fhir_record_nothing(struct fhir_rows *rows, size_t output, bool index)
{
    rows->recording->current[output] = (struct source){.kind = index ? SOURCE_INDEX : SOURCE_NULL};
}

void fhir_record_row(struct fhir_rows *rows)
{
    struct fhir_recording *recording = rows->recording;
    if (recording->row_count == ROWS_MOST)
        recording->failed = true;
    if (recording->failed)
        return;
    struct source *larger = arena_array(recording->arena, (recording->row_count + 1) * recording->outputs + 1, sizeof *larger);
    if (larger == NULL) {
        recording->failed = true;
        return;
    }
    size_t bytes = recording->outputs * sizeof *larger;
    if (recording->row_count > 0)
        memcpy(larger, recording->rows, recording->row_count * bytes);
    memcpy(larger + recording->row_count * recording->outputs, recording->current, bytes);
    recording->rows = larger;
    recording->row_count++;
}

/* The guards of the view's where. */
static void record_where(struct fhir_rows *rows, const struct json_node *resource)
{
    struct fhir_recording *recording = rows->recording;
    struct fhir_eval eval = rows->eval;
    eval.trace = &recording->trace;
    for (size_t idx = 0; idx < rows->view->view->where_count && !recording->failed; idx++) {
        enum fhir_quick_truth truth = fhir_quick_truth_of(&eval, rows->view->quick_where[idx], resource);
        recording->failed = truth == FHIR_QUICK_DECLINED || recording->trace.computed;
        if (truth != FHIR_QUICK_TRUE)
            return;
    }
}

static void keep_variant(struct fhir_known *known, struct known_view *into, const struct fhir_recording *recording)
{
    struct variant *variant = arena_alloc(known->arena, sizeof *variant);
    size_t count = recording->trace.count;
    struct fhir_guard *guards = arena_array(known->arena, count + 1, sizeof *guards);
    if (variant == NULL || guards == NULL)
        return;
    memcpy(guards, recording->trace.guards, count * sizeof *guards);
    *variant = (struct variant){into->first, guards, count, recording->row_count, recording->rows};
    into->first = variant;
}

bool fhir_known_learn(struct fhir_known *known, size_t shape, size_t view, struct fhir_rows *rows, const struct fhir_item *resource)
{
    struct known_view *into = shape != 0 && known->knowable[view] ? known_of(known, shape, view) : NULL;
    if (into == NULL || into->tried >= VARIANTS_MOST)
        return fhir_rows_of(rows, resource);
    into->tried++;
    struct fhir_recording recording = {.arena = known->arena, .outputs = rows->view->view->column_count};
    recording.current = arena_array(known->arena, recording.outputs + 1, sizeof *recording.current);
    recording.failed = recording.current == NULL;
    rows->recording = recording.failed ? NULL : &recording;
    if (rows->recording != NULL)
        record_where(rows, resource->node);
    bool done = fhir_rows_of(rows, resource);
    rows->recording = NULL;
    if (done && !recording.failed && rows->nulled == 0)
        keep_variant(known, into, &recording);
    return done;
}
