/* A ViewDefinition, validated: a tree of selects whose columns have their parsed paths, and the flat list of the columns that come out.
 * What the specification says of it (sql-on-fhir v2/3, "Validation" and "Processing") is followed by view*.c, evaluate*.c and lower*.c. */
#ifndef MARROW_FHIR_VIEW_PRIV_H
#define MARROW_FHIR_VIEW_PRIV_H

#include "fhir/fhir.h"
#include "fhir/path_priv.h"

enum fhir_iteration { FHIR_NO_ITERATION, FHIR_FOR_EACH, FHIR_FOR_EACH_OR_NULL, FHIR_REPEAT };

struct fhir_select_column {
    const struct fhir_path *path;
    size_t output; /* index in the view's columns; the same for a column of each branch of a unionAll */
    bool collection;
};
struct fhir_select {
    enum fhir_iteration iteration;
    const struct fhir_path *const *iterates; /* FOR_EACH…: one; REPEAT: one or more, tried in this order */
    size_t iterate_count;
    const struct fhir_select_column *columns;
    size_t column_count;
    const struct fhir_select *const *selects; /* nested: joined side by side */
    size_t select_count;
    const struct fhir_select *const *unions; /* unionAll: one after the other; each fills the same outputs */
    size_t union_count;
    size_t output_count;   /* of this select and all beneath: outputs[…] are their indices, ascending */
    const size_t *outputs;
    const char *where_in_view; /* "select[1].unionAll[0]", for messages */
};
struct fhir_view {
    struct arena *arena;
    const char *name, *url, *resource, *description; /* name, url, description may be NULL */
    const struct fhir_path *const *where;
    size_t where_count;
    const struct fhir_select *root; /* a select without iteration, whose nested selects are the view's */
    const struct fhir_view_column *columns;
    size_t column_count;
    json_t *definition; /* as given */
    json_t *notes;      /* [{code, message, path}]: what is odd but allowed (an element that FHIR R4 does not have …) */
};

#endif
