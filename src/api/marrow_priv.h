/* What the files of the public library share. */
#ifndef MARROW_API_MARROW_PRIV_H
#define MARROW_API_MARROW_PRIV_H

#include "marrow.h"

#include "api/api.h"

struct marrow_store {
    struct api *api;
    struct marrow_progress given;
    struct progress progress;
};
struct marrow_rows {
    struct api_rows *rows;
};

/* Fills the caller's error; returns its code. */
enum marrow_code api_tell(enum err_code code, const struct err *err, struct marrow_error *error);
/* The document as text. Takes document. */
enum marrow_code api_answer(enum err_code code, json_t *document_taken, char **ret_json, struct err *err, struct marrow_error *error);
/* An option structure of an older caller is shorter: the rest is zero. */
void api_take_options(void *into, size_t bytes, const void *given);
/* A text that holds a JSON object; NULL: none. New reference. */
enum err_code api_parse_option(const char *text, const char *name, json_t **ret, struct err *err) WARN_UNUSED;

/* A use case: call(api, …, &document, &err), then the document as text. */
#define ANSWER(call)                                                                               \
    struct err err = {.code = ERR_OK};                                                             \
    json_t *document = NULL;                                                                       \
    enum err_code code = call;                                                                     \
    return api_answer(code, document, ret_json, &err, error)

#endif
