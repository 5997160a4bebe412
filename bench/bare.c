/* The floor of a cold start: a process that opens a DuckDB in memory, attaches one file READ_ONLY,
 * and prints one number. */
#include <duckdb.h>
#include <stdio.h>

int main(int argc, char **argv)
{
    duckdb_database database;
    duckdb_connection connection;
    duckdb_result result;
    char sql[4200];
    if (argc != 2 || duckdb_open(NULL, &database) == DuckDBError ||
        duckdb_connect(database, &connection) == DuckDBError)
        return 1;
    (void)snprintf(sql, sizeof sql, "ATTACH '%s' AS t (READ_ONLY)", argv[1]);
    if (duckdb_query(connection, sql, NULL) == DuckDBError ||
        duckdb_query(connection, "SELECT count(*) FROM t.main.data", &result) == DuckDBError)
        return 1;
    duckdb_data_chunk chunk = duckdb_fetch_chunk(result);
    const long long *count = duckdb_vector_get_data(duckdb_data_chunk_get_vector(chunk, 0));
    printf("%lld\n", *count);
    duckdb_destroy_data_chunk(&chunk);
    duckdb_destroy_result(&result);
    duckdb_disconnect(&connection);
    duckdb_close(&database);
    return 0;
}
