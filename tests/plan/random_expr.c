/* Random expressions: a table of productions (function, class of its result, classes of its
 * arguments), from which one is drawn that fits what is wanted; leaves are columns and literals. */
#include "random_plan_priv.h"

#include <string.h>

uint64_t random_next(uint64_t *state)
{
    uint64_t z = *state += 0x9E3779B97F4A7C15u;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
}
uint32_t random_below(uint64_t *state, uint32_t limit)
{
    return (uint32_t)((random_next(state) >> 32) * limit >> 32);
}
bool random_chance(struct random_gen *gen, uint32_t percent)
{
    return random_below(&gen->state, 100) < percent;
}
uint32_t random_pick(struct random_gen *gen, uint32_t limit)
{
    return random_below(&gen->state, limit);
}

/* ---- values ------------------------------------------------------------------------------------
 */

static const char *const BIGINTS[] = {"-3", "-1", "0", "1",  "2",     "3",
                                      "4",  "5",  "6", "42", "-1000", "1000003"};
static const char *const DECIMALS[] = {"-12.5", "-1",   "-0.01", "0",   "0.01",  "0.5",
                                       "1",     "1.25", "2",     "2.5", "99.99", "120"};
static const char *const DOUBLES[] = {"-2.5", "-0.25", "0", "0.25", "0.5",
                                      "1",    "1.75",  "2", "3",    "1024.5"};
static const char *const TEXTS[] = {"",      "a",    "ab",     "AB",  "Ab ", " ab",  "Ärzte",
                                    "ñandú", "東京", "O'Neil", "50%", "a_b", "x\\y", "\"q\"",
                                    "42",    "-7",   "🫀",   "Zoë", "b",   "aab"};
static const char *const DATES[] = {"1899-12-31", "1900-02-28", "1969-12-31", "1970-01-01",
                                    "1999-12-31", "2000-02-29", "2023-01-31", "2024-02-29",
                                    "2024-03-31", "2101-01-01"};
static const char *const TIMESTAMPS[] = {
    "1899-12-31 23:59:59.999999", "1969-12-31 23:59:59.999999", "1970-01-01 00:00:00",
    "1970-01-01 00:00:00.000001", "2000-02-29 12:30:00",        "2023-01-31 08:15:30.25",
    "2024-02-29 23:59:59",        "2024-03-31 02:30:00",        "2024-12-31 00:00:00"};
static const char *const ZONED[] = {"1969-12-31 23:59:59.5+00", "1970-01-01 00:00:00+00",
                                    "2024-03-31 01:30:00+00", "2024-10-27 00:30:00.123456+00"};
static const char *const TIMES[] = {"00:00:00", "08:30:00", "12:00:00.5", "23:59:59.999999"};
static const char *const JSONS[] = {"{\"a\":1,\"b\":[1,2,\"x\"]}",
                                    "{\"a\":\"Ä\",\"b\":[]}",
                                    "{\"b\":{\"a\":true}}",
                                    "[1,null,\"y\"]",
                                    "[]",
                                    "{}",
                                    "null",
                                    "\"text\"",
                                    "3",
                                    "{\"a\":null,\"b\":[\"z\"]}"};
static const char *const BOOLEANS[] = {"false", "true"};

#define FROM(pool) (*ret_count = sizeof(pool) / sizeof(pool)[0], (pool))
static const char *const *pool_of(enum data_kind kind, size_t *ret_count)
{
    switch (kind) {
    case DATA_BOOLEAN:
        return FROM(BOOLEANS);
    case DATA_BIGINT:
        return FROM(BIGINTS);
    case DATA_DECIMAL:
        return FROM(DECIMALS);
    case DATA_DOUBLE:
        return FROM(DOUBLES);
    case DATA_TEXT:
        return FROM(TEXTS);
    case DATA_DATE:
        return FROM(DATES);
    case DATA_TIME:
        return FROM(TIMES);
    case DATA_TIMESTAMP:
        return FROM(TIMESTAMPS);
    case DATA_TIMESTAMPTZ:
        return FROM(ZONED);
    case DATA_JSON:
        return FROM(JSONS);
    case DATA_NULL:
    case DATA_UHUGEINT:
    case DATA_INTERVAL:
    case DATA_BLOB:
    case DATA_LIST:
    case DATA_STRUCT:
        break;
    }
    return NULL;
}

static bool fits_scale(const char *text, unsigned scale)
{
    const char *point = strchr(text, '.');
    return point == NULL || strlen(point + 1) <= scale;
}
const char *random_text(struct plan *plan, uint64_t *state, struct data_type type)
{
    size_t count = 0;
    const char *const *pool = pool_of(type.kind, &count);
    if (pool == NULL)
        return NULL;
    const char *text = pool[random_below(state, (uint32_t)count)];
    if (type.kind != DATA_DECIMAL)
        return text;
    while (!fits_scale(text, type.scale))
        text = pool[random_below(state, (uint32_t)count)];
    const struct plan_expr *literal = plan_literal(plan, type, text); /* with all of its decimals */
    return literal == NULL ? NULL : literal->literal;
}
const struct plan_expr *random_literal(struct plan *plan, uint64_t *state, struct data_type type,
                                       bool nulls)
{
    if (nulls && random_below(state, 100) < 6)
        return plan_literal(plan, type, NULL);
    const char *text = random_text(plan, state, type);
    return text == NULL ? NULL : plan_literal(plan, type, text);
}

/* ---- classes -----------------------------------------------------------------------------------
 */

static const struct {
    char class;
    enum data_kind kind;
} CLASSES[] = {{'b', DATA_BOOLEAN},   {'i', DATA_BIGINT},      {'d', DATA_DECIMAL},
               {'f', DATA_DOUBLE},    {'t', DATA_TEXT},        {'D', DATA_DATE},
               {'T', DATA_TIMESTAMP}, {'Z', DATA_TIMESTAMPTZ}, {'m', DATA_TIME},
               {'j', DATA_JSON},      {'l', DATA_LIST},        {'h', DATA_UHUGEINT}};
#define CLASS_COUNT (sizeof CLASSES / sizeof CLASSES[0])

char random_class(struct data_type type)
{
    for (size_t i = 0; i < CLASS_COUNT; i++)
        if (CLASSES[i].kind == type.kind)
            return CLASSES[i].class;
    return 0;
}
bool random_has_class(const struct random_gen *gen, char class)
{
    for (size_t i = 0; i < CLASS_COUNT; i++)
        if (CLASSES[i].class == class)
            return (gen->options->without_types & 1u << CLASSES[i].kind) == 0;
    return false;
}
char random_letter(struct random_gen *gen, const char *letters)
{
    size_t count = strlen(letters);
    for (int tries = 0; tries < 20; tries++) {
        char class = letters[random_pick(gen, (uint32_t)count)];
        if (random_has_class(gen, class))
            return class;
    }
    return 0;
}
bool random_can(const struct random_gen *gen, enum plan_function_id id)
{
    return !gen->options->without_functions[id];
}

static struct data_type type_of(struct random_gen *gen, char class)
{
    static const uint8_t SIZES[][2] = {{9, 2}, {18, 4}, {5, 0}, {12, 3}};
    if (class == 'd') {
        uint32_t i = random_pick(gen, 4);
        return data_type_decimal(SIZES[i][0], SIZES[i][1]);
    }
    for (size_t i = 0; i < CLASS_COUNT; i++)
        if (CLASSES[i].class == class)
            return (struct data_type){.kind = CLASSES[i].kind};
    return DATA_TYPE(NULL);
}

const struct plan_expr *random_column(struct random_gen *gen, const struct random_scope *scope,
                                      char class)
{
    const struct plan_rel *rels[64];
    size_t sides[64], at[64], count = 0;
    for (size_t s = 0; s < scope->count; s++)
        for (size_t i = 0; i < scope->inputs[s]->column_count && count < 64; i++) {
            const struct plan_column *column = &scope->inputs[s]->columns[i];
            if (random_class(column->type) != class || random_is_approximate(column->name))
                continue;
            rels[count] = scope->inputs[s];
            sides[count] = s;
            at[count++] = i;
        }
    if (count == 0)
        return NULL;
    uint32_t i = random_pick(gen, (uint32_t)count);
    const char *name = rels[i]->columns[at[i]].name;
    return sides[i] == 0 ? plan_column(gen->plan, rels[i], name)
                         : plan_column_right(gen->plan, rels[i], name);
}

static const struct plan_expr *small(struct random_gen *gen, int low, int high)
{
    return plan_literal_int(gen->plan, low + (int)random_pick(gen, (uint32_t)(high - low + 1)));
}

static const struct plan_expr *as_param(struct random_gen *gen, const struct plan_expr *literal)
{
    struct random_case *out = gen->out;
    if (!gen->options->params || literal == NULL || out->param_count == RANDOM_PARAMS ||
        !random_chance(gen, 20))
        return literal;
    const char *name = arena_printf(plan_arena(gen->plan), "p%zu", out->param_count + 1);
    out->params[out->param_count++] = (struct random_param){name, literal->type, literal->literal};
    return plan_param(gen->plan, name, literal->type);
}

static const struct plan_expr *leaf(struct random_gen *gen, const struct random_scope *scope,
                                    char class)
{
    const struct plan_expr *column =
        random_chance(gen, 80) ? random_column(gen, scope, class) : NULL;
    if (column != NULL)
        return column;
    if (class == 'h')
        return random_can(gen, PLAN_FUNCTION_ROW_HASH)
                   ? plan_call(gen->plan, "row_hash", 1,
                               (const struct plan_expr *[]){small(gen, 0, 3)})
                   : NULL;
    if (class == 'l') {
        const struct plan_expr *items[] = {small(gen, 0, 3), small(gen, 0, 3),
                                           plan_literal(gen->plan, DATA_TYPE(BIGINT), NULL)};
        return random_can(gen, PLAN_FUNCTION_LIST)
                   ? plan_call(gen->plan, "list", 1 + random_pick(gen, 3), items)
                   : NULL;
    }
    return as_param(gen, random_literal(gen->plan, &gen->state, type_of(gen, class), true));
}

/* ---- productions -------------------------------------------------------------------------------
 */

/* Arguments: a class, or o the class drawn for all o's (one that has an order), a any class, n
 * number, c date or timestamp, L text literal that is not empty, P pattern, K a member's name, 1
 * small number from 1, 0 small number from 0, 9 from -40 to 40, 2 a small factor, Y a year, O
 * literal of o's class, V interval */
struct production {
    enum plan_function_id id;
    char result;
    const char *args;
};
#define P(id, result, args)                                                                        \
    {                                                                                              \
        PLAN_FUNCTION_##id, result, args                                                           \
    }
static const struct production PRODUCTIONS[] = {
    P(EQ, 'b', "oo"),
    P(NE, 'b', "oo"),
    P(LT, 'b', "oo"),
    P(LE, 'b', "oo"),
    P(GT, 'b', "oo"),
    P(GE, 'b', "oO"),
    P(GT, 'b', "nn"),
    P(EQ, 'b', "oO"),
    P(AND, 'b', "bb"),
    P(AND, 'b', "bbb"),
    P(OR, 'b', "bb"),
    P(NOT, 'b', "b"),
    P(IS_NULL, 'b', "a"),
    P(IS_NOT_NULL, 'b', "a"),
    P(IS_DISTINCT_FROM, 'b', "oo"),
    P(BETWEEN, 'b', "oOO"),
    P(BETWEEN, 'b', "ooo"),
    P(IN, 'b', "oOOO"),
    P(IN, 'b', "oO"),
    P(LIKE, 'b', "tP"),
    P(STARTS_WITH, 'b', "tL"),
    P(CONTAINS, 'b', "tL"),
    P(LIST_CONTAINS, 'b', "l0"),
    P(COALESCE, 'b', "bb"),
    P(ADD, 'i', "ii"),
    P(SUB, 'i', "ii"),
    P(MUL, 'i', "i2"),
    P(NEG, 'i', "i"),
    P(ABS, 'i', "i"),
    P(COALESCE, 'i', "ii"),
    P(NULLIF, 'i', "ii"),
    P(GREATEST, 'i', "ii"),
    P(LEAST, 'i', "iii"),
    P(LENGTH, 'i', "t"),
    P(DATE_DIFF_DAYS, 'i', "cc"),
    P(DATE_DIFF_SECONDS, 'i', "cc"),
    P(BUCKET, 'i', "t1"),
    P(BUCKET, 'i', "i1"),
    P(BUCKET, 'i', "D1"),
    P(MOD, 'i', "i2"),
    P(MOD, 'i', "ii"),
    P(DIV_INT, 'i', "ii"),
    P(SIGN, 'i', "n"),
    P(POSITION, 'i', "tL"),
    P(YEAR, 'i', "c"),
    P(QUARTER, 'i', "c"),
    P(MONTH, 'i', "c"),
    P(DAY, 'i', "c"),
    P(DAY_OF_YEAR, 'i', "c"),
    P(ISO_WEEKDAY, 'i', "c"),
    P(HOUR, 'i', "T"),
    P(MINUTE, 'i', "T"),
    P(SECOND, 'i', "T"),
    P(HOUR, 'i', "m"),
    P(AGE_YEARS, 'i', "cc"),
    P(AGE_MONTHS, 'i', "cc"),
    P(JSON_LENGTH, 'i', "j"),
    P(LIST_LENGTH, 'i', "l"),
    P(ADD, 'd', "dd"),
    P(ADD, 'd', "di"),
    P(SUB, 'd', "dd"),
    P(MUL, 'd', "d2"),
    P(NEG, 'd', "d"),
    P(ABS, 'd', "d"),
    P(COALESCE, 'd', "dd"),
    P(GREATEST, 'd', "di"),
    P(NULLIF, 'd', "dd"),
    P(ROUND, 'd', "d0"),
    P(FLOOR, 'd', "d"),
    P(CEIL, 'd', "d"),
    P(MOD, 'd', "d2"),
    P(ADD, 'f', "ff"),
    P(SUB, 'f', "ff"),
    P(MUL, 'f', "f2"),
    P(NEG, 'f', "f"),
    P(ABS, 'f', "f"),
    P(COALESCE, 'f', "ff"),
    P(LEAST, 'f', "ff"),
    P(FLOOR, 'f', "f"),
    P(CEIL, 'f', "f"),
    P(LOWER, 't', "t"),
    P(UPPER, 't', "t"),
    P(TRIM, 't', "t"),
    P(CONCAT, 't', "tt"),
    P(CONCAT, 't', "tLt"),
    P(SUBSTRING, 't', "t1"),
    P(SUBSTRING, 't', "t10"),
    P(COALESCE, 't', "tt"),
    P(NULLIF, 't', "tt"),
    P(GREATEST, 't', "tt"),
    P(REPLACE, 't', "tLt"),
    P(LEFT, 't', "t0"),
    P(RIGHT, 't', "t0"),
    P(LPAD, 't', "t0L"),
    P(SPLIT_PART, 't', "tL1"),
    P(JSON_TEXT, 't', "j"),
    P(JSON_VALUE, 't', "jK"),
    P(JSON_TYPE, 't', "j"),
    P(DATE_TRUNC_DAY, 'D', "c"),
    P(ADD_DAYS, 'D', "D9"),
    P(ADD_MONTHS, 'D', "D9"),
    P(TRUNC_WEEK, 'D', "c"),
    P(TRUNC_MONTH, 'D', "c"),
    P(TRUNC_QUARTER, 'D', "c"),
    P(TRUNC_YEAR, 'D', "c"),
    P(MAKE_DATE, 'D', "Yii"),
    P(COALESCE, 'D', "DD"),
    P(LEAST, 'D', "DD"),
    P(NULLIF, 'D', "DD"),
    P(ADD_DAYS, 'T', "T9"),
    P(ADD_MONTHS, 'T', "T9"),
    P(ADD_SECONDS, 'T', "T9"),
    P(ADD_INTERVAL, 'T', "TV"),
    P(ADD_INTERVAL, 'T', "DV"),
    P(TRUNC_HOUR, 'T', "T"),
    P(COALESCE, 'T', "TT"),
    P(COALESCE, 'T', "DT"),
    P(GREATEST, 'T', "TT"),
    P(AT_UTC, 'T', "Z"),
    P(FROM_UTC, 'Z', "T"),
    P(COALESCE, 'Z', "ZZ"),
    P(COALESCE, 'm', "mm"),
    P(JSON_GET, 'j', "jK"),
    P(JSON_AT, 'j', "j0"),
    P(JSON_LIST, 'l', "j"),
    P(LIST, 'l', "ii"),
    P(LIST, 'l', "iii"),
    P(SEQUENCE, 'l', "10"),
    P(ROW_HASH, 'h', "ai"),
    P(ROW_HASH, 'h', "t"),
};
#define PRODUCTION_COUNT (sizeof PRODUCTIONS / sizeof PRODUCTIONS[0])

static const struct plan_expr *argument(struct random_gen *gen, const struct random_scope *scope,
                                        char spec, char same, int depth)
{
    static const char *const PATTERNS[] = {"%a%", "a%", "_b", "%\\%", "%", "", "%Ä%", "a\\_%"};
    static const char *const PARTS[] = {"a", "b", "ab", " ", "Ä", "%", "'"};
    static const char *const KEYS[] = {"a", "b", "none", "o'k"};
    static const char *const SPANS[] = {"P1D", "PT90M", "P1M", "PT0.000001S", "P1Y2M3DT4H"};
    switch (spec) {
    case 'o':
        return random_expr(gen, scope, same, depth);
    case 'a':
        return random_expr(gen, scope, random_letter(gen, "bidftDTj"), depth);
    case 'n':
        return random_expr(gen, scope, random_letter(gen, "iidf"), depth);
    case 'c':
        return random_expr(gen, scope, random_letter(gen, "DT"), depth);
    case 'L':
        return plan_literal_text(gen->plan, PARTS[random_pick(gen, 7)]);
    case 'P':
        return plan_literal_text(gen->plan, PATTERNS[random_pick(gen, 8)]);
    case 'K':
        return plan_literal_text(gen->plan, KEYS[random_pick(gen, 4)]);
    case '1':
        return small(gen, 1, 4);
    case '0':
        return small(gen, 0, 4);
    case '2':
        return small(gen, -3, 3);
    case '9':
        return small(gen, -40, 40);
    case 'Y':
        return small(gen, 1890, 2110);
    case 'V':
        return plan_literal(gen->plan, DATA_TYPE(INTERVAL), SPANS[random_pick(gen, 5)]);
    case 'O':
        return as_param(gen, random_literal(gen->plan, &gen->state, type_of(gen, same),
                                            random_chance(gen, 20)));
    default:
        return random_expr(gen, scope, spec, depth);
    }
}

static const struct plan_expr *produce(struct random_gen *gen, const struct random_scope *scope,
                                       const struct production *production, int depth)
{
    const struct plan_expr *args[4];
    size_t count = strlen(production->args);
    bool temporal =
        strpbrk(production->args, "cV") != NULL; /* dates only, unless there are timestamps */
    char same = random_letter(gen, "biidfttDDTZm");
    if (temporal && random_letter(gen, "DT") == 0)
        return NULL;
    for (size_t i = 0; i < count; i++)
        if ((args[i] = argument(gen, scope, production->args[i], same, depth - 1)) == NULL)
            return NULL;
    if (production->id == PLAN_FUNCTION_LIST_CONTAINS &&
        args[0]->type.fields[0].type.kind != DATA_BIGINT)
        return NULL;
    return plan_call(gen->plan, plan_function_at(production->id)->name, count, args);
}

/* case, casts, fields: what is no function */
static const struct plan_expr *special(struct random_gen *gen, const struct random_scope *scope,
                                       char class, int depth)
{
    static const struct {
        char to, from;
    } CASTS[] = {{'d', 'i'}, {'f', 'i'}, {'T', 'D'}, {'D', 'T'}, {'t', 'i'},
                 {'t', 'D'}, {'t', 'b'}, {'i', 't'}, {'D', 't'}, {'f', 'd'}};
    struct plan *plan = gen->plan;
    uint32_t what = random_pick(gen, 4);
    if (what == 0 && class != 'd') { /* case: all values of one type */
        const struct plan_expr *args[] = {
            random_expr(gen, scope, 'b', depth - 1), random_expr(gen, scope, class, depth - 1),
            random_expr(gen, scope, 'b', 1), leaf(gen, scope, class), leaf(gen, scope, class)};
        size_t count = 2 + random_pick(gen, 4);
        if (count == 3)
            args[2] = args[4];
        for (size_t i = 0; i < count; i++)
            if (args[i] == NULL || (args[i]->type.kind == DATA_LIST))
                return NULL;
        return plan_case(plan, count, args);
    }
    if (what == 1 && !gen->options->without_structs && class != 'l') {
        struct plan_named fields[] = {{"v", random_expr(gen, scope, class, depth - 1)},
                                      {"Other One", small(gen, 0, 3)}};
        return fields[0].expr == NULL ? NULL : plan_field(plan, plan_struct(plan, fields, 2), "v");
    }
    if (what == 2 && class == 'i' && random_can(gen, PLAN_FUNCTION_EPOCH_US) &&
        random_can(gen, PLAN_FUNCTION_MOD)) {
        const struct plan_expr *time = random_expr(gen, scope, random_letter(gen, "DT"), 1);
        const struct plan_expr *args[] = {time == NULL ? NULL
                                                       : plan_call(plan, "epoch_us", 1, &time),
                                          plan_literal_int(plan, 1000)};
        return args[0] == NULL ? NULL : plan_call(plan, "mod", 2, args);
    }
    for (uint32_t start = random_pick(gen, 10), i = start; i < start + 10; i++) {
        if (CASTS[i % 10].to != class || !random_has_class(gen, CASTS[i % 10].from))
            continue;
        bool may_fail = CASTS[i % 10].from == 't';
        if (may_fail && gen->options->without_try_cast)
            continue;
        struct data_type type = class == 'd' ? data_type_decimal(22, 2) : type_of(gen, class);
        const struct plan_expr *part = random_expr(gen, scope, CASTS[i % 10].from, depth - 1);
        return part == NULL ? NULL : plan_cast(plan, part, type, may_fail);
    }
    return NULL;
}

/* Keep decimals within what all engines hold: few digits after the point, and room before it. */
static bool is_sound(const struct plan_expr *expr)
{
    return expr != NULL &&
           (expr->type.kind != DATA_DECIMAL ||
            (expr->type.scale <= 10 && expr->type.precision - expr->type.scale >= 5));
}

const struct plan_expr *random_expr(struct random_gen *gen, const struct random_scope *scope,
                                    char class, int depth)
{
    if (class == 0 || !random_has_class(gen, class) || plan_failed(gen->plan))
        return NULL;
    for (int tries = 0; depth > 0 && tries < 30 && random_chance(gen, 75); tries++) {
        const struct plan_expr *expr = NULL;
        if (random_chance(gen, 10)) {
            expr = special(gen, scope, class, depth);
        } else {
            const struct production *production = &PRODUCTIONS[random_pick(gen, PRODUCTION_COUNT)];
            for (int next = 0; next < 60 && production->result != class; next++)
                production = &PRODUCTIONS[random_pick(gen, PRODUCTION_COUNT)];
            if (production->result == class && random_can(gen, production->id))
                expr = produce(gen, scope, production, depth);
        }
        if (is_sound(expr))
            return expr;
    }
    return leaf(gen, scope, class);
}

const struct plan_expr *random_approximate(struct random_gen *gen, const struct random_scope *scope)
{
    static const enum plan_function_id ONE[] = {PLAN_FUNCTION_SQRT, PLAN_FUNCTION_LN,
                                                PLAN_FUNCTION_DIV, PLAN_FUNCTION_POWER,
                                                PLAN_FUNCTION_EXP};
    enum plan_function_id id = ONE[random_pick(gen, 5)];
    const struct plan_expr *number = random_expr(gen, scope, random_letter(gen, "iidf"), 1);
    if (!random_can(gen, id) || number == NULL)
        return NULL;
    if (id == PLAN_FUNCTION_EXP || id == PLAN_FUNCTION_POWER)
        number = small(gen, -3, 9);
    const struct plan_expr *args[] = {
        number, id == PLAN_FUNCTION_POWER ? small(gen, 0, 3)
                                          : random_expr(gen, scope, random_letter(gen, "id"), 1)};
    size_t count = id == PLAN_FUNCTION_DIV || id == PLAN_FUNCTION_POWER ? 2 : 1;
    return args[count - 1] == NULL ? NULL
                                   : plan_call(gen->plan, plan_function_at(id)->name, count, args);
}

/* ---- aggregates, windows -----------------------------------------------------------------------
 */

struct plan_order *random_total_order(struct random_gen *gen, const struct plan_rel *rel)
{
    struct plan_order *order = arena_array(plan_arena(gen->plan), rel->column_count, sizeof *order);
    size_t first = random_pick(gen, (uint32_t)rel->column_count);
    for (size_t i = 0; order != NULL && i < rel->column_count; i++) {
        const char *name = rel->columns[(first + i) % rel->column_count].name;
        order[i] = (struct plan_order){plan_column(gen->plan, rel, name), random_chance(gen, 40),
                                       random_chance(gen, 40)};
    }
    return order;
}

/* value, then all columns as keys */
static const struct plan_expr *keyed(struct random_gen *gen, const struct random_scope *scope,
                                     const char *function, size_t values,
                                     const struct plan_expr *const *value,
                                     const struct plan_expr *where)
{
    const struct plan_expr *args[64];
    const struct plan_rel *rel = scope->inputs[0];
    size_t first = random_pick(gen, (uint32_t)rel->column_count), count = 0;
    for (size_t i = 0; i < values; i++)
        args[count++] = value[i];
    for (size_t i = 0; i < rel->column_count && count < 64; i++)
        args[count++] =
            plan_column(gen->plan, rel, rel->columns[(first + i) % rel->column_count].name);
    return plan_aggregate_call(gen->plan, function, count, args, false, where);
}

const struct plan_expr *random_aggregate(struct random_gen *gen, const struct random_scope *scope,
                                         bool *ret_approximate)
{
    static const struct {
        enum plan_function_id id;
        const char *class; /* of the argument, one of these */
    } AGGREGATES[] = {{PLAN_FUNCTION_COUNT_ROWS, ""},
                      {PLAN_FUNCTION_COUNT, "bidftDTZm"},
                      {PLAN_FUNCTION_COUNT_DISTINCT, "bidftDT"},
                      {PLAN_FUNCTION_SUM, "iidf"},
                      {PLAN_FUNCTION_MIN, "idftDTZm"},
                      {PLAN_FUNCTION_MAX, "idftDTZm"},
                      {PLAN_FUNCTION_MODE, "bidtDT"},
                      {PLAN_FUNCTION_FIRST_BY, "bidftDT"},
                      {PLAN_FUNCTION_LAST_BY, "bidftDT"},
                      {PLAN_FUNCTION_BOOL_AND, "b"},
                      {PLAN_FUNCTION_BOOL_OR, "b"},
                      {PLAN_FUNCTION_MEAN, "idf"},
                      {PLAN_FUNCTION_SD, "idf"},
                      {PLAN_FUNCTION_VAR, "idf"},
                      {PLAN_FUNCTION_MEDIAN, "idf"},
                      {PLAN_FUNCTION_QUANTILE, "idf"},
                      {PLAN_FUNCTION_LIST_AGG, "it"},
                      {PLAN_FUNCTION_TEXT_AGG, "t"},
                      {PLAN_FUNCTION_HASH_SUM, "h"}};
    uint32_t at = random_pick(gen, sizeof AGGREGATES / sizeof AGGREGATES[0]);
    enum plan_function_id id = AGGREGATES[at].id;
    const char *name = plan_function_at(id)->name;
    const struct plan_expr *where = random_chance(gen, 20) ? random_expr(gen, scope, 'b', 1) : NULL;
    *ret_approximate = id == PLAN_FUNCTION_MEAN || id == PLAN_FUNCTION_SD ||
                       id == PLAN_FUNCTION_VAR || id == PLAN_FUNCTION_MEDIAN ||
                       id == PLAN_FUNCTION_QUANTILE;
    if (!random_can(gen, id))
        return NULL;
    if (id == PLAN_FUNCTION_COUNT_ROWS)
        return plan_aggregate_call(gen->plan, name, 0, NULL, false, where);
    const struct plan_expr *args[] = {
        random_expr(gen, scope, random_letter(gen, AGGREGATES[at].class), 2), NULL};
    if (args[0] == NULL)
        return NULL;
    if (id == PLAN_FUNCTION_FIRST_BY || id == PLAN_FUNCTION_LAST_BY || id == PLAN_FUNCTION_LIST_AGG)
        return keyed(gen, scope, name, 1, args, where);
    if (id == PLAN_FUNCTION_TEXT_AGG) {
        args[1] = plan_literal_text(gen->plan, "; ");
        return keyed(gen, scope, name, 2, args, where);
    }
    if (id == PLAN_FUNCTION_QUANTILE)
        args[1] = plan_literal(gen->plan, data_type_decimal(3, 2), "0.25");
    bool distinct = random_chance(gen, 15) && (id == PLAN_FUNCTION_SUM ||
                                               id == PLAN_FUNCTION_MEAN || id == PLAN_FUNCTION_MAX);
    return plan_aggregate_call(gen->plan, name, args[1] != NULL ? 2 : 1, args, distinct, where);
}

const struct plan_expr *random_window(struct random_gen *gen, const struct random_scope *scope,
                                      bool *ret_approximate)
{
    static const struct {
        enum plan_function_id id;
        const char *class;
        bool framed;
    } WINDOWS[] = {{PLAN_FUNCTION_ROW_NUMBER, "", false},
                   {PLAN_FUNCTION_RANK, "", false},
                   {PLAN_FUNCTION_DENSE_RANK, "", false},
                   {PLAN_FUNCTION_NTILE, "1", false},
                   {PLAN_FUNCTION_LAG, "bidftDT", false},
                   {PLAN_FUNCTION_LEAD, "bidftDT", false},
                   {PLAN_FUNCTION_FIRST_VALUE, "idtDT", true},
                   {PLAN_FUNCTION_LAST_VALUE, "idtDT", true},
                   {PLAN_FUNCTION_SUM, "id", true},
                   {PLAN_FUNCTION_COUNT_ROWS, "", true},
                   {PLAN_FUNCTION_COUNT, "idtD", true},
                   {PLAN_FUNCTION_MIN, "idtDT", true},
                   {PLAN_FUNCTION_MAX, "idtDT", true},
                   {PLAN_FUNCTION_MEAN, "i", true},
                   {PLAN_FUNCTION_BOOL_OR, "b", true}};
    static const struct plan_frame FRAMES[] = {{PLAN_FRAME_UNBOUNDED_BEFORE, 0},
                                               {-2, 1},
                                               {0, PLAN_FRAME_UNBOUNDED_AFTER},
                                               {-3, -1},
                                               {1, 2}};
    uint32_t at = random_pick(gen, sizeof WINDOWS / sizeof WINDOWS[0]);
    enum plan_function_id id = WINDOWS[at].id;
    const struct plan_expr *arg = NULL, *partition[2];
    size_t partitions = random_pick(gen, 3);
    *ret_approximate = id == PLAN_FUNCTION_MEAN;
    if (!random_can(gen, id))
        return NULL;
    if (WINDOWS[at].class[0] == '1')
        arg = small(gen, 1, 4);
    else if (WINDOWS[at].class[0] != '\0' &&
             (arg = random_expr(gen, scope, random_letter(gen, WINDOWS[at].class), 1)) == NULL)
        return NULL;
    for (size_t i = 0; i < partitions; i++)
        if ((partition[i] = random_expr(gen, scope, random_letter(gen, "bitD"), 1)) == NULL)
            return NULL;
    bool framed = WINDOWS[at].framed && !gen->options->without_frames && random_chance(gen, 50);
    size_t orders = WINDOWS[at].framed && !framed && random_chance(gen, 50)
                        ? 0
                        : scope->inputs[0]->column_count;
    if (orders == 0 && (id == PLAN_FUNCTION_FIRST_VALUE || id == PLAN_FUNCTION_LAST_VALUE))
        orders = scope->inputs[0]->column_count;
    return plan_window_call(gen->plan, plan_function_at(id)->name, arg != NULL ? 1 : 0, &arg,
                            partition, partitions, random_total_order(gen, scope->inputs[0]),
                            orders, framed ? &FRAMES[random_pick(gen, 5)] : NULL);
}
