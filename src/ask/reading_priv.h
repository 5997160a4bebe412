/* What the files that tell a reading share. */
#ifndef MARROW_ASK_READING_PRIV_H
#define MARROW_ASK_READING_PRIV_H

#include "ask/ask_priv.h"

/* reading.c: pieces of the sentence. */
void ask_say_attr(const struct ask_reading *reading, const struct ask_attr *attr, struct buf *out);
void ask_say_event(const struct ask_reading *reading, size_t at, struct buf *out);
void ask_say_rows(const struct ask_reading *reading, const struct ask_event *event, struct buf *out);
void ask_say_day(int64_t day, struct buf *out);
void ask_say_filters(const struct ask_reading *reading, struct buf *out); /* "; only patients that have …" */
/* reading_statistics.c: of a statistical question. */
void ask_say_statistics(struct ask_reading *reading);
void ask_warn_statistics(struct ask_reading *reading);
json_t *ask_statistics_parts_json(const struct ask_reading *reading, bool *ok);
json_t *ask_statistics_follow_ups(const struct ask_reading *reading, bool *ok);

#endif
