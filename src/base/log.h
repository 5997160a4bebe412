/* Structured lines on a stream, for cli/serve; lower layers return errors and report progress instead.
 * No cell values, ever. */
#ifndef MARROW_BASE_LOG_H
#define MARROW_BASE_LOG_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

enum log_format { LOG_OFF, LOG_TEXT, LOG_JSON };
void log_configure(enum log_format format, int fd);
struct log_field {
    const char *key;
    const char *text;  /* NULL: number is meant */
    int64_t number;
};
/* One line: {"time":…,"event":…,fields}. Written with one write(2). */
void log_event(const char *event, const struct log_field *fields, int field_count);

#endif
