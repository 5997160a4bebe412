/* Long work, shown: a bar with rate and time left on a terminal's stderr, JSON or text lines with
 * --log, nothing otherwise. SIGINT and SIGTERM set a flag that the work asks for; a second one
 * kills at once (the store stays as it was: publishing is a rename). Reports may come from any
 * thread. */
#include "cli/cli.h"

#include "base/clock.h"
#include "base/log.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define BAR_EVERY_US 100000
#define BAR_AFTER_US 300000 /* quick work shows no bar */
#define LOG_EVERY_US 1000000
#define BAR_CELLS 20

static volatile sig_atomic_t signals_seen;

static void on_signal(int number)
{
    signals_seen = signals_seen + 1;
    if (signals_seen > 1) {
        (void)signal(number, SIG_DFL);
        (void)raise(number);
    }
}

void cli_signals_install(void)
{
    struct sigaction action = {.sa_handler = on_signal};
    (void)sigemptyset(&action.sa_mask);
    (void)sigaction(SIGINT, &action, NULL);
    (void)sigaction(SIGTERM, &action, NULL);
}

bool cli_interrupted(void)
{
    return signals_seen > 0;
}

static struct {
    pthread_mutex_t mutex;
    bool bar, log, shown;
    char phase[32], subject[128];      /* of the step that runs */
    int64_t work_us, step_us, last_us; /* monotonic: work began, step began, last drawn */
} progress_state = {.mutex = PTHREAD_MUTEX_INITIALIZER};

static void write_stderr(const char *text)
{
    if (write(STDERR_FILENO, text, strlen(text)) < 0) {
        /* nowhere to tell it */
    }
}

static void put_rate(struct buf *line, const struct progress_event *event, int64_t elapsed_us)
{
    char text[32];
    double rate = elapsed_us > 0 ? (double)event->done / ((double)elapsed_us / 1e6) : 0;
    if (rate <= 0 || elapsed_us < BAR_AFTER_US)
        return;
    bool bytes = strcmp(event->unit, "bytes") == 0;
    if (bytes)
        buf_printf(line, "  %s/s", cli_bytes((int64_t)rate, text));
    else if (event->total > 100 && rate >= 10) /* a total of 100 is a share, not a count */
        buf_printf(line, "  %s %s/s", cli_count((int64_t)rate, text), event->unit);
    if (event->total > event->done) {
        int64_t left = (int64_t)((double)(event->total - event->done) / rate);
        buf_printf(line, "  %lld:%02lld left", (long long)(left / 60), (long long)(left % 60));
    }
}

static void draw(const struct progress_event *event, int64_t elapsed_us)
{
    AUTO(buf_done) struct buf line = BUF_INIT;
    char text[32];
    buf_printf(&line, "\r\x1b[K%-8.20s ", event->phase);
    struct str subject = str_of(event->subject);
    cli_add_visible(
        &line, (struct str){subject.ptr, subject.len > 28
                                             ? str_utf8_valid_prefix((struct str){subject.ptr, 28})
                                             : subject.len});
    buf_puts(&line, "  ");
    if (event->total > 0) {
        double share = (double)event->done / (double)event->total;
        int full = (int)(share * BAR_CELLS);
        full = full < 0 ? 0 : full > BAR_CELLS ? BAR_CELLS : full;
        for (int i = 0; i < BAR_CELLS; i++)
            buf_puts(&line, i < full ? "█" : "░");
        buf_printf(&line, " %3d %%", (int)(share > 1 ? 100 : share * 100));
    } else {
        bool bytes = strcmp(event->unit, "bytes") == 0;
        buf_printf(&line, "%s%s%s",
                   bytes ? cli_bytes(event->done, text) : cli_count(event->done, text),
                   bytes ? "" : " ", bytes ? "" : event->unit);
    }
    put_rate(&line, event, elapsed_us);
    write_stderr(buf_text(&line));
    progress_state.shown = true;
}

static void log_progress(const struct progress_event *event)
{
    struct log_field fields[] = {
        {.key = "phase", .text = event->phase},
        {.key = "subject", .text = event->subject},
        {.key = "done", .number = event->done},
        {.key = "total", .number = event->total},
        {.key = "unit", .text = event->unit},
        {.key = "elapsed_ms", .number = (clock_monotonic_us() - progress_state.work_us) / 1000},
    };
    log_event("progress", fields, sizeof fields / sizeof *fields);
}

static void report(void *user, const struct progress_event *given)
{
    (void)user;
    struct progress_event event = *given;
    event.phase = event.phase == NULL ? "" : event.phase;
    event.subject = event.subject == NULL ? "" : event.subject;
    event.unit = event.unit == NULL ? "" : event.unit;
    (void)pthread_mutex_lock(&progress_state.mutex);
    int64_t now = clock_monotonic_us();
    bool whole =
        strcmp(event.phase, "import") == 0 || strcmp(event.phase, "recognise") == 0; /* one total */
    bool same = strncmp(progress_state.phase, event.phase, sizeof progress_state.phase - 1) == 0 &&
                (whole || strncmp(progress_state.subject, event.subject,
                                  sizeof progress_state.subject - 1) == 0);
    if (!same) {
        (void)snprintf(progress_state.phase, sizeof progress_state.phase, "%s", event.phase);
        (void)snprintf(progress_state.subject, sizeof progress_state.subject, "%s", event.subject);
        progress_state.step_us = now;
    }
    if (progress_state.log && (!same || now - progress_state.last_us >= LOG_EVERY_US)) {
        log_progress(&event);
        progress_state.last_us = now;
    } else if (progress_state.bar && now - progress_state.work_us >= BAR_AFTER_US &&
               now - progress_state.last_us >= BAR_EVERY_US) {
        draw(&event, now - progress_state.step_us);
        progress_state.last_us = now;
    }
    (void)pthread_mutex_unlock(&progress_state.mutex);
}

static bool cancelled(void *user)
{
    (void)user;
    return cli_interrupted();
}

void cli_progress_init(struct cli *cli)
{
    progress_state.log = cli_text(cli, "log", NULL) != NULL;
    progress_state.bar = !progress_state.log && cli->stderr_tty && !cli->quiet && !cli->json;
    progress_state.work_us = clock_monotonic_us();
    cli->progress = (struct progress){.report = report, .cancelled = cancelled, .user = NULL};
}

void cli_progress_end(struct cli *cli)
{
    (void)cli;
    (void)pthread_mutex_lock(&progress_state.mutex);
    if (progress_state.shown)
        write_stderr("\r\x1b[K");
    progress_state.shown = false;
    (void)pthread_mutex_unlock(&progress_state.mutex);
}
