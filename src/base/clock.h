/* Instants are int64 µs since 1970-01-01 UTC. The clock is a parameter above this layer. */
#ifndef MARROW_BASE_CLOCK_H
#define MARROW_BASE_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

int64_t clock_now_us(void);       /* wall clock, UTC; MARROW_CLOCK=ISO-instant overrides, for tests */
int64_t clock_monotonic_us(void); /* for durations */
/* "2026-11-20T16:13:00.123456Z" (27 characters and NUL). */
const char *clock_format(int64_t instant_us, char ret[32]);
/* Reads "YYYY-MM-DDTHH:MM:SS[.f…]Z"; false: it is none. */
bool clock_parse(const char *text, int64_t *ret_us);
/* Proleptic Gregorian calendar (H. Hinnant, "chrono-compatible low-level date algorithms"). */
int64_t clock_days_from_civil(int64_t year, unsigned month, unsigned day);
void clock_civil_from_days(int64_t days, int64_t *ret_year, unsigned *ret_month, unsigned *ret_day);
bool clock_civil_valid(int64_t year, unsigned month, unsigned day);

#endif
