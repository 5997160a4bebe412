/* One command line from start to exit status: parse, run the verb, write what it said, tell what
 * went wrong. */
#include "cli/cli.h"

#include "base/fault.h"
#include "base/log.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define TABLE_WIDTH_MINIMUM 40

static void look_at_terminal(struct cli *cli)
{
    struct winsize size;
    const char *columns = getenv("COLUMNS");
    const char *no_colour = getenv("NO_COLOR");
    const char *terminal = getenv("TERM");
    int64_t number = 0;
    cli->stdout_tty = isatty(STDOUT_FILENO) == 1;
    cli->stderr_tty = isatty(STDERR_FILENO) == 1;
    cli->colour = cli->stdout_tty && (no_colour == NULL || no_colour[0] == '\0') &&
                  (terminal == NULL || strcmp(terminal, "dumb") != 0);
    if (!cli->stdout_tty)
        return;
    cli->width = ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
    if (columns != NULL && str_to_int64(str_of(columns), &number) && number > 0 && number < 10000)
        cli->width = (int)number;
    if (cli->width < TABLE_WIDTH_MINIMUM)
        cli->width = TABLE_WIDTH_MINIMUM;
}

static void configure_log(struct cli *cli)
{
    const char *format = cli_text(cli, "log", NULL);
    if (format != NULL)
        log_configure(strcmp(format, "json") == 0 ? LOG_JSON : LOG_TEXT, STDERR_FILENO);
}

enum err_code cli_open(struct cli *cli, bool create, struct err *err)
{
    if (cli->api != NULL)
        return ERR_OK;
    struct api_options options = {
        .store = cli_text(cli, "store", NULL),
        .create = create,
        .storeless = cli_text(cli, "data", NULL) != NULL, /* files that go into no store */
        .memory_bytes = cli_number(cli, "memory", 0),
        .threads = cli_number(cli, "threads", 0),
        .spill = cli_text(cli, "spill", NULL),
        .speed = cli_text(cli, "speed", NULL),
        .spill_bytes = cli_number(cli, "spill-limit", 0),
        .show_values = cli_flag(cli, "show-values"),
        .progress = &cli->progress,
    };
    return api_open(&options, &cli->api, err);
}

void cli_next(struct cli *cli, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    (void)vsnprintf(cli->next, sizeof cli->next, format, args);
    va_end(args);
}

static enum err_code run_verb(struct cli *cli, struct err *err)
{
    if (cli->version) {
        cli_say(cli, "marrow " MARROW_VERSION "\n");
        return ERR_OK;
    }
    if (cli->verb == NULL) {
        if (cli->out.len == 0) /* else a group's help is said already */
            cli_help_overview(cli);
        return ERR_OK;
    }
    if (cli->help) {
        cli_help_verb(cli, cli->verb);
        return ERR_OK;
    }
    return cli->verb->run(cli, err);
}

static void log_end(const struct cli *cli, enum err_code code, int status)
{
    struct log_field fields[] = {
        {.key = "verb", .text = cli->verb != NULL ? cli->verb->name : ""},
        {.key = "code", .text = err_code_name(code)},
        {.key = "exit", .number = status},
    };
    log_event("end", fields, 3);
}

static int finish(struct cli *cli, enum err_code code, struct err *err)
{
    cli_progress_end(cli);
    if (code == ERR_OK || cli->out.len > 0) {
        struct err ignored;
        enum err_code written = cli_flush(cli, code == ERR_OK ? err : &ignored);
        code = code == ERR_OK ? written : code;
    }
    if (cli->broken_pipe)
        return 0;
    cli_print_warnings(cli);
    if (code != ERR_OK) {
        cli_print_error(cli, err);
        return err_code_exit(code);
    }
    if (cli->next[0] != '\0' && cli->stderr_tty && cli->stdout_tty)
        cli_note(cli, "\nnext: %s\n", cli->next);
    return cli->status;
}

int cli_main(int argc, char **argv)
{
    struct cli cli = {.status = 0};
    struct err err = {.code = ERR_OK};
#ifdef MARROW_FAULTS
    fault_arm_from_environment();
#endif
    (void)signal(SIGPIPE, SIG_IGN);
    cli_signals_install();
    json_install();
    look_at_terminal(&cli);
    enum err_code code = cli_args_parse(&cli, argc, argv, &err);
    if (code == ERR_OK) {
        configure_log(&cli);
        cli_progress_init(&cli);
        struct log_field verb = {.key = "verb", .text = cli.verb != NULL ? cli.verb->name : ""};
        log_event("begin", &verb, 1);
        code = run_verb(&cli, &err);
    }
    int status = finish(&cli, code, &err);
    log_end(&cli, code, status);
    api_close(cli.api);
    buf_done(&cli.out);
    cli_args_done(&cli);
    return status;
}
