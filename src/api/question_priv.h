/* What the files about questions share: a version with its catalogue and value index. */
#ifndef MARROW_API_QUESTION_PRIV_H
#define MARROW_API_QUESTION_PRIV_H

#include "api/api_priv.h"
#include "ask/ask.h"

struct api_asked {
    struct store_version *version;
    struct profile *profile;
    struct ask_catalogue *catalogue;
    struct ask_index *index;
    struct buf bytes; /* of the index */
    char index_run[HASH_HEX_BYTES];
    bool index_reused;
};
/* Opens what questions need; ret is done by api_asked_done also after an error. */
enum err_code api_asked_open(struct api *api, const char *dataset, const char *version, struct api_asked *ret, struct err *err) WARN_UNUSED;
void api_asked_done(struct api_asked *asked);
/* SQL of the optimised plan for the embedded engine, and the engine with the plan's tables attached where *engine is NULL. */
enum err_code api_asked_query(struct api *api, struct store_version *version, const struct plan_rel *root, struct engine **engine, struct buf *sql, struct err *err) WARN_UNUSED;
/* question_statistics.c: runs the analysis rows of a statistical reading and adds what they say to answer; an answer that the rows can't
 * give makes it refused. */
enum err_code api_question_statistics(struct api *api, const struct api_question_options *options, struct api_asked *asked, const struct ask_reading *reading, json_t *answer, struct err *err) WARN_UNUSED;
/* question_memo.c: answers by their question. False: this one has no key. */
bool api_question_key(struct api *api, const struct store_version *version, const struct api_question_options *options, char ret[HASH_HEX_BYTES]);
bool api_question_find(struct api *api, const char *dataset, const char key[HASH_HEX_BYTES], json_t **ret_answer, struct buf *ret_masked);
void api_question_keep(struct api *api, const struct store_version *version, const char key[HASH_HEX_BYTES], const json_t *answer, struct str masked);

#endif
