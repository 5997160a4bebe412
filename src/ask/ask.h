/* The door of ask: a question in plain English becomes a relational plan. Pure: a catalogue and a value index in, readings and plans
 * out; it proposes and never runs, and knows no store, engine or clock.
 *
 *     profile ──▶ catalogue ──▶ sources of values ──(api runs them)──▶ value index
 *     text ──tokens──▶ lexicon + catalogue + index ──link──▶ items ──grammar──▶ question ──check──▶ answered | asked_back | refused
 *                                                                                 └──lower──▶ relational plan
 *
 * docs/QUESTIONS.md says what can be asked and what the numbers mean. */
#ifndef MARROW_ASK_ASK_H
#define MARROW_ASK_ASK_H

#include "plan/plan.h"
#include "profile/profile.h"
#include "stats/stats.h"

#define ASK_FORMAT_VERSION 7             /* of catalogue, index and questions: raise it whenever a rule changes */
#define ASK_LIMIT_QUESTION_BYTES 2000    /* longer: ERR_LIMIT */
#define ASK_LIMIT_TOKENS 120             /* words of a question; more: ERR_LIMIT */
#define ASK_LIMIT_VALUES 60000           /* distinct values of one source that the index holds; the most frequent ones */
#define ASK_LIMIT_INDEX_BYTES (64 << 20)
#define ASK_LIMIT_ROWS 1000              /* of an answer; more are cut, which the answer says */
#define ASK_THRESHOLD .6                 /* below this confidence it asks back */
#define ASK_FEW 11                       /* patients: a literal that fewer share is masked */

/* ---- catalogue: what can be spoken of ---- */
struct ask_catalogue;
/* Entities (patient, admission, ICU stay), tables with what they are about, columns, ways between them. aliases: {phrase: phrase or
 * "table.column"} of dataset.json, or NULL. profile must outlive it. */
enum err_code ask_catalogue_new(const struct profile *profile, const json_t *aliases, struct ask_catalogue **ret, struct err *err) WARN_UNUSED;
void ask_catalogue_free(struct ask_catalogue *catalogue);
AUTO_DEFINE(struct ask_catalogue, ask_catalogue_free)
/* What it found, for people and tests. */
void ask_catalogue_print(const struct ask_catalogue *catalogue, struct buf *ret);
/* Same catalogue, same hash: part of the value index's identity. */
void ask_catalogue_hash(const struct ask_catalogue *catalogue, char ret[HASH_HEX_BYTES]);

/* ---- value index: every distinct category, code and label of a code, with rows and patients ---- */
size_t ask_source_count(const struct ask_catalogue *catalogue);
/* The plan that reads one source's values: columns value (text), n (rows), patients. Nodes go to plan. */
enum err_code ask_source_plan(const struct ask_catalogue *catalogue, size_t source, struct plan *plan, const struct plan_rel **ret, struct err *err) WARN_UNUSED;
/* The plan that reads the latest moment of each table with times: columns latest (timestamp). NULL root: no times. */
enum err_code ask_latest_plan(const struct ask_catalogue *catalogue, struct plan *plan, const struct plan_rel **ret, struct err *err) WARN_UNUSED;

struct ask_index;
struct ask_index_builder;
enum err_code ask_index_builder_new(struct ask_index_builder **ret, struct err *err) WARN_UNUSED;
void ask_index_builder_free(struct ask_index_builder *builder);
AUTO_DEFINE(struct ask_index_builder, ask_index_builder_free)
enum err_code ask_index_add(struct ask_index_builder *builder, size_t source, struct str value, int64_t rows, int64_t patients, struct err *err) WARN_UNUSED;
/* Appends what another builder has: as if its values had been added here, one by one. Builders of one index may be filled on several threads. */
enum err_code ask_index_join(struct ask_index_builder *builder, const struct ask_index_builder *part, struct err *err) WARN_UNUSED;
/* The values that another index has of its source, as this one's. */
enum err_code ask_index_take(struct ask_index_builder *builder, size_t source, const struct ask_index *from, size_t its_source, struct err *err) WARN_UNUSED;
/* Bytes of the file. latest_day: of the data, days since 1970; INT64_MIN: none. */
enum err_code ask_index_finish(struct ask_index_builder *builder, int64_t latest_day, struct buf *ret, struct err *err) WARN_UNUSED;
/* Over bytes that outlive it. Checked whole: ERR_INTEGRITY for anything that is not such a file. */
enum err_code ask_index_open(struct str bytes, struct ask_index **ret, struct err *err) WARN_UNUSED;
void ask_index_free(struct ask_index *index);
AUTO_DEFINE(struct ask_index, ask_index_free)

/* ---- a question ---- */
struct ask_options {
    const char *grain; /* "patient", "admission", "stay": what is counted where the question leaves it open; NULL */
    int64_t now_day;   /* what today means, days since 1970; INT64_MIN: the data's latest day */
    int64_t now_second; /* … and what time of that day: 1 + seconds since its midnight; 0: its end */
    bool trial;        /* only whether it would be answered: no choices are made */
};
enum ask_status { ASK_ANSWERED, ASK_ASKED_BACK, ASK_REFUSED };
const char *ask_status_text(enum ask_status status);
struct ask_reading;
/* Reads the text. Never fails on what is asked: a question that can't be read is asked back or refused. ERR_LIMIT: too long. catalogue and index
 * must outlive the reading. */
enum err_code ask_read(const struct ask_catalogue *catalogue, const struct ask_index *index, const char *text, const struct ask_options *options, struct ask_reading **ret, struct err *err) WARN_UNUSED;
void ask_reading_free(struct ask_reading *reading);
AUTO_DEFINE(struct ask_reading, ask_reading_free)
enum ask_status ask_reading_status(const struct ask_reading *reading);
/* {status, intent, reading, confidence, why:[…], warnings:[…], choices:[…], missing:[…], question:{…}, unit, follow_ups:[…]}. New reference. */
enum err_code ask_reading_json(const struct ask_reading *reading, json_t **ret, struct err *err) WARN_UNUSED;
/* The question's text with every literal masked that fewer than ASK_FEW patients share, and every number that is no rank. */
void ask_reading_masked(const struct ask_reading *reading, struct buf *ret);
/* Tier two (similar.c), for a reading that is not answered: up to three questions that were meant perhaps, each of which is answered when it is asked, best first:
 * [{question, score 0…1, from: words | past, said?, meant?}]. past: questions that were answered before. */
#define ASK_LIMIT_PAST 200
#define ASK_SURE .85 /* a proposal that may be answered, the correction said, where the next one is less similar by ASK_APART */
#define ASK_APART .1
enum err_code ask_similar(const struct ask_reading *reading, const char *const *past, size_t count, json_t **ret, struct err *err) WARN_UNUSED;
/* Takes those out of choices that would not be answered. */
enum err_code ask_choices_check(const struct ask_reading *reading, json_t *choices, struct err *err) WARN_UNUSED;
/* Tier three. What a language model may see of the reading: {question (masked; …1, …2 are what was), tables: [{name, about, columns: [{name, type, role, values?}]}], relations}; values:
 * also the text whole and frequent values of categories. */
enum err_code ask_brief(const struct ask_reading *reading, bool values, json_t **ret, struct err *err) WARN_UNUSED;
/* The reading that a plan of the model's means for the question asked (docs/QUESTIONS.md has the form), checked as every other. ERR_INPUT: it is no such plan; the message names the
 * place in it and quotes nothing. */
enum err_code ask_propose(const struct ask_reading *asked, const json_t *plan, struct ask_reading **ret, struct err *err) WARN_UNUSED;
/* A text masked as ask_reading_masked does, which need not be a question. */
enum err_code ask_mask(const struct ask_catalogue *catalogue, const struct ask_index *index, const char *text, struct buf *ret, struct err *err) WARN_UNUSED;
/* May the phrase stand for what the catalogue's alias of it says? ERR_INPUT: it leads in a circle, or its meaning has words that are nothing; ERR_NOT_FOUND: its meaning looks like
 * TABLE.COLUMN and there is none such. */
enum err_code ask_alias_check(const struct ask_catalogue *catalogue, const struct ask_index *index, const char *phrase, struct err *err) WARN_UNUSED;
/* Is it written as TABLE.COLUMN is? Which one it is, "table.column" as they are spelled, or NULL: there is none such. */
bool ask_alias_is_column(const char *meaning);
const char *ask_alias_column_name(const struct ask_catalogue *catalogue, const char *meaning, struct buf *ret);
/* The relational plan; nodes go to plan. Only of readings that are ASK_ANSWERED. */
enum err_code ask_lower(const struct ask_reading *reading, struct plan *plan, const struct plan_rel **ret, struct err *err) WARN_UNUSED;

/* Other readings of an answered question, which leaves something open that the grammar can name (readings.c): the plan of each, its sentence, and the
 * question as it would be asked to mean just that. own: of the reading itself. */
size_t ask_other_count(const struct ask_reading *reading);
enum err_code ask_other_lower(const struct ask_reading *reading, size_t other, struct plan *plan, const struct plan_rel **ret, struct err *err) WARN_UNUSED;
/* Do two results say the same? Of most frequent names the names count, in any order. */
bool ask_other_same(const struct ask_reading *reading, const json_t *rows, const json_t *other_rows);
/* The answer's JSON of a reading, some of whose others say something else (differs[other]): asked back, with the questions to choose from. */
enum err_code ask_other_choices(const struct ask_reading *reading, const bool *differs, json_t *answer, struct err *err) WARN_UNUSED;
/* … and of one whose others all say the same: why says so. */
enum err_code ask_other_agree(const struct ask_reading *reading, json_t *answer, struct err *err) WARN_UNUSED;

/* ---- statistical questions: the plan gives the analysis rows, one for each unit; what they say is computed here ---- */
bool ask_reading_is_statistical(const struct ask_reading *reading);
/* columns: those of the plan, in its order. {value?, n, dropped, result:{columns, rows, statistics}, test, recoding, cautions, figure?}: docs/JSON.md.
 * ERR_INPUT: the rows can't answer; the line says what is missing. New reference. */
enum err_code ask_statistics_json(const struct ask_reading *reading, const struct stats_column *columns, json_t **ret, struct err *err) WARN_UNUSED;

/* What became of the plan's rows. */
struct ask_result {
    const json_t *columns; /* [names] */
    const json_t *rows;    /* [[values]…] */
};
/* {value, n, dropped:[{reason, n}], result:{columns, rows}, figure?}: n and dropped are taken out of the rows where the plan carries them. New reference. */
enum err_code ask_answer_json(const struct ask_reading *reading, const struct ask_result *result, json_t **ret, struct err *err) WARN_UNUSED;

/* For other programs that are to check an answer: the rows before the plan's last aggregation, and what that computed of them (the
 * script of `ask --r` follows it): {kind: groups | share | rows, groups, columns: [{name, function, args}], order, limit?}. New nodes go to over,
 * which was made by plan_new_over(root). New reference. */
enum err_code ask_recipe(const struct plan_rel *root, struct plan *over, const struct plan_rel **ret_rows, json_t **ret, struct err *err) WARN_UNUSED;

#endif
