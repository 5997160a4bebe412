/* What the files about rules share: a bundle made ready for one version. */
#ifndef MARROW_API_RULES_PRIV_H
#define MARROW_API_RULES_PRIV_H

#include "api/api_priv.h"
#include "rule/rule.h"

/* One rule over one version's contents. */
struct api_rule {
    struct plan *plan;
    const struct plan_rel *root; /* scans carry what they read: content hashes, run ids, rules' signatures; missing optional inputs are empty tables */
    char signature[65];          /* of root: the same over two versions with the same contents of what it reads */
    json_t *inputs; /* {table, mart or saved plan: content hash or run id; null: optional and missing}, through other rules too */
    json_t *rules;  /* {rule that it scans: its signature} */
};
struct api_rules {
    struct api *api;
    struct store_version *version;
    struct rule_bundle *bundle;
    struct api_rule *rules; /* as bundle->rules */
    json_t *runs;           /* manifests of all rules' runs, newest first */
};
enum err_code api_rules_read(struct api *api, const char *path, struct rule_bundle **ret, struct err *err) WARN_UNUSED;
/* Opens the version and adds to the bundle's problems what the version does not have. */
enum err_code api_rules_fit(struct api *api, struct rule_bundle *bundle, const char *dataset, const char *version, struct store_version **ret, struct err *err) WARN_UNUSED;
/* Reads, checks, binds to the version: ERR_INPUT tells the first problem. ret is done by api_rules_done also after an error. */
enum err_code api_rules_ready(struct api *api, const char *path, const char *dataset, const char *version, struct api_rules *ret, struct err *err) WARN_UNUSED;
/* The run that an input which is no table of the version means: a mart, a saved plan, another bundle's rule. New reference; NULL: there is
 * none. */
enum err_code api_rule_input_run(struct api *api, struct store_version *version, const char *name, json_t **ret, struct err *err) WARN_UNUSED;
void api_rules_done(struct api_rules *rules);

/* ---- rules_why.c ---- */
/* The rule's run over what it would read now, kept here; borrowed, NULL: there is none. */
const json_t *api_rule_kept(const struct api_rules *rules, size_t rule);
/* Why it would run: "first run", "plan changed: …", "input labevents has another content", "rule x changed". */
enum err_code api_rule_why(const struct api_rules *rules, size_t rule, struct buf *ret, struct err *err) WARN_UNUSED;
/* Which rules are meant, with what they depend on; none named: all. *ret: bundle->rule_count flags, mem_free. */
enum err_code api_rules_wanted(const struct rule_bundle *bundle, const char *const *names, size_t count, bool **ret, struct err *err) WARN_UNUSED;

#endif
