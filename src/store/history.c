/* The audit trail: history.jsonl, one JSON object a line, each holding the hash of the one before.
 *
 *     history-000001.jsonl   {seq:1, prev:"", …, hash:h1}\n … {seq:900, …, hash:h900}\n        full
 * (4 MiB), never touched again history.jsonl          {seq:901, prev:h900, …}\n … appended to
 *     history.head           "seq hash\n" of the newest entry: shows a tail that was cut off
 *
 * hash = sha256(prev + canonical JSON of the entry without hash). An append is one write + fsync
 * under history.lock. A torn tail (no newline, or no JSON) is cut at the next append, which says so
 * in an entry of its own. A segment whose first entry is a "clear" starts a chain; older segments
 * are then leftovers. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "store/store_priv.h"

#define HISTORY_FILE "history.jsonl"
#define HISTORY_HEAD "history.head"
#define HISTORY_LIMIT_BYTES ((size_t)64 << 20) /* of one segment when read */

#define HISTORY_END_BYTES ((size_t)64 << 10) /* holds the last entries */
struct tail { /* the newest entry */
    int64_t seq;
    char hash[HASH_HEX_BYTES];
    int64_t size_bytes; /* of the open segment, whole lines only */
    int64_t torn_bytes; /* behind the last whole line */
    int64_t segments;   /* numbered ones */
};

/* ---- segments ----------------------------------------------------------------------------------
 */

static enum err_code segment_path(const struct store *store, const char *dataset, int64_t number,
                                  char ret[FILE_PATH_BYTES], struct err *err)
{
    if (number == 0)
        return store_dataset_path(store, dataset, ret, err, HISTORY_FILE);
    return store_dataset_path(store, dataset, ret, err, "history-%06lld.jsonl", (long long)number);
}

static int64_t count_segments(const struct store *store, const char *dataset)
{
    char path[FILE_PATH_BYTES];
    int64_t count = 0;
    while (segment_path(store, dataset, count + 1, path, ERR_IGNORED) == ERR_OK &&
           file_exists(path))
        count++;
    return count;
}

/* The whole lines of a segment as text; ret_torn = bytes behind the last newline. Missing file:
 * empty. */
static enum err_code read_segment(const struct store *store, const char *dataset, int64_t number,
                                  struct buf *ret, int64_t *ret_torn, struct err *err)
{
    char path[FILE_PATH_BYTES];
    *ret_torn = 0;
    TRY(segment_path(store, dataset, number, path, err));
    if (!file_exists(path))
        return ERR_OK;
    TRY(file_read(path, HISTORY_LIMIT_BYTES, ret, err));
    size_t whole = ret->len;
    while (whole > 0 && ret->ptr[whole - 1] != '\n')
        whole--;
    *ret_torn = (int64_t)(ret->len - whole);
    ret->len = whole;
    return ERR_OK;
}

/* As read_segment of the last whole lines: those in the last HISTORY_END_BYTES, or of a segment where none begins there, all. ret_before = bytes before them.
 * A question appends one line: it does not read four megabytes for it. */
static enum err_code read_end(const struct store *store, const char *dataset, int64_t number,
                              struct buf *ret, int64_t *ret_torn, int64_t *ret_before,
                              struct err *err)
{
    char path[FILE_PATH_BYTES];
    *ret_torn = 0;
    *ret_before = 0;
    TRY(segment_path(store, dataset, number, path, err));
    if (!file_exists(path))
        return ERR_OK;
    TRY(file_read_end(path, HISTORY_END_BYTES, ret, ret_before, err));
    size_t whole = ret->len, cut = 0;
    while (whole > 0 && ret->ptr[whole - 1] != '\n')
        whole--;
    *ret_torn = (int64_t)(ret->len - whole);
    while (*ret_before > 0 && cut < whole && ret->ptr[cut] != '\n')
        cut++;
    cut += *ret_before > 0 && cut < whole; /* its newline */
    if (*ret_before > 0 && cut >= whole) {
        buf_clear(ret);
        *ret_before = 0;
        return read_segment(store, dataset, number, ret, ret_torn, err);
    }
    *ret_before += (int64_t)cut;
    ret->len = whole - cut;
    memmove(ret->ptr, ret->ptr + cut, ret->len);
    return ERR_OK;
}

/* Takes the next line off text (without newline). */
static struct str next_line(struct str *text)
{
    const char *end = text->len == 0 ? NULL : memchr(text->ptr, '\n', text->len);
    struct str line = {text->ptr, end == NULL ? text->len : (size_t)(end - text->ptr)};
    size_t used = line.len + (end != NULL);
    *text = (struct str){text->ptr + used, text->len - used};
    return line;
}

static struct str last_line(struct str text)
{
    size_t end = text.len > 0 && text.ptr[text.len - 1] == '\n' ? text.len - 1 : text.len;
    size_t start = end;
    while (start > 0 && text.ptr[start - 1] != '\n')
        start--;
    return (struct str){text.ptr + start, end - start};
}

static enum err_code entry_hash(const json_t *entry, char ret[HASH_HEX_BYTES], struct err *err)
{
    AUTO(buf_done) struct buf text = BUF_INIT;
    json_t *plain_entry;
    memcpy(&plain_entry, &entry, sizeof plain_entry);
    JSON_AUTO copy = json_copy(plain_entry);
    TRY(json_built(copy != NULL, err));
    (void)json_object_del(copy, "hash");
    buf_puts(&text, json_text(entry, "prev", ""));
    TRY(json_canonical(copy, &text, err));
    TRY(buf_check(&text, err));
    hash_sha256_of(text.ptr, text.len, ret);
    return ERR_OK;
}

/* The last entry of whole lines: into ret; text is cut to end with it, and *torn grown by what is cut. A last whole line that is no entry
 * counts as torn too (a write cut in the middle of a block may end in anything). */
static enum err_code find_entry(struct buf *text, struct tail *ret, int64_t *torn, struct err *err)
{
    while (text->len > 0) {
        struct str line = last_line(buf_view(text));
        JSON_AUTO entry = NULL;
        enum err_code code = json_parse(line, HISTORY_FILE, &entry, err);
        if (code == ERR_MEMORY)
            return code; /* never take a good line for a torn one */
        if (code == ERR_OK && store_is_hex(json_text(entry, "hash", ""), 64)) {
            ret->seq = json_int(entry, "seq", 0);
            memcpy(ret->hash, json_text(entry, "hash", ""), HASH_HEX_BYTES);
            return ERR_OK;
        }
        *torn += (int64_t)line.len + 1;
        text->len -= line.len + 1;
    }
    return ERR_OK;
}

static enum err_code find_tail(const struct store *store, const char *dataset, struct tail *ret,
                               struct err *err)
{
    *ret = (struct tail){.segments = count_segments(store, dataset)};
    for (int64_t number = 0; number == 0 || number == ret->segments; number = ret->segments) {
        AUTO(buf_done) struct buf text = BUF_INIT;
        int64_t torn = 0, before = 0;
        TRY(read_end(store, dataset, number, &text, &torn, &before, err));
        TRY(find_entry(&text, ret, &torn, err));
        if (text.len == 0 && before > 0) { /* no entry there: look further */
            before = 0;
            TRY(read_segment(store, dataset, number, &text, &torn, err));
            TRY(find_entry(&text, ret, &torn, err));
        }
        if (number == 0) {
            ret->size_bytes = before + (int64_t)text.len;
            ret->torn_bytes = torn;
        }
        if (ret->seq > 0 || number == ret->segments)
            return ERR_OK;
    }
    return ERR_OK;
}

/* ---- append ------------------------------------------------------------------------------------
 */

static enum err_code parse_segment(const struct store *store, const char *dataset, int64_t number,
                                   json_t *list, bool *ret_starts, struct err *err);

/* A clear that was cut off left segments of the chain before: they go before a new one is numbered.
 */
static enum err_code remove_leftovers(struct store *store, const char *dataset, struct tail *tail,
                                      struct err *err)
{
    char path[FILE_PATH_BYTES];
    bool starts = false;
    JSON_AUTO part = json_array();
    TRY(json_built(part != NULL, err));
    TRY(parse_segment(store, dataset, 0, part, &starts, err));
    for (; starts && tail->segments > 0; tail->segments--) {
        TRY(segment_path(store, dataset, tail->segments, path, err));
        TRY(file_remove(path, err));
    }
    return ERR_OK;
}

static enum err_code rotate(struct store *store, const char *dataset, struct tail *tail,
                            struct err *err)
{
    char from[FILE_PATH_BYTES], to[FILE_PATH_BYTES];
    if (tail->segments > 0)
        TRY(remove_leftovers(store, dataset, tail, err));
    TRY(segment_path(store, dataset, 0, from, err));
    TRY(segment_path(store, dataset, tail->segments + 1, to, err));
    TRY(file_publish(from, to, NULL, err));
    tail->segments++;
    tail->size_bytes = 0;
    return ERR_OK;
}

static enum err_code build_line(json_t *entry, const struct tail *tail, struct buf *ret,
                                struct err *err)
{
    char time[32], hash[HASH_HEX_BYTES];
    bool ok = true;
    json_put_int(entry, "seq", tail->seq + 1, &ok);
    json_put_text(entry, "time", clock_format(clock_now_us(), time), &ok);
    json_put_text(entry, "prev", tail->hash, &ok);
    TRY(json_built(ok, err));
    TRY(entry_hash(entry, hash, err));
    json_put_text(entry, "hash", hash, &ok);
    TRY(json_built(ok, err));
    TRY(json_compact(entry, ret, err));
    buf_putc(ret, '\n');
    return buf_check(ret, err);
}

/* Fixed length, one write, no fsync: after a crash it may lag behind the chain, never run ahead of
 * it. */
static void write_head(struct store *store, const char *dataset, const struct tail *tail)
{
    char path[FILE_PATH_BYTES], text[96];
    if (store_dataset_path(store, dataset, path, ERR_IGNORED, HISTORY_HEAD) != ERR_OK)
        return;
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        return;
    int length = snprintf(text, sizeof text, "%019lld %s\n", (long long)tail->seq, tail->hash);
    (void)!file_write_fd(fd, text, (size_t)length, path, ERR_IGNORED);
    close(fd);
}

static enum err_code write_line(const char *path, struct tail *tail, struct str line,
                                struct err *err)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        return err_set_errno(err, errno, "cannot open %s", path);
    enum err_code code = ERR_OK;
    bool fresh = tail->size_bytes == 0;
    if (ftruncate(fd, (off_t)tail->size_bytes) != 0 ||
        lseek(fd, (off_t)tail->size_bytes, SEEK_SET) < 0)
        code = err_set_errno(err, errno, "cannot write %s", path);
    if (code == ERR_OK)
        code = file_write_fd(fd, line.ptr, line.len, path, err);
    if (code == ERR_OK)
        code = file_fsync_fd(fd, path, err);
    if (code != ERR_OK && ftruncate(fd, (off_t)tail->size_bytes) != 0) {
        /* the torn tail is cut at the next append */
    }
    close(fd);
    if (code == ERR_OK && fresh) {
        char parent[FILE_PATH_BYTES];
        (void)snprintf(parent, sizeof parent, "%.*s", (int)(file_base_name(path) - path), path);
        code = file_fsync(parent, err);
        if (code != ERR_OK)
            (void)!truncate(path, (off_t)tail->size_bytes);
    }
    return code;
}

/* Appends under the lock; tail is moved on. */
static enum err_code append_locked(struct store *store, const char *dataset, json_t *entry,
                                   struct tail *tail, struct err *err)
{
    char path[FILE_PATH_BYTES];
    AUTO(buf_done) struct buf line = BUF_INIT;
    if (tail->size_bytes >= store->history_segment_bytes && tail->torn_bytes == 0)
        TRY(rotate(store, dataset, tail, err));
    TRY(segment_path(store, dataset, 0, path, err));
    TRY(build_line(entry, tail, &line, err));
    TRY(write_line(path, tail, buf_view(&line), err));
    tail->seq++;
    memcpy(tail->hash, json_text(entry, "hash", ""), HASH_HEX_BYTES);
    tail->size_bytes += (int64_t)line.len;
    tail->torn_bytes = 0;
    write_head(store, dataset, tail);
    return ERR_OK;
}

static enum err_code append_mended(struct store *store, const char *dataset, json_t *entry,
                                   struct err *err)
{
    struct tail tail;
    TRY(find_tail(store, dataset, &tail, err));
    if (tail.torn_bytes > 0) {
        bool ok = true;
        JSON_AUTO torn = json_object();
        json_put_text(torn, "kind", "torn_tail", &ok);
        json_put_int(torn, "bytes_cut", tail.torn_bytes, &ok);
        TRY(json_built(ok, err));
        TRY(append_locked(store, dataset, torn, &tail, err));
    }
    return append_locked(store, dataset, entry, &tail, err);
}

enum err_code store_history_append(struct store *store, const char *dataset, json_t *entry,
                                   struct err *err)
{
    struct file_lock lock = FILE_LOCK_INIT;
    TRY(store_need_writable(store, err));
    TRY(store_lock(store, dataset, STORE_LOCK_HISTORY, true, STORE_SHORT_WAIT_MS, "history", &lock,
                   err));
    enum err_code code = append_mended(store, dataset, entry, err);
    file_lock_release(&lock);
    return code;
}

/* ---- read --------------------------------------------------------------------------------------
 */

/* Entries of one segment pushed to list; lines that are no JSON are left out (verify tells).
 * ret_starts: its first is a clear. */
static enum err_code parse_segment(const struct store *store, const char *dataset, int64_t number,
                                   json_t *list, bool *ret_starts, struct err *err)
{
    AUTO(buf_done) struct buf text = BUF_INIT;
    int64_t torn;
    bool ok = true, first = true;
    *ret_starts = false;
    TRY(read_segment(store, dataset, number, &text, &torn, err));
    struct str rest = buf_view(&text);
    while (rest.len > 0) {
        json_t *entry = NULL;
        enum err_code code = json_parse(next_line(&rest), HISTORY_FILE, &entry, err);
        if (code == ERR_MEMORY)
            return code;
        if (first && json_int(entry, "seq", 0) == 1)
            *ret_starts = true;
        first = false;
        if (json_is_object(entry))
            json_push(list, entry, &ok);
        else
            json_decref(entry);
    }
    return json_built(ok, err);
}

enum err_code store_history_read(struct store *store, const char *dataset, int64_t last,
                                 json_t **ret_entries, struct err *err)
{
    *ret_entries = NULL;
    JSON_AUTO all = json_array();
    TRY(json_built(all != NULL, err));
    int64_t segments = count_segments(store, dataset);
    for (int64_t back = 0; back <= segments;
         back++) { /* newest segment first, until there are enough */
        bool starts = false;
        JSON_AUTO part = json_array();
        TRY(json_built(part != NULL, err));
        TRY(parse_segment(store, dataset, back == 0 ? 0 : segments + 1 - back, part, &starts, err));
        TRY(json_built(json_array_extend(part, all) == 0, err));
        json_t *older = all;
        all = part;
        part = older;
        if (starts || (last > 0 && (int64_t)json_array_size(all) >= last))
            break;
    }
    while (last > 0 && (int64_t)json_array_size(all) > last)
        (void)json_array_remove(all, 0);
    *ret_entries = json_incref(all);
    return ERR_OK;
}

enum err_code store_history_last(struct store *store, const char *dataset, json_t **ret,
                                 struct err *err)
{
    int64_t newest[] = {0, count_segments(store, dataset)};
    *ret = NULL;
    for (size_t i = 0; i < 2; i++) {
        AUTO(buf_done) struct buf text = BUF_INIT;
        int64_t torn = 0, before = 0;
        TRY(read_end(store, dataset, newest[i], &text, &torn, &before, err));
        if (text.len > 0)
            return json_parse(last_line(buf_view(&text)), HISTORY_FILE, ret, err);
    }
    return ERR_OK;
}

/* ---- verify ------------------------------------------------------------------------------------
 */

struct check {
    json_t *problems;
    int64_t entries, seq;
    char hash[HASH_HEX_BYTES];
    int64_t head_seq;
    char head_hash[HASH_HEX_BYTES];
    bool head_met, ok;
};

static enum err_code add_problem(struct check *check, const char *file, int64_t line,
                                 const char *what, struct err *err)
{
    json_t *problem = json_object();
    json_put_text(problem, "file", file, &check->ok);
    json_put_int(problem, "line", line, &check->ok);
    json_put_text(problem, "problem", what, &check->ok);
    json_push(check->problems, problem, &check->ok);
    return json_built(check->ok, err);
}

static enum err_code check_entry(struct check *check, const char *file, int64_t line,
                                 struct str text, struct err *err)
{
    char hash[HASH_HEX_BYTES];
    JSON_AUTO entry = NULL;
    enum err_code code = json_parse(text, file, &entry, err);
    if (code == ERR_MEMORY)
        return code;
    check->entries++;
    if (!json_is_object(entry))
        return add_problem(check, file, line, "the line is no JSON object", err);
    TRY(entry_hash(entry, hash, err));
    if (strcmp(hash, json_text(entry, "hash", "")) != 0)
        TRY(add_problem(check, file, line, "the entry was changed: its hash does not agree", err));
    if (strcmp(json_text(entry, "prev", "?"), check->hash) != 0)
        TRY(add_problem(
            check, file, line,
            "the entry does not follow the one before: entries were removed, added or moved", err));
    else if (json_int(entry, "seq", 0) != check->seq + 1)
        TRY(add_problem(check, file, line, "the entry's number does not follow the one before",
                        err));
    check->seq = json_int(entry, "seq", check->seq + 1);
    (void)snprintf(check->hash, sizeof check->hash, "%s", json_text(entry, "hash", ""));
    if (check->seq == check->head_seq)
        check->head_met = strcmp(check->hash, check->head_hash) == 0;
    return ERR_OK;
}

static enum err_code check_segment(struct store *store, const char *dataset, int64_t number,
                                   struct check *check, struct err *err)
{
    char path[FILE_PATH_BYTES];
    AUTO(buf_done) struct buf text = BUF_INIT;
    int64_t torn, line = 0;
    TRY(segment_path(store, dataset, number, path, err));
    TRY(read_segment(store, dataset, number, &text, &torn, err));
    const char *file = file_base_name(path);
    struct str rest = buf_view(&text);
    while (rest.len > 0)
        TRY(check_entry(check, file, ++line, next_line(&rest), err));
    if (torn > 0)
        TRY(add_problem(check, file, line + 1,
                        number == 0 ? "the last line is torn; the next append cuts it"
                                    : "the segment ends in a torn line",
                        err));
    return ERR_OK;
}

static enum err_code read_head(struct store *store, const char *dataset, struct check *check,
                               struct err *err)
{
    char path[FILE_PATH_BYTES];
    AUTO(buf_done) struct buf text = BUF_INIT;
    TRY(store_dataset_path(store, dataset, path, err, HISTORY_HEAD));
    if (!file_exists(path))
        return ERR_OK;
    TRY(file_read(path, 4096, &text, err));
    int64_t seq = 0;
    if (text.len < 85 || text.ptr[19] != ' ' || !str_to_int64((struct str){text.ptr, 19}, &seq))
        return ERR_OK; /* torn in a crash; it only adds a check */
    check->head_seq = seq;
    memcpy(check->head_hash, text.ptr + 20, HASH_HEX_BYTES - 1);
    check->head_hash[HASH_HEX_BYTES - 1] = '\0';
    return ERR_OK;
}

/* Where the chain begins: 0 when the open segment starts with number 1 (a clear), else the first
 * numbered one. */
static enum err_code first_segment(struct store *store, const char *dataset, int64_t *ret,
                                   struct err *err)
{
    bool starts = false;
    JSON_AUTO part = json_array();
    TRY(json_built(part != NULL, err));
    TRY(parse_segment(store, dataset, 0, part, &starts, err));
    *ret = starts || count_segments(store, dataset) == 0 ? 0 : 1;
    return ERR_OK;
}

enum err_code store_history_verify(struct store *store, const char *dataset, json_t **ret,
                                   struct err *err)
{
    int64_t first = 0;
    bool ok = true;
    *ret = NULL;
    JSON_AUTO problems = json_array();
    JSON_AUTO report = json_object();
    TRY(json_built(problems != NULL && report != NULL, err));
    struct check check = {.problems = problems, .ok = true};
    int64_t segments = count_segments(store, dataset);
    TRY(read_head(store, dataset, &check, err));
    TRY(first_segment(store, dataset, &first, err));
    for (int64_t number = first; first > 0 && number <= segments; number++)
        TRY(check_segment(store, dataset, number, &check, err));
    TRY(check_segment(store, dataset, 0, &check, err));
    if (check.head_seq > check.seq)
        TRY(add_problem(
            &check, HISTORY_FILE, 0,
            "the newest entries are missing: the trail ends before the last entry that was written",
            err));
    else if (check.head_seq > 0 && !check.head_met)
        TRY(add_problem(&check, HISTORY_FILE, 0,
                        "the trail is not the one that history.head was written for", err));
    json_put_flag(report, "ok", json_array_size(problems) == 0, &ok);
    json_put_int(report, "entries", check.entries, &ok);
    json_put_int(report, "segments", (first > 0 ? segments : 0) + 1, &ok);
    json_put(report, "problems", json_incref(problems), &ok);
    TRY(json_built(ok && check.ok, err));
    *ret = json_incref(report);
    return ERR_OK;
}

/* ---- clear -------------------------------------------------------------------------------------
 */

static enum err_code clear_locked(struct store *store, const char *dataset, struct err *err)
{
    char path[FILE_PATH_BYTES], current[HASH_HEX_BYTES];
    AUTO(buf_done) struct buf line = BUF_INIT;
    struct tail tail, none = {0};
    bool ok = true;
    TRY(find_tail(store, dataset, &tail, err));
    TRY(store_current_read(store, dataset, current, err));
    JSON_AUTO entry = json_object();
    json_put_text(entry, "kind", "clear", &ok);
    json_put_int(entry, "entries_removed", tail.seq, &ok);
    json_put_text(entry, "last_hash", tail.hash, &ok);
    json_put_text(entry, "version", current, &ok);
    TRY(json_built(ok, err));
    TRY(build_line(entry, &none, &line, err));
    TRY(segment_path(store, dataset, 0, path, err));
    TRY(file_replace(path, buf_view(&line),
                     err)); /* from here on the older segments are leftovers */
    none.seq = 1;
    memcpy(none.hash, json_text(entry, "hash", ""), HASH_HEX_BYTES);
    write_head(store, dataset, &none);
    for (int64_t number = tail.segments; number > 0; number--) {
        TRY(segment_path(store, dataset, number, path, err));
        TRY(file_remove(path, err));
    }
    return ERR_OK;
}

enum err_code store_history_clear(struct store *store, const char *dataset, struct err *err)
{
    struct file_lock lock = FILE_LOCK_INIT;
    TRY(store_need_writable(store, err));
    TRY(store_lock(store, dataset, STORE_LOCK_HISTORY, true, STORE_SHORT_WAIT_MS, "history clear",
                   &lock, err));
    enum err_code code = clear_locked(store, dataset, err);
    file_lock_release(&lock);
    return code;
}
