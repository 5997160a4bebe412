/* The talk with a coordinator: where it is, who we are, one request after another. The server keeps
 * no session: catalog, schema and settings travel with each request, and a USE or SET SESSION comes
 * back as a header that changes what we send. */
#include <string.h>

#include "base/clock.h"
#include "engine/trino/trino_priv.h"

#define CANCEL_MS 1000 /* how long a DELETE may take */

/* ---- where and who ------------------------------------------------------------------------------
 */

static enum err_code usage(struct err *err, const char *what)
{
    err_set(err, ERR_USAGE, "the engine's URL: %s", what);
    return err_hint(err,
                    "trino://USER[:PASSWORD]@HOST[:PORT]/CATALOG/SCHEMA[?https=true&files=FOLDER]");
}

static bool add_session(struct trino *trino, struct str pair);

static enum err_code read_parameter(struct trino *trino, const struct net_parameter *parameter,
                                    bool *https, struct err *err)
{
    const char *name = parameter->name, *value = parameter->value;
    if (strcmp(name, "https") == 0) {
        *https = strcmp(value, "true") == 0;
        return *https || strcmp(value, "false") == 0 ? ERR_OK
                                                     : usage(err, "https is true or false");
    }
    if (strcmp(name, "ca") == 0)
        trino->ca_file = value;
    else if (strcmp(name, "files") == 0)
        trino->files = value;
    else if (strcmp(name, "location") == 0)
        trino->location = value;
    else if (strcmp(name, "session") == 0)
        return add_session(trino, str_of(value)) ? ERR_OK : usage(err, "session is NAME=VALUE");
    else
        return usage(err, "it has a parameter other than https, ca, files, location, session");
    return ERR_OK;
}

/* "/catalog/schema" */
static enum err_code read_path(struct trino *trino, const char *path, struct err *err)
{
    char **parts[] = {&trino->catalog, &trino->schema};
    for (size_t idx = 0; *path == '/' && path[1] != '\0'; idx++) {
        size_t length = strcspn(path + 1, "/");
        char *name = idx < 2 ? net_decode(trino->arena, (struct str){path + 1, length}) : NULL;
        if (name == NULL)
            return usage(err, "its path is not /CATALOG/SCHEMA");
        if ((*parts[idx] = mem_strdup(name)) == NULL)
            return err_set(err, ERR_MEMORY, "no memory for an engine");
        path += 1 + length;
    }
    return ERR_OK;
}

static enum err_code read_url(struct trino *trino, const char *text, struct err *err)
{
    struct net_url url;
    bool https = false;
    TRY(net_url_parse(trino->arena, text, &url, err));
    for (size_t idx = 0; idx < url.parameter_count; idx++)
        TRY(read_parameter(trino, &url.parameters[idx], &https, err));
    TRY(read_path(trino, url.path, err));
    if (url.password != NULL && !https)
        return usage(err, "a password is sent over https only (https=true)");
    if (trino->files != NULL && trino->files[0] != '/')
        return usage(err, "files is not an absolute path");
    trino->user = url.user != NULL && url.user[0] != '\0' ? url.user : "marrow";
    trino->password = url.password;
    if (trino->files != NULL && trino->location == NULL)
        trino->location = arena_printf(trino->arena, "file://%s", trino->files);
    int port = url.port != 0 ? url.port : https ? 8443 : 8080;
    trino->origin = arena_printf(trino->arena, "http%s://%s:%d", https ? "s" : "", url.host, port);
    return arena_failed(trino->arena) ? err_set(err, ERR_MEMORY, "no memory for an engine")
                                      : ERR_OK;
}

/* ---- requests -----------------------------------------------------------------------------------
 */

static bool must_stop(void *user)
{
    struct trino *trino = user;
    const struct progress *progress = trino->base.progress;
    if (trino->deadline_us != 0 && clock_monotonic_us() >= trino->deadline_us)
        return trino->timed_out = true;
    return atomic_load(&trino->interrupted) ||
           (progress != NULL && progress->cancelled != NULL && progress->cancelled(progress->user));
}

#define HEADERS 10
/* Lines of a request's headers from arena, ended by NULL. False: memory is out. */
static bool make_headers(const struct trino *trino, struct arena *arena, const char *ret[HEADERS])
{
    size_t count = 0;
    ret[count++] = arena_printf(arena, "X-Trino-User: %s", trino->user);
    ret[count++] = "X-Trino-Source: marrow";
    ret[count++] = "X-Trino-Time-Zone: UTC";
    ret[count++] = "X-Trino-Client-Capabilities: PARAMETRIC_DATETIME"; /* else milliseconds only */
    ret[count++] = "Content-Type: text/plain; charset=utf-8";
    if (trino->catalog != NULL)
        ret[count++] = arena_printf(arena, "X-Trino-Catalog: %s", trino->catalog);
    if (trino->schema != NULL)
        ret[count++] = arena_printf(arena, "X-Trino-Schema: %s", trino->schema);
    if (trino->session.len > 0)
        ret[count++] = arena_printf(arena, "X-Trino-Session: %s", buf_text(&trino->session));
    ret[count] = NULL;
    return !arena_failed(arena);
}

static enum err_code send_request(struct trino *trino, const char *method, const char *path,
                                  struct str body, struct net_response *response, struct err *err)
{
    const char *headers[HEADERS];
    AUTO(arena_free) struct arena *arena = arena_new(0);
    bool ok = arena != NULL && make_headers(trino, arena, headers);
    const char *url = ok ? arena_printf(arena, "%s%s", trino->origin, path) : NULL;
    if (url == NULL)
        return err_set(err, ERR_MEMORY, "no memory for a request");
    bool cancelling = strcmp(method, "DELETE") == 0;
    struct net_request request = {
        .method = method,
        .url = url,
        .headers = headers,
        .body = body,
        .user = trino->password != NULL ? trino->user : NULL,
        .password = trino->password,
        .ca_file = trino->ca_file,
        .compressed = strncmp(trino->origin, "https:", 6) == 0, /* far away, most likely */
        .once = strcmp(method, "POST") == 0,
        .backoff_ms = 100,
        .limit_bytes = TRINO_PAGE_BYTES,
        .cancelled = cancelling ? NULL : must_stop,
        .cancelled_user = trino,
    };
    if (cancelling) {
        request.attempts = 1;
        request.total_ms = CANCEL_MS;
    }
    return net_send(trino->client, &request, response, err);
}

static enum err_code stopped(const struct trino *trino, struct err *err)
{
    if (!trino->timed_out)
        return err_set(err, ERR_INTERRUPTED, "the statement was interrupted");
    err_set(err, ERR_TIMEOUT, "the statement ran past its limit of %lld ms",
            (long long)trino->base.time_limit_ms);
    return err_hint(err, "raise the time limit, or ask for less");
}

static enum err_code lost(struct err *err)
{
    if (err->code != ERR_IO && err->code != ERR_TIMEOUT)
        return err->code;
    struct err reason = *err;
    err_set(err, ERR_ENGINE, "the connection to the server was lost: %s", reason.message);
    if (reason.detail[0] != '\0')
        err_detail(err, "%s", reason.detail);
    return err_hint(err, "see that the server runs, then start again");
}

static enum err_code refused(int status, struct err *err)
{
    if (status == 401 || status == 403) {
        err_set(err, ERR_ENGINE, "the server refused the user or the password");
        return err_hint(err, "give them in the URL: trino://USER:PASSWORD@HOST…?https=true");
    }
    if (status == 404 || status == 410) {
        err_set(err, ERR_ENGINE, "the server does not know the statement any more");
        return err_hint(err, "it was restarted, or the statement was ended there: start again");
    }
    err_set(err, ERR_ENGINE, "the server answered with HTTP status %d", status);
    return err_hint(err, "see that the URL's host and port are those of a Trino coordinator");
}

/* ---- a session in headers -----------------------------------------------------------------------
 */

/* Put "name=value" in place of a setting of that name; a bare "name" takes it out. */
static bool change_session(struct trino *trino, struct str name, struct str pair)
{
    struct buf changed = BUF_INIT;
    struct str rest = buf_view(&trino->session);
    size_t count = 0;
    while (rest.len > 0) {
        const char *comma = memchr(rest.ptr, ',', rest.len);
        struct str part = {rest.ptr, comma != NULL ? (size_t)(comma - rest.ptr) : rest.len};
        size_t used = part.len + (comma != NULL);
        rest = (struct str){rest.ptr + used, rest.len - used};
        const char *equals = memchr(part.ptr, '=', part.len);
        struct str key = {part.ptr, equals != NULL ? (size_t)(equals - part.ptr) : part.len};
        if (str_equal(key, name) || ++count > TRINO_LIMIT_SESSION)
            continue;
        buf_printf(&changed, "%s%.*s", changed.len > 0 ? "," : "", (int)part.len, part.ptr);
    }
    if (pair.len > 0)
        buf_printf(&changed, "%s%.*s", changed.len > 0 ? "," : "", (int)pair.len, pair.ptr);
    buf_done(&trino->session);
    trino->session = changed;
    return !changed.failed;
}

/* name=value in plain text, from the URL. */
static bool add_session(struct trino *trino, struct str pair)
{
    const char *equals = pair.len > 0 ? memchr(pair.ptr, '=', pair.len) : NULL;
    if (equals == NULL || equals == pair.ptr)
        return false;
    struct str name = {pair.ptr, (size_t)(equals - pair.ptr)};
    __attribute__((cleanup(auto_buf_done))) struct buf encoded = BUF_INIT;
    net_encode(name, &encoded);
    struct buf key = {0};
    net_encode(name, &key);
    buf_putc(&encoded, '=');
    net_encode((struct str){equals + 1, pair.len - name.len - 1}, &encoded);
    bool ok =
        !encoded.failed && !key.failed && change_session(trino, buf_view(&key), buf_view(&encoded));
    buf_done(&key);
    return ok;
}

static bool replace_name(struct trino *trino, const struct net_response *response,
                         const char *header, char **name)
{
    struct str value;
    if (!net_response_header(response, header, 0, &value))
        return true;
    char *decoded = net_decode(trino->arena, value);
    char *copy = decoded != NULL ? mem_strdup(decoded) : NULL;
    if (copy == NULL)
        return false;
    mem_free(*name);
    *name = copy;
    return true;
}

static enum err_code follow_headers(struct trino *trino, const struct net_response *response,
                                    struct err *err)
{
    struct str value;
    bool ok = replace_name(trino, response, "X-Trino-Set-Catalog", &trino->catalog) &&
              replace_name(trino, response, "X-Trino-Set-Schema", &trino->schema);
    for (size_t idx = 0; net_response_header(response, "X-Trino-Set-Session", idx, &value); idx++) {
        const char *equals = memchr(value.ptr, '=', value.len);
        struct str name = {value.ptr, equals != NULL ? (size_t)(equals - value.ptr) : value.len};
        ok = change_session(trino, name, value) && ok;
    }
    for (size_t idx = 0; net_response_header(response, "X-Trino-Clear-Session", idx, &value); idx++)
        ok = change_session(trino, value, (struct str){0}) && ok;
    return ok ? ERR_OK : err_set(err, ERR_MEMORY, "no memory for the session's settings");
}

/* ---- statements ---------------------------------------------------------------------------------
 */

static void report(const struct trino *trino, const struct trino_page *page)
{
    struct progress_event event = {.phase = trino->base.phase, .subject = trino->base.subject};
    if (event.phase == NULL)
        event.phase = "query";
    event.done = page->splits_done;
    event.total = page->splits;
    event.unit = "splits";
    progress_report(trino->base.progress, &event);
}

/* One page asked for. The failure of an exchange leaves page as it was, so that it can be
 * cancelled. */
static enum err_code exchange(struct trino *trino, const char *method, const char *path,
                              struct str body, struct trino_page *page, struct err *err)
{
    struct net_response response = {0};
    struct trino_page fresh = {0};
    enum err_code code = send_request(trino, method, path, body, &response, err);
    if (code == ERR_INTERRUPTED)
        code = stopped(trino, err);
    else if (code != ERR_OK)
        code = lost(err);
    else if (response.status != 200)
        code = refused(response.status, err);
    if (code == ERR_OK)
        code = trino_page_read(buf_view(&response.body), &fresh, err);
    if (code == ERR_OK)
        code = follow_headers(trino, &response, err);
    net_response_done(&response);
    if (code != ERR_OK) {
        trino_page_done(&fresh);
        return code;
    }
    trino_page_done(page);
    *page = fresh;
    report(trino, page);
    return page->failure != NULL ? trino_failure(page->failure, err) : ERR_OK;
}

enum err_code trino_start(struct trino *trino, struct str sql, struct trino_page *ret,
                          struct err *err)
{
    *ret = (struct trino_page){0};
    return exchange(trino, "POST", "/v1/statement", sql, ret, err);
}

enum err_code trino_next(struct trino *trino, struct trino_page *page, struct err *err)
{
    enum err_code code = exchange(trino, "GET", page->next, (struct str){0}, page, err);
    if (code == ERR_INTERRUPTED || code == ERR_TIMEOUT)
        trino_cancel(trino, page);
    return code;
}

void trino_cancel(struct trino *trino, const struct trino_page *page)
{
    struct net_response response = {0};
    if (page->next != NULL) /* not delivered: the server gives it up when nobody asks */
        (void)!send_request(trino, "DELETE", page->next, (struct str){0}, &response, ERR_IGNORED);
    net_response_done(&response);
}

/* ---- the greeting -------------------------------------------------------------------------------
 */

static enum err_code read_greeting(struct trino *trino, const struct net_response *response,
                                   struct err *err)
{
    JSON_AUTO json = NULL;
    if (response->status != 200)
        return refused(response->status, err);
    enum err_code code = json_parse(buf_view(&response->body), "info", &json, ERR_IGNORED);
    const json_t *node = json_object_get(json, "nodeVersion");
    const char *version = json_text(node, "version", NULL);
    if (code != ERR_OK || version == NULL) {
        err_set(err, ERR_ENGINE, "the server is no Trino coordinator");
        return err_hint(err, "see that the URL's host and port are those of a Trino coordinator");
    }
    if (json_flag(json, "starting", false)) {
        err_set(err, ERR_ENGINE, "the server is still starting");
        return err_hint(err, "try again in some seconds");
    }
    size_t length = strnlen(version, sizeof trino->version - 1);
    memcpy(trino->version, version, length);
    trino->version[length] = '\0';
    return ERR_OK;
}

enum err_code trino_connect(struct trino *trino, const char *url, struct err *err)
{
    struct net_response response = {0};
    trino->arena = arena_new(0);
    if (trino->arena == NULL)
        return err_set(err, ERR_MEMORY, "no memory for an engine");
    TRY(read_url(trino, url, err));
    TRY(net_client_open(&trino->client, err));
    enum err_code code = send_request(trino, "GET", "/v1/info", (struct str){0}, &response, err);
    if (code == ERR_INTERRUPTED)
        code = stopped(trino, err);
    else if (code == ERR_OK)
        code = read_greeting(trino, &response, err);
    else if (code == ERR_IO || code == ERR_TIMEOUT) {
        err_context(err, "the Trino server");
        code = err_hint(err, "see that it runs, and the URL's host and port");
    }
    net_response_done(&response);
    return code;
}
