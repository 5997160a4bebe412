/* fhir check: the tables (fhir_check.c) and what stands in a resource (fhir_check_refs.c). */
#ifndef MARROW_API_FHIR_CHECK_PRIV_H
#define MARROW_API_FHIR_CHECK_PRIV_H

#include "api/api_priv.h"
#include "json/bulk.h"

/* Why a reference leads nowhere, or that it does not. */
enum fhir_link {
    FHIR_LINK_FOUND,
    FHIR_LINK_MISSING,     /* its type is in the version, the id is not */
    FHIR_LINK_NO_TYPE,     /* no resource of its type is */
    FHIR_LINK_CONTAINED,   /* #id of what the resource does not contain */
    FHIR_LINK_URN,         /* urn:… that no id of the version is */
    FHIR_LINK_CONDITIONAL, /* Type?search: only a server can tell */
    FHIR_LINK_UNCLEAR,     /* of no form that FHIR has */
    FHIR_LINKS
};
struct fhir_count { /* of references with one type, path, target and outcome; or of a profile
                       claimed */
    uint64_t key;   /* 0 = free */
    const char *type, *path, *target; /* of a profile: type, NULL, the profile */
    enum fhir_link link;
    int64_t count;
    json_t *examples; /* only with values */
};
struct fhir_check {
    struct engine *engine;
    const struct progress *progress;
    bool show_values;
    struct json_bulk *bulk;
    struct arena *arena, *nodes; /* the check's life; one resource */
    uint64_t *ids;               /* hashes of "Type/id"; 0 = free */
    size_t id_count, id_slots;
    const char **types;
    size_t type_count, type_capacity;
    struct fhir_count *counts;
    size_t count_count, count_slots;
    int64_t links[FHIR_LINKS];
    int64_t resources, total;
    struct buf path;
};
enum err_code fhir_check_begin(struct fhir_check *check, struct err *err) WARN_UNUSED;
void fhir_check_done(struct fhir_check *check);
static inline void auto_fhir_check_done(struct fhir_check *check)
{
    fhir_check_done(check);
}
enum err_code fhir_check_add_type(struct fhir_check *check, const char *type,
                                  struct err *err) WARN_UNUSED;
enum err_code fhir_check_add_id(struct fhir_check *check, struct str type, struct str id,
                                struct err *err) WARN_UNUSED;
/* Counts the references and profiles of one resource. */
enum err_code fhir_check_resource(struct fhir_check *check, const char *type, struct str id,
                                  struct str text, bool *ret_profiled, struct err *err) WARN_UNUSED;
/* references, dangling, profiles, ok. */
void fhir_check_put(const struct fhir_check *check, json_t *answer, bool *ok);

#endif
