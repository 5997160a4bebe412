/* The log as a Redis stream, shared by all servers that name it:
 * redis://[[USER]:PASSWORD@]HOST[:PORT][/DB][?key=NAME]
 *
 *   append   MULTI ▶ XADD * for each change ▶ EXEC: all or none, and no other's between them
 *   read     XRANGE from the id after the last one, a page at a time: ids only grow, so nothing is
 * missed trim     XTRIM MINID: exactly the entries up to an id, however many were appended
 * meanwhile
 *
 * A change's number is its entry's id, ms-n, as one number; the server makes ids, so one clock
 * orders all servers. A change without an instant has its entry's. A record is record.c's bytes,
 * with 0 for its number. What a reply may hold is checked: it comes from outside. */
#include "live/live_priv.h"
#include "live/redis_library.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>

#define CONNECT_TIMEOUT_S 5
#define REPLY_TIMEOUT_S 60
#define PAGE_ENTRIES "256"
#define PAGE_COUNT 256
#define SEQ_BITS 20 /* of an id's n: a million changes in one millisecond */
#define MS_LIMIT (INT64_C(1) << 43)
#define FIELD "r"

struct redis_log {
    struct live base;
    redisContext *connection;
    char host[256], user[128], password[256], key[400];
    int port, database;
};

/* ---- the URL -----------------------------------------------------------------------------------
 */

static bool take(struct str text, char *ret, size_t room)
{
    return snprintf(ret, room, "%.*s", (int)text.len, text.ptr) < (int)room;
}

/* What stands before the first c, taken off text; all of it where there is none: false. */
static bool cut(struct str *text, char c, struct str *ret)
{
    const char *at = memchr(text->ptr, c, text->len);
    size_t length = at != NULL ? (size_t)(at - text->ptr) : text->len;
    *ret = (struct str){text->ptr, length};
    if (at == NULL)
        return false;
    *text = (struct str){text->ptr + length + 1, text->len - length - 1};
    return true;
}

static bool number_of(struct str text, int low, int high, int *ret)
{
    int64_t number = 0;
    if (!str_to_int64(text, &number) || number < low || number > high)
        return false;
    *ret = (int)number;
    return true;
}

/* text: behind redis://; *ret_key: what key= says, or empty. */
static bool parse(struct redis_log *log, struct str text, struct str *ret_key)
{
    struct str part, place = text, options = STR(""), login = STR(""), host;
    *ret_key = STR("");
    if (cut(&place, '?', &part)) {
        options = place;
        place = part;
    }
    const char *at = memchr(place.ptr, '@', place.len);
    if (at != NULL) {
        (void)cut(&place, '@', &login);
        bool named = cut(&login, ':', &part);
        if (!take(named ? part : STR(""), log->user, sizeof log->user) ||
            !take(named ? login : part, log->password, sizeof log->password))
            return false;
    }
    struct str rest = place;
    if (cut(&rest, '/', &place) && rest.len > 0 && !number_of(rest, 0, 65535, &log->database))
        return false;
    rest = place;
    if (cut(&rest, ':', &host) && !number_of(rest, 1, 65535, &log->port))
        return false;
    if (options.len > 0 && (options.len < 5 || memcmp(options.ptr, "key=", 4) != 0))
        return false;
    if (options.len > 0)
        *ret_key = (struct str){options.ptr + 4, options.len - 4};
    return host.len > 0 && take(host, log->host, sizeof log->host);
}

static enum err_code read_url(const struct live_options *options, struct redis_log *log,
                              struct err *err)
{
    struct str key;
    log->port = 6379;
    TRY(store_dataset_name_check(options->dataset, err));
    if (!parse(log, str_of(options->url + sizeof "redis://" - 1), &key) || key.len > 128) {
        err_set(err, ERR_USAGE,
                "--speed: expected redis://[USER:PASSWORD@]HOST[:PORT][/DB][?key=NAME]");
        return err_hint(err, "e.g. redis://127.0.0.1:6379/0");
    }
    if (key.len == 0)
        key = str_of(store_id(options->store));
    (void)snprintf(log->key, sizeof log->key, "marrow:%.*s:%s", (int)key.len, key.ptr,
                   options->dataset);
    return ERR_OK;
}

/* ---- commands ----------------------------------------------------------------------------------
 */

static void reply_free(redisReply *reply)
{
    if (reply != NULL)
        libhiredis.freeReplyObject_(reply);
}
AUTO_DEFINE(redisReply, reply_free)

/* The connection is of no use after it. */
static enum err_code broken(const struct redis_log *log, struct err *err)
{
    err_set(err, ERR_IO, "Redis at %s:%d: %s", log->host, log->port,
            log->connection == NULL ? "no memory for a connection" : log->connection->errstr);
    return err_hint(err, "is the server up, and is it this one? what was acknowledged stays there");
}

static enum err_code send(struct redis_log *log, const struct str *words, size_t count,
                          struct err *err)
{
    const char *texts[8];
    size_t lengths[8];
    for (size_t i = 0; i < count; i++) {
        texts[i] = words[i].ptr;
        lengths[i] = words[i].len;
    }
    return libhiredis.redisAppendCommandArgv_(log->connection, (int)count, texts, lengths) ==
                   REDIS_OK
               ? ERR_OK
               : broken(log, err);
}

/* A reply of the type expected (0: any). What the server refuses is an error: its first word says
 * why, the rest may hold values. */
static enum err_code receive(struct redis_log *log, int type, redisReply **ret, struct err *err)
{
    void *got = NULL;
    *ret = NULL;
    if (libhiredis.redisGetReply_(log->connection, &got) != REDIS_OK)
        return broken(log, err);
    redisReply *reply = got;
    if (reply->type == type || (type == 0 && reply->type != REDIS_REPLY_ERROR)) {
        *ret = reply;
        return ERR_OK;
    }
    if (reply->type == REDIS_REPLY_ERROR) {
        size_t word = strcspn(reply->str, " ");
        err_set(err, ERR_IO, "Redis at %s:%d refused: %.*s", log->host, log->port,
                (int)(word > 40 ? 40 : word), reply->str);
        err_hint(err,
                 strncmp(reply->str, "NOAUTH", 6) == 0 || strncmp(reply->str, "WRONGPASS", 9) == 0
                     ? "give user and password: redis://USER:PASSWORD@HOST"
                 : strncmp(reply->str, "OOM", 3) == 0
                     ? "its memory is used up: 'marrow fhir compact', or raise maxmemory"
                 : strncmp(reply->str, "ERR", 3) == 0
                     ? "Redis 6.2 or later is needed, a database of that number, and a user who "
                       "may use streams"
                 : strncmp(reply->str, "WRONG", 5) == 0
                     ? "the key holds something else: choose another with ?key=NAME"
                     : "see the server's log");
    } else {
        err_set(err, ERR_INTEGRITY,
                "Redis at %s:%d gave an answer of another kind than was asked for", log->host,
                log->port);
    }
    reply_free(reply);
    return err->code;
}

static enum err_code command(struct redis_log *log, const struct str *words, size_t count, int type,
                             redisReply **ret, struct err *err)
{
    TRY(send(log, words, count, err));
    return receive(log, type, ret, err);
}

/* ---- opening -----------------------------------------------------------------------------------
 */

static enum err_code log_in(struct redis_log *log, struct err *err)
{
    AUTO(reply_free) redisReply *first = NULL;
    AUTO(reply_free) redisReply *second = NULL;
    char database[16];
    (void)snprintf(database, sizeof database, "%d", log->database);
    struct str full[] = {STR("AUTH"), str_of(log->user), str_of(log->password)},
               plain[] = {STR("AUTH"), str_of(log->password)},
               select[] = {STR("SELECT"), str_of(database)};
    if (log->password[0] != '\0')
        TRY(log->user[0] != '\0' ? command(log, full, 3, REDIS_REPLY_STATUS, &first, err)
                                 : command(log, plain, 2, REDIS_REPLY_STATUS, &first, err));
    return log->database > 0 ? command(log, select, 2, REDIS_REPLY_STATUS, &second, err) : ERR_OK;
}

static enum err_code connect_to(struct redis_log *log, struct err *err)
{
    struct timeval connecting = {.tv_sec = CONNECT_TIMEOUT_S},
                   replying = {.tv_sec = REPLY_TIMEOUT_S};
    TRY(libhiredis_load(err));
    log->connection = libhiredis.redisConnectWithTimeout_(log->host, log->port, connecting);
    if (log->connection == NULL || log->connection->err != 0 ||
        libhiredis.redisSetTimeout_(log->connection, replying) != REDIS_OK)
        return broken(log, err);
    return log_in(log, err);
}

static void redis_home_close(struct live *live)
{
    struct redis_log *log = (struct redis_log *)live;
    if (log->connection != NULL)
        libhiredis.redisFree_(log->connection);
    mem_free(log);
}

static enum err_code redis_home_open(const struct live_options *options, struct live **ret,
                                     struct err *err)
{
    struct redis_log *log = mem_zalloc(1, sizeof *log);
    if (log == NULL)
        return err_set(err, ERR_MEMORY, "no memory for the log of recent changes");
    log->base.home = &live_redis_home;
    enum err_code code = read_url(options, log, err);
    if (code == ERR_OK)
        code = connect_to(log, err);
    if (code != ERR_OK)
        redis_home_close(&log->base);
    else
        *ret = &log->base;
    return code;
}

/* ---- ids ---------------------------------------------------------------------------------------
 */

/* "1700000000000-3" → one number that orders as ids do; 0: it is no id. */
int64_t live_redis_seq(struct str id)
{
    struct str ms_text, rest = id;
    int64_t ms = 0, n = 0;
    if (!cut(&rest, '-', &ms_text) || !str_to_int64(ms_text, &ms) || !str_to_int64(rest, &n) ||
        ms <= 0 || ms >= MS_LIMIT || n < 0 || n >= (INT64_C(1) << SEQ_BITS))
        return 0;
    return ms << SEQ_BITS | n;
}

static struct str id_of(int64_t seq, char ret[48])
{
    (void)snprintf(ret, 48, "%" PRId64 "-%" PRId64, seq >> SEQ_BITS,
                   seq & ((INT64_C(1) << SEQ_BITS) - 1));
    return str_of(ret);
}

/* Of a change that carries none: its entry's millisecond, and its place within it. */
static void take_place(struct live_change *change, int64_t seq)
{
    int64_t n = seq & ((INT64_C(1) << SEQ_BITS) - 1);
    change->seq = seq;
    if (!change->dated)
        change->instant_us = (seq >> SEQ_BITS) * 1000 + (n > 999 ? 999 : n);
}

/* ---- append ------------------------------------------------------------------------------------
 */

static enum err_code send_all(struct redis_log *log, const struct live_change *changes,
                              size_t count, struct err *err)
{
    AUTO(buf_done) struct buf record = BUF_INIT;
    struct str multi[] = {STR("MULTI")}, exec[] = {STR("EXEC")};
    TRY(send(log, multi, 1, err));
    for (size_t i = 0; i < count; i++) {
        struct live_change change = changes[i];
        change.seq = 0;
        change.instant_us = change.dated ? change.instant_us : 0;
        buf_clear(&record);
        TRY(live_record_write(&change, &record, err));
        struct str add[] = {STR("XADD"), str_of(log->key), STR("*"), STR(FIELD), buf_view(&record)};
        TRY(send(log, add, 5, err));
    }
    return send(log, exec, 1, err);
}

static enum err_code take_ids(const redisReply *ids, struct live_change *changes, size_t count,
                              struct err *err)
{
    if (ids->elements != count)
        return err_set(err, ERR_INTEGRITY, "Redis acknowledged %zu of %zu changes", ids->elements,
                       count);
    for (size_t i = 0; i < count; i++) {
        const redisReply *id = ids->element[i];
        int64_t seq = id->type == REDIS_REPLY_STRING || id->type == REDIS_REPLY_STATUS
                          ? live_redis_seq((struct str){id->str, (size_t)id->len})
                          : 0;
        if (seq == 0)
            return err_set(err, ERR_INTEGRITY,
                           "Redis gave a change no id of a stream that can be counted");
        take_place(&changes[i], seq);
    }
    return ERR_OK;
}

/* Every reply is read, whatever it says, so that the connection stays in step. */
static enum err_code append_all(struct redis_log *log, struct live_change *changes, size_t count,
                                struct err *err)
{
    AUTO(reply_free) redisReply *done = NULL;
    struct err first = {.code = ERR_OK};
    TRY(send_all(log, changes, count, err));
    for (size_t i = 0; i <= count; i++) {
        struct err local = {.code = ERR_OK};
        redisReply *queued = NULL;
        if (receive(log, REDIS_REPLY_STATUS, &queued, &local) != ERR_OK && first.code == ERR_OK)
            first = local;
        reply_free(queued);
        if (log->connection->err != 0)
            break;
    }
    if (log->connection->err == 0 && receive(log, REDIS_REPLY_ARRAY, &done, err) != ERR_OK &&
        first.code == ERR_OK)
        first = *err;
    if (first.code != ERR_OK) {
        *err = first;
        return err->code;
    }
    return take_ids(done, changes, count, err);
}

static enum err_code redis_home_append(struct live *live, struct live_change *changes, size_t count,
                                       struct err *err)
{
    struct redis_log *log = (struct redis_log *)live;
    if (count == 0)
        return ERR_OK;
    enum err_code code = append_all(log, changes, count, err);
    if (code != ERR_OK && log->connection->err != 0)
        return err_hint(err, "whether the changes were taken is not known: apply them again, which "
                             "changes nothing if they were");
    return code;
}

/* ---- read --------------------------------------------------------------------------------------
 */

static enum err_code bad_entry(const struct redis_log *log, struct err *err)
{
    err_set(err, ERR_INTEGRITY, "the stream %s in Redis holds an entry that is no change",
            log->key);
    return err_hint(err, "something else writes to it, or an entry was damaged: choose another "
                         "?key=NAME and send the changes again");
}

/* [id, [field, record]] */
static enum err_code
visit_entry(const struct redis_log *log, const redisReply *entry, int64_t *ret_seq,
            enum err_code (*visit)(void *user, const struct live_change *change, struct err *err),
            void *user, struct err *err)
{
    struct live_change change;
    size_t bytes = 0;
    if (entry->type != REDIS_REPLY_ARRAY || entry->elements != 2 ||
        entry->element[0]->type != REDIS_REPLY_STRING ||
        entry->element[1]->type != REDIS_REPLY_ARRAY || entry->element[1]->elements != 2)
        return bad_entry(log, err);
    const redisReply *id = entry->element[0], *field = entry->element[1]->element[0],
                     *value = entry->element[1]->element[1];
    int64_t seq = live_redis_seq((struct str){id->str, (size_t)id->len});
    if (seq <= *ret_seq || field->type != REDIS_REPLY_STRING || value->type != REDIS_REPLY_STRING ||
        !str_equal((struct str){field->str, (size_t)field->len}, STR(FIELD)))
        return bad_entry(log, err);
    struct str record = {value->str, (size_t)value->len};
    if (live_record_read(record, &change, &bytes) != LIVE_RECORD_WHOLE || bytes != record.len ||
        change.seq != 0)
        return bad_entry(log, err);
    take_place(&change, seq);
    *ret_seq = seq;
    return visit(user, &change, err);
}

static enum err_code redis_home_read(struct live *live, int64_t after,
                                     enum err_code (*visit)(void *user,
                                                            const struct live_change *change,
                                                            struct err *err),
                                     void *user, struct err *err)
{
    struct redis_log *log = (struct redis_log *)live;
    for (size_t count = PAGE_COUNT; count == PAGE_COUNT;) {
        AUTO(reply_free) redisReply *page = NULL;
        char from[48];
        struct str words[] = {STR("XRANGE"), str_of(log->key), id_of(after + 1, from),
                              STR("+"),      STR("COUNT"),     STR(PAGE_ENTRIES)};
        TRY(command(log, words, 6, REDIS_REPLY_ARRAY, &page, err));
        count = page->elements;
        for (size_t i = 0; i < count; i++)
            TRY(visit_entry(log, page->element[i], &after, visit, user, err));
    }
    return ERR_OK;
}

static enum err_code redis_home_trim(struct live *live, int64_t seq, struct err *err)
{
    struct redis_log *log = (struct redis_log *)live;
    AUTO(reply_free) redisReply *reply = NULL;
    char from[48];
    struct str words[] = {STR("XTRIM"), str_of(log->key), STR("MINID"), STR("="),
                          id_of(seq + 1, from)};
    return command(log, words, 5, REDIS_REPLY_INTEGER, &reply, err);
}

/* ---- what is durable ---------------------------------------------------------------------------
 */

/* CONFIG GET's value; false: the server does not say (a managed one may forbid it). */
static bool setting(struct redis_log *log, const char *name, char *ret, size_t room)
{
    AUTO(reply_free) redisReply *reply = NULL;
    struct err ignored = {.code = ERR_OK};
    struct str words[] = {STR("CONFIG"), STR("GET"), str_of(name)};
    if (command(log, words, 3, REDIS_REPLY_ARRAY, &reply, &ignored) != ERR_OK ||
        reply->elements != 2 || reply->element[1]->type != REDIS_REPLY_STRING)
        return false;
    return take((struct str){reply->element[1]->str, (size_t)reply->element[1]->len}, ret, room);
}

/* fsynced by now? Redis 7.2 says; older ones do not know the command. */
static bool waited(struct redis_log *log)
{
    AUTO(reply_free) redisReply *reply = NULL;
    struct err ignored = {.code = ERR_OK};
    struct str words[] = {STR("WAITAOF"), STR("1"), STR("0"), STR("10000")};
    return command(log, words, 4, REDIS_REPLY_ARRAY, &reply, &ignored) == ERR_OK &&
           reply->elements == 2 && reply->element[0]->type == REDIS_REPLY_INTEGER &&
           reply->element[0]->integer >= 1;
}

static const char *redis_home_caveat(struct live *live)
{
    struct redis_log *log = (struct redis_log *)live;
    char appending[16] = "", syncing[16] = "", evicting[32] = "", memory[32] = "";
    if (log->connection == NULL || log->connection->err != 0 ||
        !setting(log, "appendonly", appending, sizeof appending) ||
        !setting(log, "appendfsync", syncing, sizeof syncing))
        return "Redis does not tell whether it keeps what it acknowledges: it does with appendonly "
               "yes and appendfsync always";
    if (strcmp(appending, "yes") != 0)
        return "Redis has appendonly no: a crash of it loses changes that were acknowledged";
    if (setting(log, "maxmemory-policy", evicting, sizeof evicting) &&
        setting(log, "maxmemory", memory, sizeof memory) && strncmp(evicting, "allkeys", 7) == 0 &&
        strcmp(memory, "0") != 0)
        return "Redis may evict the changes when its memory is full (maxmemory-policy allkeys-…): "
               "noeviction refuses them instead";
    if (strcmp(syncing, "always") == 0 || waited(log))
        return NULL;
    return "Redis does not fsync before it acknowledges (appendfsync is not always): a power cut "
           "may lose the last second's changes";
}

const struct live_home live_redis_home = {.scheme = "redis",
                                          .open = redis_home_open,
                                          .close = redis_home_close,
                                          .append = redis_home_append,
                                          .read = redis_home_read,
                                          .trim = redis_home_trim,
                                          .caveat = redis_home_caveat};
