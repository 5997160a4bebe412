/* Log lines for the shells (cli, serve). The one idea: a line is built whole and written with one
 * write(2), so lines of several threads and processes do not mix. A log that cannot be written is
 * dropped: logging never fails the work. */
#include "base/log.h"

#include <stdatomic.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/str.h"

static _Atomic int log_format_now = LOG_OFF;
static _Atomic int log_fd_now = STDERR_FILENO;

void log_configure(enum log_format format, int fd)
{
    atomic_store(&log_fd_now, fd);
    atomic_store(&log_format_now, (int)format);
}

static void put_json(struct buf *line, const char *text)
{
    buf_add_json(line, str_of(text));
}

static void put_json_line(struct buf *line, const char *event, const struct log_field *fields,
                          int count)
{
    char now[32];
    buf_printf(line, "{\"time\":\"%s\",\"event\":", clock_format(clock_now_us(), now));
    put_json(line, event);
    for (int i = 0; i < count; i++) {
        buf_putc(line, ',');
        put_json(line, fields[i].key);
        buf_putc(line, ':');
        if (fields[i].text != NULL)
            put_json(line, fields[i].text);
        else
            buf_printf(line, "%lld", (long long)fields[i].number);
    }
    buf_puts(line, "}\n");
}

static void put_text_line(struct buf *line, const char *event, const struct log_field *fields,
                          int count)
{
    char now[32];
    buf_printf(line, "%s %s", clock_format(clock_now_us(), now), event);
    for (int i = 0; i < count; i++) {
        buf_printf(line, " %s=", fields[i].key);
        if (fields[i].text != NULL)
            put_json(line, fields[i].text);
        else
            buf_printf(line, "%lld", (long long)fields[i].number);
    }
    buf_putc(line, '\n');
}

void log_event(const char *event, const struct log_field *fields, int field_count)
{
    enum log_format format = (enum log_format)atomic_load(&log_format_now);
    struct buf line = BUF_INIT;
    switch (format) {
    case LOG_OFF:
        return;
    case LOG_TEXT:
        put_text_line(&line, event, fields, field_count);
        break;
    case LOG_JSON:
        put_json_line(&line, event, fields, field_count);
        break;
    }
    if (!line.failed && write(atomic_load(&log_fd_now), line.ptr, line.len) < 0) {
        /* nowhere to report it */
    }
    buf_done(&line);
}
