/* Between lower.c (a view's selects → relations), lower_path.c (navigation), lower_function.c and
 * lower_operator.c: FHIRPath as scalar expressions of the plan. A collection is one of
 *
 *     a list        list(json), list(text): any number of items, none of them null
 *     one json      at most one item: null, or JSON null, is {}
 *     one value     boolean, bigint, decimal(38,15), text: computed; null is {}
 *
 * and list functions with a body stand for "of each item". Nothing is exploded but what makes rows. */
#ifndef MARROW_FHIR_LOWER_PRIV_H
#define MARROW_FHIR_LOWER_PRIV_H

#include "fhir/view_priv.h"

#define FHIR_EXACT "\xEF\xB7\x90" /* U+FDD0: what no text of FHIR has, before a number in json_exact's form */

struct fhir_lower {
    struct plan *plan;
    const struct fhir_view *view;
    const char *table;              /* of resources */
    const char *place;              /* "column family", for messages of the SQL and of err */
    const struct plan_expr *column; /* the focus that is a relation's column: arrays at its guarded paths raise */
    const struct plan_expr *row_index;
    unsigned depth; /* bodies of list functions around what is being made */
    bool exact;     /* resources are in json_exact's form */
    struct err *err;
};
/* What THIS is: the relation's column, or the element of the body at that depth. */
struct fhir_focus {
    bool is_element;
    unsigned depth;
    struct data_type type; /* of the element */
};

typedef const struct plan_expr *fhir_sql; /* NULL: failed; the plan, or err, says why */

/* ---- pieces (lower_value.c) ---- */
fhir_sql fhir_sql_call(struct fhir_lower *lower, const char *name, fhir_sql a, fhir_sql b, fhir_sql c);
fhir_sql fhir_sql_text(struct fhir_lower *lower, const char *text);
fhir_sql fhir_sql_int(struct fhir_lower *lower, int64_t value);
fhir_sql fhir_sql_bool(struct fhir_lower *lower, bool value);
fhir_sql fhir_sql_null(struct fhir_lower *lower, struct data_type type);
/* CASE WHEN condition THEN value … ELSE last END of count expressions. */
fhir_sql fhir_sql_case(struct fhir_lower *lower, size_t count, const fhir_sql *parts);
fhir_sql fhir_sql_cast(struct fhir_lower *lower, fhir_sql value, enum data_kind kind);
fhir_sql fhir_sql_element(struct fhir_lower *lower, struct data_type type); /* of the innermost body */
/* An error "place: what" when it is evaluated. */
fhir_sql fhir_sql_raise(struct fhir_lower *lower, struct data_type type, const char *what);
bool fhir_sql_is_list(fhir_sql value);
/* What was made at another depth, as it reads here. */
fhir_sql fhir_sql_lift(struct fhir_lower *lower, fhir_sql value, unsigned made_at);
/* value, to be used several times until fhir_sql_bound: named by let where it is long. */
struct fhir_binding {
    fhir_sql value;
    bool let;
};
fhir_sql fhir_sql_bind(struct fhir_lower *lower, struct fhir_binding *ret, fhir_sql value);
fhir_sql fhir_sql_bound(struct fhir_lower *lower, const struct fhir_binding *binding, fhir_sql body);
/* list_transform, list_filter, list_flat: begin, make the body with fhir_sql_element, end. */
void fhir_sql_body(struct fhir_lower *lower);
fhir_sql fhir_sql_each(struct fhir_lower *lower, const char *function, fhir_sql list, fhir_sql body);

/* ---- forms of a collection (lower_value.c) ---- */
fhir_sql fhir_sql_list(struct fhir_lower *lower, fhir_sql value);
/* At most one item; several raise. */
fhir_sql fhir_sql_one(struct fhir_lower *lower, fhir_sql value);
fhir_sql fhir_sql_there(struct fhir_lower *lower, fhir_sql value); /* exists() */
/* The item as SQL's type of the system (BOOLEAN, BIGINT, decimal(38,15), TEXT); another kind of item raises. */
fhir_sql fhir_sql_typed(struct fhir_lower *lower, fhir_sql value, enum fhir_system system);
/* Is the JSON value, if there is one, no value of the system (NONE: no primitive)? */
fhir_sql fhir_sql_other(struct fhir_lower *lower, fhir_sql json, enum fhir_system system);
/* The text of what is known to be a value of the system (NONE: a primitive), or null. */
fhir_sql fhir_sql_bare(struct fhir_lower *lower, fhir_sql json, enum fhir_system system);
/* The digits of a number as they are written, or as they are computed. */
fhir_sql fhir_sql_digits(struct fhir_lower *lower, fhir_sql value);
/* Its text, whatever primitive it is. */
fhir_sql fhir_sql_lexeme(struct fhir_lower *lower, fhir_sql value);
fhir_sql fhir_sql_json(struct fhir_lower *lower, fhir_sql value, enum fhir_type type); /* one item as JSON that everybody reads */
/* declared: what the column says its items are; another kind raises. NONE: anything. */
/* One value as JSON; one that is not of the declared system (NONE: any) raises: a column of JSON is of one type where a branch of a unionAll says so. */
fhir_sql fhir_sql_json_declared(struct fhir_lower *lower, fhir_sql value, enum fhir_type type, enum fhir_system declared);
fhir_sql fhir_sql_json_array(struct fhir_lower *lower, fhir_sql value, enum fhir_type type, enum fhir_system declared);

/* ---- expressions ---- */
fhir_sql fhir_lower_path(struct fhir_lower *lower, const struct fhir_path *path, const struct fhir_focus *focus);
/* json_path of one value, in one with the path that it comes from. */
fhir_sql fhir_lower_member(struct fhir_lower *lower, fhir_sql from, const char *name);
fhir_sql fhir_lower_this(struct fhir_lower *lower, const struct fhir_focus *focus);
fhir_sql fhir_lower_call(struct fhir_lower *lower, const struct fhir_path *path, const struct fhir_focus *focus);
fhir_sql fhir_lower_operator(struct fhir_lower *lower, const struct fhir_path *path, const struct fhir_focus *focus);
/* ofType(T) of a choice: its typed member. */
fhir_sql fhir_lower_of_type(struct fhir_lower *lower, const struct fhir_path *path, const struct fhir_focus *focus);
/* input.extension, also of a primitive. */
fhir_sql fhir_lower_extensions(struct fhir_lower *lower, const struct fhir_path *input, const struct fhir_focus *focus);
/* The criterion for the element of the body that is being made. */
fhir_sql fhir_lower_criterion(struct fhir_lower *lower, const struct fhir_path *criterion, struct data_type item);
/* ERR_UNSUPPORTED, at path. Always NULL. */
fhir_sql fhir_lower_refuse(struct fhir_lower *lower, const char *what);
/* a = b, a < b … of two items of the system; system NONE: known when the data is seen. */
fhir_sql fhir_lower_compare(struct fhir_lower *lower, enum fhir_operator op, fhir_sql a, fhir_sql b, enum fhir_system system);
fhir_sql fhir_lower_moment_compare(struct fhir_lower *lower, enum fhir_operator op, fhir_sql a, fhir_sql b, enum fhir_system system);
/* yyyy-mm-dd hh:mm:ss.ffffff in UTC, as far as it is written. */
fhir_sql fhir_lower_moment_key(struct fhir_lower *lower, fhir_sql text);
fhir_sql fhir_lower_boundary(struct fhir_lower *lower, fhir_sql value, enum fhir_type type, bool high);

/* ---- stages (lower_stage.c) ---- */
/* The relation with more columns, or others in place of its own. */
const struct plan_rel *fhir_lower_with(struct plan *plan, const struct plan_rel *rel, const struct plan_named *more, size_t count);
/* named, columns over *rel named out_…, made over a relation in which the parts that they read have names. false: the plan has failed. */
bool fhir_lower_stage(struct plan *plan, const struct plan_rel **rel, const char *label, struct plan_named *named, size_t count);

/* ---- guards (lower_guard.c) ---- */
/* Paths from a scope's focus at which FHIR R4 has at most one value, and the SQL takes them at their word: names with points between. */
struct fhir_guard {
    struct plan *plan;
    const char **paths;
    size_t count, cap;
};
void fhir_guard_add(struct fhir_guard *guard, const struct fhir_path *path);
/* "a.b" where path is nothing but members of one value each, from THIS; else NULL. */
bool fhir_guard_single(const struct fhir_path *member); /* FHIR R4 has at most one in each input */

#endif
