/* What the files of rule/ share. */
#ifndef MARROW_RULE_PRIV_H
#define MARROW_RULE_PRIV_H

#include "rule/rule.h"

/* check.c: contracts, edges, cycles; fills uses and order. */
enum err_code rule_bundle_check(struct rule_bundle *bundle, struct err *err) WARN_UNUSED;
/* graph.c: signatures, once there are no problems. */
enum err_code rule_bundle_sign(struct rule_bundle *bundle, struct err *err) WARN_UNUSED;

#endif
