/* A deterministic synthetic hospital: the same people as a ZIP of CSV tables and as FHIR R4 NDJSON,
 * with the truth about them (foreign keys, row counts, planted facts) beside. For demonstrations,
 * tests and benches; no real person is in it and no value comes from any data set. */
#ifndef MARROW_DEMO_DEMO_H
#define MARROW_DEMO_DEMO_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/progress.h"

#define DEMO_FORMAT_VERSION                                                                        \
    1 /* part of truth.json; raised whenever the same seed gives other bytes */
#define DEMO_PATIENTS_DEFAULT 1000
#define DEMO_PATIENTS_LIMIT 20000000
#define DEMO_SEED_DEFAULT 42
#define DEMO_TABLES_LIMIT 16
#define DEMO_FILES_LIMIT 8

struct demo_options {
    int64_t patients; /* 0 = DEMO_PATIENTS_DEFAULT; 1..DEMO_PATIENTS_LIMIT */
    uint64_t
        seed; /* used when seed_given, else DEMO_SEED_DEFAULT, so that seed 0 can be asked for */
    bool seed_given;
    bool no_fhir;                    /* only hospital.zip and truth.json */
    const struct progress *progress; /* may be NULL; unit "patients" */
};

struct demo_table {
    const char *name; /* static: "labs", or a FHIR type: "Observation" */
    int64_t rows;     /* CSV records without the header; NDJSON lines */
    int64_t bytes;    /* uncompressed */
};

struct demo_report {
    const char
        *files[DEMO_FILES_LIMIT]; /* static, relative to the directory: "fhir/Patient.ndjson" */
    int file_count;
    struct demo_table tables[DEMO_TABLES_LIMIT]; /* members of hospital.zip, in its order */
    int table_count;
    struct demo_table resources[DEMO_FILES_LIMIT]; /* empty with no_fhir */
    int resource_count;
    int64_t patients;
    uint64_t seed;
    int64_t bytes; /* of all files */
};

/* Write hospital.zip, fhir/<Type>.ndjson (unless no_fhir) and truth.json into directory, which is
 * made if missing. The bytes depend only on (patients, seed, DEMO_FORMAT_VERSION). Memory is flat
 * (a few MiB) whatever the number of patients; everything is streamed into a staging folder inside
 * directory and renamed into place at the end, truth.json last, so an interrupted run leaves no
 * file under a final name. A directory that holds files but no truth.json of an earlier run is
 * refused (ERR_USAGE), so nobody's own files are overwritten; an earlier run's files are replaced.
 * options and ret may be NULL. ERR_USAGE, ERR_IO, ERR_MEMORY, ERR_INTERRUPTED. Thread-safe for
 * different directories. */
enum err_code demo_generate(const char *directory, const struct demo_options *options,
                            struct demo_report *ret, struct err *err) WARN_UNUSED;

#endif
