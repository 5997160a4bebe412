/* Parameters: a mark in every text until the whole is put together, then $1, $2 … by their first
 * place in the text, or a ? for each place. */
#include "dialect/emit_priv.h"

#include <string.h>

static const char **new_names(struct emit *emit, size_t count)
{
    const char **names = count == 0 ? NULL : mem_zalloc(count, sizeof *names);
    if (count > 0 && names == NULL)
        emit->failed = true;
    return names;
}

static size_t mark_count(struct str sql)
{
    size_t count = 0;
    for (size_t i = 0; i < sql.len; i++)
        count += sql.ptr[i] == EMIT_PARAM_MARK;
    return count / 2;
}

/* "<mark>12<mark>" at `at` → 12 and what follows it; false: a byte of a text that is no UTF-8 (a
 * file's name may be), which stays. */
static bool mark_read(const struct emit *emit, const char *at, const char *end, size_t *ret_number,
                      const char **ret_after)
{
    const char *digit = at + 1;
    size_t number = 0;
    for (; digit < end && *digit >= '0' && *digit <= '9' && number < emit->param_count; digit++)
        number = number * 10 + (size_t)(*digit - '0');
    *ret_number = number;
    *ret_after = digit + 1;
    return digit > at + 1 && digit < end && *digit == EMIT_PARAM_MARK && number < emit->param_count;
}

void emit_params(struct emit *emit, struct str sql, struct buf *out)
{
    const char **names = new_names(emit, mark_count(sql)), *end = sql.ptr + sql.len;
    size_t count = 0;
    for (const char *at = sql.ptr; at < end && !emit->failed;) {
        const char *mark = memchr(at, EMIT_PARAM_MARK, (size_t)(end - at));
        buf_add(out, at, (size_t)((mark != NULL ? mark : end) - at));
        if (mark == NULL)
            break;
        size_t number = 0;
        if (!mark_read(emit, mark, end, &number, &at)) {
            buf_putc(out, *mark);
            at = mark + 1;
            continue;
        }
        size_t place = 0;
        while (place < count && names[place] != emit->params[number])
            place++;
        if (emit->dialect->question_marks)
            place = count;
        if (place == count)
            names[count++] = emit->params[number];
        if (emit->dialect->question_marks)
            buf_putc(out, '?');
        else
            buf_printf(out, "$%zu", place + 1);
    }
    mem_free(emit->params);
    emit->params = names;
    emit->param_count = count;
}
