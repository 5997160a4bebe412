/* Reading JSON rows ourselves, as a stream of text columns: each value with the digits that it was
 * written with (1.50, 1e5, 12345678901234567890), texts unescaped, nested values as their JSON
 * text, null and a missing member as null.
 *
 * Two walks over the mapped file: the first finds the members' names (json_columns_find), the
 * second pushes. In lines mode an object that is not JSON puts its own lines aside, up to the next
 * line that begins with '{'; in an array there is no such place, so the whole is refused, with the
 * line. */
#include <string.h>

#include "base/hash.h"
#include "ingest/parts_priv.h"

#define CHECK_ROWS 4096
#define BATCH_TEXT_BYTES (8u << 20)

/* ---- one object after the other -----------------------------------------------------------------
 */

struct stepping {
    struct str text;
    const char *at, *counted; /* counted: lines are counted up to here */
    int64_t line;             /* of counted */
    bool array, ended;
    struct json_view view;
    const char *start;  /* of the object, or of what is none */
    const char *reason; /* why it can't be used; NULL: it can */
};

static int64_t line_of(struct stepping *steps, const char *at)
{
    for (const char *feed;
         (feed = memchr(steps->counted, '\n', (size_t)(at - steps->counted))) != NULL;
         steps->line++)
        steps->counted = feed + 1;
    return steps->line;
}

static void skip_blanks(struct stepping *steps)
{
    const char *end = steps->text.ptr + steps->text.len;
    while (steps->at < end &&
           (*steps->at == ' ' || *steps->at == '\n' || *steps->at == '\r' || *steps->at == '\t'))
        steps->at++;
}

static void begin(struct stepping *steps, struct str text)
{
    *steps = (struct stepping){.text = text, .at = text.ptr, .counted = text.ptr, .line = 1};
    if (str_has_prefix(text, "\xef\xbb\xbf"))
        steps->at += 3;
    skip_blanks(steps);
    steps->array = steps->at < text.ptr + text.len && *steps->at == '[';
    steps->at += steps->array;
}

/* To the next line that begins with '{'. */
static void resume(struct stepping *steps)
{
    const char *end = steps->text.ptr + steps->text.len;
    const char *feed = steps->start;
    while (feed < end && (feed = memchr(feed, '\n', (size_t)(end - feed))) != NULL &&
           feed + 1 < end && feed[1] != '{')
        feed++;
    steps->at = feed == NULL || feed + 1 >= end ? end : feed + 1;
    steps->view.end = feed == NULL ? end : feed;
}

static enum err_code malformed(struct stepping *steps, const char *at, const char *fault,
                               struct err *err)
{
    int64_t line = line_of(steps, at);
    (void)err_set(err, ERR_INPUT, "malformed JSON: %s", fault);
    (void)err_hint(err, "write it again, one object a line (ndjson): then a bad row is set aside "
                        "and the others are read");
    return err_at(err, NULL, line, at - steps->counted + 1);
}

/* The comma or bracket after an array's element. */
static enum err_code after_element(struct stepping *steps, struct err *err)
{
    const char *end = steps->text.ptr + steps->text.len;
    skip_blanks(steps);
    if (steps->at < end && *steps->at == ',') {
        steps->at++;
        return ERR_OK;
    }
    if (steps->at >= end || *steps->at != ']')
        return malformed(
            steps, steps->at,
            steps->at >= end ? "the text ends inside the array" : "a comma or ] was expected", err);
    steps->at++;
    skip_blanks(steps);
    steps->ended = true;
    return steps->at == end ? ERR_OK : malformed(steps, steps->at, "text after the array", err);
}

/* The next object, in view; or, with reason set, what is none. *ret false: the end. */
static enum err_code next_object(struct stepping *steps, bool *ret, struct err *err)
{
    const char *end = steps->text.ptr + steps->text.len;
    skip_blanks(steps);
    *ret = false;
    steps->reason = NULL;
    if (steps->array && !steps->ended && steps->at < end && *steps->at == ']')
        return after_element(steps, err);
    if (steps->ended || (steps->at == end && !steps->array))
        return ERR_OK;
    *ret = true;
    steps->start = steps->at;
    bool opens = steps->at < end && *steps->at == '{';
    if (opens && json_read_object(steps->at, end, &steps->view)) {
        steps->at = steps->view.end;
        if (steps->view.end - steps->start > INGEST_LIMIT_CELL_BYTES)
            steps->reason = "the object is longer than the limit";
        return steps->array ? after_element(steps, err) : ERR_OK;
    }
    if (opens && steps->view.failed)
        return ingest_memory(err);
    const char *fault = opens              ? steps->view.fault
                        : steps->at >= end ? "the text ends inside the array"
                                           : "not an object";
    if (steps->array)
        return malformed(steps, opens ? steps->view.end : steps->at, fault, err);
    steps->reason = fault;
    steps->view.count = 0;
    resume(steps);
    return ERR_OK;
}

/* ---- columns by name ----------------------------------------------------------------------------
 */

static uint64_t hash_of(struct str name)
{
    return hash_xxh3_128(name.ptr, name.len, 0).low;
}

/* Slot of the name in the table: its column, or an empty slot (0). */
static size_t *slot_of(const struct json_columns *columns, struct str name)
{
    size_t mask = columns->slot_count - 1, at = (size_t)hash_of(name) & mask;
    while (columns->slots[at] != 0 && !str_equal(columns->names[columns->slots[at] - 1], name))
        at = (at + 1) & mask;
    return &columns->slots[at];
}

static bool grow_slots(struct json_columns *columns)
{
    if (columns->count * 2 < columns->slot_count)
        return true;
    size_t wanted = columns->slot_count == 0 ? 64 : columns->slot_count * 2;
    size_t *slots = mem_zalloc(wanted, sizeof *slots);
    if (slots == NULL)
        return false;
    mem_free(columns->slots);
    columns->slots = slots;
    columns->slot_count = wanted;
    for (size_t i = 0; i < columns->count; i++)
        *slot_of(columns, columns->names[i]) = i + 1;
    return true;
}

static enum err_code add_name(struct json_columns *columns, struct str name, struct arena *arena,
                              struct err *err)
{
    if (!grow_slots(columns))
        return ingest_memory(err);
    size_t *slot = slot_of(columns, name);
    if (*slot != 0)
        return ERR_OK;
    if (columns->count >= INGEST_LIMIT_COLUMNS)
        return err_set(err, ERR_LIMIT, "more than %d different names of members",
                       INGEST_LIMIT_COLUMNS);
    struct str *entry =
        ingest_grow((void **)&columns->names, &columns->count, &columns->capacity, sizeof *entry);
    const char *copy = arena_strndup(arena, name.ptr, name.len);
    if (entry == NULL || copy == NULL)
        return ingest_memory(err);
    *entry = (struct str){copy, name.len};
    *slot = columns->count;
    return ERR_OK;
}

void json_columns_done(struct json_columns *columns)
{
    mem_free(columns->names);
    mem_free(columns->slots);
    *columns = (struct json_columns){0};
}

/* Column of a member; members mostly come in the columns' order. */
static size_t column_of(const struct json_columns *columns, struct str name, size_t hint)
{
    if (hint < columns->count && str_equal(columns->names[hint], name))
        return hint;
    return *slot_of(columns, name) - 1;
}

enum err_code json_columns_find(struct str text, const struct progress *progress,
                                struct arena *arena, struct json_columns *ret, struct err *err)
{
    struct stepping steps;
    bool more = true;
    int64_t seen = 0;
    begin(&steps, text);
    enum err_code code = ERR_OK;
    while (more && code == ERR_OK) {
        code = next_object(&steps, &more, err);
        for (size_t i = 0; code == ERR_OK && more && steps.reason == NULL && i < steps.view.count;
             i++)
            if (i >= ret->count || !str_equal(ret->names[i], steps.view.members[i].name))
                code = add_name(ret, steps.view.members[i].name, arena, err);
        if (++seen % CHECK_ROWS == 0 && code == ERR_OK)
            code = progress_check(progress, err);
    }
    json_view_done(&steps.view);
    return code;
}

/* ---- pushing ------------------------------------------------------------------------------------
 */

struct pusher {
    const struct json_reading *reading;
    const struct data_sink *sink;
    struct arena *arena;
    struct data_batch *batch;
    size_t text_bytes;
    int64_t capacity;
};

static enum err_code flush(struct pusher *work, struct err *err)
{
    if (work->batch != NULL && work->batch->rows > 0)
        TRY(work->sink->batch(work->sink->user, work->batch, err));
    arena_reset(work->arena);
    work->text_bytes = 0;
    work->batch = data_batch_new(work->arena, &work->reading->schema, work->capacity);
    if (work->batch == NULL)
        return ingest_memory(err);
    work->batch->rows = 0;
    return ERR_OK;
}

/* *ret_reason set: the text is no text. */
static enum err_code value_text(struct pusher *work, struct str raw, struct str *ret,
                                const char **ret_reason, struct err *err)
{
    *ret = raw;
    if (raw.ptr[0] != '"')
        return ERR_OK;
    *ret = (struct str){raw.ptr + 1, raw.len - 2};
    if (memchr(ret->ptr, '\\', ret->len) == NULL)
        return ERR_OK;
    struct buf text = BUF_INIT;
    if (!json_unescape(*ret, &text))
        *ret_reason = "half of a surrogate pair";
    ret->ptr =
        text.failed ? NULL : arena_strndup(work->arena, text.len == 0 ? "" : text.ptr, text.len);
    ret->len = text.len;
    work->text_bytes += text.len;
    buf_done(&text);
    return ret->ptr == NULL ? ingest_memory(err) : ERR_OK;
}

static enum err_code add_row(struct pusher *work, const struct json_view *view,
                             const char **ret_reason, struct err *err)
{
    if (work->batch->rows == work->capacity || work->text_bytes > BATCH_TEXT_BYTES)
        TRY(flush(work, err));
    int64_t row = work->batch->rows;
    for (size_t i = 0; i < work->batch->columns; i++)
        data_vector_set_valid(&work->batch->vectors[i], row, false);
    for (size_t i = 0; i < view->count && *ret_reason == NULL; i++) {
        size_t column = column_of(&work->reading->columns, view->members[i].name, i);
        if (column >= work->batch->columns)
            return err_set(err, ERR_INPUT, "the file changed while it was read");
        struct str raw = view->members[i].value, text;
        bool null = raw.ptr[0] == 'n';
        TRY(value_text(work, raw, &text, ret_reason, err));
        work->batch->vectors[column].text[row] = text;
        data_vector_set_valid(&work->batch->vectors[column], row, !null);
    }
    work->batch->rows += *ret_reason == NULL;
    return ERR_OK;
}

static enum err_code take(struct pusher *work, struct stepping *steps, struct err *err)
{
    struct str raw = {steps->start, (size_t)(steps->view.end - steps->start)};
    const char *reason = steps->reason;
    if (reason == NULL && !work->reading->valid_utf8 && str_utf8_valid_prefix(raw) != raw.len)
        reason = "not valid UTF-8";
    if (reason == NULL)
        TRY(add_row(work, &steps->view, &reason, err));
    return reason == NULL ? ERR_OK
                          : work->sink->reject(work->sink->user, line_of(steps, steps->start), NULL,
                                               reason, str_trim(raw), err);
}

static enum err_code push_objects(struct pusher *work, struct str text,
                                  const struct progress *progress, struct err *err)
{
    struct stepping steps;
    bool more = true;
    int64_t seen = 0;
    begin(&steps, text);
    enum err_code code = flush(work, err);
    while (more && code == ERR_OK) {
        code = next_object(&steps, &more, err);
        if (more && code == ERR_OK)
            code = take(work, &steps, err);
        if (++seen % CHECK_ROWS == 0 && code == ERR_OK) {
            progress_report(progress, &(struct progress_event){.phase = "read",
                                                               .subject = work->reading->subject,
                                                               .done = steps.at - text.ptr,
                                                               .total = (int64_t)text.len,
                                                               .unit = "bytes"});
            code = progress_check(progress, err);
        }
    }
    json_view_done(&steps.view);
    return code == ERR_OK ? flush(work, err) : code;
}

enum err_code json_rows_push(void *user, const struct data_sink *sink,
                             const struct progress *progress, struct err *err)
{
    const struct json_reading *reading = user;
    struct file_mapping mapping = {0};
    AUTO(arena_free) struct arena *arena = arena_new(0);
    if (arena == NULL)
        return ingest_memory(err);
    struct pusher work = {
        .reading = reading, .sink = sink, .arena = arena, .capacity = DATA_BATCH_ROWS};
    while (work.capacity > 16 && work.capacity * (int64_t)reading->schema.count > (1 << 20))
        work.capacity /= 2;
    TRY(sink->schema(sink->user, &reading->schema, err));
    TRY(file_map(reading->path, &reading->info, &mapping, err));
    enum err_code code =
        push_objects(&work, (struct str){mapping.ptr, mapping.length}, progress, err);
    return file_unmap(&mapping, code, err);
}

void json_reading_free(void *user)
{
    struct json_reading *reading = user;
    if (reading == NULL)
        return;
    data_schema_done(&reading->schema);
    json_columns_done(&reading->columns);
    mem_free(reading);
}
