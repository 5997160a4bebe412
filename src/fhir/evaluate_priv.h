/* The native evaluator, between its files: views compiled into one program (program*.c), expressions over items (evaluate*.c),
 * rows into batches (worker*.c).
 *
 *     name.where(use = 'official').family        each(family) ─▶ each(where) ─▶ each(name) ─▶ each(this): the focus
 *                                                   ◀─ items ──────── items ──────── items ◀──────
 *
 * An expression *emits* its items one by one to whoever asked; nothing is collected where nothing needs a whole collection, so
 * first() stops the rest and a chain of members allocates nothing. */
#ifndef MARROW_FHIR_EVALUATE_PRIV_H
#define MARROW_FHIR_EVALUATE_PRIV_H

#include "fhir/model_priv.h"
#include "fhir/view_priv.h"
#include "json/bulk.h"

/* ---- program ----------------------------------------------------------------------------------- */

struct fhir_item {
    enum fhir_type type;           /* of a primitive; COMPLEX; UNKNOWN: by its JSON alone */
    struct str text;               /* of a primitive: string, lexeme, "true"; of COMPLEX empty */
    const struct json_node *node;  /* NULL: computed */
    const struct json_node *shadow; /* the primitive's id and extensions (_birthDate), or NULL */
    const char *choice;            /* of a choice element: its type's name, static; else NULL */
};
/* A checked path, ready to run: names are slots. */
struct fhir_expr {
    const struct fhir_path *path;
    const struct fhir_expr *input;
    const struct fhir_expr *const *args;
    size_t slot;        /* MEMBER: as in json_fields.slot; 0: none */
    struct str name;    /* MEMBER: what to look for below a node that is kept whole */
    bool choice;        /* MEMBER: any type of the choice */
    enum fhir_type type; /* of its items, where known */
    struct fhir_item literal;
};
/* The quick form of an expression (program_quick.c, evaluate_quick.c). */
enum fhir_quick_step_kind {
    FHIR_STEP_END,
    FHIR_STEP_MEMBER,
    FHIR_STEP_WHERE,
    FHIR_STEP_FIRST,
    FHIR_STEP_EXTENSION,
    FHIR_STEP_REFERENCE_KEY, /* these two make texts: only FIRST or END follows */
    FHIR_STEP_RESOURCE_KEY,
};
struct fhir_quick_step {
    enum fhir_quick_step_kind kind;
    size_t slot;                       /* MEMBER */
    struct str text;                   /* EXTENSION: the URL; REFERENCE_KEY: the type, or empty */
    const struct fhir_quick *criteria; /* WHERE */
};
enum fhir_quick_kind {
    FHIR_QUICK_CHAIN,
    FHIR_QUICK_LITERAL,
    FHIR_QUICK_JOIN, /* a text before another */
    FHIR_QUICK_ONLY, /* join() of what is one text */
    FHIR_QUICK_IIF,
    FHIR_QUICK_NONE_OF_IT, /* a branch of an iif that has no quick form: declines */
    FHIR_QUICK_EXISTS,
    FHIR_QUICK_EMPTY,
    FHIR_QUICK_EQUAL,
    FHIR_QUICK_NOT_EQUAL,
    FHIR_QUICK_AND,
    FHIR_QUICK_OR,
    FHIR_QUICK_NOT,
    FHIR_QUICK_STARTS_WITH,
};
struct fhir_quick {
    enum fhir_quick_kind kind;
    enum fhir_type type;                 /* CHAIN: of its items */
    const struct fhir_quick_step *steps; /* CHAIN */
    bool filters;                        /* CHAIN: has a WHERE */
    const struct fhir_quick *criterion;  /* IIF */
    const struct fhir_quick *sides[2];   /* IIF: [1] may be NULL */
    struct fhir_item literal;
};
struct fhir_output { /* a column of a view */
    const struct fhir_view_column *column;
    size_t vector; /* in the batch */
};
struct fhir_block_column {
    const struct fhir_expr *expr;
    size_t output;
    const struct fhir_view_column *about;
    enum fhir_type declared; /* about->fhir_type; UNKNOWN: none of the primitives */
    bool collection, row_index; /* row_index: the path is %rowIndex alone */
    bool takes_text;            /* a JSON string is the cell as it is */
    const struct fhir_quick *quick; /* or NULL */
};
struct fhir_block { /* a select, compiled */
    const struct fhir_select *select;
    const struct fhir_expr *const *iterates;
    struct fhir_block_column *columns;
    const struct fhir_block *const *selects, *const *unions;
};
struct fhir_view_program {
    const struct fhir_view *view;
    const struct fhir_expr *const *where;
    const struct fhir_quick *const *quick_where; /* NULL where it has none */
    const struct fhir_block *root;
    struct data_schema schema;
    bool *index_only; /* by output: all columns that fill it are %rowIndex */
};
struct fhir_slot {
    struct str name;
    bool choice;
    size_t shadow; /* the slot of "_name", where something looks into it; 0: nothing does */
};
struct fhir_program {
    struct arena *arena;
    struct fhir_program_options options;
    const char *resource;
    struct fhir_view_program *views;
    size_t view_count;
    struct json_fields *fields;
    struct fhir_slot *slots; /* [0] is none */
    size_t slot_count, slot_cap;
    size_t slot_type, slot_id, slot_url, slot_extension, slot_reference, slot_reference_type;
};

/* What is wanted of the JSON, while it is being found out. */
struct fhir_need {
    struct str name;
    bool choice, whole;
    size_t slot;
    struct fhir_need *parent;
    struct fhir_need *first, *next; /* children; the next of the same parent */
    size_t child_count;
};
struct fhir_needs { /* what an expression's items may be */
    struct fhir_need **list;
    size_t count;
};
/* Compile path; focus: what THIS may be; *ret_needs: what its items may be. whole: they are looked at as a whole. */
enum err_code fhir_compile_path(struct fhir_program *program, const struct fhir_path *path, struct fhir_needs focus, bool whole, const struct fhir_expr **ret,
                                struct fhir_needs *ret_needs, struct err *err) WARN_UNUSED;
/* The child of that name, made if it is not there; NULL: no memory. */
struct fhir_need *fhir_need_child(struct fhir_program *program, struct fhir_need *parent, struct str name, bool choice);
size_t fhir_slot(struct fhir_program *program, struct str name, bool choice);
/* After all paths and the field tree: quick forms of what has one. */
enum err_code fhir_program_quicken(struct fhir_program *program, struct err *err) WARN_UNUSED;
/* In json_fields.positions: no field of that name, but the member may be there, below one that is wanted whole. */
#define FHIR_POSITION_SEARCHED UINT16_MAX
/* The field tree of needs. */
enum err_code fhir_needs_fields(struct fhir_program *program, struct fhir_need *root, struct err *err) WARN_UNUSED;

/* ---- evaluation -------------------------------------------------------------------------------- */

struct fhir_eval {
    const struct fhir_program *program;
    struct arena *arena; /* of this resource */
    enum err_code code;  /* sticky */
    struct err *err;
    struct str document; /* the resource's text */
    struct fhir_trace *trace; /* of quick forms, while it is being learnt what they look at; else NULL */
};
struct fhir_focus {
    struct fhir_item this_;
    int64_t row_index;
};
/* Receives items; false: no more, please. Embedded as the first member of what the receiver needs. */
struct fhir_emit {
    bool (*item)(struct fhir_emit *self, const struct fhir_item *item);
};
/* Emit the items. False: the receiver wants no more, or eval->code is set. */
bool fhir_each(struct fhir_eval *eval, const struct fhir_expr *expr, const struct fhir_focus *focus, struct fhir_emit *to);
/* Set the error, once; returns false. */
bool fhir_eval_fail(struct fhir_eval *eval, enum err_code code, const char *format, ...) PRINTF_LIKE(3, 4);

#define FHIR_ITEMS_INLINE 4
struct fhir_items { /* a whole collection: a few in place, more in the arena */
    struct fhir_emit emit;
    struct fhir_eval *eval;
    struct fhir_item *list;
    size_t count, cap, most; /* most: stop at so many; 0: no limit */
    struct fhir_item room[FHIR_ITEMS_INLINE];
};
/* Collect expr's items (at most `most`, 0 = all). False: eval->code. */
bool fhir_collect(struct fhir_eval *eval, const struct fhir_expr *expr, const struct fhir_focus *focus, size_t most, struct fhir_items *ret);

enum fhir_truth { FHIR_FALSE, FHIR_TRUE, FHIR_EMPTY };
/* expr as one boolean. What is no boolean, or several items, is an error: eval->code. what: "the criteria of where()". */
enum fhir_truth fhir_truth_of(struct fhir_eval *eval, const struct fhir_expr *expr, const struct fhir_focus *focus, const char *what);
struct fhir_item fhir_item_of_node(const struct json_node *node, enum fhir_type type);
struct fhir_item fhir_boolean(bool value);
struct fhir_item fhir_integer(struct fhir_eval *eval, int64_t value);
struct fhir_item fhir_string(struct str text);
bool fhir_emit_truth(enum fhir_truth truth, struct fhir_emit *to);
/* What an item compares as, its JSON's kind where its type is not known. */
enum fhir_system fhir_item_system(const struct fhir_item *item);
bool fhir_member_matches(const struct fhir_expr *expr, const struct json_node *member);
/* The member of an object in that slot, or by its name where the object is kept whole; NULL: it has none. */
const struct json_node *fhir_member(const struct fhir_eval *eval, const struct json_node *object, size_t slot);

bool fhir_each_call(struct fhir_eval *eval, const struct fhir_expr *expr, const struct fhir_focus *focus, struct fhir_emit *to);
bool fhir_each_text_call(struct fhir_eval *eval, const struct fhir_expr *expr, const struct fhir_focus *focus, struct fhir_emit *to);
bool fhir_each_operator(struct fhir_eval *eval, const struct fhir_expr *expr, const struct fhir_focus *focus, struct fhir_emit *to);
/* id of what a reference refers to, if it is of type (empty: any). */
bool fhir_reference_key(struct str reference, struct str declared, struct str type, struct str *ret);

/* ---- quick forms --------------------------------------------------------------------------------- */

enum fhir_quick_found { FHIR_QUICK_NONE, FHIR_QUICK_ONE, FHIR_QUICK_OTHER /* evaluate the expression itself */ };
enum fhir_quick_truth { FHIR_QUICK_FALSE, FHIR_QUICK_TRUE, FHIR_QUICK_UNDECIDED, FHIR_QUICK_DECLINED /* evaluate the expression itself */ };
/* What a quick form's outcome hung on, beside the nodes that are there. */
#define FHIR_GUARDS_MOST 64
struct fhir_guard {
    const struct json_node *node;
    struct str text; /* the node's text is this, or begins with it: does that hold? */
    bool begins, holds;
};
struct fhir_trace {
    struct fhir_guard guards[FHIR_GUARDS_MOST];
    size_t count;
    bool computed;                /* there is more to it */
    const struct json_node *node; /* of the last chain, its one item */
    size_t keys;                  /* getReferenceKey of so many references; of the last: */
    const struct json_node *reference, *declared;
    struct str key_type, prefix; /* prefix: put before the value */
};
/* node: what this is; not an array. */
enum fhir_quick_found fhir_quick_value_of(const struct fhir_eval *eval, const struct fhir_quick *quick, const struct json_node *node, struct fhir_item *ret);
/* Two texts as one, in place where they stand so in the document. False: no memory. */
bool fhir_quick_join(const struct fhir_eval *eval, struct str left, struct str right, struct str *ret);
enum fhir_quick_truth fhir_quick_truth_of(const struct fhir_eval *eval, const struct fhir_quick *quick, const struct json_node *node);

/* ---- comparing (evaluate_compare.c, evaluate_moment.c, evaluate_number.c) ----------------------- */

enum fhir_truth fhir_items_equal(struct fhir_eval *eval, const struct fhir_item *a, const struct fhir_item *b);
bool fhir_items_equivalent(struct fhir_eval *eval, const struct fhir_item *a, const struct fhir_item *b);
/* *ret < 0, 0, > 0. EMPTY: can't be decided (partial dates); FALSE: not comparable. */
enum fhir_truth fhir_items_compare(struct fhir_eval *eval, const struct fhir_item *a, const struct fhir_item *b, int *ret);

/* A date or time with as many parts as are written. */
struct fhir_moment {
    bool is_time, has_zone;
    int parts;          /* 1 year … 6 second; of a time 4 hour … 6 */
    int part[6];        /* year, month, day, hour, minute, second */
    int64_t fraction;   /* of a second, in 10^-9 */
    int fraction_digits; /* written */
    int zone_minutes;
};
bool fhir_moment_read(struct str text, struct fhir_moment *ret);
enum fhir_truth fhir_moment_compare(const struct fhir_moment *a, const struct fhir_moment *b, int *ret);
/* Microseconds since 1970 (UTC), of a moment with at least a day; days: of its date. */
int64_t fhir_moment_us(const struct fhir_moment *moment);
int64_t fhir_moment_days(const struct fhir_moment *moment);
/* The least (or greatest) moment that the written parts allow, as text in the arena. type: DATE, DATETIME, INSTANT, TIME. */
bool fhir_moment_boundary(struct fhir_eval *eval, struct str text, enum fhir_type type, bool high, struct str *ret);

/* decimal(38, 15) as 10^-15. False: beyond 10^23, or no number. */
__extension__ typedef __int128 fhir_wide;
bool fhir_number_read(struct str lexeme, fhir_wide *ret);
struct str fhir_number_text(struct arena *arena, fhir_wide value);
/* Exactly, whatever the lengths of the lexemes. */
int fhir_number_compare(struct str a, struct str b);
enum fhir_truth fhir_number_operate(enum fhir_operator operator_, fhir_wide a, fhir_wide b, fhir_wide *ret); /* FALSE: too large; EMPTY: {} */
/* As an unscaled decimal(precision, scale), rounded half away from zero. False: it does not fit. */
bool fhir_number_scaled(struct str lexeme, unsigned precision, unsigned scale, struct data_int128 *ret);
struct str fhir_number_boundary(struct arena *arena, struct str lexeme, bool high);

/* ---- cells and rows ------------------------------------------------------------------------------ */

struct fhir_cell {
    bool valid;
    union {
        bool boolean;
        int64_t i64;
        double f64;
        struct data_int128 i128;
        struct str text;
    };
};
/* A column's items as its cell; texts are not copied. NULL: done; else how the items break the column's rule ("several values …"). */
const char *fhir_cell_of(struct fhir_eval *eval, const struct fhir_block_column *column, const struct fhir_items *items, struct fhir_cell *ret);

/* One resource's rows of one view (worker_rows.c): row is called with all outputs in cells. */
struct fhir_rows {
    struct fhir_eval eval;
    const struct fhir_view_program *view;
    struct fhir_cell *cells; /* by output */
    bool (*row)(struct fhir_rows *rows); /* false: stop; eval.code says why */
    int64_t count, nulled;
    const char *nulled_column; /* the first of them */
    struct fhir_recording *recording; /* or NULL */
};
/* eval, view, cells and row are set. False: eval.code. */
bool fhir_rows_of(struct fhir_rows *rows, const struct fhir_item *resource);
/* One column's cell. False: eval.code. */
bool fhir_column_cell(struct fhir_rows *rows, const struct fhir_block_column *column, const struct fhir_focus *focus, struct fhir_cell *cell);

/* ---- known rows (evaluate_known.c) --------------------------------------------------------------- */

/* What rows a document's shape gives (json_bulk_read_alike): learnt of the first, for the next. */
struct fhir_known;
struct fhir_known *fhir_known_new(const struct fhir_program *program); /* NULL: no memory */
void fhir_known_free(struct fhir_known *known);
/* The rows of a document as they are known. False: they are not, or not for these texts: whatever rows came are to be forgotten, evaluate. */
bool fhir_known_rows(struct fhir_known *known, size_t shape, size_t view, struct fhir_rows *rows);
/* fhir_rows_of, learning what it can. */
bool fhir_known_learn(struct fhir_known *known, size_t shape, size_t view, struct fhir_rows *rows, const struct fhir_item *resource);
/* Called while rows are made, where there is a recording: a column's cell is set; output has no value, or the row's index 0; a row is whole. */
void fhir_record_column(struct fhir_rows *rows, const struct fhir_block_column *column, const struct fhir_focus *focus);
void fhir_record_nothing(struct fhir_rows *rows, size_t output, bool index);
void fhir_record_row(struct fhir_rows *rows);

#endif
