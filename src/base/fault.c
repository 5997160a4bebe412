/* Fault injection: one armed fault a process, counted down by every call of its kind.
 *
 * The one idea: the armed kind is one atomic that is FAULT_NONE in real life, so a fault point
 * costs one relaxed load. The countdown is atomic too, so exactly one call fails whatever the
 * threads do. */
#include "base/fault.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"

static _Atomic int armed_kind;
static _Atomic int64_t calls_left;
static _Atomic bool has_fired;

void fault_arm(enum fault_kind kind, int64_t nth)
{
    atomic_store(&armed_kind, FAULT_NONE);
    atomic_store(&has_fired, false);
    atomic_store(&calls_left, nth);
    atomic_store(&armed_kind, nth > 0 ? (int)kind : (int)FAULT_NONE);
}

void fault_disarm(void)
{
    atomic_store(&armed_kind, FAULT_NONE);
}

bool fault_fired(void)
{
    return atomic_load(&has_fired);
}

static int errno_of(enum fault_kind kind)
{
    switch (kind) {
    case FAULT_ALLOC:
        return ENOMEM;
    case FAULT_WRITE:
        return ENOSPC;
    case FAULT_FSYNC:
    case FAULT_RENAME:
    case FAULT_NONE:
        return EIO;
    }
    return EIO;
}

bool fault_now(enum fault_kind kind)
{
    if (atomic_load_explicit(&armed_kind, memory_order_relaxed) != (int)kind || kind == FAULT_NONE)
        return false;
    if (atomic_fetch_sub(&calls_left, 1) != 1)
        return false;
    atomic_store(&armed_kind, FAULT_NONE);
    atomic_store(&has_fired, true);
    errno = errno_of(kind);
    return true;
}

/* MARROW_FAULT=alloc|write|fsync|rename:N. Does nothing unless the build has MARROW_FAULTS. */
void fault_arm_from_environment(void)
{
#ifdef MARROW_FAULTS
    static const char *const names[] = {"none", "alloc", "write", "fsync", "rename"};
    const char *text = getenv("MARROW_FAULT");
    const char *colon = text == NULL ? NULL : strchr(text, ':');
    int64_t nth = 0;
    if (colon == NULL || !str_to_int64(str_of(colon + 1), &nth))
        return;
    struct str name = {text, (size_t)(colon - text)};
    for (int kind = FAULT_ALLOC; kind <= FAULT_RENAME; kind++)
        if (str_equal(name, str_of(names[kind])))
            fault_arm((enum fault_kind)kind, nth);
#endif
}
