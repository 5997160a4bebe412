/* Calls by template (substrait.def): a term of functions, casts and arguments becomes an
 * Expression.
 *
 *     length(x)   "cast(i64, character_length(%1))"   →   cast { type i64, input { scalar_function
 *         { 9, argument { selection x } } } }                 extensions: 9 = character_length
 *
 * Aggregate and window functions (!name) are put aside in env->collected, and the term has the
 * column of the relation below that they will be. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dialect/emit_priv.h"
#include "dialect/substrait_priv.h"

/* ---- the tables ---------------------------------------------------------------------------------
 */

enum urn {
    URN_NONE,
#define SUBSTRAIT_URN(word, text) URN_##word,
#define SUBSTRAIT_NAME(name, urn, result, signature)
#include "dialect/substrait_names.def"
};
static const char *const URNS[] = {
    NULL,
#define SUBSTRAIT_URN(word, text) text,
#define SUBSTRAIT_NAME(name, urn, result, signature)
#include "dialect/substrait_names.def"
};
struct known_name {
    const char *name, *signature;
    unsigned urn;
    char result;
};
static const struct known_name NAMES[] = {
#define SUBSTRAIT_URN(word, text)
#define SUBSTRAIT_NAME(name, urn, result, signature) {#name, signature, URN_##urn, result},
#include "dialect/substrait_names.def"
};

enum when { WHEN_ANY, WHEN_EXACT, WHEN_BIGINT, WHEN_DATE, WHEN_RESULT_DECIMAL, WHEN_THREE };
static const struct spelling {
    enum plan_function_id id;
    enum when when;
    const char *text;
} SPELLINGS[] = {
#define SUBSTRAIT(id, when, text) {PLAN_FUNCTION_##id, WHEN_##when, text},
#include "dialect/substrait.def"
#undef SUBSTRAIT
};

const char *substrait_urn(unsigned number)
{
    return number >= 1 && number < sizeof URNS / sizeof *URNS ? URNS[number] : NULL;
}

static bool applies(enum when when, const struct plan_expr *expr)
{
    enum data_kind kind = expr->arg_count > 0 ? expr->args[0]->type.kind : DATA_NULL;
    switch (when) {
    case WHEN_ANY:
        return true;
    case WHEN_EXACT:
        return kind == DATA_BIGINT || kind == DATA_DECIMAL;
    case WHEN_BIGINT:
        return kind == DATA_BIGINT;
    case WHEN_DATE:
        return kind == DATA_DATE;
    case WHEN_RESULT_DECIMAL:
        return expr->type.kind == DATA_DECIMAL;
    case WHEN_THREE:
        return expr->arg_count == 3;
    }
    return false;
}

const char *substrait_spelling(const struct plan_expr *expr)
{
    for (size_t i = 0; i < sizeof SPELLINGS / sizeof *SPELLINGS; i++)
        if (SPELLINGS[i].id == expr->function->id && applies(SPELLINGS[i].when, expr))
            return SPELLINGS[i].text[0] != '\0' ? SPELLINGS[i].text : NULL;
    return NULL;
}

static void add_signature(struct buf *out, const char *signature, const struct data_type *types,
                          size_t count)
{
    if (signature == NULL)
        return;
    buf_putc(out, ':');
    if (strcmp(signature, "*") != 0) {
        buf_puts(out, count > 0 ? signature : "");
        return;
    }
    for (size_t i = 0; i < count; i++)
        buf_printf(out, "%s%s", i > 0 ? "_" : "", substrait_type_word(types[i]));
}

static uint32_t anchor_of(struct substrait *sub, struct str name, unsigned urn)
{
    for (size_t i = 0; i < sub->name_count; i++)
        if (sub->names[i].urn == urn && str_equal(str_of(sub->names[i].name), name))
            return (uint32_t)i + 1;
    if (sub->name_count == sub->name_cap) {
        size_t cap = sub->name_cap * 2 + 16;
        struct substrait_name *grown = mem_resize(sub->names, cap, sizeof *grown);
        sub->failed = sub->failed || grown == NULL;
        if (grown == NULL)
            return 1;
        sub->names = grown;
        sub->name_cap = cap;
    }
    const char *copy = arena_strndup(sub->arena, name.ptr, name.len);
    sub->failed = sub->failed || copy == NULL;
    sub->names[sub->name_count++] = (struct substrait_name){copy, urn};
    return (uint32_t)sub->name_count;
}

uint32_t substrait_function(struct substrait *sub, struct str name, const struct data_type *types,
                            size_t count, char *ret_result)
{
    __attribute__((cleanup(auto_buf_done))) struct buf text = BUF_INIT;
    *ret_result = '?';
    for (size_t i = 0; i < sizeof NAMES / sizeof *NAMES; i++)
        if (str_equal(str_of(NAMES[i].name), name)) {
            *ret_result = NAMES[i].result;
            buf_add_str(&text, name);
            add_signature(&text, NAMES[i].signature, types, count);
            sub->failed = sub->failed || text.failed;
            bool decimal = false;
            for (size_t k = 0; k < count; k++)
                decimal = decimal || types[k].kind == DATA_DECIMAL;
            return anchor_of(sub, buf_view(&text),
                             decimal && NAMES[i].urn == URN_ARITHMETIC ? URN_ARITHMETIC_DECIMAL
                                                                       : NAMES[i].urn);
        }
    sub->failed =
        true; /* a template names what the table does not have: every template is tested */
    return 1;
}

static struct data_type result_type(char result, const struct plan_expr *expr,
                                    const struct data_type *types, size_t count)
{
    switch (result) {
    case 'b':
        return DATA_TYPE(BOOLEAN);
    case 'i':
        return DATA_TYPE(BIGINT);
    case 'n':
        return SUBSTRAIT_I32;
    case 'd':
        return DATA_TYPE(DOUBLE);
    case 's':
        return DATA_TYPE(TEXT);
    case 't':
        return expr->type;
    case '1':
        return count > 0 ? types[0] : DATA_TYPE(NULL);
    }
    return DATA_TYPE(NULL);
}

/* ---- terms --------------------------------------------------------------------------------------
 */

#define TYPES_MOST 64 /* of arguments, for a name */
struct reader {
    struct substrait *sub;
    const struct substrait_env *env;
    const struct plan_expr *expr;
    const char *at;
};
static struct data_type term(struct reader *reader, struct wire *out);

static bool takes(struct reader *reader, const char *text)
{
    size_t length = strlen(text);
    if (strncmp(reader->at, text, length) != 0)
        return false;
    reader->at += length;
    return true;
}

static struct str word(struct reader *reader)
{
    size_t length = strspn(reader->at, "abcdefghijklmnopqrstuvwxyz_0123456789TW");
    struct str found = {reader->at, length};
    reader->at += length;
    return found;
}

static struct data_type type_word(struct reader *reader)
{
    static const struct {
        const char *word;
        struct data_type type;
    } words[] = {
        {"bool", {.kind = DATA_BOOLEAN}}, {"i32", {.kind = DATA_BIGINT, .precision = 32}},
        {"i64", {.kind = DATA_BIGINT}},   {"f64", {.kind = DATA_DOUBLE}},
        {"str", {.kind = DATA_TEXT}},     {"date", {.kind = DATA_DATE}},
        {"ts", {.kind = DATA_TIMESTAMP}}, {"tstz", {.kind = DATA_TIMESTAMPTZ}},
        {"iv", {.kind = DATA_INTERVAL}},
    };
    struct str name = word(reader);
    if (str_equal(name, STR("T")))
        return reader->expr->type;
    if (str_equal(name, STR("W")))
        return data_type_decimal(38, reader->expr->args[0]->type.scale);
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (str_equal(name, str_of(words[i].word)))
            return words[i].type;
    char *rest = NULL;
    unsigned long precision = strtoul(name.ptr + 1, &rest, 10); /* d38_0 */
    return data_type_decimal((unsigned)precision, (unsigned)strtoul(rest + 1, NULL, 10));
}

/* cast(type, a), try(type, a): behind the parenthesis */
static struct data_type cast_term(struct reader *reader, bool try_cast, struct wire *out)
{
    size_t cast = wire_open(out, 11);
    struct data_type type = type_word(reader);
    substrait_type(reader->sub, out, 1, type);
    (void)takes(reader, ", ");
    size_t input = wire_open(out, 2);
    (void)term(reader, out);
    wire_close(out, input);
    wire_number(out, 3, try_cast ? 1 : 2);
    wire_close(out, cast);
    (void)takes(reader, ")");
    return type;
}

static struct data_type if_term(struct reader *reader, struct wire *out)
{
    size_t whole = wire_open(out, 6);
    struct data_type type = DATA_TYPE(NULL);
    while (*reader->at != ')' && *reader->at != '\0') {
        struct wire first = {0};
        (void)term(reader, &first);
        bool clause = takes(reader, ", ");
        size_t opened = wire_open(out, clause ? 1 : 2);
        if (clause) {
            size_t part = wire_open(out, 1);
            wire_add(out, &first);
            wire_close(out, part);
            part = wire_open(out, 2);
            type = term(reader, out);
            wire_close(out, part);
            (void)takes(reader, ", ");
        } else {
            wire_add(out, &first);
        }
        wire_close(out, opened);
        buf_done(&first.bytes);
    }
    wire_close(out, whole);
    (void)takes(reader, ")");
    return type;
}

/* Each argument of a call behind its parenthesis, in field of out: within FunctionArgument where
 * wrapped. %* and %2* are several. */
static size_t arguments(struct reader *reader, unsigned field, bool wrapped, struct wire *out,
                        struct data_type types[TYPES_MOST])
{
    size_t count = 0;
    while (*reader->at != ')' && *reader->at != ';' && *reader->at != '\0') {
        size_t from = 0, to = 0;
        if (takes(reader, "%*"))
            to = reader->expr->arg_count;
        else if (reader->at[0] == '%' && reader->at[2] == '*') {
            from = (size_t)(reader->at[1] - '1');
            to = reader->expr->arg_count;
            reader->at += 3;
        }
        for (size_t i = from; i < (to > 0 ? to : 1); i++) {
            size_t argument = wire_open(out, field), value = wrapped ? wire_open(out, 3) : 0;
            struct data_type type =
                to > 0 ? substrait_expr(reader->sub, reader->env, reader->expr->args[i], out)
                       : term(reader, out);
            if (count < TYPES_MOST)
                types[count++] = type;
            if (wrapped)
                wire_close(out, value);
            wire_close(out, argument);
        }
        (void)takes(reader, ", ");
    }
    return count;
}

/* in(%*): value, then the list. */
static struct data_type in_term(struct reader *reader, struct wire *out)
{
    struct data_type types[TYPES_MOST];
    size_t list = wire_open(out, 8), value = wire_open(out, 1);
    if (takes(reader, "%*")) {
        (void)substrait_expr(reader->sub, reader->env, reader->expr->args[0], out);
        wire_close(out, value);
        for (size_t i = 1; i < reader->expr->arg_count; i++) {
            size_t option = wire_open(out, 2);
            (void)substrait_expr(reader->sub, reader->env, reader->expr->args[i], out);
            wire_close(out, option);
        }
    } else {
        (void)term(reader, out);
        wire_close(out, value);
        (void)takes(reader, ", ");
        (void)arguments(reader, 2, false, out, types);
    }
    (void)takes(reader, ")");
    wire_close(out, list);
    return DATA_TYPE(BOOLEAN);
}

/* ---- functions ----------------------------------------------------------------------------------
 */

static struct data_type scalar(struct reader *reader, struct str name, struct wire *out)
{
    struct data_type types[TYPES_MOST];
    struct wire args = {0};
    char result;
    size_t count = arguments(reader, 4, true, &args, types);
    (void)takes(reader, ")");
    size_t function = wire_open(out, 3);
    wire_number(out, 1, substrait_function(reader->sub, name, types, count, &result));
    struct data_type type = result_type(result, reader->expr, types, count);
    if (type.kind != DATA_NULL)
        substrait_type(reader->sub, out, 3, type);
    wire_add(out, &args);
    wire_close(out, function);
    buf_done(&args.bytes);
    return type;
}

/* "; +2* -1": SortField messages in field 3. */
static void sorts(struct reader *reader, struct wire *out)
{
    while (*reader->at == ' ' || *reader->at == ';')
        reader->at++;
    while (*reader->at == '+' || *reader->at == '-') {
        bool descending = *reader->at == '-';
        size_t from = (size_t)(reader->at[1] - '1'), to = from + 1;
        reader->at += 2;
        if (takes(reader, "*"))
            to = reader->expr->arg_count;
        for (size_t i = from; i < to; i++) {
            if (emit_is_repeated(reader->expr, i > 0 ? i : reader->expr->arg_count))
                continue;
            struct plan_order key = {reader->expr->args[i], descending, false};
            substrait_sort(reader->sub, reader->env, &key, 1, 3, out);
        }
        (void)takes(reader, " ");
    }
}

static void bound(struct wire *out, unsigned field, int64_t rows, int64_t unbounded)
{
    size_t whole = wire_open(out, field);
    size_t kind = wire_open(out, rows == unbounded ? 4 : rows < 0 ? 1 : rows > 0 ? 2 : 3);
    if (rows != unbounded && rows != 0)
        wire_number(out, 1, rows < 0 ? -rows : rows);
    wire_close(out, kind);
    wire_close(out, whole);
}

static void window_parts(struct reader *reader, struct wire *out)
{
    static const struct plan_frame whole = {PLAN_FRAME_UNBOUNDED_BEFORE,
                                            PLAN_FRAME_UNBOUNDED_AFTER};
    static const struct plan_frame peers = {PLAN_FRAME_UNBOUNDED_BEFORE, 0};
    const struct plan_expr *expr = reader->expr;
    const struct plan_frame *frame = expr->frame;
    for (size_t i = 0; i < expr->partition_count; i++) {
        size_t part = wire_open(out, 2);
        (void)substrait_expr(reader->sub, reader->env, expr->partition[i], out);
        wire_close(out, part);
    }
    substrait_sort(reader->sub, reader->env, expr->order, expr->order_count, 3, out);
    if (frame == NULL)
        frame = expr->order_count > 0 ? &peers : &whole;
    bound(out, 4, frame->end, PLAN_FRAME_UNBOUNDED_AFTER);
    bound(out, 5, frame->start, PLAN_FRAME_UNBOUNDED_BEFORE);
    wire_number(out, 12, expr->frame == NULL && expr->order_count > 0 ? 2 : 1);
}

/* Measure.filter: the call's own condition; where nulls are left out, argument 1 is there, too. */
static void filter(struct reader *reader, bool skips_nulls, struct wire *out)
{
    struct reader part = *reader;
    const struct plan_expr *where = reader->expr->where;
    if (where == NULL && !skips_nulls)
        return;
    size_t opened = wire_open(out, 2);
    if (!skips_nulls) {
        (void)substrait_expr(reader->sub, reader->env, where, out);
    } else if (where == NULL) {
        part.at = "is_not_null(%1)";
        (void)term(&part, out);
    } else {
        const struct plan_expr *const args[] = {reader->expr->args[0], where};
        struct plan_expr both = *reader->expr;
        both.args = args;
        both.arg_count = 2;
        part.expr = &both;
        part.at = "and(is_not_null(%1), %2)";
        (void)term(&part, out);
    }
    wire_close(out, opened);
}

static size_t put_aside(struct substrait *sub, struct collected *collected, struct wire *call)
{
    for (size_t i = 0; i < collected->count; i++)
        if (str_equal(buf_view(&collected->calls[i].bytes), buf_view(&call->bytes))) {
            buf_done(&call->bytes);
            return i;
        }
    if (collected->count == collected->cap) {
        size_t cap = collected->cap * 2 + 8;
        struct wire *grown = mem_resize(collected->calls, cap, sizeof *grown);
        sub->failed = sub->failed || grown == NULL;
        if (grown == NULL) {
            buf_done(&call->bytes);
            return 0;
        }
        collected->calls = grown;
        collected->cap = cap;
    }
    collected->calls[collected->count] = *call;
    return collected->count++;
}

/* !name(…), !?name(…): AggregateRel.Measure's content, or that of an Expression with a window
 * function. */
static struct data_type aggregate(struct reader *reader, struct wire *out)
{
    bool skips_nulls = takes(reader, "?"), window = reader->expr->kind == PLAN_WINDOW_CALL;
    bool distinct =
        reader->expr->distinct || reader->expr->function->id == PLAN_FUNCTION_COUNT_DISTINCT;
    struct substrait_env inner = {.left = reader->env->left};
    struct reader parts = {reader->sub, &inner, reader->expr, reader->at};
    struct data_type types[TYPES_MOST];
    struct wire call = {0}, args = {0}, order = {0};
    char result;
    struct str name = word(&parts);
    (void)takes(&parts, "(");
    size_t count = arguments(&parts, window ? 9 : 7, true, &args, types);
    sorts(&parts, &order);
    (void)takes(&parts, ")");
    reader->at = parts.at;
    size_t function = wire_open(&call, window ? 5 : 1);
    wire_number(&call, 1, substrait_function(reader->sub, name, types, count, &result));
    struct data_type type = result_type(result, reader->expr, types, count);
    wire_add(&call, &order);
    wire_number(&call, window ? 6 : 4, 3); /* from rows to the result */
    if (type.kind != DATA_NULL)
        substrait_type(reader->sub, &call, window ? 7 : 5, type);
    wire_add(&call, &args);
    wire_number(&call, window ? 10 : 6, distinct ? 2 : 1);
    if (window)
        window_parts(&parts, &call);
    wire_close(&call, function);
    if (!window)
        filter(&parts, skips_nulls, &call);
    reader->sub->failed = reader->sub->failed || call.bytes.failed;
    buf_done(&args.bytes);
    buf_done(&order.bytes);
    if (reader->env->collected == NULL) {
        buf_done(&call.bytes);
        substrait_lacks(reader->sub, "an aggregate within an aggregate");
        return type;
    }
    substrait_field(out, reader->env->collected->before +
                             put_aside(reader->sub, reader->env->collected, &call));
    return type;
}

/* ---- what else a term may be --------------------------------------------------------------------
 */

static struct data_type literal_term(struct reader *reader, struct data_type type, struct str text,
                                     struct wire *out)
{
    const char *copy = arena_strndup(reader->sub->arena, text.ptr, text.len);
    reader->sub->failed = reader->sub->failed || copy == NULL;
    substrait_literal(reader->sub, out, type, copy);
    return type;
}

/* @1, &1: argument 1 as a date, as a timestamp. A timestamptz is in UTC. */
static struct data_type moment_term(struct reader *reader, struct wire *out)
{
    bool date = *reader->at == '@';
    size_t idx = (size_t)(reader->at[1] - '1');
    enum data_kind kind = reader->expr->args[idx]->type.kind;
    char text[32];
    reader->at += 2;
    if (kind == (date ? DATA_DATE : DATA_TIMESTAMP))
        return substrait_expr(reader->sub, reader->env, reader->expr->args[idx], out);
    (void)snprintf(text, sizeof text,
                   !date                      ? "cast(ts, %%%zu)"
                   : kind == DATA_TIMESTAMPTZ ? "cast(date, cast(ts, %%%zu))"
                                              : "cast(date, %%%zu)",
                   idx + 1);
    struct reader inner = {reader->sub, reader->env, reader->expr, text};
    return term(&inner, out);
}

static struct data_type number_term(struct reader *reader, struct wire *out)
{
    struct str text = {reader->at, strspn(reader->at, "0123456789.")};
    reader->at += text.len;
    return literal_term(
        reader, memchr(text.ptr, '.', text.len) != NULL ? DATA_TYPE(DOUBLE) : DATA_TYPE(BIGINT),
        text, out);
}

static struct data_type named_term(struct reader *reader, struct wire *out)
{
    struct str name = word(reader);
    if (str_equal(name, STR("null"))) {
        substrait_literal(reader->sub, out, reader->expr->type, NULL);
        return reader->expr->type;
    }
    if (str_equal(name, STR("true")) || str_equal(name, STR("false")))
        return literal_term(reader, DATA_TYPE(BOOLEAN), name, out);
    if (name.len == 0 || !takes(reader, "(")) {
        reader->sub->failed = true; /* no template is ill-formed */
        reader->at += strlen(reader->at);
        return DATA_TYPE(NULL);
    }
    if (str_equal(name, STR("cast")) || str_equal(name, STR("try")))
        return cast_term(reader, name.ptr[0] == 't', out);
    if (str_equal(name, STR("if")))
        return if_term(reader, out);
    if (str_equal(name, STR("in")))
        return in_term(reader, out);
    return scalar(reader, name, out);
}

/* An Expression's content. */
static struct data_type term(struct reader *reader, struct wire *out)
{
    char c = *reader->at;
    if (c == '%') {
        const struct plan_expr *argument = reader->expr->args[reader->at[1] - '1'];
        reader->at += 2;
        return substrait_expr(reader->sub, reader->env, argument, out);
    }
    if (c == '@' || c == '&')
        return moment_term(reader, out);
    if (c == '!') {
        reader->at++;
        return aggregate(reader, out);
    }
    if (c >= '0' && c <= '9')
        return number_term(reader, out);
    if (c != '\'')
        return named_term(reader, out);
    struct str text = {reader->at + 1, strcspn(reader->at + 1, "'")};
    reader->at += text.len + 2;
    return literal_term(reader, DATA_TYPE(TEXT), text, out);
}

struct data_type substrait_template(struct substrait *sub, const struct substrait_env *env,
                                    const struct plan_expr *expr, const char *text,
                                    struct wire *out)
{
    struct reader reader = {sub, env, expr, text};
    return term(&reader, out);
}
