/* The rules' door: a bundle of named plans over datasets' tables, marts and each other, read and checked as a graph. Reads the bundle's
 * files; knows no store and no engine: what a dataset has is checked, and rules are run, by api/rules.c. docs/RULES.md tells it whole.
 *
 *     bundle.json ──read──▶ rules ──plans──▶ typed, parameters bound ──graph──▶ order, problems with places, signatures
 */
#ifndef MARROW_RULE_RULE_H
#define MARROW_RULE_RULE_H

#include "plan/plan.h"

#define RULE_FORMAT_VERSION 1
#define RULE_LIMIT_FILE_BYTES (16 << 20)
#define RULE_LIMIT_RULES 10000
#define RULE_LIMIT_INPUTS 10000
#define RULE_LIMIT_NAME_BYTES 200

struct rule_input { /* borrowed from the bundle's document */
    const char *name;
    const json_t *columns; /* [[name, type]…] */
    bool optional;         /* missing: an empty table of these columns */
    bool used;
};
struct rule {
    const char *name, *description; /* never NULL after a sound read */
    const char *file;               /* that says it, for people */
    const json_t *output, *key;     /* [[name, type]…], [name…]; either may be NULL */
    json_t *plan;                   /* JSON, parameters bound; NULL: it could not be read, which is a problem */
    struct plan *owner;
    const struct plan_rel *root;    /* of plan */
    size_t *uses;                   /* other rules that it scans, each once */
    size_t use_count;
    char signature[65]; /* of the plan, where a scan of a rule carries that rule's signature; "" where there are problems */
};
struct rule_bundle {
    const char *name, *description, *file;
    struct rule *rules;
    size_t rule_count;
    struct rule_input *inputs;
    size_t input_count;
    size_t *order;      /* indices of rules, each after those that it uses; NULL where there are problems */
    char signature[65]; /* sha256 over the rules' names and signatures; "" where there are problems */
    json_t *problems;   /* [{file, rule, node, column, nearest, words}] */
    json_t *notes;      /* [text] */
    json_t *documents;  /* what the texts are borrowed from */
    struct arena *arena;
};

struct rule_host {
    /* Gives a plan's JSON its parameters' values as literals: what is read of a rule is closed. New reference. */
    enum err_code (*bind)(void *user, const json_t *plan, const json_t *params, const char *source, json_t **ret, struct err *err);
    void *user;
};

/* Reads a bundle's file (JSON, or TOML by its name), or a folder's bundle.json or bundle.toml, and checks it whole: everything wrong is in problems, with its place. An error is only what
 * hinders the check itself: no file, no JSON, no bundle, a limit, memory. */
enum err_code rule_bundle_read(const char *path, const struct rule_host *host, struct rule_bundle **ret, struct err *err) WARN_UNUSED;
void rule_bundle_free(struct rule_bundle *bundle);
AUTO_DEFINE(struct rule_bundle, rule_bundle_free)

/* Index by name (ASCII case ignored), or -1. */
int64_t rule_find(const struct rule_bundle *bundle, const char *name);
int64_t rule_input_find(const struct rule_bundle *bundle, const char *name);

/* Adds a problem; rule (NULL: the bundle), node, column and nearest may be NULL; words are a printf text without the place. */
void rule_problem(struct rule_bundle *bundle, const struct rule *rule, const char *node, const char *column, const char *nearest, const char *format, ...) PRINTF_LIKE(6, 7);

/* Graphviz: inputs (boxes) to rules; and a text tree for terminals, a rule already shown is named only. Need a bundle without problems. */
enum err_code rule_graph_dot(const struct rule_bundle *bundle, struct buf *ret, struct err *err) WARN_UNUSED;
enum err_code rule_graph_text(const struct rule_bundle *bundle, struct buf *ret, struct err *err) WARN_UNUSED;

#endif
