/* An answer in the other forms of `ask`: the figure below the table, a report or a figure as a
 * file. */
#include "cli/render.h"

#include "base/clock.h"
#include "base/file.h"
#include "figure/figure.h"
#include "report/report.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Braille and blocks, unless the locale says that they can't be shown. */
static bool shows_unicode(void)
{
    static const char *const names[] = {"LC_ALL", "LC_CTYPE", "LANG"};
    const char *terminal = getenv("TERM");
    if (terminal != NULL && strcmp(terminal, "dumb") == 0)
        return false;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const char *value = getenv(names[i]);
        if (value == NULL || value[0] == '\0')
            continue;
        struct str text = str_of(value);
        return str_has_suffix_nocase(text, "utf-8") || str_has_suffix_nocase(text, "utf8");
    }
    return true;
}

enum err_code cli_put_figure(struct cli *cli, const json_t *answer, struct err *err)
{
    const json_t *json = json_object_get(answer, "figure");
    AUTO(figure_free) struct figure *figure = NULL;
    struct figure_text_options options = {
        .width = cli->width, .unicode = shows_unicode(), .colour = cli->colour};
    if (!json_is_object(json))
        return ERR_OK;
    TRY(figure_read(json, &figure, err));
    cli_say(cli, "\n");
    return figure_text(figure, &options, &cli->out, err);
}

static enum err_code draw_svg(const json_t *answer, struct buf *ret, struct err *err)
{
    const json_t *json = json_object_get(answer, "figure");
    AUTO(figure_free) struct figure *figure = NULL;
    if (!json_is_object(json)) {
        err_set(err, ERR_INPUT, "this answer has no figure: it is %s",
                strcmp(json_text(answer, "status", ""), "answered") == 0 ? "one value or a list"
                                                                         : "not answered");
        return err_hint(err, "--format html or md has the whole answer");
    }
    TRY(figure_read(json, &figure, err));
    return figure_svg(figure, json_text(answer, "reading", NULL), true, ret, err);
}

enum err_code cli_ask_document(const char *format, const char *question, const json_t *answer,
                               struct buf *ret, struct err *err)
{
    char now[32];
    struct report_about about = {question, clock_format(clock_now_us(), now)};
    if (strcmp(format, "svg") == 0)
        return draw_svg(answer, ret, err);
    if (strcmp(format, "json") == 0)
        return json_pretty(answer, ret, err);
    return report_document(answer, &about,
                           strcmp(format, "html") == 0 ? REPORT_HTML : REPORT_MARKDOWN, ret, err);
}

enum err_code cli_check_output(struct cli *cli, struct err *err)
{
    const char *path = cli_text(cli, "output", NULL);
    if (path == NULL || cli_flag(cli, "overwrite") || !file_exists(path))
        return ERR_OK;
    err_set(err, ERR_INPUT, "'%s' is there already", path);
    return err_hint(err, "give another name, or --overwrite");
}

enum err_code cli_write_output(struct cli *cli, struct str bytes, struct err *err)
{
    const char *path = cli_text(cli, "output", NULL);
    char staged[FILE_PATH_BYTES], size[32];
    TRY(cli_check_output(cli, err));
    int length = snprintf(staged, sizeof staged, "%s.part-%ld", path, (long)getpid());
    if (length < 0 || (size_t)length >= sizeof staged)
        return err_set(err, ERR_LIMIT, "the path of --output is too long");
    if (cli_flag(cli, "overwrite")) {
        TRY(file_replace(path, bytes, err));
    } else {
        TRY(file_write_new(staged, bytes, err));
        enum err_code code = file_publish(staged, path, NULL, err);
        if (code != ERR_OK) {
            (void)!file_remove(staged, ERR_IGNORED);
            return code;
        }
    }
    cli_note(cli, "✓ %s: %s\n", cli_bytes((int64_t)bytes.len, size), path);
    return ERR_OK;
}
