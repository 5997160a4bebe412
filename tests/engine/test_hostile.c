/* What must never bring the engine down: callbacks that fail in any phase, hostile SQL given to the
 * inspection, wrong arguments to Marrow's own functions. */
#include "engine_test.h"

#include <stdatomic.h>

#include "engine/functions_priv.h"

/* ---- states, counted: an aggregate whose n-th call of a phase fails ----------------------------- */

enum phase { PHASE_NONE, PHASE_UPDATE, PHASE_COMBINE, PHASE_FINALIZE };
static atomic_int failing_phase, calls_left;
static atomic_llong blocks_alive;

struct block_state {
    void *block; /* made by the first update or combine */
};

static bool phase_fails(enum phase phase)
{
    return atomic_load(&failing_phase) == (int)phase && atomic_fetch_sub(&calls_left, 1) == 1;
}

static void block_init(void *state)
{
    memset(state, 0, sizeof(struct block_state));
}

static enum err_code block_need(struct block_state *state, struct err *err)
{
    if (state->block == NULL) {
        state->block = malloc(8);
        atomic_fetch_add(&blocks_alive, 1);
    }
    return state->block != NULL ? ERR_OK : err_set(err, ERR_MEMORY, "no block");
}

static enum err_code block_update(const struct data_batch *in, void *const *states, struct err *err)
{
    for (int64_t row = 0; row < in->rows; row++)
        TRY(block_need(states[row], err));
    return phase_fails(PHASE_UPDATE) ? err_set(err, ERR_MEMORY, "injected in update") : ERR_OK;
}

static enum err_code block_combine(void *const *sources, void *const *targets, int64_t count,
                                   struct err *err)
{
    (void)sources;
    for (int64_t idx = 0; idx < count; idx++)
        TRY(block_need(targets[idx], err));
    return phase_fails(PHASE_COMBINE) ? err_set(err, ERR_MEMORY, "injected in combine") : ERR_OK;
}

static enum err_code block_finalize(void *const *states, int64_t count, struct arena *arena,
                                    struct data_vector *ret, int64_t offset, struct err *err)
{
    (void)states, (void)arena;
    for (int64_t idx = 0; idx < count; idx++)
        ret->i64[offset + idx] = 1;
    return phase_fails(PHASE_FINALIZE) ? err_set(err, ERR_MEMORY, "injected in finalize") : ERR_OK;
}

static void block_done(void *state)
{
    struct block_state *block = state;
    if (block->block == NULL)
        return;
    free(block->block);
    block->block = NULL;
    atomic_fetch_sub(&blocks_alive, 1);
}

static void fail_in(enum phase phase, int nth, const char *sql)
{
    struct err err = {0};
    int64_t ignored;
    struct engine *engine = open_engine(2);
    const struct data_type bigint = DATA_TYPE(BIGINT);
    const struct engine_aggregate block = {"test_block", &bigint, 1, bigint,
                                           sizeof(struct block_state), block_init, block_update,
                                           block_combine, block_finalize, block_done};
    OK(engine_register_aggregate(engine, &block, &err));
    OK(engine_execute(engine, "CREATE TABLE t AS SELECT i, i % 1000 AS g FROM range(400000) r(i)",
                      NULL, 0, &err));
    atomic_store(&calls_left, nth);
    atomic_store(&failing_phase, (int)phase);
    enum err_code code = engine_query_int(engine, sql, 0, &ignored, &err);
    bool fired = atomic_load(&calls_left) <= 0;
    atomic_store(&failing_phase, (int)PHASE_NONE);
    if (fired) {
        assert_int_equal(code, ERR_MEMORY);
        assert_non_null(strstr(err.message, "injected"));
    } else {
        assert_int_equal(code, ERR_OK);
    }
    assert_string_equal(ask(engine, "SELECT test_block(i) FROM t"), "1"); /* still of use */
    engine_close(engine);
    if (atomic_load(&blocks_alive) != 0)
        fail_msg("phase %d call %d leaves %lld states: %s", (int)phase, nth,
                 (long long)atomic_load(&blocks_alive), sql);
}

static void a_failing_callback_frees_every_state(void **state)
{
    (void)state;
    static const char *const statements[] = {
        "SELECT test_block(i) FROM t",
        "SELECT sum(b + c) FROM (SELECT test_block(i) b, test_block(i + 1) c FROM t)",
        "SELECT sum(b) FROM (SELECT test_block(i) b FROM t GROUP BY g)",
        "SELECT sum(b) FROM (SELECT test_block(DISTINCT i) b FROM t GROUP BY g)",
        "SELECT sum(b) FROM (SELECT test_block(i) OVER (PARTITION BY g) b FROM t)",
    };
    for (size_t idx = 0; idx < sizeof statements / sizeof *statements; idx++)
        for (int phase = PHASE_UPDATE; phase <= PHASE_FINALIZE; phase++)
            for (int nth = 1; nth <= 5; nth += 2)
                fail_in((enum phase)phase, nth, statements[idx]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_failing_callback_frees_every_state),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
