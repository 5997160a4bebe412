/* Aliases: phrases to which a person gave a meaning, a phrase or TABLE.COLUMN (dataset.json).
 *
 *     "sugar pills" → "metformin"           put in its place in the text, before words are linked
 *     "sugar"       → labs.glucose_mmol     a column, whatever its name is like
 *
 * An alias may stand for words that are aliases themselves; that they lead in no circle is looked
 * at when one is added, and bounded when they are used. */
#include "ask/ask_priv.h"

#include "base/nearest.h"

#include <string.h>

static void stem_into(void *user, struct str word)
{
    struct ask_words *words = user;
    if (words->count < ASK_WORDS)
        ask_stem(word, words->text[words->count++]);
}

bool ask_alias_is_column(const char *meaning)
{
    const char *dot = strchr(meaning, '.');
    return dot != NULL && dot != meaning && dot[1] != '\0' && strchr(dot + 1, '.') == NULL &&
           strpbrk(meaning, " \t\n") == NULL &&
           !(dot[-1] >= '0' && dot[-1] <= '9' && dot[1] >= '0' && dot[1] <= '9');
}

static bool find_column(const struct ask_catalogue *c, const char *meaning, size_t *ret_table,
                        size_t *ret_column)
{
    const char *dot = strchr(meaning, '.');
    if (!ask_alias_is_column(meaning))
        return false;
    for (size_t t = 0; t < c->table_count; t++) {
        if (!str_equal_nocase((struct str){meaning, (size_t)(dot - meaning)},
                              str_of(c->tables[t].name)))
            continue;
        for (size_t i = 0; i < c->tables[t].column_count && !c->tables[t].hidden; i++)
            if (str_equal_nocase(str_of(dot + 1), str_of(c->tables[t].columns[i].name))) {
                *ret_table = t;
                *ret_column = i;
                return true;
            }
    }
    return false;
}

const char *ask_alias_column_name(const struct ask_catalogue *c, const char *meaning,
                                  struct buf *ret)
{
    size_t table = 0, column = 0;
    if (!find_column(c, meaning, &table, &column))
        return NULL;
    buf_printf(ret, "%s.%s", c->tables[table].name, c->tables[table].columns[column].name);
    return buf_text(ret);
}

void ask_aliases_add(struct ask_catalogue *c, const json_t *aliases)
{
    const char *from;
    json_t *to;
    c->aliases = arena_array(c->arena, json_object_size(aliases) + 1, sizeof *c->aliases);
    json_object_foreach((json_t *)(uintptr_t)aliases, from, to)
    {
        if (c->aliases == NULL || !json_is_string(to))
            continue;
        struct ask_alias *alias = &c->aliases[c->alias_count++];
        *alias = (struct ask_alias){.table = ASK_NONE};
        ask_text_words(str_of(from), stem_into, &alias->from);
        alias->phrase = arena_strdup(c->arena, from);
        alias->to = arena_strdup(c->arena, json_string_value(to));
        if (!find_column(c, json_string_value(to), &alias->table, &alias->column))
            alias->table = ASK_NONE;
    }
}

/* The alias of most words that begins at the token. */
static const struct ask_alias *alias_at(const struct ask_reading *reading, size_t from)
{
    const struct ask_catalogue *c = reading->catalogue;
    const struct ask_alias *best = NULL;
    for (size_t i = 0; i < c->alias_count; i++) {
        const struct ask_words *words = &c->aliases[i].from;
        size_t n = 0;
        while (n < words->count && from + n < reading->token_count &&
               strcmp(words->text[n], reading->tokens[from + n].stem) == 0)
            n++;
        if (n > 0 && n == words->count && (best == NULL || n > best->from.count))
            best = &c->aliases[i];
    }
    return best;
}

bool ask_alias_column(const struct ask_reading *reading, size_t from, struct ask_item *ret)
{
    const struct ask_alias *alias = alias_at(reading, from);
    if (alias == NULL || alias->table == ASK_NONE)
        return false;
    *ret = (struct ask_item){.class = ASK_COLUMN,
                             .from = from,
                             .to = from + alias->from.count,
                             .column_count = 1,
                             .quality = 1};
    ret->columns[0].table = alias->table;
    ret->columns[0].column = alias->column;
    ret->columns[0].quality = 1;
    return true;
}

/* The text with each phrase that stands for another replaced; false: there is none. */
static bool replace(struct ask_reading *reading, struct buf *ret)
{
    const char *at = reading->text.ptr, *end = reading->text.ptr + reading->text.len;
    bool any = false;
    for (size_t t = 0; t < reading->token_count;) {
        const struct ask_alias *alias = alias_at(reading, t);
        if (alias == NULL || alias->table != ASK_NONE) {
            t += alias != NULL ? alias->from.count : 1;
            continue;
        }
        const struct ask_token *last = &reading->tokens[t + alias->from.count - 1];
        const char *start = reading->tokens[t].text.ptr;
        ask_note(reading, reading->why, "'%.*s' stands for '%s' (an alias)",
                 (int)(last->text.ptr + last->text.len - start), start, alias->to);
        buf_add_str(ret, (struct str){at, (size_t)(start - at)});
        buf_puts(ret, alias->to);
        at = last->text.ptr + last->text.len;
        t += alias->from.count;
        any = true;
    }
    buf_add_str(ret, (struct str){at, (size_t)(end - at)});
    return any;
}

enum err_code ask_aliases_expand(struct ask_reading *reading,
                                 enum err_code (*take)(struct ask_reading *reading, struct str text,
                                                       struct err *err),
                                 struct err *err)
{
    for (size_t pass = 0; pass <= reading->catalogue->alias_count; pass++) {
        AUTO(buf_done) struct buf text = BUF_INIT;
        if (!replace(reading, &text))
            return ERR_OK;
        TRY(buf_check(&text, err));
        if (text.len > 2 * ASK_LIMIT_QUESTION_BYTES)
            break;
        TRY(take(reading, buf_view(&text), err));
    }
    if (reading->catalogue->alias_count == 0)
        return ERR_OK;
    err_set(err, ERR_INPUT, "the aliases of the question's words lead in a circle");
    return err_hint(err, "'marrow alias NAME list' shows them; remove one of the circle");
}

/* ---- what is asked of them from outside ---------------------------------------------------------
 */

static enum err_code unknown_column(const struct ask_catalogue *c, const char *meaning,
                                    struct err *err)
{
    AUTO(arena_free) struct arena *arena = arena_new(0);
    struct nearest nearest = {.asked = meaning};
    err_set(err, ERR_NOT_FOUND, "no table of this version has the column %.200s", meaning);
    for (size_t t = 0; arena != NULL && t < c->table_count; t++)
        for (size_t i = 0; i < c->tables[t].column_count; i++) {
            const char *name =
                arena_printf(arena, "%s.%s", c->tables[t].name, c->tables[t].columns[i].name);
            if (name != NULL)
                nearest_offer(&nearest, name);
        }
    return nearest_text(&nearest) != NULL
               ? err_hint(err, "did you mean %.200s?", nearest_text(&nearest))
               : err_hint(err, "'marrow profile NAME' lists the columns");
}

enum err_code ask_alias_check(const struct ask_catalogue *c, const struct ask_index *index,
                              const char *phrase, struct err *err)
{
    AUTO(ask_reading_free) struct ask_reading *reading = NULL;
    struct ask_options options = {.now_day = INT64_MIN};
    for (size_t i = 0; i < c->alias_count; i++)
        if (strcmp(c->aliases[i].phrase, phrase) == 0 && c->aliases[i].table == ASK_NONE &&
            ask_alias_is_column(c->aliases[i].to))
            return unknown_column(c, c->aliases[i].to, err);
    TRY(ask_read(c, index, phrase, &options, &reading, err));
    for (size_t i = 0; i < reading->item_count; i++) {
        if (reading->items[i].class != ASK_UNKNOWN)
            continue;
        err_set(err, ERR_INPUT,
                "the meaning's '%s' is no column, no value of the data and no word that is "
                "understood",
                ask_phrase(reading, reading->items[i].from, reading->items[i].to));
        return err_hint(err, "an alias stands for words that a question could hold, or for "
                             "TABLE.COLUMN");
    }
    return ERR_OK;
}

enum err_code ask_mask(const struct ask_catalogue *c, const struct ask_index *index,
                       const char *text, struct buf *ret, struct err *err)
{
    AUTO(ask_reading_free) struct ask_reading *reading = NULL;
    struct ask_options options = {.now_day = INT64_MIN};
    TRY(ask_read(c, index, text, &options, &reading, err));
    ask_reading_masked(reading, ret);
    return buf_check(ret, err);
}
