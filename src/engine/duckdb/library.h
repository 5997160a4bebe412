/* libduckdb, loaded when the first engine is opened and not before: a verb that asks the store
 * alone starts without its 60 MB.
 *
 *     duckdb_open_ext(…)  ──#define──▶  duckdb.open_ext(…)  ◀──duckdb_load──  libduckdb.so
 *
 * Include this in place of duckdb.h. To use one more function, name it in both lists; one that is
 * missing in either does not compile or link, since nothing is linked to libduckdb. */
#ifndef MARROW_ENGINE_DUCKDB_LIBRARY_H
#define MARROW_ENGINE_DUCKDB_LIBRARY_H

#include <duckdb.h>

#include "base/err.h"

/* clang-format off */
#define DUCKDB_FUNCTIONS(X) \
    X(add_aggregate_function_to_set) X(aggregate_function_add_parameter) \
    X(aggregate_function_get_extra_info) \
    X(aggregate_function_set_destructor) X(aggregate_function_set_extra_info) \
    X(aggregate_function_set_functions) X(aggregate_function_set_name) \
    X(aggregate_function_set_return_type) X(aggregate_function_set_special_handling) \
    X(append_data_chunk) X(appender_flush) X(appender_close) X(appender_column_count) \
    X(appender_column_type) X(appender_create_ext) X(appender_destroy) X(appender_error_data) \
    X(bind_add_result_column) X(bind_blob) X(bind_boolean) X(bind_date) X(bind_decimal) X(bind_double) X(bind_int64) \
    X(bind_get_extra_info) X(bind_get_parameter) X(bind_null) X(bind_set_bind_data) X(bind_set_error) X(bind_time) X(bind_timestamp) X(bind_timestamp_tz) X(bind_varchar_length) \
    X(close) X(column_count) X(column_logical_type) X(column_name) X(connect) \
    X(create_aggregate_function) X(create_aggregate_function_set) X(create_config) X(create_data_chunk) X(create_decimal_type) \
    X(create_logical_type) X(create_scalar_function) X(create_struct_type) X(create_table_function) \
    X(data_chunk_get_column_count) \
    X(data_chunk_get_size) X(data_chunk_get_vector) X(data_chunk_reset) X(data_chunk_set_size) \
    X(data_chunk_to_arrow) X(decimal_internal_type) X(decimal_scale) X(decimal_width) \
    X(destroy_aggregate_function) X(destroy_aggregate_function_set) \
    X(destroy_arrow_options) X(destroy_config) \
    X(destroy_data_chunk) X(destroy_error_data) X(destroy_extracted) X(destroy_logical_type) \
    X(destroy_pending) X(destroy_prepare) X(destroy_result) X(destroy_scalar_function) \
    X(destroy_table_function) X(destroy_value) \
    X(disconnect) X(error_data_has_error) X(error_data_message) X(execute_pending) \
    X(extract_statements) X(extract_statements_error) X(fetch_chunk) X(free) \
    X(function_get_bind_data) X(function_get_extra_info) X(function_get_local_init_data) X(function_set_error) X(get_int64) X(get_type_id) X(init_get_bind_data) X(init_get_extra_info) X(init_set_error) X(init_set_init_data) X(init_set_max_threads) \
    X(interrupt) X(library_version) X(logical_type_get_alias) X(logical_type_set_alias) X(nparams) X(open_ext) \
    X(pending_error) X(pending_execute_task) X(pending_prepared_streaming) X(prepare) \
    X(prepare_error) X(prepare_extracted_statement) X(prepared_statement_column_count) \
    X(prepared_statement_column_logical_type) X(prepared_statement_column_name) \
    X(prepared_statement_type) X(query) X(query_progress) X(register_aggregate_function_set) \
    X(register_scalar_function) X(register_table_function) X(struct_vector_get_child) X(result_error) X(result_get_arrow_options) \
    X(scalar_function_add_parameter) X(scalar_function_get_extra_info) \
    X(scalar_function_set_error) X(scalar_function_set_extra_info) \
    X(scalar_function_set_function) X(scalar_function_set_name) \
    X(scalar_function_set_return_type) X(scalar_function_set_special_handling) \
    X(scalar_function_set_varargs) X(set_config) X(table_function_add_parameter) \
    X(table_function_set_bind) X(table_function_set_extra_info) X(table_function_set_function) X(table_function_set_init) X(table_function_set_local_init) X(table_function_set_name) \
    X(to_arrow_schema) X(validity_set_row_invalid) \
    X(vector_assign_string_element_len) X(vector_ensure_validity_writable) \
    X(vector_get_column_type) X(vector_get_data) X(vector_get_validity) X(vector_reference_vector) X(vector_size)
/* clang-format on */

/* In the library since 1.5 and not in the header we build with: NULL with an older library. */
#define DUCKDB_NEWER_FUNCTIONS(X) X(appender_clear)
duckdb_state duckdb_appender_clear(duckdb_appender appender);

struct duckdb_functions {
#define DUCKDB_MEMBER(name) __typeof__(duckdb_##name) *name;
    DUCKDB_FUNCTIONS(DUCKDB_MEMBER)
    DUCKDB_NEWER_FUNCTIONS(DUCKDB_MEMBER)
#undef DUCKDB_MEMBER
};
extern struct duckdb_functions duckdb; /* filled by duckdb_load, constant from then on */

/* Fill it (base/library.h): before any other call. ERR_UNSUPPORTED: not found, or too old. Any
 * thread. */
enum err_code duckdb_load(struct err *err) WARN_UNUSED;

#define duckdb_add_aggregate_function_to_set duckdb.add_aggregate_function_to_set
#define duckdb_aggregate_function_add_parameter duckdb.aggregate_function_add_parameter
#define duckdb_aggregate_function_get_extra_info duckdb.aggregate_function_get_extra_info
#define duckdb_aggregate_function_set_destructor duckdb.aggregate_function_set_destructor
#define duckdb_aggregate_function_set_extra_info duckdb.aggregate_function_set_extra_info
#define duckdb_aggregate_function_set_functions duckdb.aggregate_function_set_functions
#define duckdb_aggregate_function_set_name duckdb.aggregate_function_set_name
#define duckdb_aggregate_function_set_return_type duckdb.aggregate_function_set_return_type
#define duckdb_aggregate_function_set_special_handling duckdb.aggregate_function_set_special_handling
#define duckdb_append_data_chunk duckdb.append_data_chunk
#define duckdb_appender_clear duckdb.appender_clear
#define duckdb_appender_close duckdb.appender_close
#define duckdb_appender_column_count duckdb.appender_column_count
#define duckdb_appender_column_type duckdb.appender_column_type
#define duckdb_appender_create_ext duckdb.appender_create_ext
#define duckdb_appender_destroy duckdb.appender_destroy
#define duckdb_appender_error_data duckdb.appender_error_data
#define duckdb_appender_flush duckdb.appender_flush
#define duckdb_bind_add_result_column duckdb.bind_add_result_column
#define duckdb_bind_blob duckdb.bind_blob
#define duckdb_bind_boolean duckdb.bind_boolean
#define duckdb_bind_date duckdb.bind_date
#define duckdb_bind_decimal duckdb.bind_decimal
#define duckdb_bind_double duckdb.bind_double
#define duckdb_bind_get_extra_info duckdb.bind_get_extra_info
#define duckdb_bind_get_parameter duckdb.bind_get_parameter
#define duckdb_bind_int64 duckdb.bind_int64
#define duckdb_bind_null duckdb.bind_null
#define duckdb_bind_set_bind_data duckdb.bind_set_bind_data
#define duckdb_bind_set_error duckdb.bind_set_error
#define duckdb_bind_time duckdb.bind_time
#define duckdb_bind_timestamp duckdb.bind_timestamp
#define duckdb_bind_timestamp_tz duckdb.bind_timestamp_tz
#define duckdb_bind_varchar_length duckdb.bind_varchar_length
#define duckdb_close duckdb.close
#define duckdb_column_count duckdb.column_count
#define duckdb_column_logical_type duckdb.column_logical_type
#define duckdb_column_name duckdb.column_name
#define duckdb_connect duckdb.connect
#define duckdb_create_aggregate_function duckdb.create_aggregate_function
#define duckdb_create_aggregate_function_set duckdb.create_aggregate_function_set
#define duckdb_create_config duckdb.create_config
#define duckdb_create_data_chunk duckdb.create_data_chunk
#define duckdb_create_decimal_type duckdb.create_decimal_type
#define duckdb_create_logical_type duckdb.create_logical_type
#define duckdb_create_scalar_function duckdb.create_scalar_function
#define duckdb_create_struct_type duckdb.create_struct_type
#define duckdb_create_table_function duckdb.create_table_function
#define duckdb_data_chunk_get_column_count duckdb.data_chunk_get_column_count
#define duckdb_data_chunk_get_size duckdb.data_chunk_get_size
#define duckdb_data_chunk_get_vector duckdb.data_chunk_get_vector
#define duckdb_data_chunk_reset duckdb.data_chunk_reset
#define duckdb_data_chunk_set_size duckdb.data_chunk_set_size
#define duckdb_data_chunk_to_arrow duckdb.data_chunk_to_arrow
#define duckdb_decimal_internal_type duckdb.decimal_internal_type
#define duckdb_decimal_scale duckdb.decimal_scale
#define duckdb_decimal_width duckdb.decimal_width
#define duckdb_destroy_aggregate_function duckdb.destroy_aggregate_function
#define duckdb_destroy_aggregate_function_set duckdb.destroy_aggregate_function_set
#define duckdb_destroy_arrow_options duckdb.destroy_arrow_options
#define duckdb_destroy_config duckdb.destroy_config
#define duckdb_destroy_data_chunk duckdb.destroy_data_chunk
#define duckdb_destroy_error_data duckdb.destroy_error_data
#define duckdb_destroy_extracted duckdb.destroy_extracted
#define duckdb_destroy_logical_type duckdb.destroy_logical_type
#define duckdb_destroy_pending duckdb.destroy_pending
#define duckdb_destroy_prepare duckdb.destroy_prepare
#define duckdb_destroy_result duckdb.destroy_result
#define duckdb_destroy_scalar_function duckdb.destroy_scalar_function
#define duckdb_destroy_table_function duckdb.destroy_table_function
#define duckdb_destroy_value duckdb.destroy_value
#define duckdb_disconnect duckdb.disconnect
#define duckdb_error_data_has_error duckdb.error_data_has_error
#define duckdb_error_data_message duckdb.error_data_message
#define duckdb_execute_pending duckdb.execute_pending
#define duckdb_extract_statements duckdb.extract_statements
#define duckdb_extract_statements_error duckdb.extract_statements_error
#define duckdb_fetch_chunk duckdb.fetch_chunk
#define duckdb_free duckdb.free
#define duckdb_function_get_bind_data duckdb.function_get_bind_data
#define duckdb_function_get_extra_info duckdb.function_get_extra_info
#define duckdb_function_get_local_init_data duckdb.function_get_local_init_data
#define duckdb_function_set_error duckdb.function_set_error
#define duckdb_get_int64 duckdb.get_int64
#define duckdb_get_type_id duckdb.get_type_id
#define duckdb_init_get_bind_data duckdb.init_get_bind_data
#define duckdb_init_get_extra_info duckdb.init_get_extra_info
#define duckdb_init_set_error duckdb.init_set_error
#define duckdb_init_set_init_data duckdb.init_set_init_data
#define duckdb_init_set_max_threads duckdb.init_set_max_threads
#define duckdb_interrupt duckdb.interrupt
#define duckdb_library_version duckdb.library_version
#define duckdb_logical_type_get_alias duckdb.logical_type_get_alias
#define duckdb_logical_type_set_alias duckdb.logical_type_set_alias
#define duckdb_nparams duckdb.nparams
#define duckdb_open_ext duckdb.open_ext
#define duckdb_pending_error duckdb.pending_error
#define duckdb_pending_execute_task duckdb.pending_execute_task
#define duckdb_pending_prepared_streaming duckdb.pending_prepared_streaming
#define duckdb_prepare duckdb.prepare
#define duckdb_prepare_error duckdb.prepare_error
#define duckdb_prepare_extracted_statement duckdb.prepare_extracted_statement
#define duckdb_prepared_statement_column_count duckdb.prepared_statement_column_count
#define duckdb_prepared_statement_column_logical_type duckdb.prepared_statement_column_logical_type
#define duckdb_prepared_statement_column_name duckdb.prepared_statement_column_name
#define duckdb_prepared_statement_type duckdb.prepared_statement_type
#define duckdb_query duckdb.query
#define duckdb_query_progress duckdb.query_progress
#define duckdb_register_aggregate_function_set duckdb.register_aggregate_function_set
#define duckdb_register_scalar_function duckdb.register_scalar_function
#define duckdb_register_table_function duckdb.register_table_function
#define duckdb_result_error duckdb.result_error
#define duckdb_result_get_arrow_options duckdb.result_get_arrow_options
#define duckdb_scalar_function_add_parameter duckdb.scalar_function_add_parameter
#define duckdb_scalar_function_get_extra_info duckdb.scalar_function_get_extra_info
#define duckdb_scalar_function_set_error duckdb.scalar_function_set_error
#define duckdb_scalar_function_set_extra_info duckdb.scalar_function_set_extra_info
#define duckdb_scalar_function_set_function duckdb.scalar_function_set_function
#define duckdb_scalar_function_set_name duckdb.scalar_function_set_name
#define duckdb_scalar_function_set_return_type duckdb.scalar_function_set_return_type
#define duckdb_scalar_function_set_special_handling duckdb.scalar_function_set_special_handling
#define duckdb_scalar_function_set_varargs duckdb.scalar_function_set_varargs
#define duckdb_set_config duckdb.set_config
#define duckdb_struct_vector_get_child duckdb.struct_vector_get_child
#define duckdb_table_function_add_parameter duckdb.table_function_add_parameter
#define duckdb_table_function_set_bind duckdb.table_function_set_bind
#define duckdb_table_function_set_extra_info duckdb.table_function_set_extra_info
#define duckdb_table_function_set_function duckdb.table_function_set_function
#define duckdb_table_function_set_init duckdb.table_function_set_init
#define duckdb_table_function_set_local_init duckdb.table_function_set_local_init
#define duckdb_table_function_set_name duckdb.table_function_set_name
#define duckdb_to_arrow_schema duckdb.to_arrow_schema
#define duckdb_validity_set_row_invalid duckdb.validity_set_row_invalid
#define duckdb_vector_assign_string_element_len duckdb.vector_assign_string_element_len
#define duckdb_vector_ensure_validity_writable duckdb.vector_ensure_validity_writable
#define duckdb_vector_get_column_type duckdb.vector_get_column_type
#define duckdb_vector_get_data duckdb.vector_get_data
#define duckdb_vector_get_validity duckdb.vector_get_validity
#define duckdb_vector_reference_vector duckdb.vector_reference_vector
#define duckdb_vector_size duckdb.vector_size

#endif
