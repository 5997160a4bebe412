/* Help, generated from the table of verbs: examples first, then what it does, then the options. And
 * the same as a man page. */
#include "cli/cli.h"

#include <string.h>

#define HELP_WIDTH 140 /* without a terminal */

static void put_examples(struct cli *cli, const struct cli_verb *verb)
{
    for (const char *const *example = verb->examples; *example != NULL; example += 2) {
        cli_say(cli, "  ");
        cli_style(cli, CLI_GOOD, "%s", example[0]);
        cli_style(cli, CLI_DIM, "   # %s\n", example[1]);
    }
}

static void put_options(struct cli *cli, const struct cli_option *options)
{
    for (const struct cli_option *o = options; o != NULL && o->name != NULL; o++) {
        int width =
            (int)strlen(o->name) + (o->value == NULL ? 0 : 1 + cli_text_width(str_of(o->value)));
        cli_say(cli, "  --%s%s%s%*s  %s\n", o->name, o->value == NULL ? "" : " ",
                o->value == NULL ? "" : o->value, width < 22 ? 22 - width : 0, "", o->purpose);
    }
}

static void wrap(struct cli *cli)
{
    cli_wrap(&cli->out, 0, cli->width > 0 ? cli->width : HELP_WIDTH);
}

void cli_help_verb(struct cli *cli, const struct cli_verb *verb)
{
    put_examples(cli, verb);
    cli_say(cli, "\n%s.\n", verb->purpose);
    if (verb->detail != NULL)
        cli_say(cli, "%s\n", verb->detail);
    cli_say(cli, "\nUsage: marrow %s%s%s%s\n", verb->name, verb->arguments[0] == '\0' ? "" : " ",
            verb->arguments, verb->options == NULL ? "" : " [options]");
    if (verb->options != NULL) {
        cli_say(cli, "\nOptions:\n");
        put_options(cli, verb->options);
    }
    cli_say(cli, "\nCommon to all commands:\n");
    put_options(cli, cli_common_options());
    wrap(cli);
}

static void put_verb_line(struct cli *cli, const struct cli_verb *verb)
{
    cli_say(cli, "  ");
    cli_style(cli, CLI_BOLD, "%-12s", verb->name);
    cli_say(cli, "  %s\n", verb->purpose);
}

bool cli_help_group(struct cli *cli, const char *group)
{
    bool found = false;
    size_t length = strlen(group);
    for (const struct cli_verb *verb = cli_verbs(); verb->name != NULL; verb++) {
        if (strncmp(verb->name, group, length) != 0 || verb->name[length] != ' ')
            continue;
        if (found)
            cli_say(cli, "\n");
        cli_style(cli, CLI_BOLD, "%s", verb->purpose);
        cli_say(cli, "\n");
        put_examples(cli, verb);
        found = true;
    }
    if (found)
        cli_say(cli, "\nmarrow %s COMMAND --help tells more.\n", group);
    wrap(cli);
    return found;
}

void cli_help_overview(struct cli *cli)
{
    cli_style(cli, CLI_BOLD, "marrow");
    cli_say(cli, ": from a ZIP of hospital tables to a mart you can trust and query.\n\nTry:\n");
    static const char *const tour[] = {
        "marrow demo-data ./hospital", "marrow import ./hospital/hospital.zip --name hospital",
        "marrow relations hospital", "marrow mart build hospital --grain patient",
        "marrow sql hospital \"SELECT * FROM mart_patient LIMIT 5\""};
    for (size_t i = 0; i < sizeof tour / sizeof *tour; i++) {
        cli_say(cli, "  ");
        cli_style(cli, CLI_GOOD, "%s\n", tour[i]);
    }
    cli_say(cli, "\nCommands:\n");
    for (const struct cli_verb *verb = cli_verbs(); verb->name != NULL; verb++)
        put_verb_line(cli, verb);
    cli_say(cli, "\nCommon to all commands:\n");
    put_options(cli, cli_common_options());
    cli_say(cli, "\nmarrow COMMAND --help shows examples. Exit status: 0 ok, 1 failed, 2 usage, 3 "
                 "input rejected, 4 locked, 5 integrity, 6 not found, 130 interrupted.\n");
    wrap(cli);
}

enum err_code verb_help(struct cli *cli, struct err *err)
{
    int words = 0;
    const char *first = cli_word(cli, 0);
    if (cli_flag(cli, "man")) {
        cli_help_man(cli);
        return ERR_OK;
    }
    if (first == NULL) {
        cli_help_overview(cli);
        return ERR_OK;
    }
    const struct cli_verb *verb = cli_verb_find(first, cli_word(cli, 1), &words);
    if (verb != NULL) {
        cli_help_verb(cli, verb);
        return ERR_OK;
    }
    if (cli_help_group(cli, first))
        return ERR_OK;
    struct nearest nearest = {.asked = first};
    for (const struct cli_verb *v = cli_verbs(); v->name != NULL; v++)
        nearest_offer(&nearest, v->name);
    err_set(err, ERR_USAGE, "'%.200s' is no marrow command", first);
    return nearest_text(&nearest) != NULL
               ? err_hint(err, "did you mean 'marrow help %s'?", nearest_text(&nearest))
               : err_hint(err, "'marrow help' lists the commands");
}

/* ---- the man page ------------------------------------------------------------------------------
 */

/* Text for troff: backslashes and dashes escaped, no line that begins with a request. */
static void put_troff(struct cli *cli, const char *text)
{
    bool start = true;
    for (const char *p = text; *p != '\0'; p++) {
        if (start && (*p == '.' || *p == '\''))
            buf_puts(&cli->out, "\\&");
        if (*p == '\\')
            buf_puts(&cli->out, "\\e");
        else if (*p == '-')
            buf_puts(&cli->out, "\\-");
        else
            buf_putc(&cli->out, *p);
        start = *p == '\n';
    }
}

static void put_troff_options(struct cli *cli, const struct cli_option *options)
{
    for (const struct cli_option *o = options; o != NULL && o->name != NULL; o++) {
        cli_say(cli, ".TP\n\\fB\\-\\-");
        put_troff(cli, o->name);
        cli_say(cli, "\\fR");
        if (o->value != NULL) {
            cli_say(cli, " \\fI");
            put_troff(cli, o->value);
            cli_say(cli, "\\fR");
        }
        cli_say(cli, "\n");
        put_troff(cli, o->purpose);
        cli_say(cli, "\n");
    }
}

static void put_troff_verb(struct cli *cli, const struct cli_verb *verb)
{
    cli_say(cli, ".SS marrow ");
    put_troff(cli, verb->name);
    if (verb->arguments[0] != '\0') {
        cli_say(cli, " ");
        put_troff(cli, verb->arguments);
    }
    cli_say(cli, "\n");
    put_troff(cli, verb->purpose);
    cli_say(cli, ".\n");
    if (verb->detail != NULL) {
        put_troff(cli, verb->detail);
        cli_say(cli, "\n");
    }
    put_troff_options(cli, verb->options);
    cli_say(cli, ".PP\n.nf\n");
    for (const char *const *example = verb->examples; *example != NULL; example += 2) {
        cli_say(cli, "    ");
        put_troff(cli, example[0]);
        cli_say(cli, "\n");
    }
    cli_say(cli, ".fi\n");
}

#define MAN_STATUS(name, text, exit_status, http_status, meaning)                                  \
    {ERR_##name, exit_status, meaning},
static void put_troff_statuses(struct cli *cli)
{
    static const struct {
        enum err_code code;
        int status;
        const char *meaning;
    } statuses[] = {
#define ERR(name, text, exit_status, http_status, meaning)                                         \
    MAN_STATUS(name, text, exit_status, http_status, meaning)
#include "base/err.def"
#undef ERR
    };
    cli_say(cli, ".SH EXIT STATUS\n");
    for (size_t i = 0; i < sizeof statuses / sizeof *statuses; i++) {
        cli_say(cli, ".TP\n\\fB%d\\fR (%s)\n", statuses[i].status, err_code_name(statuses[i].code));
        put_troff(cli, statuses[i].meaning);
        cli_say(cli, "\n");
    }
}

void cli_help_man(struct cli *cli)
{
    cli_say(
        cli,
        ".\\\" Generated by 'marrow help --man'; do not edit.\n.TH MARROW 1 \"\" "
        "\"marrow " MARROW_VERSION "\" \"User Commands\"\n"
        ".SH NAME\nmarrow \\- from a ZIP of hospital tables to a mart you can trust and query\n"
        ".SH SYNOPSIS\n\\fBmarrow\\fR \\fICOMMAND\\fR [\\fIargument\\fR ...] [\\fIoption\\fR ...]\n"
        ".SH DESCRIPTION\nMarrow takes clinical tables in, keeps them as immutable, "
        "content\\-hashed versions, finds the keys between them and builds one table per\n"
        "patient, admission or event in which nothing is counted twice. It works offline.\n.SH "
        "COMMANDS\n");
    for (const struct cli_verb *verb = cli_verbs(); verb->name != NULL; verb++)
        put_troff_verb(cli, verb);
    cli_say(cli, ".SH COMMON OPTIONS\n");
    put_troff_options(cli, cli_common_options());
    put_troff_statuses(cli);
    cli_say(cli, ".SH ENVIRONMENT\n.TP\n\\fBMARROW_STORE\\fR\nthe store's directory, where "
                 "\\-\\-store is not given\n.TP\n\\fBNO_COLOR\\fR\nwhen set and not empty, no "
                 "colours\n.TP\n\\fBCOLUMNS\\fR\n"
                 "width of tables on a terminal\n.SH SEE ALSO\n\\fBduckdb\\fR(1)\n");
}
