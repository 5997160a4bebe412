/* Between view.c and view_select.c: a ViewDefinition while it is being read. */
#ifndef MARROW_FHIR_VIEW_READ_PRIV_H
#define MARROW_FHIR_VIEW_READ_PRIV_H

#include "fhir/view_priv.h"

/* The columns of a unionAll's later branch are those of its first, in their order. */
struct fhir_branch {
    bool replaying;
    size_t next, end;  /* the outputs that it must fill */
    const char *first; /* "select[0].unionAll[0]" */
};
struct fhir_reader {
    struct fhir_view *view;
    const char *source;
    struct fhir_constant *constants;
    size_t constant_count;
    struct fhir_view_column *columns; /* grows; the view gets a copy */
    size_t column_count, column_cap;
    struct fhir_branch branch;
    struct err *err;
};

/* ERR_INPUT, at "source: place" (the document itself where place is ""). */
enum err_code fhir_view_fail(struct fhir_reader *reader, const char *place, const char *format, ...)
    PRINTF_LIKE(3, 4);
enum err_code fhir_view_note(struct fhir_reader *reader, const char *place, const char *code,
                             const char *format, ...) PRINTF_LIKE(4, 5);
/* "place.member", in the arena; "member" where place is "". NULL: no memory, and err is set. */
const char *fhir_view_place(struct fhir_reader *reader, const char *place, const char *member);
const char *fhir_view_place_at(struct fhir_reader *reader, const char *place, const char *member,
                               size_t idx);
enum err_code fhir_view_no_memory(struct fhir_reader *reader);
/* A note for each member that the element does not have. known: NULL-ended. */
enum err_code fhir_view_note_unknown(struct fhir_reader *reader, const json_t *object,
                                     const char *place, const char *const *known);
/* A member that must be an array if it is there; NULL: absent. */
enum err_code fhir_view_array(struct fhir_reader *reader, const json_t *object, const char *place,
                              const char *member, const json_t **ret);
/* A member that must be a text if it is there; NULL: absent. */
enum err_code fhir_view_text(struct fhir_reader *reader, const json_t *object, const char *place,
                             const char *member, const char **ret);
bool fhir_view_is_sql_name(const char *name);
/* Parse the expression that stands at place. focus: of what it is evaluated on; resource NULL:
 * below an iteration. */
enum err_code fhir_view_path(struct fhir_reader *reader, const char *text, const char *place,
                             struct fhir_static focus, const char *resource, bool notes,
                             const struct fhir_path **ret);
enum err_code fhir_view_read_selects(struct fhir_reader *reader, const json_t *definition,
                                     const struct fhir_select **ret);

#endif
