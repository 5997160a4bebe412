/* What goes to stderr: errors (what, where, why, what to do), warnings, notes. With --json an error
 * is one object. */
#include "cli/cli.h"

#include "base/file.h"
#include "base/log.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void to_stderr(const struct buf *text)
{
    struct err ignored;
    if (text->failed ||
        file_write_fd(STDERR_FILENO, text->ptr, text->len, "standard error", &ignored) != ERR_OK) {
        /* nowhere to tell it */
    }
}

static bool stderr_colour(const struct cli *cli)
{
    const char *no_colour = getenv("NO_COLOR");
    return cli->stderr_tty && (no_colour == NULL || no_colour[0] == '\0');
}

static bool place_of(const struct err *err, struct buf *ret)
{
    if (err->source[0] == '\0' && err->line <= 0)
        return false;
    buf_puts(ret, err->source[0] != '\0' ? err->source : "line");
    if (err->line > 0)
        buf_printf(ret, ":%" PRId64, err->line);
    if (err->line > 0 && err->column > 0)
        buf_printf(ret, ":%" PRId64, err->column);
    return true;
}

static void error_json(const struct err *err, struct buf *out)
{
    AUTO(buf_done) struct buf place = BUF_INIT;
    bool placed = place_of(err, &place);
    buf_puts(out, "{\"error\":{\"code\":");
    buf_add_json(out, str_of(err_code_name(err->code)));
    buf_puts(out, ",\"message\":");
    buf_add_json(out, str_of(err->message));
    buf_puts(out, ",\"where\":");
    if (placed)
        buf_add_json(out, buf_view(&place));
    else
        buf_puts(out, "null");
    buf_puts(out, ",\"hint\":");
    if (err->hint[0] != '\0')
        buf_add_json(out, str_of(err->hint));
    else
        buf_puts(out, "null");
    if (err->detail[0] != '\0') {
        buf_puts(out, ",\"detail\":");
        buf_add_json(out, str_of(err->detail));
    }
    buf_puts(out, "}}\n");
}

/* A text of several lines, the following ones indented under the first. */
static void add_part(struct buf *out, const char *name, const char *text)
{
    bool first = true;
    struct str rest = str_trim(str_of(text));
    while (rest.len > 0) {
        const char *end = memchr(rest.ptr, '\n', rest.len);
        size_t length = end == NULL ? rest.len : (size_t)(end - rest.ptr);
        buf_printf(out, "  %-7s", first ? name : "");
        cli_add_visible(out, (struct str){rest.ptr, length});
        buf_putc(out, '\n');
        rest = end == NULL ? (struct str){NULL, 0} : (struct str){end + 1, rest.len - length - 1};
        first = false;
    }
}

/* The engine's own words without the name of their class, and without its list of functions. */
static void add_detail(struct buf *out, const char *detail)
{
    AUTO(buf_done) struct buf text = BUF_INIT;
    const char *class = strstr(detail, " Error: "),
               *list = strstr(detail, " Candidate functions: ");
    const char *start = class != NULL && class - detail < 24 ? class + 8 : detail;
    buf_add(&text, start, list != NULL && list > start ? (size_t)(list - start) : strlen(start));
    add_part(out, "detail", buf_text(&text));
}

static void error_text(const struct cli *cli, const struct err *err, struct buf *out)
{
    AUTO(buf_done) struct buf place = BUF_INIT;
    bool colour = stderr_colour(cli);
    buf_printf(out, "%s%s:%s ", colour ? "\x1b[1;31m" : "",
               err->code == ERR_INTERRUPTED ? "stopped" : "error", colour ? "\x1b[0m" : "");
    cli_add_visible(out, str_of(err->message));
    buf_putc(out, '\n');
    if (place_of(err, &place) && strstr(err->message, buf_text(&place)) == NULL)
        add_part(out, "at", buf_text(&place));
    add_detail(out, err->detail);
    add_part(out, "try", err->hint);
    cli_wrap(out, 0, cli->stderr_tty ? cli->width : 0);
}

void cli_print_error(struct cli *cli, const struct err *err)
{
    AUTO(buf_done) struct buf text = BUF_INIT;
    if (cli->json)
        error_json(err, &text);
    else
        error_text(cli, err, &text);
    to_stderr(&text);
}

void cli_print_warnings(struct cli *cli)
{
    AUTO(buf_done) struct buf text = BUF_INIT;
    const json_t *warnings = cli->api == NULL ? NULL : api_warnings(cli->api);
    bool colour = stderr_colour(cli);
    for (size_t i = 0; i < json_array_size(warnings); i++) {
        const char *warning = json_string_value(json_array_get(warnings, i));
        struct log_field field = {.key = "message", .text = warning};
        log_event("warning", &field, 1);
        if (cli->json)
            continue; /* they are in the document */
        buf_printf(&text, "%swarning:%s ", colour ? "\x1b[33m" : "", colour ? "\x1b[0m" : "");
        cli_add_visible(&text, str_of(warning));
        buf_putc(&text, '\n');
    }
    if (text.len > 0)
        to_stderr(&text);
}

void cli_note(struct cli *cli, const char *format, ...)
{
    char text[2048];
    va_list args;
    AUTO(buf_done) struct buf out = BUF_INIT;
    if (cli->quiet || cli->json)
        return;
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    buf_puts(&out, text);
    to_stderr(&out);
}
