/* libarchive, loaded when it is first needed: as engine/duckdb/library.h, which tells how it works. */
#ifndef MARROW_INGEST_ARCHIVE_LIBRARY_H
#define MARROW_INGEST_ARCHIVE_LIBRARY_H

#include <archive.h>
#include <archive_entry.h>

#include "base/err.h"

/* clang-format off */
#define LIBARCHIVE_FUNCTIONS(X) \
    X(entry_filetype) X(entry_hardlink) X(entry_is_encrypted) X(entry_pathname) \
    X(entry_pathname_utf8) X(error_string) X(filter_bytes) X(filter_code) X(format) \
    X(read_data) X(read_data_skip) X(read_free) X(read_has_encrypted_entries) X(read_new) \
    X(read_next_header) X(read_open_filename) X(read_open_memory) X(read_support_filter_all) \
    X(read_support_filter_gzip) X(read_support_format_raw) X(read_support_format_tar) \
    X(read_support_format_zip_seekable)
/* clang-format on */

struct libarchive_functions {
#define LIBARCHIVE_MEMBER(name) __typeof__(archive_##name) *name;
    LIBARCHIVE_FUNCTIONS(LIBARCHIVE_MEMBER)
#undef LIBARCHIVE_MEMBER
};
extern struct libarchive_functions libarchive; /* filled by libarchive_load, constant from then on */

/* Fill it (base/library.h): before any other call. ERR_UNSUPPORTED: not found, or too old. Any
 * thread. */
enum err_code libarchive_load(struct err *err) WARN_UNUSED;

#define archive_entry_filetype libarchive.entry_filetype
#define archive_entry_hardlink libarchive.entry_hardlink
#define archive_entry_is_encrypted libarchive.entry_is_encrypted
#define archive_entry_pathname libarchive.entry_pathname
#define archive_entry_pathname_utf8 libarchive.entry_pathname_utf8
#define archive_error_string libarchive.error_string
#define archive_filter_bytes libarchive.filter_bytes
#define archive_filter_code libarchive.filter_code
#define archive_format libarchive.format
#define archive_read_data libarchive.read_data
#define archive_read_data_skip libarchive.read_data_skip
#define archive_read_free libarchive.read_free
#define archive_read_has_encrypted_entries libarchive.read_has_encrypted_entries
#define archive_read_new libarchive.read_new
#define archive_read_next_header libarchive.read_next_header
#define archive_read_open_filename libarchive.read_open_filename
#define archive_read_open_memory libarchive.read_open_memory
#define archive_read_support_filter_all libarchive.read_support_filter_all
#define archive_read_support_filter_gzip libarchive.read_support_filter_gzip
#define archive_read_support_format_raw libarchive.read_support_format_raw
#define archive_read_support_format_tar libarchive.read_support_format_tar
#define archive_read_support_format_zip_seekable libarchive.read_support_format_zip_seekable

#endif
