/* GSL's distributions, loaded when they are first needed: as engine/duckdb/library.h, which tells
 * how it works. GSL's handler of errors, which ends the process, is switched off when it is loaded.
 */
#ifndef MARROW_STATS_GSL_LIBRARY_H
#define MARROW_STATS_GSL_LIBRARY_H

#include <gsl/gsl_cdf.h>
#include <gsl/gsl_errno.h>

#include "base/err.h"

/* clang-format off */
#define LIBGSL_FUNCTIONS(X) \
    X(set_error_handler_off) X(cdf_ugaussian_Q) X(cdf_ugaussian_P) X(cdf_ugaussian_Pinv) X(cdf_tdist_Pinv) \
    X(cdf_chisq_Q) X(cdf_beta_Pinv)
/* clang-format on */

struct libgsl_functions {
#define LIBGSL_MEMBER(name) __typeof__(gsl_##name) *name##_;
    LIBGSL_FUNCTIONS(LIBGSL_MEMBER)
#undef LIBGSL_MEMBER
};
extern struct libgsl_functions libgsl; /* filled by libgsl_load, constant from then on */

/* Fill it (base/library.h): before any other call. ERR_UNSUPPORTED: not found, or too old. Any
 * thread. */
enum err_code libgsl_load(struct err *err) WARN_UNUSED;

#endif
