/* One pass over resources for all views of a program, on several threads: each takes a block of the input, evaluates it with a
 * worker of its own, and hands the rows to an appender of its own (tables), or formats them and waits for its turn to write
 * (stream), so that the stream has the order of the input. If blocks fail, the error is that of the first of them in the input,
 * whichever thread came to it first. */
#include "api/view_pass.h"

#include <pthread.h>
#include <unistd.h>

#include "api/view_pass_priv.h"

#define THREADS_MOST 64

struct pass {
    const struct fhir_program *program;
    const struct view_pass_writer *writer; /* or */
    struct engine_fill *fill;
    const struct progress *progress;
    struct view_blocks blocks;
    pthread_mutex_t lock; /* guards all below and blocks */
    pthread_cond_t turn;
    int64_t written; /* blocks whose text is written */
    int64_t done;    /* bytes */
    bool failed, ended;
    int64_t failed_sequence;
    struct err err;
    struct fhir_counts counts;
};
struct runner {
    struct pass *pass;
    bool is_main; /* reports progress */
    struct fhir_worker *worker;
    struct engine_fill_worker *fill;
    struct view_block block;
    struct buf text;
    pthread_t thread;
};

static enum err_code take_batch(void *user, size_t view, const struct data_batch *batch, struct err *err)
{
    struct runner *runner = user;
    const struct pass *pass = runner->pass;
    if (runner->fill != NULL)
        return engine_fill_batch(runner->fill, view, batch, err);
    return pass->writer->format(pass->writer->user, view, fhir_program_schema(pass->program, view), batch, &runner->text, err);
}

static void fail_at(struct pass *pass, int64_t sequence, const struct err *err)
{
    pthread_mutex_lock(&pass->lock);
    if (!pass->failed || sequence < pass->failed_sequence) {
        pass->failed = true;
        pass->failed_sequence = sequence;
        pass->err = *err;
    }
    pthread_cond_broadcast(&pass->turn);
    pthread_mutex_unlock(&pass->lock);
}

/* False: the input is at its end, or something failed. */
static bool take_block(struct runner *runner, struct err *err)
{
    struct pass *pass = runner->pass;
    bool taken = false;
    pthread_mutex_lock(&pass->lock);
    int64_t sequence = pass->blocks.sequence;
    enum err_code code = pass->failed || pass->ended ? ERR_OK : view_blocks_next(&pass->blocks, &runner->block, &taken, err);
    pass->ended = pass->ended || !taken;
    pthread_mutex_unlock(&pass->lock);
    if (code != ERR_OK)
        fail_at(pass, sequence, err);
    return code == ERR_OK && taken;
}

/* In the order of the input; one at a time. */
static enum err_code write_text(struct runner *runner, struct err *err)
{
    struct pass *pass = runner->pass;
    enum err_code code = buf_check(&runner->text, err);
    if (code != ERR_OK)
        return code;
    pthread_mutex_lock(&pass->lock);
    while (pass->written != runner->block.sequence && !pass->failed)
        pthread_cond_wait(&pass->turn, &pass->lock);
    bool mine = pass->written == runner->block.sequence;
    pthread_mutex_unlock(&pass->lock);
    if (mine && runner->text.len > 0)
        code = pass->writer->write(pass->writer->user, buf_view(&runner->text), err);
    if (!mine || code != ERR_OK)
        return code;
    pthread_mutex_lock(&pass->lock);
    pass->written++;
    pthread_cond_broadcast(&pass->turn);
    pthread_mutex_unlock(&pass->lock);
    return ERR_OK;
}

static enum err_code run_block(struct runner *runner, struct err *err)
{
    struct view_block *block = &runner->block;
    buf_clear(&runner->text);
    TRY(progress_check(runner->pass->progress, err));
    TRY(view_block_read(block, err));
    enum err_code code = block->part != NULL ? fhir_worker_run_lines(runner->worker, block->text, true, err)
                                             : fhir_worker_run(runner->worker, block->docs, block->doc_count, true, err);
    if (code != ERR_OK)
        view_block_blame(block, err);
    if (code != ERR_OK || runner->pass->writer == NULL)
        return code;
    return write_text(runner, err);
}

static void report(struct runner *runner)
{
    struct pass *pass = runner->pass;
    struct progress_event event = {.phase = "views", .subject = "", .unit = "bytes"};
    pthread_mutex_lock(&pass->lock);
    pass->done += (int64_t)runner->block.text.len;
    event.done = pass->done;
    event.total = pass->blocks.total;
    pthread_mutex_unlock(&pass->lock);
    if (runner->is_main)
        progress_report(pass->progress, &event);
}

/* What is still in batches and appenders goes out in each worker's own thread: flushing is a good part of the work. */
static enum err_code flush(struct runner *runner, struct err *err)
{
    struct pass *pass = runner->pass;
    struct fhir_counts counts;
    TRY(fhir_worker_finish(runner->worker, &counts, err));
    struct engine_fill_worker *fill = runner->fill;
    runner->fill = NULL;
    TRY(engine_fill_worker_close(fill, true, err));
    pthread_mutex_lock(&pass->lock);
    pass->counts.resources += counts.resources;
    pass->counts.passed_over += counts.passed_over;
    pass->counts.nulled += counts.nulled;
    pthread_mutex_unlock(&pass->lock);
    return ERR_OK;
}

static void *runner_main(void *user)
{
    struct runner *runner = user;
    struct err err = {0};
    enum err_code code = ERR_OK;
    while (code == ERR_OK && take_block(runner, &err)) {
        code = run_block(runner, &err);
        if (code == ERR_OK)
            report(runner);
    }
    pthread_mutex_lock(&runner->pass->lock);
    bool failed = runner->pass->failed;
    pthread_mutex_unlock(&runner->pass->lock);
    int64_t sequence = code != ERR_OK ? runner->block.sequence : INT64_MAX;
    if (code == ERR_OK && !failed)
        code = flush(runner, &err);
    if (code != ERR_OK)
        fail_at(runner->pass, sequence, &err);
    return NULL;
}

/* ---- threads ----------------------------------------------------------------------------------- */

static enum err_code runner_init(struct runner *runner, struct pass *pass, struct err *err)
{
    struct fhir_sink sink = {take_batch, runner};
    *runner = (struct runner){.pass = pass, .block = {.fd = -1}};
    TRY(fhir_worker_new(pass->program, &sink, &runner->worker, err));
    return pass->fill != NULL ? engine_fill_worker_new(pass->fill, &runner->fill, err) : ERR_OK;
}

/* Rows that are not flushed by now are of a pass that failed. */
static void runner_done(struct runner *runner)
{
    if (engine_fill_worker_close(runner->fill, false, ERR_IGNORED) != ERR_OK)
        runner->pass->failed = true;
    fhir_worker_free(runner->worker);
    view_block_done(&runner->block);
    buf_done(&runner->text);
}

static size_t thread_count(const struct pass *pass, size_t wanted)
{
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    size_t count = wanted != 0 ? wanted : cores > 0 ? (size_t)cores : 1;
    size_t parts = pass->blocks.total > 0 ? (size_t)(pass->blocks.total >> 20) + 1 : THREADS_MOST; /* none for nothing */
    count = count < parts ? count : parts;
    return count < THREADS_MOST ? count : THREADS_MOST;
}

static enum err_code run_all(struct pass *pass, size_t threads, struct err *err)
{
    size_t count = thread_count(pass, threads), ready = 0, started = 1;
    struct runner *runners = mem_zalloc(count, sizeof *runners);
    enum err_code code = runners != NULL ? ERR_OK : err_set(err, ERR_MEMORY, "no memory to evaluate views");
    for (; code == ERR_OK && ready < count; ready++)
        code = runner_init(&runners[ready], pass, err);
    while (code == ERR_OK && started < count && pthread_create(&runners[started].thread, NULL, runner_main, &runners[started]) == 0)
        started++; /* fewer threads do it too */
    if (code == ERR_OK) {
        runners[0].is_main = true;
        runner_main(&runners[0]);
    }
    for (size_t idx = 1; code == ERR_OK && idx < started; idx++)
        pthread_join(runners[idx].thread, NULL);
    if (code == ERR_OK && pass->failed) {
        *err = pass->err;
        code = err->code;
    }
    for (size_t idx = 0; idx < ready; idx++)
        runner_done(&runners[idx]);
    mem_free(runners);
    return code;
}

static enum err_code run_pass(struct pass *pass, const struct view_pass_source *source, size_t threads, struct fhir_counts *ret, struct err *err)
{
    pthread_mutex_init(&pass->lock, NULL);
    pthread_cond_init(&pass->turn, NULL);
    enum err_code code = view_blocks_open(source, &pass->blocks, err);
    if (code == ERR_OK)
        code = run_all(pass, threads, err);
    view_blocks_close(&pass->blocks);
    pthread_cond_destroy(&pass->turn);
    pthread_mutex_destroy(&pass->lock);
    if (ret != NULL)
        *ret = pass->counts;
    return code;
}

/* ---- the door ---------------------------------------------------------------------------------- */

enum err_code view_pass_tables(const struct view_pass_source *source, const struct fhir_program *program, struct engine *engine, const char *schema,
                               const char *const *tables, size_t threads, const struct progress *progress, struct fhir_counts *ret, struct err *err)
{
    struct pass pass = {.program = program, .progress = progress};
    size_t count = fhir_program_view_count(program);
    struct engine_fill_table *targets = mem_zalloc(count + 1, sizeof *targets);
    if (targets == NULL)
        return err_set(err, ERR_MEMORY, "no memory to evaluate views");
    for (size_t idx = 0; idx < count; idx++)
        targets[idx] = (struct engine_fill_table){schema, tables[idx], fhir_program_schema(program, idx)};
    enum err_code code = engine_fill_open(engine, targets, count, &pass.fill, err);
    if (code == ERR_OK) {
        code = run_pass(&pass, source, threads, ret, err);
        if (code == ERR_OK)
            engine_fill_close(pass.fill);
        else
            engine_fill_abort(pass.fill);
    }
    mem_free(targets);
    return code;
}

enum err_code view_pass_stream(const struct view_pass_source *source, const struct fhir_program *program, const struct view_pass_writer *writer, size_t threads,
                               const struct progress *progress, struct fhir_counts *ret, struct err *err)
{
    struct pass pass = {.program = program, .progress = progress, .writer = writer};
    return run_pass(&pass, source, threads, ret, err);
}
