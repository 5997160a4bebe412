/* Bulk Data's files: several downloads side by side, each continued by Range where it is cut.
 *
 * The one idea: a file counts as there when it is what the manifest promised: FHIR, not a web page,
 * as many resources as it said. The first failure stops the others. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "fhir/bulk_priv.h"

#define TRIES 3 /* of a file, from its start; each is continued where the server offers that */

struct downloads {
    const struct bulk *bulk;
    pthread_mutex_t mutex;
    size_t next, done; /* outputs */
    int64_t bytes;     /* received so far, of all */
    bool failed;
    struct err err; /* of the first failure */
    json_t **files; /* by output; NULL: not kept */
    int64_t problems;
};
struct download {
    struct downloads *all;
    const json_t *output;
    char path[FILE_PATH_BYTES];
    int fd;
    int64_t bytes, lines;
    bool line_open; /* the last line has no end yet */
    char first;     /* first byte that is no blank; 0: none yet */
};

static const char *const kind_names[] = {"output", "deleted", "error"};

/* Asked by every download and by the progress: has the user, or a failure, stopped it all? */
static bool stopped(void *user)
{
    struct downloads *all = user;
    (void)pthread_mutex_lock(&all->mutex);
    bool failed = all->failed;
    (void)pthread_mutex_unlock(&all->mutex);
    return failed || bulk_cancelled((void *)(uintptr_t)all->bulk->options);
}

static void report(struct downloads *all, int64_t received)
{
    (void)pthread_mutex_lock(&all->mutex);
    all->bytes += received;
    char subject[64];
    (void)snprintf(subject, sizeof subject, "%zu of %zu files", all->done,
                   json_array_size(all->bulk->outputs));
    progress_report(all->bulk->options->progress, &(struct progress_event){.phase = "download",
                                                                           .subject = subject,
                                                                           .done = all->bytes,
                                                                           .unit = "bytes"});
    (void)pthread_mutex_unlock(&all->mutex);
}

static void count_lines(struct download *one, struct str bytes)
{
    const char *at = bytes.ptr, *end = bytes.ptr + bytes.len;
    while (at < end) {
        const char *feed = memchr(at, '\n', (size_t)(end - at));
        struct str part = str_trim((struct str){at, (size_t)((feed == NULL ? end : feed) - at)});
        if (part.len > 0) {
            one->first = one->first == '\0' ? part.ptr[0] : one->first;
            one->lines += !one->line_open;
            one->line_open = true;
        }
        if (feed == NULL)
            break;
        one->line_open = false;
        at = feed + 1;
    }
}

static enum err_code receive(void *user, struct str bytes, struct err *err)
{
    struct download *one = user;
    count_lines(one, bytes);
    one->bytes += (int64_t)bytes.len;
    TRY(file_write_fd(one->fd, bytes.ptr, bytes.len, one->path, err));
    report(one->all, (int64_t)bytes.len);
    return ERR_OK;
}

static enum err_code check(const struct download *one, const struct net_response *response,
                           struct err *err)
{
    const struct bulk *bulk = one->all->bulk;
    int64_t promised = json_int(one->output, "count", -1);
    if (one->first == '<' || bulk_is_html(response, (struct str){0})) {
        (void)err_set(err, ERR_INPUT, "%s answered a request for a file with a web page",
                      bulk->host);
        return err_hint(err, "the files may want a token, or their address has expired");
    }
    if (one->first != '\0' && one->first != '{') {
        (void)err_set(err, ERR_INPUT, "%s gave a file that is no ndjson", bulk->host);
        return err_hint(err, "each line is to be a resource");
    }
    if (promised < 0 || one->lines >= promised)
        return ERR_OK;
    (void)err_set(err, ERR_INPUT, "%s gave a file of %lld resources where it had promised %lld",
                  bulk->host, (long long)one->lines, (long long)promised);
    return err_hint(err, "nothing was imported; export again");
}

/* Nothing of it is there. */
static enum err_code start_over(struct download *one, struct err *err)
{
    report(one->all, -one->bytes);
    one->bytes = one->lines = 0;
    one->line_open = false;
    one->first = '\0';
    if (ftruncate(one->fd, 0) != 0 || lseek(one->fd, 0, SEEK_SET) != 0)
        return err_set_errno(err, errno, "cannot begin a file anew");
    return ERR_OK;
}

static enum err_code fetch(struct download *one, struct net_client *client, struct err *err)
{
    const struct bulk *bulk = one->all->bulk;
    const char *url = json_text(one->output, "url", "");
    bool own = bulk_same_origin(bulk, url), safe = str_has_prefix(str_of(url), "https://");
    bool token = bulk->bearer != NULL && json_flag(one->output, "token", false) && (own || safe);
    const char *headers[] = {"Accept: application/fhir+ndjson", token ? bulk->bearer : NULL, NULL};
    struct net_response response = {0};
    struct net_request request = {.url = url,
                                  .headers = headers,
                                  .compressed = true,
                                  .receive = receive,
                                  .receive_user = one,
                                  .cancelled = stopped,
                                  .cancelled_user = one->all};
    enum err_code code = net_send(client, &request, &response, err);
    if (code == ERR_OK && response.status / 100 != 2)
        code = bulk_refused(bulk, "a file", &response, err);
    if (code == ERR_OK)
        code = check(one, &response, err);
    net_response_done(&response);
    return code;
}

static enum err_code keep(struct download *one, size_t idx, struct err *err)
{
    bool ok = true;
    int64_t kind = json_int(one->output, "kind", BULK_ERROR);
    if (kind == BULK_ERROR) {
        (void)pthread_mutex_lock(&one->all->mutex);
        one->all->problems += one->lines;
        (void)pthread_mutex_unlock(&one->all->mutex);
        return file_remove(one->path, err);
    }
    if (one->lines == 0)
        return file_remove(one->path, err);
    json_t *file = json_object();
    json_put_text(file, "path", one->path, &ok);
    json_put_text(file, "type", json_text(one->output, "type", ""), &ok);
    json_put_text(file, "kind", kind_names[kind], &ok);
    json_put_int(file, "bytes", one->bytes, &ok);
    json_put_int(file, "resources", one->lines, &ok);
    one->all->files[idx] = file;
    return json_built(ok && file != NULL, err);
}

/* "1-00007-Patient.ndjson": outputs before deletions, in the manifest's order. */
static enum err_code open_file(struct download *one, size_t idx, struct err *err)
{
    char name[128];
    const char *type = json_text(one->output, "type", "");
    bool fits =
        type[0] >= 'A' && type[0] <= 'Z' && strlen(type) <= 64 &&
        strspn(type, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz") == strlen(type);
    (void)snprintf(name, sizeof name, "%lld-%05zu-%s.ndjson",
                   (long long)json_int(one->output, "kind", 0) + 1, idx, fits ? type : "file");
    TRY(file_path_join(one->all->bulk->options->directory, name, one->path, err));
    one->fd = open(one->path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    return one->fd < 0 ? err_set_errno(err, errno, "cannot make a staged file") : ERR_OK;
}

static enum err_code download(struct downloads *all, struct net_client *client, size_t idx,
                              struct err *err)
{
    struct download one = {.all = all, .output = json_array_get(all->bulk->outputs, idx), .fd = -1};
    TRY(open_file(&one, idx, err));
    enum err_code code = fetch(&one, client, err);
    /* cut, by a server that offers no ranges: from the start, then */
    for (int again = 1; code == ERR_IO && again < TRIES && !stopped(all); again++) {
        code = start_over(&one, err);
        if (code == ERR_OK)
            code = fetch(&one, client, err);
    }
    if (close(one.fd) != 0 && code == ERR_OK)
        code = err_set_errno(err, errno, "cannot close %s", one.path);
    return code == ERR_OK ? keep(&one, idx, err) : code;
}

static bool take_next(struct downloads *all, size_t *ret)
{
    (void)pthread_mutex_lock(&all->mutex);
    bool more = !all->failed && all->next < json_array_size(all->bulk->outputs);
    *ret = all->next;
    all->next += more;
    (void)pthread_mutex_unlock(&all->mutex);
    return more;
}

static void settle(struct downloads *all, enum err_code code, const struct err *err)
{
    (void)pthread_mutex_lock(&all->mutex);
    all->done += code == ERR_OK;
    if (code != ERR_OK && !all->failed) {
        all->failed = true;
        all->err = *err;
    }
    (void)pthread_mutex_unlock(&all->mutex);
}

static void *work(void *user)
{
    struct downloads *all = user;
    AUTO(net_client_close) struct net_client *client = NULL;
    struct err err = {0};
    size_t idx;
    enum err_code code = net_client_open(&client, &err);
    if (code != ERR_OK)
        settle(all, code, &err);
    while (code == ERR_OK && take_next(all, &idx)) {
        code = download(all, client, idx, &err);
        settle(all, code, &err);
    }
    return NULL;
}

static void run(struct downloads *all)
{
    pthread_t threads[FHIR_BULK_FILES_AT_ONCE];
    size_t started = 0, count = json_array_size(all->bulk->outputs);
    while (started + 1 < count && started + 1 < FHIR_BULK_FILES_AT_ONCE &&
           pthread_create(&threads[started], NULL, work, all) == 0)
        started++;
    (void)work(all); /* this thread is one of them */
    for (size_t i = 0; i < started; i++)
        (void)pthread_join(threads[i], NULL);
}

enum err_code bulk_download(const struct bulk *bulk, json_t *ret_files, int64_t *ret_problems,
                            struct err *err)
{
    size_t count = json_array_size(bulk->outputs);
    bool ok = true;
    AUTO(mem_free) json_t **files = mem_zalloc(count + 1, sizeof *files);
    if (files == NULL)
        return err_set(err, ERR_MEMORY, "no memory for an export");
    struct downloads all = {.bulk = bulk, .files = files};
    (void)pthread_mutex_init(&all.mutex, NULL);
    run(&all);
    (void)pthread_mutex_destroy(&all.mutex);
    for (size_t i = 0; i < count; i++) {
        if (files[i] != NULL && !all.failed)
            json_push(ret_files, files[i], &ok);
        else
            json_decref(files[i]);
    }
    *ret_problems = all.problems;
    if (all.failed) {
        if (err != NULL)
            *err = all.err;
        return all.err.code;
    }
    return json_built(ok, err);
}
