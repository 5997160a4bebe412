/* Marrow's own SQL functions: registered at engine_open by functions.c. */
#ifndef MARROW_ENGINE_FUNCTIONS_PRIV_H
#define MARROW_ENGINE_FUNCTIONS_PRIV_H

#include "engine/engine.h"

enum err_code engine_functions_register(struct engine *engine, struct err *err) WARN_UNUSED;
/* marrow_json_member(object, key): json_member.c. */
enum err_code engine_json_member(void *extra, const struct data_batch *in, struct arena *arena,
                                 struct data_vector *ret, struct err *err) WARN_UNUSED;

#endif
