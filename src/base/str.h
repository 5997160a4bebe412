/* struct str: a borrowed view of bytes. struct buf: an owned, growing, sticky-failing byte buffer. */
#ifndef MARROW_BASE_STR_H
#define MARROW_BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/mem.h"

struct str {
    const char *ptr; /* not NUL-terminated */
    size_t len;
};

#define STR(literal) ((struct str){(literal), sizeof(literal) - 1})
struct str str_of(const char *text); /* NULL → empty */
bool str_equal(struct str a, struct str b);
bool str_equal_nocase(struct str a, struct str b); /* ASCII */
int str_compare(struct str a, struct str b);       /* bytewise, shorter first */
struct str str_trim(struct str s);                 /* ASCII blanks */
bool str_has_prefix(struct str s, const char *prefix);
bool str_has_suffix_nocase(struct str s, const char *suffix);
/* Strict whole-string parse, C locale. False on anything left over or out of range. */
bool str_to_int64(struct str s, int64_t *ret);
bool str_to_double(struct str s, double *ret);
/* "512MB" (10^6), "1.5GiB" (2^30), "4g" (a lone letter is binary: 2^30), plain bytes; any case. */
bool str_to_bytes(struct str s, int64_t *ret_bytes);
/* Length of the valid UTF-8 prefix (rejects overlong, surrogates, > U+10FFFF). */
size_t str_utf8_valid_prefix(struct str s);

struct buf {
    char *ptr; /* NUL-terminated when not NULL */
    size_t len;
    size_t cap;
    size_t limit; /* 0 = 4 GiB */
    bool failed;  /* sticky: out of memory or past limit */
};
#define BUF_INIT {0}
void buf_done(struct buf *buf);
void buf_clear(struct buf *buf);
void buf_add(struct buf *buf, const char *ptr, size_t len);
void buf_add_str(struct buf *buf, struct str s);
void buf_puts(struct buf *buf, const char *text);
void buf_putc(struct buf *buf, char c);
void buf_printf(struct buf *buf, const char *format, ...) PRINTF_LIKE(2, 3);
/* The JSON string literal of s: escapes only what JSON needs; each ill-formed UTF-8 byte becomes U+FFFD. */
void buf_add_json(struct buf *buf, struct str s);
bool buf_reserve(struct buf *buf, size_t extra);
struct str buf_view(const struct buf *buf);
const char *buf_text(const struct buf *buf); /* "" when empty */
char *buf_take(struct buf *buf);             /* caller mem_free()s; NULL when failed */
enum err_code buf_check(const struct buf *buf, struct err *err) WARN_UNUSED;
static inline void auto_buf_done(struct buf *buf)
{
    buf_done(buf);
}
/* Shortest decimal text that reads back as the same double ("0.1", "1e300", "nan", "inf"). ret ≥ 32 bytes. */
const char *str_from_double(double value, char ret[32]);
/* Base64 (RFC 4648 §4; blanks are passed over, padding may be left out) into ret, which has room for text.len bytes. False: it is none. */
bool str_from_base64(struct str text, char *ret, size_t *ret_length);

#endif
