/* A table whose files stay where they are: what registering (place_load.c) finds, object.json's member `place` holds (place.c), and
 * attaching (place_attach.c) turns into a view. Names of files are below root.
 *
 *     (SELECT a, b, "year" FROM read_parquet([files of part 1]) UNION ALL SELECT a, NULL, "year" FROM read_parquet([part 2]))   rows
 *     SELECT a, CAST(b AS …), CAST("year" AS BIGINT) FROM rows                                                                columns */
#ifndef MARROW_STORE_PLACE_PRIV_H
#define MARROW_STORE_PLACE_PRIV_H

#include "store/load_priv.h"

/* Which differences between a table's files are accepted; each accepts what those before it do. */
enum store_policy {
    STORE_POLICY_EXACT, /* none: the same columns of the same types */
    STORE_POLICY_ADD,   /* a file may lack columns: null there */
    STORE_POLICY_ANY,   /* and types may differ: the narrowest that holds all without loss */
};
const char *store_policy_text(enum store_policy policy);
bool store_policy_of(const char *text, enum store_policy *ret);

struct store_place_part { /* files that are read alike */
    struct data_scan scan;
    struct data_schema columns; /* as in the files, keys apart */
    size_t *files;              /* indexes of the scan's paths among the place's files */
};
struct store_place { /* texts and arrays in the arena it was made with; schemas owned */
    const char *root, *format;
    struct data_place_file *files;
    size_t file_count;
    struct data_schema keys; /* partition columns, outermost first, of the types that the scans give them: text until they are settled */
    struct store_place_part *parts;
    size_t part_count;
    struct data_schema rows; /* all parts' columns with types that hold them, then the keys */
    enum store_policy needs; /* the strictest policy that the files meet */
    enum store_policy given; /* what was asked for when it was registered */
};
void store_place_done(struct store_place *place);
/* place.rows as a table expression. */
enum err_code store_place_relation(const struct store_place *place, struct buf *out, struct err *err) WARN_UNUSED;
/* SELECT of plans over it. */
enum err_code store_place_select(const struct store_place *place, const struct store_column_plan *plans, size_t count, struct buf *out, struct err *err) WARN_UNUSED;
/* object.json's member. New reference. */
enum err_code store_place_write(const struct store_place *place, const struct store_column_plan *plans, size_t count, json_t **ret, struct err *err) WARN_UNUSED;
/* And back; store_place_done also after a failure. ERR_INTEGRITY. */
enum err_code store_place_read(const json_t *json, struct arena *arena, struct store_place *ret, struct store_column_plan **ret_plans, size_t *ret_count, struct err *err) WARN_UNUSED;

/* ---- registering (place_load.c), in the steps of load.c ---- */
/* Finds the parts and the rows' columns, by the policy: fills load->place and load->schema. */
enum err_code store_place_fill(struct load *load, struct err *err) WARN_UNUSED;
/* CSV: rows that can't be read, to load->rejects; the rest must be what the typing pass counted. */
enum err_code store_place_rejects(struct load *load, struct err *err) WARN_UNUSED;
/* The type that the user gave the key that is this column; NULL: none, or no key. */
struct data_type store_place_key_type(const struct load *load, size_t column);
/* The types of the keys, where the files have types of their own. */
enum err_code store_place_decide_keys(struct load *load, const struct data_type *forced, struct err *err) WARN_UNUSED;
/* Are the staged rows in the order that the user says they are? */
enum err_code store_place_check_order(struct load *load, struct err *err) WARN_UNUSED;
/* Once all is decided: keys whose texts need nothing but a cast are typed by the scans. */
void store_place_settle_keys(struct load *load);
enum err_code store_place_check_unchanged(const struct load *load, struct err *err) WARN_UNUSED;

/* ---- for engines that list folders by themselves (place_folder.c) ---- */
/* Fills ret but for placed. Looks at folders, not at what is in the files. */
enum err_code store_place_folder(const json_t *place, struct store_folder *ret, struct err *err) WARN_UNUSED;

/* ---- attaching (place_attach.c) ---- */
/* place: object.json's. Makes object_….main.data in the engine, once every file is as registered (ERR_INTEGRITY tells which is not). What
 * the files were then is appended to seen (may be NULL). */
enum err_code store_place_attach(const struct store *store, const char *dataset, const char *directory, const char *hash, const json_t *place, json_t *seen, struct engine *engine, struct err *err) WARN_UNUSED;
/* Only that; seen: [path, bytes, modified, changed …]. */
enum err_code store_place_trust(const struct store *store, const char *dataset, const char *directory, const json_t *place, json_t *seen, struct err *err) WARN_UNUSED;
/* Are they still what they were? ERR_INTEGRITY. */
enum err_code store_place_still(const char *dataset, const json_t *seen, struct err *err) WARN_UNUSED;
struct store_place_sink { /* called for every file that is not as registered */
    enum err_code (*problem)(void *user, const char *path, const char *found, struct err *err);
    void *user;
    int64_t files, bytes;
};
/* Every byte of every file is read. */
enum err_code store_place_verify(const struct store *store, const char *directory, const json_t *place, struct store_place_sink *sink, struct err *err) WARN_UNUSED;

#endif
