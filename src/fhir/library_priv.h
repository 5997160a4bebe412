/* What the files about libraries of SQL share. */
#ifndef MARROW_FHIR_LIBRARY_PRIV_H
#define MARROW_FHIR_LIBRARY_PRIV_H

#include "fhir/fhir.h"

/* Copy sql to ret with each :name of the parameters as $1, $2 …, up to the ';' that may end it.
 * used[i] is set for parameters that stand in it. Texts, quoted names and comments stay as they
 * are. ERR_INPUT: a :name that is no parameter, a $1 of the author's own, a text or comment without
 * end, a second statement. */
enum err_code fhir_library_sql_bind(struct str sql, const struct fhir_library_parameter *parameters,
                                    size_t count, bool *used, struct buf *ret,
                                    struct err *err) WARN_UNUSED;

#endif
