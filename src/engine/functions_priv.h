/* Marrow's own SQL functions: registered at engine_open by functions.c. */
#ifndef MARROW_ENGINE_FUNCTIONS_PRIV_H
#define MARROW_ENGINE_FUNCTIONS_PRIV_H

#include "engine/engine.h"

enum err_code engine_functions_register(struct engine *engine, struct err *err) WARN_UNUSED;

/* marrow_values, marrow_mode, marrow_ends, marrow_levels: summaries.c. */
enum err_code engine_summaries_register(struct engine *engine, struct err *err) WARN_UNUSED;

#endif
