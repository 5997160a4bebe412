/* Fault injection for tests. Every allocation, write, fsync and rename of ours asks fault_now first.
 * Disarmed (the default) it costs one relaxed atomic load. MARROW_FAULT="fsync:3" arms from the
 * environment when the program calls fault_arm_from_environment (dev builds' CLI and tests only). */
#ifndef MARROW_BASE_FAULT_H
#define MARROW_BASE_FAULT_H

#include <stdbool.h>
#include <stdint.h>

enum fault_kind { FAULT_NONE, FAULT_ALLOC, FAULT_WRITE, FAULT_FSYNC, FAULT_RENAME };
void fault_arm(enum fault_kind kind, int64_t nth); /* fail the nth call from now (1 = the next), once */
void fault_disarm(void);
bool fault_fired(void);                 /* since the last arm */
bool fault_now(enum fault_kind kind);   /* true: the caller must fail (errno set: ENOSPC/EIO/ENOMEM) */
void fault_arm_from_environment(void);

#endif
