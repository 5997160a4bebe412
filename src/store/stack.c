/* Which tables are parts of one: labs_2019, labs_2020; site_a, site_b; part_000, part_001.
 *
 *     sources ── --stack 'labs_*' | auto ──▶ stacks, each loaded as one table with a column
 * source_file └─ the others ── same columns, serial names ──▶ a warning that names the option
 *
 * The one idea: equal columns alone may be chance and serial names alone may be habit; both
 * together are parts of one table. It is the user who says so: nothing is stacked by itself. What a
 * stack holds does not depend on the order of the files: its parts are sorted by source_file. */
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#include "store/load_priv.h"

#define AUTO_PATTERN "auto"
#define NO_NAME "stacked" /* of a stack whose parts have only numbers for names */

/* ---- names --------------------------------------------------------------------------------------
 */

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
    return ((c | 32) >= 'a' && (c | 32) <= 'z') || (unsigned char)c >= 0x80;
}

static bool is_month(struct str word)
{
    static const char *const months[] = {"jan", "feb", "mar", "apr", "may", "jun",
                                         "jul", "aug", "sep", "oct", "nov", "dec"};
    for (size_t i = 0; i < sizeof months / sizeof *months; i++)
        if (str_equal_nocase(word, str_of(months[i])))
            return true;
    return false;
}

/* "Labs_2019" → "labs_*": numbers, single letters and months count, words name. */
static const char *serial_key(struct arena *arena, const char *name)
{
    char *key = arena_alloc(arena, 2 * strlen(name) + 1);
    size_t used = 0;
    for (const char *at = name; key != NULL && *at != '\0';) {
        const char *start = at;
        while (is_digit(*at))
            at++;
        bool counts = at > start;
        if (!counts) {
            while (is_letter(*at))
                at++;
            counts = at == start + 1 || is_month((struct str){start, (size_t)(at - start)});
        }
        if (counts && used > 0 && key[used - 1] == '*')
            continue;
        if (counts)
            key[used++] = '*';
        for (at += at == start; !counts && start < at; start++)
            key[used++] = *start >= 'A' && *start <= 'Z' ? (char)(*start + 32) : *start;
    }
    if (key != NULL)
        key[used] = '\0';
    return key;
}

/* What a pattern says by itself: 'labs_*' → "labs". */
static const char *name_of_pattern(struct arena *arena, const char *pattern)
{
    char *name = arena_alloc(arena, strlen(pattern) + 1);
    size_t used = 0;
    bool letters = false;
    for (const char *at = pattern; name != NULL && *at != '\0'; at++) {
        const char *close = *at == '[' ? strchr(at, ']') : NULL;
        bool wild = *at == '*' || *at == '?' || close != NULL;
        char c = wild ? '_' : *at;
        letters = letters || (!wild && is_letter(c));
        at = close != NULL ? close : at;
        if (c != '_' || (used > 0 && name[used - 1] != '_'))
            name[used++] = c;
    }
    while (name != NULL && used > 0 && name[used - 1] == '_')
        used--;
    if (name != NULL)
        name[used] = '\0';
    return name != NULL && !letters ? NO_NAME : name;
}

static size_t common_prefix(const char *a, const char *b, size_t most)
{
    size_t length = 0;
    while (length < most && a[length] != '\0' && a[length] == b[length])
        length++;
    return length;
}

/* ---- what makes tables alike --------------------------------------------------------------------
 */

struct candidate {
    const char *key;
    struct hash128 columns; /* of their names and value labels, in any order */
    bool text;              /* texts whose types are inferred */
    size_t idx;             /* of the source */
};

static void add_hash(struct hash128 *sum, struct str text)
{
    struct hash128 hash = hash_xxh3_128(text.ptr, text.len, 0);
    sum->low += hash.low;
    sum->high += hash.high;
}

static bool hash_columns(const struct data_schema *schema, struct candidate *candidate)
{
    AUTO(buf_done) struct buf text = BUF_INIT;
    for (size_t i = 0; i < schema->count; i++) {
        const struct data_column *column = &schema->columns[i];
        buf_clear(&text);
        for (const char *c = column->name; *c != '\0'; c++)
            buf_putc(&text, *c >= 'A' && *c <= 'Z' ? (char)(*c + 32) : *c);
        for (size_t k = 0; k < column->value_label_count; k++)
            buf_printf(&text, "\n%s\n%s", column->value_labels[k].value,
                       column->value_labels[k].label);
        add_hash(&candidate->columns, buf_view(&text));
    }
    return !text.failed;
}

static int by_likeness(const void *a, const void *b)
{
    const struct candidate *x = a, *y = b;
    int order = strcmp(x->key, y->key);
    if (order == 0)
        order = memcmp(&x->columns, &y->columns, sizeof x->columns);
    if (order == 0)
        order = (int)x->text - (int)y->text;
    return order != 0 ? order : (x->idx > y->idx) - (x->idx < y->idx);
}

static bool alike(const struct candidate *a, const struct candidate *b)
{
    return strcmp(a->key, b->key) == 0 && a->text == b->text &&
           memcmp(&a->columns, &b->columns, sizeof a->columns) == 0;
}

/* Do the columns have names of their own? Made-up ones (column_1 …) are alike everywhere. */
static bool has_names(const struct data_source *source, const struct data_schema *schema)
{
    bool made_up = source->text_columns;
    for (size_t i = 0; i < schema->count && made_up; i++)
        made_up = strncmp(schema->columns[i].name, "column_", 7) == 0;
    return schema->count >= 2 && !made_up;
}

static enum err_code add_candidate(struct arena *arena, const struct data_source *source,
                                   const struct data_schema *schema, size_t idx,
                                   struct candidate *list, size_t *count, struct err *err)
{
    struct candidate candidate = {
        .key = serial_key(arena, source->name), .text = source->text_columns, .idx = idx};
    if (candidate.key == NULL || !hash_columns(schema, &candidate))
        return err_set(err, ERR_MEMORY, "no memory to import");
    if (strchr(candidate.key, '*') != NULL && has_names(source, schema))
        list[(*count)++] = candidate;
    return ERR_OK;
}

/* ---- stacks -------------------------------------------------------------------------------------
 */

static enum err_code no_memory(struct err *err)
{
    return err_set(err, ERR_MEMORY, "no memory to stack tables");
}

/* Texts of source_file: the origins without the folder or archive that all share. */
static bool label_parts(struct arena *arena, struct store_stack *stack)
{
    size_t shared = strlen(stack->parts[0].source->origin);
    for (size_t i = 1; i < stack->count; i++)
        shared =
            common_prefix(stack->parts[0].source->origin, stack->parts[i].source->origin, shared);
    const char *first = stack->parts[0].source->origin;
    while (shared > 0 && first[shared - 1] != '/' && first[shared - 1] != '!')
        shared--;
    for (size_t i = 0; i < stack->count; i++)
        stack->parts[i].label = arena_strdup(arena, stack->parts[i].source->origin + shared);
    return !arena_failed(arena);
}

static int by_label(const void *a, const void *b)
{
    return strcmp(((const struct store_stack_part *)a)->label,
                  ((const struct store_stack_part *)b)->label);
}

/* One note of each kind, with the first part that has it and how many more. */
static bool merge_notes(struct arena *arena, struct store_stack *stack)
{
    bool ok = (stack->notes = json_array()) != NULL;
    JSON_AUTO seen = json_object();
    for (size_t i = 0; i < stack->count; i++) {
        const json_t *notes = stack->parts[i].source->notes;
        for (size_t k = 0; k < json_array_size(notes); k++) {
            const char *code = json_text(json_array_get(notes, k), "code", "");
            json_put_int(seen, code, json_int(seen, code, 0) + 1, &ok);
        }
    }
    for (size_t i = 0; i < stack->count; i++) {
        const json_t *notes = stack->parts[i].source->notes;
        for (size_t k = 0; k < json_array_size(notes); k++) {
            const char *code = json_text(json_array_get(notes, k), "code", "");
            const char *message = json_text(json_array_get(notes, k), "message", "");
            int64_t times = json_int(seen, code, 0);
            if (times == 0)
                continue;
            json_t *note = json_object();
            const char *text =
                times == 1 ? arena_printf(arena, "%s: %s", stack->parts[i].label, message)
                           : arena_printf(arena, "%s: %s (and %lld more like it)",
                                          stack->parts[i].label, message, (long long)times - 1);
            json_put_text(note, "code", code, &ok);
            json_put_text(note, "message", text, &ok);
            json_push(stack->notes, note, &ok);
            json_put_int(seen, code, 0, &ok);
        }
    }
    return ok && seen != NULL && !arena_failed(arena);
}

static enum err_code finish_stack(struct store_stacking *work, struct store_stack *stack,
                                  struct err *err)
{
    if (!label_parts(work->arena, stack))
        return no_memory(err);
    qsort(stack->parts, stack->count, sizeof *stack->parts, by_label);
    if (!merge_notes(work->arena, stack))
        return no_memory(err);
    for (size_t i = 1; i < stack->count; i++)
        if (strcmp(stack->parts[i - 1].label, stack->parts[i].label) == 0)
            return err_set(err, ERR_INPUT, "%s is given twice", stack->parts[i].label);
    const struct data_source *first = stack->parts[0].source;
    stack->source = (struct data_source){
        .name = stack->name,
        .origin = arena_printf(work->arena, "%s and %zu more", first->origin, stack->count - 1),
        .text_columns = first->text_columns,
        .push = first->push,
        .notes = stack->notes};
    for (size_t i = 0; i < stack->count; i++) {
        const struct data_source *part = stack->parts[i].source;
        stack->source.bytes += part->bytes;
        stack->source.decimal_comma = stack->source.decimal_comma || part->decimal_comma;
        if (part->text_columns == first->text_columns)
            continue;
        (void)err_set(
            err, ERR_INPUT, "%s has types of its own and %s only texts: they can't be stacked",
            (first->text_columns ? part : first)->name, (first->text_columns ? first : part)->name);
        return err_hint(err, "give both in one format");
    }
    return arena_failed(work->arena) ? no_memory(err) : ERR_OK;
}

static struct store_stack *new_stack(struct store_stacking *work, const char *name,
                                     const char *pattern, size_t count)
{
    struct store_stack *stack = arena_alloc(work->arena, sizeof *stack);
    struct store_stack_part *parts = arena_array(work->arena, count, sizeof *parts);
    if (stack == NULL || parts == NULL)
        return NULL;
    *stack = (struct store_stack){.name = name, .pattern = pattern, .parts = parts};
    stack->next = work->stacks;
    return work->stacks = stack;
}

static void add_part(struct store_stacking *work, struct store_stack *stack,
                     const struct data_source *const *sources, size_t idx)
{
    stack->parts[stack->count++] = (struct store_stack_part){.source = sources[idx]};
    work->of[idx] = stack;
}

/* ---- as the user says ---------------------------------------------------------------------------
 */

static enum err_code stack_pattern(struct store_stacking *work, const char *given,
                                   const struct data_source *const *sources, size_t count,
                                   struct err *err)
{
    const char *equals = strchr(given, '='), *pattern = equals == NULL ? given : equals + 1;
    const char *name = equals == NULL ? name_of_pattern(work->arena, pattern)
                                      : arena_strndup(work->arena, given, (size_t)(equals - given));
    struct store_stack *stack =
        name == NULL || name[0] == '\0' ? NULL : new_stack(work, name, given, count);
    if (name != NULL && name[0] == '\0')
        return err_set(err, ERR_USAGE, "a stack has no name: '%.200s'", given);
    if (stack == NULL)
        return no_memory(err);
    for (size_t i = 0; i < count; i++)
        if (work->of[i] == NULL && fnmatch(pattern, sources[i]->name, FNM_CASEFOLD) == 0)
            add_part(work, stack, sources, i);
    if (stack->count >= 2)
        return finish_stack(work, stack, err);
    (void)err_set(err, ERR_INPUT, "'%.200s' names %s of the import, where two are needed to stack",
                  pattern, stack->count == 0 ? "no table" : "one table");
    return err_hint(err, "a pattern is of table names, * stands for anything: --stack 'labs_*'; "
                         "NAME=PATTERN gives the stacked table its name");
}

/* Parquet says its columns only when it is opened. */
static enum err_code read_schema(struct store_import *import, struct engine **engine,
                                 const struct data_source *source, struct data_schema *ret,
                                 struct err *err)
{
    char spill[FILE_PATH_BYTES];
    if (source->schema.count > 0)
        return data_schema_copy(&source->schema, ret, err);
    if (source->scan == NULL)
        return ERR_OK;
    TRY(file_path_join(import->staging.path, "spill-stack", spill, err));
    if (*engine == NULL)
        TRY(store_engine_open(import->store, NULL, spill, engine, err));
    enum err_code code = engine_scan_schema(*engine, source->scan, ret, err);
    if (code == ERR_ENGINE) /* the load says what is wrong with it */
        return ERR_OK;
    return code;
}

static enum err_code stack_alike(struct store_stacking *work, struct candidate *list, size_t count,
                                 const struct data_source *const *sources, struct err *err)
{
    qsort(list, count, sizeof *list, by_likeness);
    for (size_t i = 0, k; i < count; i = k) {
        for (k = i + 1; k < count && alike(&list[i], &list[k]); k++)
            ;
        if (k - i < 2)
            continue;
        struct store_stack *stack =
            new_stack(work, name_of_pattern(work->arena, list[i].key), AUTO_PATTERN, k - i);
        if (stack == NULL || stack->name == NULL)
            return no_memory(err);
        for (size_t part = i; part < k; part++)
            add_part(work, stack, sources, list[part].idx);
        TRY(finish_stack(work, stack, err));
    }
    return ERR_OK;
}

static enum err_code stack_all(struct store_import *import, struct store_stacking *work,
                               const struct data_source *const *sources, size_t count,
                               struct err *err)
{
    AUTO(engine_close) struct engine *engine = NULL;
    AUTO(mem_free) struct candidate *list = mem_zalloc(count + 1, sizeof *list);
    size_t listed = 0;
    if (list == NULL)
        return no_memory(err);
    for (size_t i = 0; i < count; i++) {
        struct data_schema schema = {0};
        if (work->of[i] != NULL)
            continue;
        enum err_code code = read_schema(import, &engine, sources[i], &schema, err);
        if (code == ERR_OK)
            code = add_candidate(work->arena, sources[i], &schema, i, list, &listed, err);
        data_schema_done(&schema);
        TRY(code);
    }
    return stack_alike(work, list, listed, sources, err);
}

/* A table of its own may have the stack's name already. */
static enum err_code settle_name(struct store_stacking *work, struct store_stack *stack,
                                 const struct data_source *const *sources, size_t count,
                                 struct err *err)
{
    for (size_t i = 0; i < count; i++)
        if (work->of[i] == NULL && str_equal_nocase(str_of(sources[i]->name), str_of(stack->name)))
            stack->name = arena_printf(work->arena, "%s_stacked", stack->name);
    stack->source.name = stack->name;
    return stack->name == NULL ? no_memory(err) : ERR_OK;
}

enum err_code store_stack_plan(struct store_import *import,
                               const struct data_source *const *sources, size_t count,
                               struct store_stacking *ret, struct err *err)
{
    bool all = false;
    *ret = (struct store_stacking){.arena = arena_new(0)};
    ret->of = ret->arena == NULL ? NULL : arena_array(ret->arena, count + 1, sizeof *ret->of);
    if (ret->of == NULL)
        return no_memory(err);
    for (size_t i = 0; i < import->options.stack_count; i++) {
        const char *given = import->options.stack[i];
        if (strcmp(given, AUTO_PATTERN) == 0)
            all = true;
        else
            TRY(stack_pattern(ret, given, sources, count, err));
    }
    if (all)
        TRY(stack_all(import, ret, sources, count, err));
    for (struct store_stack *stack = ret->stacks; stack != NULL; stack = stack->next)
        TRY(settle_name(ret, stack, sources, count, err));
    return ERR_OK;
}

void store_stacking_done(struct store_stacking *stacking)
{
    for (struct store_stack *stack = stacking->stacks; stack != NULL; stack = stack->next)
        json_decref(stack->notes);
    arena_free(stacking->arena);
    *stacking = (struct store_stacking){0};
}

/* ---- what could be stacked ----------------------------------------------------------------------
 */

/* 'labs_*', or what stands for it where that would take in other tables too. */
static const char *suggested_pattern(struct arena *arena, const struct candidate *members,
                                     size_t count, const struct data_source *const *sources,
                                     size_t source_count)
{
    const char *first = sources[members[0].idx]->name;
    size_t prefix = strlen(first), matched = 0;
    for (size_t i = 1; i < count; i++)
        prefix = common_prefix(first, sources[members[i].idx]->name, prefix);
    while (prefix > 0 && is_digit(first[prefix - 1])) /* 201*: some year */
        prefix--;
    const char *pattern = arena_printf(arena, "%.*s*", (int)prefix, first);
    for (size_t i = 0; pattern != NULL && i < source_count; i++)
        matched += fnmatch(pattern, sources[i]->name, FNM_CASEFOLD) == 0;
    return pattern == NULL || (matched == count && prefix > 0) ? pattern : AUTO_PATTERN;
}

static enum err_code suggest(struct arena *arena, const struct candidate *members, size_t count,
                             const struct data_source *const *sources, size_t source_count,
                             json_t *warnings, struct err *err)
{
    bool ok = true;
    const char *pattern = suggested_pattern(arena, members, count, sources, source_count);
    const char *others = count == 2      ? "has"
                         : arena == NULL ? NULL
                                         : arena_printf(arena, "and %zu more have", count - 2);
    const char *message = pattern == NULL || others == NULL
                              ? NULL
                              : arena_printf(arena,
                                             "%s %s the same columns: --stack '%s' makes one "
                                             "table of them, with a column " STORE_STACK_COLUMN,
                                             sources[members[1].idx]->name, others, pattern);
    if (message == NULL)
        return no_memory(err);
    json_t *warning = json_object();
    json_put_text(warning, "code", "stackable", &ok);
    json_put_text(warning, "message", message, &ok);
    json_push(warnings, warning, &ok);
    return json_built(ok, err);
}

enum err_code store_stack_suggest(const struct store_stacking *stacking,
                                  const struct data_source *const *sources, size_t count,
                                  json_t *const *entries, struct err *err)
{
    struct arena *arena = stacking->arena;
    AUTO(mem_free) struct candidate *list = mem_zalloc(count + 1, sizeof *list);
    size_t listed = 0;
    if (list == NULL)
        return no_memory(err);
    for (size_t i = 0; i < count; i++) {
        struct data_schema read = {0};
        const struct data_schema *schema = &sources[i]->schema;
        enum err_code code = ERR_OK;
        if (stacking->of[i] != NULL)
            continue;
        if (schema->count == 0) {
            code = data_schema_from_json(json_object_get(entries[i], "columns"), "the manifest",
                                         &read, err);
            schema = &read;
        }
        if (code == ERR_OK)
            code = add_candidate(arena, sources[i], schema, i, list, &listed, err);
        data_schema_done(&read);
        TRY(code);
    }
    qsort(list, listed, sizeof *list, by_likeness);
    for (size_t i = 0, k; i < listed; i = k) {
        for (k = i + 1; k < listed && alike(&list[i], &list[k]); k++)
            ;
        if (k - i >= 2)
            TRY(suggest(arena, &list[i], k - i, sources, count,
                        json_object_get(entries[list[i].idx], "warnings"), err));
    }
    return ERR_OK;
}
