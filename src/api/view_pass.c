/* One pass over resources for all views of a program, on several threads: each takes a block of the input, evaluates it with a
 * worker that is free, and hands the rows to the engine, whose threads they are (tables), or formats them and waits for its turn to
 * write (stream), so that the stream has the order of the input. If blocks fail, the error is that of the first of them in the
 * input, whichever thread came to it first. */
#include "api/view_pass.h"

#include <pthread.h>
#include <unistd.h>

#include "api/view_pass_priv.h"
#include "api/views_nulled.h"

#define THREADS_MOST 64
/* A thread that has fewer rows of a table than one of its groups (122,880) has them copied again: of resources of a kilobyte, so many bytes. */
#define FEW_BYTES ((int64_t)100 << 20)
#define FEW_THREADS 4

struct pass {
    const struct fhir_program *program;
    const struct view_pass_writer *writer; /* or NULL: tables */
    const struct progress *progress;
    json_t *nulled;            /* {table: what was made null}, or NULL */
    const char *const *tables; /* their names */
    struct view_blocks blocks;
    pthread_mutex_t lock; /* guards all below and blocks */
    pthread_cond_t turn;
    int64_t written; /* blocks whose text is written */
    int64_t done;    /* bytes */
    bool failed, ended, nulled_built;
    int64_t failed_sequence;
    struct err err;
    struct fhir_counts counts;
    struct runner *runners; /* as many as threads */
    struct runner *idle;    /* tables: those that no thread has */
    size_t count;
    pthread_t main; /* reports progress */
};
struct runner {
    struct pass *pass;
    struct runner *next;
    struct fhir_worker *worker;
    struct engine_fill_piece *piece; /* tables: that it does */
    struct view_block block;
    struct buf text;
    pthread_t thread;
};

static enum err_code take_batch(void *user, size_t view, const struct data_batch *batch, struct err *err)
{
    struct runner *runner = user;
    const struct pass *pass = runner->pass;
    if (runner->piece != NULL)
        return engine_fill_batch(runner->piece, view, batch, err);
    return pass->writer->format(pass->writer->user, view, fhir_program_schema(pass->program, view), batch, &runner->text, err);
}

/* Few resources are so. */
static void take_nulled(void *user, size_t view, struct str id, const char *column, int64_t cells)
{
    struct pass *pass = ((struct runner *)user)->pass;
    pthread_mutex_lock(&pass->lock);
    api_nulled_add(pass->nulled, pass->tables[view], id, column, cells, &pass->nulled_built);
    pthread_mutex_unlock(&pass->lock);
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

static enum err_code end_block(struct runner *runner, enum err_code code, struct err *err)
{
    struct pass *pass = runner->pass;
    struct err cut;
    pthread_mutex_lock(&pass->lock);
    if (view_block_end(&pass->blocks, &runner->block, &cut) != ERR_OK) {
        *err = cut; /* whatever else was found, this led to it */
        code = cut.code;
    }
    pthread_mutex_unlock(&pass->lock);
    return code;
}

static enum err_code run_block(struct runner *runner, struct err *err)
{
    struct view_block *block = &runner->block;
    buf_clear(&runner->text);
    TRY(progress_check(runner->pass->progress, err));
    view_block_read(block);
    enum err_code code = block->file != NULL ? fhir_worker_run_lines(runner->worker, block->text, true, err)
                                             : fhir_worker_run(runner->worker, block->docs, block->doc_count, true, err);
    if (code != ERR_OK)
        view_block_blame(block, err);
    if (code == ERR_OK && runner->pass->writer != NULL)
        code = write_text(runner, err);
    return end_block(runner, code, err);
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
    if (pthread_equal(pthread_self(), pass->main))
        progress_report(pass->progress, &event);
}

static enum err_code finish(struct runner *runner, struct err *err)
{
    struct pass *pass = runner->pass;
    struct fhir_counts counts;
    TRY(fhir_worker_finish(runner->worker, &counts, err));
    pass->counts.resources += counts.resources;
    pass->counts.passed_over += counts.passed_over;
    pass->counts.nulled += counts.nulled;
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
    if (code != ERR_OK)
        fail_at(runner->pass, runner->block.sequence, &err);
    return NULL;
}

/* One block, on a thread of the engine. Where a block failed, those before it are still evaluated: of several errors the first counts. */
static enum err_code run_piece(void *user, struct engine_fill_piece *piece, bool *ret_more, struct err *err)
{
    struct pass *pass = user;
    pthread_mutex_lock(&pass->lock);
    struct runner *runner = pass->idle;
    pass->idle = runner->next;
    pthread_mutex_unlock(&pass->lock);
    runner->piece = piece;
    enum err_code code = ERR_OK;
    *ret_more = take_block(runner, err);
    if (*ret_more) {
        code = run_block(runner, err);
        if (code == ERR_OK)
            report(runner);
        else
            fail_at(pass, runner->block.sequence, err);
    }
    runner->piece = NULL;
    pthread_mutex_lock(&pass->lock);
    runner->next = pass->idle;
    pass->idle = runner;
    if (pass->failed) {
        *err = pass->err;
        code = err->code;
    }
    pthread_mutex_unlock(&pass->lock);
    return code;
}

/* ---- threads ----------------------------------------------------------------------------------- */

static enum err_code runner_init(struct runner *runner, struct pass *pass, struct err *err)
{
    struct fhir_sink sink = {take_batch, runner, pass->nulled != NULL ? take_nulled : NULL};
    *runner = (struct runner){.pass = pass};
    return fhir_worker_new(pass->program, &sink, &runner->worker, err);
}

static void runner_done(struct runner *runner)
{
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

/* Stream: a thread a runner. */
static void run_threads(struct pass *pass)
{
    size_t started = 1;
    while (started < pass->count && pthread_create(&pass->runners[started].thread, NULL, runner_main, &pass->runners[started]) == 0)
        started++; /* fewer threads do it too */
    runner_main(&pass->runners[0]);
    for (size_t idx = 1; idx < started; idx++)
        pthread_join(pass->runners[idx].thread, NULL);
}

static enum err_code run_tables(struct pass *pass, struct engine *engine, const struct engine_fill_table *tables, struct err *err)
{
    /* With many threads the clock counts more than the copies. */
    bool few = pass->count <= FEW_THREADS && pass->blocks.total > 0 && pass->blocks.total / (int64_t)pass->count < FEW_BYTES;
    struct engine_fill_work work = {run_piece, pass, pass->count, few};
    for (size_t idx = 0; idx < pass->count; idx++)
        pass->runners[idx].next = idx + 1 < pass->count ? &pass->runners[idx + 1] : NULL;
    pass->idle = &pass->runners[0];
    return engine_fill(engine, tables, fhir_program_view_count(pass->program), &work, err);
}

/* tables NULL: stream */
static enum err_code run_all(struct pass *pass, size_t threads, struct engine *engine, const struct engine_fill_table *tables, struct err *err)
{
    size_t wanted = thread_count(pass, threads);
    enum err_code code = ERR_OK;
    pass->main = pthread_self();
    pass->runners = mem_zalloc(wanted, sizeof *pass->runners);
    if (pass->runners == NULL)
        return err_set(err, ERR_MEMORY, "no memory to evaluate views");
    while (code == ERR_OK && pass->count < wanted)
        code = runner_init(&pass->runners[pass->count++], pass, err);
    if (code == ERR_OK && tables != NULL)
        code = run_tables(pass, engine, tables, err);
    else if (code == ERR_OK)
        run_threads(pass);
    if (pass->failed) {
        *err = pass->err;
        code = err->code;
    }
    for (size_t idx = 0; idx < pass->count; idx++) {
        if (code == ERR_OK)
            code = finish(&pass->runners[idx], err);
        runner_done(&pass->runners[idx]);
    }
    mem_free(pass->runners);
    return code;
}

static enum err_code run_pass(struct pass *pass, const struct view_pass_source *source, size_t threads, struct engine *engine,
                              const struct engine_fill_table *tables, struct fhir_counts *ret, struct err *err)
{
    pass->nulled_built = true;
    pthread_mutex_init(&pass->lock, NULL);
    pthread_cond_init(&pass->turn, NULL);
    enum err_code code = view_blocks_open(source, &pass->blocks, err);
    if (code == ERR_OK)
        code = run_all(pass, threads, engine, tables, err);
    code = view_blocks_close(&pass->blocks, code, err);
    pthread_cond_destroy(&pass->turn);
    pthread_mutex_destroy(&pass->lock);
    if (ret != NULL)
        *ret = pass->counts;
    if (pass->nulled != NULL)
        api_nulled_sort(pass->nulled);
    return code == ERR_OK ? json_built(pass->nulled_built, err) : code;
}

/* ---- the door ---------------------------------------------------------------------------------- */

enum err_code view_pass_tables(const struct view_pass_source *source, const struct fhir_program *program, struct engine *engine, const char *schema,
                               const char *const *tables, size_t threads, const struct progress *progress, json_t *nulled, struct fhir_counts *ret, struct err *err)
{
    struct pass pass = {.program = program, .progress = progress, .nulled = nulled, .tables = tables};
    size_t count = fhir_program_view_count(program);
    struct engine_fill_table *targets = mem_zalloc(count + 1, sizeof *targets);
    if (targets == NULL)
        return err_set(err, ERR_MEMORY, "no memory to evaluate views");
    for (size_t idx = 0; idx < count; idx++)
        targets[idx] = (struct engine_fill_table){schema, tables[idx], fhir_program_schema(program, idx)};
    enum err_code code = run_pass(&pass, source, threads, engine, targets, ret, err);
    mem_free(targets);
    return code;
}

enum err_code view_pass_stream(const struct view_pass_source *source, const struct fhir_program *program, const struct view_pass_writer *writer, size_t threads,
                               const struct progress *progress, struct fhir_counts *ret, struct err *err)
{
    struct pass pass = {.program = program, .progress = progress, .writer = writer};
    return run_pass(&pass, source, threads, NULL, NULL, ret, err);
}
