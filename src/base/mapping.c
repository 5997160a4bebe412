/* A text file as memory: mapped, never read whole, so the kernel drops its pages when memory is
 * short.
 *
 * The one idea: another process may cut the file while it is mapped, and touching what is gone
 * raises SIGBUS. Every mapping is in a small table that our handler looks up: there it puts zeros
 * in place of the rest and notes it, reading goes on to its end, and file_unmap then says that the
 * file changed. A fault anywhere else is given to the handler that was there before. The table is
 * lock-free, since a handler may not wait. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/mapping.h"

static struct guarded {
    _Atomic(char *) start; /* NULL: free */
    _Atomic size_t length; /* 0 while being filled */
    atomic_bool cut;
} guarded[FILE_MAPPINGS_MOST];
static struct sigaction handler_before;

/* ---- the guard ---------------------------------------------------------------------------------
 */

static void on_bus_error(int number, siginfo_t *info, void *context)
{
    (void)number;
    (void)context;
    int kept = errno;
    char *at = info->si_addr;
    for (size_t i = 0; i < FILE_MAPPINGS_MOST; i++) {
        char *start = atomic_load(&guarded[i].start);
        size_t length = atomic_load(&guarded[i].length);
        if (start == NULL || at < start || at >= start + length)
            continue;
        size_t page = (size_t)sysconf(_SC_PAGESIZE), before = (size_t)(at - start) / page * page;
        if (mmap(start + before, length - before, PROT_READ,
                 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == MAP_FAILED)
            break;
        atomic_store(&guarded[i].cut, true);
        errno = kept;
        return;
    }
    errno = kept;
    (void)sigaction(SIGBUS, &handler_before, NULL); /* faults again, and goes where it would have */
}

/* Also where the program has put another in place of ours since. */
static void install_handler(void)
{
    static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    struct sigaction action = {.sa_sigaction = on_bus_error, .sa_flags = SA_SIGINFO | SA_NODEFER};
    struct sigaction now;
    (void)sigemptyset(&action.sa_mask);
    (void)pthread_mutex_lock(&mutex);
    if (sigaction(SIGBUS, NULL, &now) == 0 &&
        ((now.sa_flags & SA_SIGINFO) == 0 || now.sa_sigaction != on_bus_error) &&
        sigaction(SIGBUS, &action, NULL) == 0)
        handler_before = now;
    (void)pthread_mutex_unlock(&mutex);
}

/* Enters the mapping in the table; false: it is full. */
static bool guard(struct file_mapping *mapping)
{
    install_handler();
    for (int i = 0; i < FILE_MAPPINGS_MOST; i++) {
        char *none = NULL;
        if (!atomic_compare_exchange_strong(&guarded[i].start, &none, mapping->ptr))
            continue;
        atomic_store(&guarded[i].cut, false);
        atomic_store(&guarded[i].length, mapping->length);
        mapping->guard = i;
        return true;
    }
    return false;
}

/* ---- mapping -----------------------------------------------------------------------------------
 */

static enum err_code changed(struct err *err)
{
    (void)err_set(err, ERR_INPUT, "the file changed while it was read");
    return err_hint(err, "read it again when nothing writes to it any more");
}

static bool same_file(const struct file_info *a, const struct file_info *b)
{
    return a->kind == b->kind && a->bytes == b->bytes && a->modified_us == b->modified_us;
}

/* The file over the beginning of memory that reaches a little further. */
static void *map_padded(int fd, size_t length)
{
    void *memory =
        mmap(NULL, length + FILE_MAPPING_PADDING, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED ||
        mmap(memory, length, PROT_READ, MAP_PRIVATE | MAP_FIXED, fd, 0) != MAP_FAILED)
        return memory;
    int failed = errno;
    (void)munmap(memory, length + FILE_MAPPING_PADDING);
    errno = failed;
    return MAP_FAILED;
}

static enum err_code map_open(int fd, struct file_mapping *ret, struct err *err)
{
    void *memory = map_padded(fd, (size_t)ret->info.bytes);
    if (memory == MAP_FAILED)
        return err_set_errno(err, errno, "cannot map %s", ret->path);
    ret->ptr = memory;
    ret->length = (size_t)ret->info.bytes;
    if (!guard(ret)) {
        (void)munmap(memory, ret->length + FILE_MAPPING_PADDING);
        ret->ptr = NULL;
        return err_set(err, ERR_LIMIT, "more than %d texts are read at once", FILE_MAPPINGS_MOST);
    }
    (void)madvise(memory, ret->length, MADV_SEQUENTIAL);
    return ERR_OK;
}

enum err_code file_map(const char *path, const struct file_info *before,
                           struct file_mapping *ret, struct err *err)
{
    *ret = (struct file_mapping){.path = path};
    TRY(file_stat(path, &ret->info, err));
    if (before != NULL && before->kind != FILE_MISSING && !same_file(before, &ret->info))
        return changed(err);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return err_set_errno(err, errno, "cannot open %s", path);
    enum err_code code = ret->info.bytes > 0 ? map_open(fd, ret, err) : ERR_OK;
    (void)close(fd);
    return code;
}

enum err_code file_mapping_check(const struct file_mapping *mapping, struct err *err)
{
    if (mapping->ptr == NULL || !atomic_load(&guarded[mapping->guard].cut))
        return ERR_OK;
    return changed(err);
}

void file_let_go(struct file_mapping *mapping, const char *at)
{
    if (mapping == NULL || at < mapping->ptr || at > mapping->ptr + mapping->length)
        return;
    size_t reached = (size_t)(at - mapping->ptr) / FILE_LET_GO_BYTES *
                     FILE_LET_GO_BYTES; /* a multiple of every page size */
    if (reached < mapping->passed)
        mapping->passed = 0; /* another pass */
    if (reached <= mapping->passed)
        return;
    (void)madvise(mapping->ptr + mapping->passed, reached - mapping->passed, MADV_DONTNEED);
    mapping->passed = reached;
}

enum err_code file_unmap(struct file_mapping *mapping, enum err_code code, struct err *err)
{
    struct file_info now;
    bool cut = false;
    if (mapping->path == NULL)
        return code;
    if (mapping->ptr != NULL) {
        cut = atomic_load(&guarded[mapping->guard].cut);
        atomic_store(&guarded[mapping->guard].length, 0);
        atomic_store(&guarded[mapping->guard].start, NULL);
        (void)munmap(mapping->ptr, mapping->length + FILE_MAPPING_PADDING);
    }
    bool same = !cut && file_stat(mapping->path, &now, ERR_IGNORED) == ERR_OK &&
                same_file(&mapping->info, &now);
    *mapping = (struct file_mapping){0};
    return same || code == ERR_INTERRUPTED || code == ERR_MEMORY ? code : changed(err);
}
