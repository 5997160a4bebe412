/* stdout: text gathers in cli->out and leaves in large writes. A reader that has gone (head, less)
 * ends the program quietly; a full disk is an error like any other. */
#include "cli/render.h"

#include "base/file.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#define OUT_FLUSH_BYTES (256 * 1024)

static const char *const style_codes[] = {"",         "\x1b[1m",  "\x1b[2m",
                                          "\x1b[32m", "\x1b[33m", "\x1b[31m"};

const char *cli_style_on(const struct cli *cli, enum cli_style style)
{
    return cli->colour ? style_codes[style] : "";
}

const char *cli_style_off(const struct cli *cli, enum cli_style style)
{
    return cli->colour && style != CLI_PLAIN ? "\x1b[0m" : "";
}

static void add_formatted(struct buf *out, const char *format, va_list args)
{
    char text[4096];
    int length = vsnprintf(text, sizeof text, format, args);
    if (length > 0)
        buf_add(out, text, (size_t)length < sizeof text ? (size_t)length : sizeof text - 1);
}

void cli_style(struct cli *cli, enum cli_style style, const char *format, ...)
{
    va_list args;
    buf_puts(&cli->out, cli_style_on(cli, style));
    va_start(args, format);
    add_formatted(&cli->out, format, args);
    va_end(args);
    buf_puts(&cli->out, cli_style_off(cli, style));
}

void cli_say(struct cli *cli, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    add_formatted(&cli->out, format, args);
    va_end(args);
}

enum err_code cli_flush(struct cli *cli, struct err *err)
{
    TRY(buf_check(&cli->out, err));
    if (cli->out.len == 0)
        return ERR_OK;
    cli_progress_end(cli);
    errno = 0;
    enum err_code code =
        file_write_fd(STDOUT_FILENO, cli->out.ptr, cli->out.len, "standard output", err);
    buf_clear(&cli->out);
    if (code != ERR_OK && errno == EPIPE) {
        cli->broken_pipe = true;
        return err_set(err, ERR_INTERRUPTED, "the reader of the output has gone");
    }
    return code;
}

enum err_code cli_flush_some(struct cli *cli, struct err *err)
{
    return cli->out.len >= OUT_FLUSH_BYTES ? cli_flush(cli, err) : buf_check(&cli->out, err);
}
