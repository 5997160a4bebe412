/* A plan asked of an open engine: as Substrait where the engine takes it and the plan can be said
 * in it, else as SQL of the engine's dialect. What the engine's reader of Substrait does not know
 * or fails at (DataFusion's has such plans) is asked in SQL, too, which then says what is wrong. */
#include "plan/rewrite.h"
#include "run/run_priv.h"

static enum err_code ask_substrait(struct engine *engine, const struct plan_rel *closed,
                                   struct buf *ret_text, struct engine_result **ret,
                                   struct err *err)
{
    AUTO(buf_done) struct buf bytes = BUF_INIT;
    AUTO(plan_free) struct plan *over = plan_new_over(closed);
    const struct plan_rel *quick = NULL;
    TRY(plan_optimise(over, closed, &quick, err));
    TRY(dialect_substrait(quick, NULL, &bytes, err));
    TRY(engine_query_substrait(engine, buf_view(&bytes), ret, err));
    buf_printf(ret_text, "-- a plan in Substrait, %zu bytes\n", bytes.len);
    return buf_check(ret_text, err);
}

static enum err_code ask_sql(struct engine *engine, const struct run_question *question,
                             struct buf *ret_text, struct engine_result **ret, struct err *err)
{
    AUTO(plan_free) struct plan *over = plan_new_over(question->root);
    const struct plan_rel *quick = NULL;
    const struct engine_value *values = NULL;
    const char **names = NULL;
    size_t count = 0;
    TRY(plan_optimise(over, question->root, &quick, err));
    TRY(dialect_sql(dialect_find(engine_dialect(engine)), quick, NULL, ret_text, &names, &count,
                    err));
    enum err_code code =
        count == 0 ? ERR_OK : question->bind(question->user, names, count, &values, err);
    mem_free(names);
    TRY(code);
    return engine_query(engine, buf_text(ret_text), values, count, ret, err);
}

enum err_code run_query(struct engine *engine, const struct run_question *question,
                        bool *ret_substrait, struct buf *ret_text, struct engine_result **ret,
                        struct err *err)
{
    *ret_substrait = engine_can(engine, ENGINE_TAKES_SUBSTRAIT) && question->closed != NULL;
    if (*ret_substrait) {
        enum err_code code = ask_substrait(engine, question->closed, ret_text, ret, err);
        if (code != ERR_UNSUPPORTED && code != ERR_ENGINE)
            return code;
        *ret_substrait = false;
        buf_clear(ret_text);
    }
    return ask_sql(engine, question, ret_text, ret, err);
}
