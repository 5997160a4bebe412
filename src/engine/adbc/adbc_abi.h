/* ADBC's binary interface, revisions 1.0.0 and 1.1.0, written from its published specification
 * (arrow.apache.org/adbc, "adbc.h"; Apache License 2.0). Layout and names are the specification's;
 * slots that Marrow does not call are declared as adbc_unused, so that they keep their places. */
#ifndef MARROW_ENGINE_ADBC_ADBC_ABI_H
#define MARROW_ENGINE_ADBC_ADBC_ABI_H

#include <marrow_arrow.h>
#include <stddef.h>
#include <stdint.h>

#define ADBC_VERSION_1_0_0 1000000
#define ADBC_VERSION_1_1_0 1001000
enum adbc_status {
    ADBC_STATUS_OK,
    ADBC_STATUS_UNKNOWN,
    ADBC_STATUS_NOT_IMPLEMENTED,
    ADBC_STATUS_NOT_FOUND,
    ADBC_STATUS_ALREADY_EXISTS,
    ADBC_STATUS_INVALID_ARGUMENT,
    ADBC_STATUS_INVALID_STATE,
    ADBC_STATUS_INVALID_DATA,
    ADBC_STATUS_INTEGRITY,
    ADBC_STATUS_INTERNAL,
    ADBC_STATUS_IO,
    ADBC_STATUS_CANCELLED,
    ADBC_STATUS_TIMEOUT,
    ADBC_STATUS_UNAUTHENTICATED,
    ADBC_STATUS_UNAUTHORIZED,
}; /* travels as uint8_t */

struct AdbcDriver;
struct AdbcError {
    char *message;
    int32_t vendor_code; /* INT32_MIN: the two last members are there */
    char sqlstate[5];
    void (*release)(struct AdbcError *error);
    void *private_data;
    struct AdbcDriver *private_driver;
};
struct AdbcDatabase {
    void *private_data; /* NULL: not made, or released */
    struct AdbcDriver *private_driver;
};
struct AdbcConnection {
    void *private_data;
    struct AdbcDriver *private_driver;
};
struct AdbcStatement {
    void *private_data;
    struct AdbcDriver *private_driver;
};

#define ADBC_CONNECTION_OPTION_READ_ONLY "adbc.connection.readonly"
#define ADBC_INGEST_OPTION_TARGET_TABLE "adbc.ingest.target_table"
#define ADBC_INGEST_OPTION_TARGET_CATALOG "adbc.ingest.target_catalog"
#define ADBC_INGEST_OPTION_TARGET_DB_SCHEMA "adbc.ingest.target_db_schema"
#define ADBC_INGEST_OPTION_MODE "adbc.ingest.mode"
#define ADBC_INGEST_OPTION_MODE_APPEND "adbc.ingest.mode.append"

#define ADBC_UNUSED(name) void (*name)(void)
struct AdbcDriver {
    void *private_data, *private_manager;
    uint8_t (*release)(struct AdbcDriver *driver, struct AdbcError *error);
    uint8_t (*DatabaseInit)(struct AdbcDatabase *, struct AdbcError *);
    uint8_t (*DatabaseNew)(struct AdbcDatabase *, struct AdbcError *);
    uint8_t (*DatabaseSetOption)(struct AdbcDatabase *, const char *, const char *,
                                 struct AdbcError *);
    uint8_t (*DatabaseRelease)(struct AdbcDatabase *, struct AdbcError *);
    ADBC_UNUSED(ConnectionCommit);
    ADBC_UNUSED(ConnectionGetInfo);
    ADBC_UNUSED(ConnectionGetObjects);
    ADBC_UNUSED(ConnectionGetTableSchema);
    ADBC_UNUSED(ConnectionGetTableTypes);
    uint8_t (*ConnectionInit)(struct AdbcConnection *, struct AdbcDatabase *, struct AdbcError *);
    uint8_t (*ConnectionNew)(struct AdbcConnection *, struct AdbcError *);
    uint8_t (*ConnectionSetOption)(struct AdbcConnection *, const char *, const char *,
                                   struct AdbcError *);
    ADBC_UNUSED(ConnectionReadPartition);
    uint8_t (*ConnectionRelease)(struct AdbcConnection *, struct AdbcError *);
    ADBC_UNUSED(ConnectionRollback);
    uint8_t (*StatementBind)(struct AdbcStatement *, struct ArrowArray *, struct ArrowSchema *,
                             struct AdbcError *);
    uint8_t (*StatementBindStream)(struct AdbcStatement *, struct ArrowArrayStream *,
                                   struct AdbcError *);
    uint8_t (*StatementExecuteQuery)(struct AdbcStatement *, struct ArrowArrayStream *, int64_t *,
                                     struct AdbcError *);
    ADBC_UNUSED(StatementExecutePartitions);
    ADBC_UNUSED(StatementGetParameterSchema);
    uint8_t (*StatementNew)(struct AdbcConnection *, struct AdbcStatement *, struct AdbcError *);
    uint8_t (*StatementPrepare)(struct AdbcStatement *, struct AdbcError *);
    uint8_t (*StatementRelease)(struct AdbcStatement *, struct AdbcError *);
    uint8_t (*StatementSetOption)(struct AdbcStatement *, const char *, const char *,
                                  struct AdbcError *);
    uint8_t (*StatementSetSqlQuery)(struct AdbcStatement *, const char *, struct AdbcError *);
    uint8_t (*StatementSetSubstraitPlan)(struct AdbcStatement *, const uint8_t *, size_t,
                                         struct AdbcError *);
    /* from here on: 1.1.0 only */
    ADBC_UNUSED(ErrorGetDetailCount);
    ADBC_UNUSED(ErrorGetDetail);
    const struct AdbcError *(*ErrorFromArrayStream)(struct ArrowArrayStream *stream,
                                                    uint8_t *status);
    ADBC_UNUSED(DatabaseGetOption);
    ADBC_UNUSED(DatabaseGetOptionBytes);
    ADBC_UNUSED(DatabaseGetOptionDouble);
    ADBC_UNUSED(DatabaseGetOptionInt);
    ADBC_UNUSED(DatabaseSetOptionBytes);
    ADBC_UNUSED(DatabaseSetOptionDouble);
    ADBC_UNUSED(DatabaseSetOptionInt);
    uint8_t (*ConnectionCancel)(struct AdbcConnection *, struct AdbcError *);
    ADBC_UNUSED(ConnectionGetOption);
    ADBC_UNUSED(ConnectionGetOptionBytes);
    ADBC_UNUSED(ConnectionGetOptionDouble);
    ADBC_UNUSED(ConnectionGetOptionInt);
    ADBC_UNUSED(ConnectionGetStatistics);
    ADBC_UNUSED(ConnectionGetStatisticNames);
    ADBC_UNUSED(ConnectionSetOptionBytes);
    ADBC_UNUSED(ConnectionSetOptionDouble);
    ADBC_UNUSED(ConnectionSetOptionInt);
    uint8_t (*StatementCancel)(struct AdbcStatement *, struct AdbcError *);
    ADBC_UNUSED(StatementExecuteSchema);
    ADBC_UNUSED(StatementGetOption);
    ADBC_UNUSED(StatementGetOptionBytes);
    ADBC_UNUSED(StatementGetOptionDouble);
    ADBC_UNUSED(StatementGetOptionInt);
    ADBC_UNUSED(StatementSetOptionBytes);
    ADBC_UNUSED(StatementSetOptionDouble);
    ADBC_UNUSED(StatementSetOptionInt);
};
#ifndef __cplusplus
_Static_assert(offsetof(struct AdbcDriver, ErrorGetDetailCount) == 29 * sizeof(void *),
               "the table of 1.0.0 has 29 slots");
_Static_assert(sizeof(struct AdbcDriver) == 58 * sizeof(void *), "the table of 1.1.0 has 58 slots");
#endif

#endif
