/* libreadstat, loaded when it is first needed: as engine/duckdb/library.h, which tells how it works. */
#ifndef MARROW_INGEST_READSTAT_LIBRARY_H
#define MARROW_INGEST_READSTAT_LIBRARY_H

#include <readstat.h>

#include "base/err.h"

/* clang-format off */
#define LIBREADSTAT_FUNCTIONS(X) \
    X(double_value) X(error_message) X(get_row_count) X(get_table_name) X(get_var_count) \
    X(parse_dta) X(parse_por) X(parse_sas7bcat) X(parse_sas7bdat) X(parse_sav) X(parse_xport) \
    X(parser_free) X(parser_init) X(set_close_handler) X(set_error_handler) \
    X(set_file_character_encoding) X(set_io_ctx) X(set_metadata_handler) X(set_open_handler) \
    X(set_read_handler) X(set_seek_handler) X(set_update_handler) X(set_value_handler) \
    X(set_value_label_handler) X(set_variable_handler) X(string_value) \
    X(value_is_defined_missing) X(value_is_missing) X(value_is_system_missing) \
    X(value_is_tagged_missing) X(value_tag) X(value_type_class) X(variable_get_format) \
    X(variable_get_index) X(variable_get_label) X(variable_get_missing_range_hi) \
    X(variable_get_missing_range_lo) X(variable_get_missing_ranges_count) X(variable_get_name) \
    X(variable_get_type_class)
/* clang-format on */

struct libreadstat_functions {
#define LIBREADSTAT_MEMBER(name) __typeof__(readstat_##name) *name;
    LIBREADSTAT_FUNCTIONS(LIBREADSTAT_MEMBER)
#undef LIBREADSTAT_MEMBER
};
extern struct libreadstat_functions libreadstat; /* filled by libreadstat_load, constant from then on */

/* Fill it (base/library.h): before any other call. ERR_UNSUPPORTED: not found, or too old. Any
 * thread. */
enum err_code libreadstat_load(struct err *err) WARN_UNUSED;

#define readstat_double_value libreadstat.double_value
#define readstat_error_message libreadstat.error_message
#define readstat_get_row_count libreadstat.get_row_count
#define readstat_get_table_name libreadstat.get_table_name
#define readstat_get_var_count libreadstat.get_var_count
#define readstat_parse_dta libreadstat.parse_dta
#define readstat_parse_por libreadstat.parse_por
#define readstat_parse_sas7bcat libreadstat.parse_sas7bcat
#define readstat_parse_sas7bdat libreadstat.parse_sas7bdat
#define readstat_parse_sav libreadstat.parse_sav
#define readstat_parse_xport libreadstat.parse_xport
#define readstat_parser_free libreadstat.parser_free
#define readstat_parser_init libreadstat.parser_init
#define readstat_set_close_handler libreadstat.set_close_handler
#define readstat_set_error_handler libreadstat.set_error_handler
#define readstat_set_file_character_encoding libreadstat.set_file_character_encoding
#define readstat_set_io_ctx libreadstat.set_io_ctx
#define readstat_set_metadata_handler libreadstat.set_metadata_handler
#define readstat_set_open_handler libreadstat.set_open_handler
#define readstat_set_read_handler libreadstat.set_read_handler
#define readstat_set_seek_handler libreadstat.set_seek_handler
#define readstat_set_update_handler libreadstat.set_update_handler
#define readstat_set_value_handler libreadstat.set_value_handler
#define readstat_set_value_label_handler libreadstat.set_value_label_handler
#define readstat_set_variable_handler libreadstat.set_variable_handler
#define readstat_string_value libreadstat.string_value
#define readstat_value_is_defined_missing libreadstat.value_is_defined_missing
#define readstat_value_is_missing libreadstat.value_is_missing
#define readstat_value_is_system_missing libreadstat.value_is_system_missing
#define readstat_value_is_tagged_missing libreadstat.value_is_tagged_missing
#define readstat_value_tag libreadstat.value_tag
#define readstat_value_type_class libreadstat.value_type_class
#define readstat_variable_get_format libreadstat.variable_get_format
#define readstat_variable_get_index libreadstat.variable_get_index
#define readstat_variable_get_label libreadstat.variable_get_label
#define readstat_variable_get_missing_range_hi libreadstat.variable_get_missing_range_hi
#define readstat_variable_get_missing_range_lo libreadstat.variable_get_missing_range_lo
#define readstat_variable_get_missing_ranges_count libreadstat.variable_get_missing_ranges_count
#define readstat_variable_get_name libreadstat.variable_get_name
#define readstat_variable_get_type_class libreadstat.variable_get_type_class

#endif
