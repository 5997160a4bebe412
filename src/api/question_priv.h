/* What the files about questions share: a version with its catalogue and value index. */
#ifndef MARROW_API_QUESTION_PRIV_H
#define MARROW_API_QUESTION_PRIV_H

#include "api/api_priv.h"
#include "ask/ask.h"
#include "base/mapping.h"

struct api_asked {
    struct store_version *version;
    struct profile *profile;
    struct ask_catalogue *catalogue;
    struct ask_index *index;
    struct buf bytes;            /* of an index that was made now … */
    struct file_mapping mapping; /* … or of the kept one, */
    char index_path[FILE_PATH_BYTES]; /* which lies here */
    struct engine_opening *opening; /* the engine that the answer will need, opened on a thread of its own while the question is read; NULL: none */
    struct engine_closing *closing; /* … closed on one while the answer is kept */
    char index_run[HASH_HEX_BYTES];
    bool index_reused;
    json_t *keys; /* of the index's sources, in order: what each one's values depend on */
    size_t taken; /* sources taken over from the version before */
};
/* Opens what questions need; ret is done by api_asked_done also after an error. */
enum err_code api_asked_open(struct api *api, const char *dataset, const char *version, struct api_asked *ret, struct err *err) WARN_UNUSED;
void api_asked_done(struct api_asked *asked); /* waits for both threads */
/* Begins to open an engine for api_asked_engine. */
void api_asked_warm(struct api *api, struct api_asked *asked);
/* The engine that api_asked_warm began to open, the caller's; *ret stays NULL where it did not. */
enum err_code api_asked_engine(struct api_asked *asked, struct engine **ret, struct err *err) WARN_UNUSED;
/* Lets go of it: it is closed beside what is done until api_asked_done. No result of it is open. */
void api_asked_let_go(struct api_asked *asked, struct engine **engine_taken);
/* The manifest of a run that a question keeps, with what all have: kind, name, format, version, dataset, when; NULL: no memory. */
json_t *api_asked_manifest(const struct api_asked *asked, const char *kind, const char *name, bool *ok);
/* question_build.c: the index's bytes and keys, of the tables; before: the version before with its index and keys, or NULL. */
enum err_code api_question_build(struct api *api, struct api_asked *asked, const struct api_asked *before, struct err *err) WARN_UNUSED;
/* SQL of the optimised plan for the embedded engine, and the engine with the plan's tables attached where *engine is NULL. */
enum err_code api_asked_query(struct api *api, struct store_version *version, const struct plan_rel *root, struct engine **engine, struct buf *sql, struct err *err) WARN_UNUSED;
/* question_statistics.c: runs the analysis rows of a statistical reading and adds what they say to answer; an answer that the rows can't
 * give makes it refused. */
enum err_code api_question_statistics(struct api *api, const struct api_question_options *options, struct api_asked *asked, const struct ask_reading *reading, json_t *answer, struct err *err) WARN_UNUSED;
/* api_question without a new list of warnings. rerun_of: entry that is asked again; 0: none; negative: the history is not to know. */
enum err_code api_question_ask(struct api *api, const struct api_question_options *options, int64_t rerun_of, json_t **ret, struct err *err) WARN_UNUSED;
/* question_readings.c: runs the other readings of a question that leaves something open. Where one says something else than rows, the answer is taken back and asked back in its
 * place, and *ret_clear is false. */
enum err_code api_question_compare(struct api *api, struct api_asked *asked, const struct ask_reading *reading, const json_t *rows, json_t *answer, bool *ret_clear, struct err *err) WARN_UNUSED;
json_t *api_question_columns(const struct plan_rel *root, bool *ok); /* [names] */
/* The reading's answer: run, where it is clear, and told; tiers: those tried before (NULL: none). */
enum err_code api_question_tell(struct api *api, const struct api_question_options *options, struct api_asked *asked, const struct ask_reading *reading, const char *tier, const json_t *tiers, json_t **ret, struct err *err) WARN_UNUSED;
/* question_tiers.c, for *answer that is not answered: questions that were meant perhaps become its choices; one that is like it without doubt is answered in its place. */
enum err_code api_question_similar(struct api *api, const struct api_question_options *options, struct api_asked *asked, const struct ask_reading *reading, const struct ask_options *how, json_t **answer, struct err *err) WARN_UNUSED;
/* question_llm.c. ERR_USAGE: the URL is none that a question may be sent to. */
enum err_code api_question_llm_check(const char *url, struct err *err) WARN_UNUSED;
/* For *answer that is not answered: asks the model for a plan; one that passes is answered in its place, else why says what was wrong with it. */
enum err_code api_question_llm(struct api *api, const struct api_question_options *options, struct api_asked *asked, const struct ask_reading *reading, json_t **answer, struct err *err) WARN_UNUSED;
/* question_trail.c. Hash of rows as a bag. */
enum err_code api_question_content(const json_t *rows, char ret[API_CONTENT_BYTES], struct err *err) WARN_UNUSED;
/* Adds to the answer's tiers that this one was tried, and what it came to: status and confidence as the answer has them. */
void api_question_tried(json_t *answer, const char *tier, bool *ok);
void api_question_record(struct api *api, const struct api_question_options *options, struct str masked, const json_t *answer, int64_t rerun_of);
/* A question as it is kept beside the data, and back: texts are borrowed from *ret_document, a new reference. */
enum err_code api_question_pack(const struct api_question_options *options, struct buf *ret, struct err *err) WARN_UNUSED;
enum err_code api_question_unpack(struct str kept, json_t **ret_document, struct api_question_options *ret, struct err *err) WARN_UNUSED;
/* question_again.c: the plan of an entry of a question run again, its rows against what they were. */
enum err_code api_question_replay(struct api *api, const char *dataset, const json_t *entry, json_t **ret, struct err *err) WARN_UNUSED;
/* question_memo.c: answers by their question. False: this one has no key. */
bool api_question_key(struct api *api, const struct store_version *version, const struct api_question_options *options, char ret[HASH_HEX_BYTES]);
bool api_question_find(struct api *api, const char *dataset, const char key[HASH_HEX_BYTES], json_t **ret_answer, struct buf *ret_masked);
void api_question_keep(struct api *api, const struct store_version *version, const char key[HASH_HEX_BYTES], const json_t *answer, struct str masked);

#endif
