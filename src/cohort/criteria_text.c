/* The short text form, read: a lexer and a parser by recursive descent. Grammar (docs/COHORT.md):
 *
 *     criteria := both ("or" both)*        both := one ("and" one)*       one := "not" one | "("
 * criteria ")" | person | event person   := "female" | "male" | "gender" word | "age" range |
 * "born" date-range | "deceased" | "alive" event    := domain [match ("," match)*] modifier* match
 * := "string" | word | code | "code" word | "valueset" word modifier := range [unit] | date-range |
 * "at age" range | "at least" n ["times"] | "category" word | "status" word | ["within" n "days"]
 * ("of" | "before" | "after") operand operand  := event | "(" event ("or" event)* ")"
 *
 * A word with a digit, a | or a * is a code, another is text. Errors have the line and column of
 * the first token that does not fit. */
#include "cohort/criteria_priv.h"

#include <inttypes.h>
#include <string.h>

enum token_kind {
    TOKEN_END,
    TOKEN_WORD,
    TOKEN_STRING,
    TOKEN_COMPARISON,
    TOKEN_OPEN,
    TOKEN_CLOSE,
    TOKEN_COMMA
};
struct token {
    enum token_kind kind;
    struct str text; /* STRING: between the quotes, escapes as written; COMPARISON: in ASCII */
    size_t at;
};
struct parser {
    struct cohort_criteria *criteria;
    struct str text;
    const char *source;
    size_t at; /* behind the token */
    struct token token;
    int depth;
    struct err *err;
};

static enum err_code place(struct parser *parser, size_t at)
{
    int64_t line = 1, column = 1;
    for (size_t i = 0; i < at && i < parser->text.len; i++) {
        unsigned char c = (unsigned char)parser->text.ptr[i];
        if (c == '\n') {
            line++;
            column = 1;
        } else if ((c & 0xC0) != 0x80) { /* characters, not bytes */
            column++;
        }
    }
    return err_at(parser->err, parser->source, line, column);
}

/* "expected …, found …" at the current token. */
static enum err_code expected(struct parser *parser, const char *what)
{
    const struct token *token = &parser->token;
    if (token->kind == TOKEN_END)
        err_set(parser->err, ERR_INPUT, "expected %s, found the end", what);
    else
        err_set(parser->err, ERR_INPUT, "expected %s, found '%.*s'", what,
                (int)(token->text.len < 60 ? token->text.len : 60), token->text.ptr);
    return place(parser, token->at);
}

static enum err_code fail_at(struct parser *parser, size_t at, enum err_code code)
{
    if (code == ERR_OK)
        return ERR_OK;
    (void)place(parser, at);
    return code;
}

static enum err_code no_memory(struct parser *parser)
{
    return err_set(parser->err, ERR_MEMORY, "no memory for criteria");
}

/* ---- tokens -------------------------------------------------------------------------------------
 */

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static bool ends_word(struct str rest)
{
    return is_blank(rest.ptr[0]) || strchr("\"(),<>=", rest.ptr[0]) != NULL ||
           str_has_prefix(rest, "≥") || str_has_prefix(rest, "≤");
}

static struct str rest_at(const struct parser *parser, size_t at)
{
    return (struct str){parser->text.ptr + at, parser->text.len - at};
}

static enum err_code lex_string(struct parser *parser, size_t begin)
{
    size_t at = begin + 1;
    while (at < parser->text.len && parser->text.ptr[at] != '"')
        at += parser->text.ptr[at] == '\\' && at + 1 < parser->text.len ? 2 : 1;
    if (at >= parser->text.len) {
        err_set(parser->err, ERR_INPUT, "a quoted text has no end");
        return place(parser, begin);
    }
    parser->token.kind = TOKEN_STRING;
    parser->token.text = (struct str){parser->text.ptr + begin + 1, at - begin - 1};
    parser->at = at + 1;
    return ERR_OK;
}

static void lex_comparison(struct parser *parser, struct str rest)
{
    static const struct {
        const char *written, *means;
    } signs[] = {{">=", ">="}, {"<=", "<="}, {"≥", ">="}, {"≤", "<="},
                 {">", ">"},   {"<", "<"},   {"=", "="}};
    for (size_t i = 0; i < sizeof signs / sizeof *signs; i++) {
        if (!str_has_prefix(rest, signs[i].written))
            continue;
        parser->token.kind = TOKEN_COMPARISON;
        parser->token.text = str_of(signs[i].means);
        parser->at += strlen(signs[i].written);
        return;
    }
}

static enum err_code next(struct parser *parser)
{
    while (parser->at < parser->text.len && is_blank(parser->text.ptr[parser->at]))
        parser->at++;
    size_t begin = parser->at;
    struct str rest = rest_at(parser, begin);
    parser->token = (struct token){.kind = TOKEN_END, .at = begin};
    if (rest.len == 0)
        return ERR_OK;
    if (rest.ptr[0] == '"')
        return lex_string(parser, begin);
    lex_comparison(parser, rest);
    if (parser->token.kind == TOKEN_COMPARISON)
        return ERR_OK;
    size_t length = 1;
    parser->token.kind = rest.ptr[0] == '('   ? TOKEN_OPEN
                         : rest.ptr[0] == ')' ? TOKEN_CLOSE
                         : rest.ptr[0] == ',' ? TOKEN_COMMA
                                              : TOKEN_WORD;
    if (parser->token.kind == TOKEN_WORD)
        while (length < rest.len && !ends_word(rest_at(parser, begin + length)))
            length++;
    parser->token.text = (struct str){rest.ptr, length};
    parser->at = begin + length;
    return ERR_OK;
}

static bool is_word(const struct parser *parser, const char *word)
{
    return parser->token.kind == TOKEN_WORD && str_equal_nocase(parser->token.text, str_of(word));
}

bool cohort_is_reserved(struct str word)
{
    static const char *const words[] = {"and", "or",      "not",      "within", "before",   "after",
                                        "of",  "at",      "since",    "until",  "during",   "on",
                                        "in",  "between", "category", "status", "valueset", "code"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (str_equal_nocase(word, str_of(words[i])))
            return true;
    return false;
}

static bool is_reserved(const struct parser *parser)
{
    return parser->token.kind == TOKEN_WORD && cohort_is_reserved(parser->token.text);
}

/* Goes past the word if it is the next token. */
static enum err_code skip(struct parser *parser, const char *word, bool *ret)
{
    *ret = is_word(parser, word);
    return *ret ? next(parser) : ERR_OK;
}

static enum err_code need(struct parser *parser, const char *word)
{
    if (!is_word(parser, word)) {
        char what[64] = "'";
        strncat(what, word, 50);
        strncat(what, "'", 2);
        return expected(parser, what);
    }
    return next(parser);
}

/* A word or a string, unescaped; past it. */
static enum err_code take_text(struct parser *parser, const char *what, const char **ret)
{
    const struct token token = parser->token;
    bool plain = token.kind == TOKEN_WORD && !is_reserved(parser);
    if (token.kind != TOKEN_STRING && !plain)
        return expected(parser, what);
    char *text = arena_strndup(parser->criteria->arena, token.text.ptr, token.text.len);
    if (text == NULL)
        return no_memory(parser);
    if (token.kind == TOKEN_STRING) {
        size_t length = 0;
        for (size_t i = 0; i < token.text.len; i++) {
            i += token.text.ptr[i] == '\\' && i + 1 < token.text.len ? 1 : 0;
            text[length++] = token.text.ptr[i];
        }
        text[length] = '\0';
    }
    if (text[0] == '\0' || strlen(text) > 1000)
        return expected(parser, what);
    *ret = text;
    return next(parser);
}

static enum err_code take_number(struct parser *parser, const char *what, int64_t least,
                                 int64_t most, int64_t *ret)
{
    if (parser->token.kind != TOKEN_WORD || !str_to_int64(parser->token.text, ret) ||
        *ret < least || *ret > most)
        return expected(parser, what);
    return next(parser);
}

/* ---- ranges -------------------------------------------------------------------------------------
 */

static enum err_code take_date(struct parser *parser, int64_t *ret_first, int64_t *ret_last)
{
    if (parser->token.kind != TOKEN_WORD ||
        !cohort_date_read(parser->token.text, ret_first, ret_last))
        return expected(parser, "a date such as 2020, 2020-05 or 2020-05-17");
    return next(parser);
}

static bool is_date(const struct parser *parser)
{
    int64_t first, last;
    return parser->token.kind == TOKEN_WORD && cohort_date_read(parser->token.text, &first, &last);
}

static bool begins_dates(const struct parser *parser)
{
    return is_word(parser, "since") || is_word(parser, "until") || is_word(parser, "during") ||
           is_word(parser, "on") || is_word(parser, "in");
}

/* since D | until D | during D | before D | after D: narrows span. The word is at `at`, the current
 * token behind it. */
static enum err_code date_bound(struct parser *parser, struct str word, size_t at,
                                struct cohort_span *span)
{
    int64_t first, last, low = COHORT_OPEN_LOW, high = COHORT_OPEN_HIGH;
    TRY(take_date(parser, &first, &last));
    if (str_equal_nocase(word, STR("since")))
        low = first;
    else if (str_equal_nocase(word, STR("until")))
        high = last;
    else if (str_equal_nocase(word, STR("before")))
        high = first - 1;
    else if (str_equal_nocase(word, STR("after")))
        low = last + 1;
    else {
        low = first;
        high = last;
    }
    if (!span->given)
        *span = (struct cohort_span){COHORT_OPEN_LOW, COHORT_OPEN_HIGH, true};
    span->low = low > span->low ? low : span->low;
    span->high = high < span->high ? high : span->high;
    return fail_at(parser, at, cohort_span_check(span, "dates", parser->err));
}

/* range of completed years: comparisons, or between … and … */
static enum err_code ages(struct parser *parser, struct cohort_span *span)
{
    size_t at = parser->token.at;
    bool between;
    *span = (struct cohort_span){0, COHORT_AGE_MOST, true};
    TRY(skip(parser, "between", &between));
    if (between) {
        TRY(take_number(parser, "an age", 0, COHORT_AGE_MOST, &span->low));
        TRY(need(parser, "and"));
        TRY(take_number(parser, "an age", 0, COHORT_AGE_MOST, &span->high));
        return fail_at(parser, at, cohort_span_check(span, "ages", parser->err));
    }
    if (parser->token.kind != TOKEN_COMPARISON)
        return expected(parser, "a comparison of ages such as '>= 50'");
    while (parser->token.kind == TOKEN_COMPARISON) {
        struct str sign = parser->token.text;
        int64_t age, exact = sign.len == 2 || sign.ptr[0] == '=' ? 0 : 1;
        TRY(next(parser));
        TRY(take_number(parser, "an age in years", 0, COHORT_AGE_MOST, &age));
        if (sign.ptr[0] != '<' && age + exact > span->low)
            span->low = age + exact;
        if (sign.ptr[0] != '>' && age - exact < span->high)
            span->high = age - exact;
    }
    return fail_at(parser, at, cohort_span_check(span, "ages", parser->err));
}

/* "140" or "140mmHg": the number, and what follows it in the word. */
static enum err_code take_decimal(struct parser *parser, const char **ret, struct str *ret_unit)
{
    struct str word = parser->token.text;
    size_t length = 0;
    if (parser->token.kind == TOKEN_WORD)
        while (length < word.len && strchr("-.0123456789", word.ptr[length]) != NULL)
            length++;
    *ret = cohort_number_read(parser->criteria->arena, (struct str){word.ptr, length});
    if (*ret == NULL)
        return expected(parser, "a decimal number of at most 15 digits on each side of the point");
    *ret_unit = (struct str){word.ptr + length, word.len - length};
    return next(parser);
}

static enum err_code take_unit(struct parser *parser, struct str attached,
                               struct cohort_value *value)
{
    if (attached.len > 0) {
        value->unit = arena_strndup(parser->criteria->arena, attached.ptr, attached.len);
        return value->unit == NULL ? no_memory(parser) : ERR_OK;
    }
    if (parser->token.kind == TOKEN_STRING ||
        (parser->token.kind == TOKEN_WORD && !is_reserved(parser)))
        return take_text(parser, "a unit", &value->unit);
    return ERR_OK;
}

static enum err_code one_comparison(struct parser *parser, struct cohort_value *value,
                                    struct str *unit)
{
    struct str sign = parser->token.text;
    size_t at = parser->token.at;
    const char *number;
    bool excluded = sign.len == 1 && sign.ptr[0] != '=';
    TRY(next(parser));
    TRY(take_decimal(parser, &number, unit));
    if ((sign.ptr[0] != '<' && value->low != NULL) || (sign.ptr[0] != '>' && value->high != NULL)) {
        err_set(parser->err, ERR_INPUT, "the value has two bounds on one side");
        return place(parser, at);
    }
    if (sign.ptr[0] != '<') {
        value->low = number;
        value->low_excluded = excluded;
    }
    if (sign.ptr[0] != '>') {
        value->high = number;
        value->high_excluded = excluded;
    }
    return ERR_OK;
}

static enum err_code values(struct parser *parser, struct cohort_value *value)
{
    size_t at = parser->token.at;
    struct str unit = {0};
    bool between;
    if (value->given) {
        err_set(parser->err, ERR_INPUT, "an event has one range of values");
        return place(parser, at);
    }
    value->given = true;
    TRY(skip(parser, "between", &between));
    if (between) {
        TRY(take_decimal(parser, &value->low, &unit));
        TRY(need(parser, "and"));
        TRY(take_decimal(parser, &value->high, &unit));
    }
    while (!between && parser->token.kind == TOKEN_COMPARISON && unit.len == 0)
        TRY(one_comparison(parser, value, &unit));
    TRY(take_unit(parser, unit, value));
    return fail_at(parser, at, cohort_value_check(value, parser->err));
}

/* ---- events -------------------------------------------------------------------------------------
 */

struct lists {
    struct cohort_list codes, texts, sets, relations;
};

static bool looks_like_code(struct str word)
{
    for (size_t i = 0; i < word.len; i++)
        if ((word.ptr[i] >= '0' && word.ptr[i] <= '9') || word.ptr[i] == '|' || word.ptr[i] == '*')
            return true;
    return false;
}

static enum err_code add_code(struct parser *parser, struct lists *lists, const char *text,
                              size_t at)
{
    struct cohort_code *code =
        cohort_list_add(parser->criteria->arena, &lists->codes, sizeof *code);
    if (code == NULL)
        return no_memory(parser);
    if (!cohort_code_read(parser->criteria->arena, str_of(text), code)) {
        err_set(parser->err, ERR_INPUT, "a code is missing: expected system|code or code");
        return place(parser, at);
    }
    if (lists->codes.count > COHORT_LIMIT_CODES)
        return err_set(parser->err, ERR_LIMIT, "more than %d codes", COHORT_LIMIT_CODES);
    return ERR_OK;
}

static enum err_code one_match(struct parser *parser, struct lists *lists)
{
    bool is_code, is_set, quoted;
    const char *text;
    TRY(skip(parser, "code", &is_code));
    TRY(skip(parser, "valueset", &is_set));
    size_t at = parser->token.at;
    quoted = parser->token.kind == TOKEN_STRING;
    TRY(take_text(parser, "a code, a text or 'valueset'", &text));
    if (is_code || (!is_set && !quoted && looks_like_code(str_of(text))))
        return add_code(parser, lists, text, at);
    const char **item = cohort_list_add(parser->criteria->arena,
                                        is_set ? &lists->sets : &lists->texts, sizeof *item);
    if (item == NULL)
        return no_memory(parser);
    *item = text;
    return ERR_OK;
}

static bool begins_match(const struct parser *parser)
{
    return parser->token.kind == TOKEN_STRING || is_word(parser, "code") ||
           is_word(parser, "valueset") ||
           (parser->token.kind == TOKEN_WORD && !is_reserved(parser));
}

static enum err_code event(struct parser *parser, const struct cohort_node **ret);

/* event | "(" event ("or" event)* ")" */
static enum err_code operand(struct parser *parser, const struct cohort_node **ret)
{
    struct cohort_list list = {0};
    if (parser->token.kind != TOKEN_OPEN)
        return event(parser, ret);
    TRY(next(parser));
    for (bool more = true; more;) {
        const struct cohort_node **item =
            cohort_list_add(parser->criteria->arena, &list, sizeof *item);
        if (item == NULL)
            return no_memory(parser);
        TRY(event(parser, item));
        TRY(skip(parser, "or", &more));
    }
    if (parser->token.kind != TOKEN_CLOSE)
        return expected(parser, "'or' and another event, or ')'");
    TRY(next(parser));
    *ret = cohort_node_of(parser->criteria->arena, COHORT_ANY, list.items, list.count);
    return *ret == NULL ? no_memory(parser) : ERR_OK;
}

#define DAYS_MOST 100000

/* The current token is behind "within", "before", "after". */
static enum err_code relation(struct parser *parser, struct lists *lists, bool within,
                              enum cohort_order order)
{
    struct cohort_relation *item =
        cohort_list_add(parser->criteria->arena, &lists->relations, sizeof *item);
    struct cohort_relation made = {.order = order, .days = -1};
    if (item == NULL)
        return no_memory(parser);
    size_t at = lists->relations.count - 1;
    if (within) {
        bool day, before, after;
        TRY(take_number(parser, "a number of days", 0, DAYS_MOST, &made.days));
        TRY(skip(parser, "day", &day));
        if (!day)
            TRY(need(parser, "days"));
        TRY(skip(parser, "before", &before));
        TRY(skip(parser, "after", &after));
        made.order = before ? COHORT_BEFORE : after ? COHORT_AFTER : COHORT_OF;
        if (!before && !after && !is_word(parser, "of"))
            return expected(parser, "'of', 'before' or 'after'");
        if (!before && !after)
            TRY(next(parser));
    }
    TRY(operand(parser, &made.event));
    ((struct cohort_relation *)lists->relations.items)[at] = made;
    return ERR_OK;
}

static enum err_code at_modifier(struct parser *parser, struct cohort_event *event_made)
{
    bool age, times;
    TRY(skip(parser, "age", &age));
    if (age)
        return ages(parser, &event_made->age);
    if (!is_word(parser, "least"))
        return expected(parser, "'age' or 'least'");
    TRY(next(parser));
    TRY(take_number(parser, "a number of events", 1, 1000000, &event_made->at_least));
    TRY(skip(parser, "times", &times));
    return ERR_OK;
}

/* One modifier, if the current token begins one. */
static enum err_code modifier(struct parser *parser, struct cohort_event *made, struct lists *lists,
                              bool *ret)
{
    struct token token = parser->token;
    bool before = is_word(parser, "before"), after = is_word(parser, "after"), taken;
    *ret = true;
    if (token.kind == TOKEN_COMPARISON || is_word(parser, "between"))
        return values(parser, &made->value);
    if (begins_dates(parser)) {
        TRY(next(parser));
        return date_bound(parser, token.text, token.at, &made->dates);
    }
    if (before || after) {
        TRY(next(parser));
        if (is_date(parser))
            return date_bound(parser, token.text, token.at, &made->dates);
        return relation(parser, lists, false, before ? COHORT_BEFORE : COHORT_AFTER);
    }
    TRY(skip(parser, "within", &taken));
    if (taken)
        return relation(parser, lists, true, COHORT_OF);
    TRY(skip(parser, "at", &taken));
    if (taken)
        return at_modifier(parser, made);
    TRY(skip(parser, "category", &taken));
    if (taken)
        return take_text(parser, "a category", &made->category);
    TRY(skip(parser, "status", &taken));
    if (taken)
        return take_text(parser, "a status", &made->status);
    *ret = false;
    return ERR_OK;
}

static enum err_code event_body(struct parser *parser, struct cohort_event *made)
{
    struct lists lists = {0};
    bool more = begins_match(parser);
    while (more) {
        TRY(one_match(parser, &lists));
        more = parser->token.kind == TOKEN_COMMA;
        if (more)
            TRY(next(parser));
    }
    for (more = true; more;)
        TRY(modifier(parser, made, &lists, &more));
    made->codes = lists.codes.items;
    made->code_count = lists.codes.count;
    made->texts = lists.texts.items;
    made->text_count = lists.texts.count;
    made->value_sets = lists.sets.items;
    made->value_set_count = lists.sets.count;
    made->relations = lists.relations.items;
    made->relation_count = lists.relations.count;
    return ERR_OK;
}

static enum err_code event(struct parser *parser, const struct cohort_node **ret)
{
    struct cohort_criteria *criteria = parser->criteria;
    struct cohort_event *made = arena_alloc(criteria->arena, sizeof *made);
    struct cohort_node *node = arena_alloc(criteria->arena, sizeof *node);
    if (made == NULL || node == NULL)
        return no_memory(parser);
    if (parser->token.kind != TOKEN_WORD || !cohort_domain_find(parser->token.text, &made->domain))
        return expected(parser,
                        "condition, observation, medication, procedure, encounter or event");
    TRY(cohort_count_node(criteria, parser->err));
    if (++parser->depth > COHORT_LIMIT_DEPTH)
        return err_set(parser->err, ERR_LIMIT, "criteria are more than %d deep",
                       COHORT_LIMIT_DEPTH);
    made->at_least = 1;
    made->ordinal = criteria->event_count++;
    TRY(next(parser));
    TRY(event_body(parser, made));
    parser->depth--;
    *node = (struct cohort_node){.kind = COHORT_EVENT, .event = made};
    *ret = node;
    return ERR_OK;
}

/* ---- criteria -----------------------------------------------------------------------------------
 */

static enum err_code gender_word(struct parser *parser, struct cohort_node *node, bool *ret)
{
    static const struct {
        const char *word, *gender;
    } words[] = {{"female", "female"}, {"women", "female"}, {"male", "male"}, {"men", "male"}};
    *ret = false;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (!is_word(parser, words[i].word))
            continue;
        *node = (struct cohort_node){.kind = COHORT_GENDER, .gender = words[i].gender};
        *ret = true;
        return next(parser);
    }
    bool gender;
    const char *text;
    TRY(skip(parser, "gender", &gender));
    if (!gender)
        return ERR_OK;
    TRY(take_text(parser, "a gender", &text));
    char *lower = arena_strdup(parser->criteria->arena, text);
    if (lower == NULL)
        return no_memory(parser);
    for (char *c = lower; *c != '\0'; c++)
        *c = *c >= 'A' && *c <= 'Z' ? (char)(*c + 32) : *c;
    *node = (struct cohort_node){.kind = COHORT_GENDER, .gender = lower};
    *ret = true;
    return ERR_OK;
}

static enum err_code born(struct parser *parser, struct cohort_node *node)
{
    struct token token = parser->token;
    *node = (struct cohort_node){.kind = COHORT_BORN};
    while (begins_dates(parser) || is_word(parser, "before") || is_word(parser, "after")) {
        token = parser->token;
        TRY(next(parser));
        TRY(date_bound(parser, token.text, token.at, &node->span));
    }
    return node->span.given
               ? ERR_OK
               : expected(parser, "'in', 'since', 'until', 'before' or 'after' a date");
}

/* A code or a text by itself does not say where it is looked for. */
static bool looks_like_event(const struct parser *parser)
{
    struct str text = parser->token.text;
    bool found = parser->token.kind == TOKEN_STRING;
    for (size_t i = 0; i < text.len && parser->token.kind == TOKEN_WORD; i++)
        found = found || text.ptr[i] == '|' || (text.ptr[i] >= '0' && text.ptr[i] <= '9');
    return found;
}

static enum err_code no_criterion(struct parser *parser)
{
    bool lacks_kind = looks_like_event(parser);
    (void)expected(parser, "a criterion");
    return lacks_kind
               ? err_hint(parser->err,
                          "say what it is of before it: condition, observation, medication, "
                          "procedure, encounter, or event for any of them, as in condition "
                          "icd10|E11*")
               : err_hint(parser->err,
                          "such as: female, age >= 50, condition \"type 2 diabetes\", medication "
                          "metformin, observation 8480-6 >= 140 mmHg; texts of several words are "
                          "quoted");
}

static enum err_code person_or_event(struct parser *parser, const struct cohort_node **ret)
{
    struct cohort_node *node = arena_alloc(parser->criteria->arena, sizeof *node);
    enum cohort_domain domain;
    bool taken;
    if (node == NULL)
        return no_memory(parser);
    if (parser->token.kind == TOKEN_WORD && cohort_domain_find(parser->token.text, &domain))
        return event(parser, ret);
    TRY(cohort_count_node(parser->criteria, parser->err));
    *ret = node;
    TRY(gender_word(parser, node, &taken));
    if (taken)
        return ERR_OK;
    TRY(skip(parser, "age", &taken));
    if (taken) {
        node->kind = COHORT_AGE;
        return ages(parser, &node->span);
    }
    TRY(skip(parser, "born", &taken));
    if (taken)
        return born(parser, node);
    bool alive = is_word(parser, "alive");
    if (!alive && !is_word(parser, "deceased"))
        return no_criterion(parser);
    node->kind = COHORT_DECEASED;
    TRY(next(parser));
    if (!alive)
        return ERR_OK;
    struct cohort_node *other = arena_alloc(parser->criteria->arena, sizeof *other);
    const struct cohort_node **child = arena_array(parser->criteria->arena, 1, sizeof *child);
    if (other == NULL || child == NULL)
        return no_memory(parser);
    child[0] = node;
    *other = (struct cohort_node){.kind = COHORT_NOT, .children = child, .child_count = 1};
    *ret = other;
    return ERR_OK;
}

static enum err_code any_of(struct parser *parser, const struct cohort_node **ret);

static enum err_code one(struct parser *parser, const struct cohort_node **ret)
{
    bool negated;
    if (++parser->depth > COHORT_LIMIT_DEPTH)
        return err_set(parser->err, ERR_LIMIT, "criteria are more than %d deep",
                       COHORT_LIMIT_DEPTH);
    TRY(skip(parser, "not", &negated));
    if (negated) {
        struct cohort_node *node = arena_alloc(parser->criteria->arena, sizeof *node);
        const struct cohort_node **child = arena_array(parser->criteria->arena, 1, sizeof *child);
        if (node == NULL || child == NULL)
            return no_memory(parser);
        TRY(cohort_count_node(parser->criteria, parser->err));
        TRY(one(parser, child));
        *node = (struct cohort_node){.kind = COHORT_NOT, .children = child, .child_count = 1};
        *ret = node;
    } else if (parser->token.kind == TOKEN_OPEN) {
        TRY(next(parser));
        TRY(any_of(parser, ret));
        if (parser->token.kind != TOKEN_CLOSE)
            return expected(parser, "'and', 'or' or ')'");
        TRY(next(parser));
    } else {
        TRY(person_or_event(parser, ret));
    }
    parser->depth--;
    return ERR_OK;
}

/* operator: "and" or "or"; part reads what is between. */
static enum err_code joined(struct parser *parser, const char *operator, enum cohort_kind kind,
                            enum err_code (*part)(struct parser *, const struct cohort_node **),
                            const struct cohort_node **ret)
{
    struct cohort_list list = {0};
    for (bool more = true; more;) {
        const struct cohort_node *node = NULL;
        TRY(part(parser, &node));
        const struct cohort_node **item =
            cohort_list_add(parser->criteria->arena, &list, sizeof *item);
        if (item == NULL)
            return no_memory(parser);
        *item = node;
        TRY(skip(parser, operator, & more));
    }
    *ret = cohort_node_of(parser->criteria->arena, kind, list.items, list.count);
    return *ret == NULL ? no_memory(parser) : ERR_OK;
}

static enum err_code all_of(struct parser *parser, const struct cohort_node **ret)
{
    return joined(parser, "and", COHORT_ALL, one, ret);
}

static enum err_code any_of(struct parser *parser, const struct cohort_node **ret)
{
    return joined(parser, "or", COHORT_ANY, all_of, ret);
}

enum err_code cohort_text_read(struct cohort_criteria *criteria, struct str text,
                               const char *source, struct err *err)
{
    struct parser parser = {.criteria = criteria, .text = text, .source = source, .err = err};
    size_t valid = str_utf8_valid_prefix(text);
    if (valid < text.len || memchr(text.ptr == NULL ? "" : text.ptr, '\0', text.len) != NULL) {
        err_set(err, ERR_INPUT, "the criteria are not plain UTF-8 text");
        return place(&parser, valid < text.len ? valid : 0);
    }
    TRY(next(&parser));
    TRY(any_of(&parser, &criteria->root));
    if (parser.token.kind == TOKEN_END)
        return ERR_OK;
    (void)expected(&parser, "'and', 'or' or the end");
    return err_hint(err, "texts of several words are quoted: condition \"type 2 diabetes\"");
}
