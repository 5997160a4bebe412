/* The C API from end to end: write a CSV, import it, ask with SQL, walk the Arrow stream.
 *
 *     cc query.c $(pkg-config --cflags --libs marrow) -o query && ./query /tmp/example
 *
 * The answer is made of one text and two number columns; every buffer of the Arrow batches is read
 * as the format describes it (https://arrow.apache.org/docs/format/Columnar.html). */
#include <inttypes.h>
#include <marrow.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void fail(const struct marrow_error *error)
{
    fprintf(stderr, "%s: %s\n", marrow_code_name(error->code), error->message);
    if (error->hint[0] != '\0')
        fprintf(stderr, "  %s\n", error->hint);
    exit(1);
}

static void write_csv(const char *path)
{
    static const char *const rows[] = {"patient_id,sex,hba1c", "1,female,5.4", "2,male,7.9",
                                       "3,female,8.25",        "4,male,",      "5,female,6.1"};
    FILE *file = fopen(path, "w");
    if (file == NULL) {
        perror(path);
        exit(1);
    }
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        fprintf(file, "%s\n", rows[i]);
    if (fclose(file) != 0) {
        perror(path);
        exit(1);
    }
}

static int is_valid(const struct ArrowArray *column, int64_t row)
{
    const uint8_t *bits = column->buffers[0];
    int64_t at = row + column->offset;
    return bits == NULL || ((bits[at / 8] >> (at % 8)) & 1) != 0;
}

/* One value by its Arrow format: u and U text, l int64, g double, others by name only. */
static void print_value(const struct ArrowSchema *type, const struct ArrowArray *column,
                        int64_t row)
{
    int64_t at = row + column->offset;
    if (!is_valid(column, row)) {
        printf("null");
    } else if (strcmp(type->format, "u") == 0) {
        const int32_t *ends = column->buffers[1];
        printf("%.*s", (int)(ends[at + 1] - ends[at]), (const char *)column->buffers[2] + ends[at]);
    } else if (strcmp(type->format, "U") == 0) {
        const int64_t *ends = column->buffers[1];
        printf("%.*s", (int)(ends[at + 1] - ends[at]), (const char *)column->buffers[2] + ends[at]);
    } else if (strcmp(type->format, "l") == 0) {
        printf("%" PRId64, ((const int64_t *)column->buffers[1])[at]);
    } else if (strcmp(type->format, "g") == 0) {
        printf("%g", ((const double *)column->buffers[1])[at]);
    } else {
        printf("<%s>", type->format);
    }
}

static int64_t walk(struct ArrowArrayStream *stream)
{
    struct ArrowSchema schema;
    struct ArrowArray batch;
    int64_t rows = 0;
    if (stream->get_schema(stream, &schema) != 0) {
        fprintf(stderr, "%s\n", stream->get_last_error(stream));
        exit(1);
    }
    for (;;) {
        if (stream->get_next(stream, &batch) != 0) {
            fprintf(stderr, "%s\n", stream->get_last_error(stream));
            exit(1);
        }
        if (batch.release == NULL)
            break; /* the end */
        for (int64_t row = 0; row < batch.length; row++) {
            for (int64_t c = 0; c < batch.n_children; c++) {
                printf("%s%s=", c > 0 ? " " : "", schema.children[c]->name);
                print_value(schema.children[c], batch.children[c], row);
            }
            printf("\n");
        }
        rows += batch.length;
        batch.release(&batch);
    }
    schema.release(&schema);
    return rows;
}

int main(int argc, char **argv)
{
    struct marrow_error error;
    struct marrow_store *store = NULL;
    struct marrow_rows *rows = NULL;
    struct ArrowArrayStream stream;
    char csv[1024], directory[1024], *json = NULL;
    const char *paths[] = {csv};
    const char *folder = argc > 1 ? argv[1] : ".";
    snprintf(csv, sizeof csv, "%s/visits.csv", folder);
    snprintf(directory, sizeof directory, "%s/store", folder);
    write_csv(csv);

    printf("marrow %s\n", marrow_version());
    struct marrow_options options = {sizeof options, directory, 1, 0, 0, NULL, 0, NULL};
    if (marrow_open(&options, &store, &error) != MARROW_OK)
        fail(&error);
    if (marrow_import(store, paths, 1, NULL, &json, &error) != MARROW_OK)
        fail(&error);
    printf("imported: %.23s…\n", json);
    marrow_free(json);

    const char *sql = "SELECT sex, count(*) AS patients, max(CAST(hba1c AS DOUBLE)) AS highest "
                      "FROM visits GROUP BY sex ORDER BY sex";
    if (marrow_query(store, "visits", sql, NULL, &rows, &error) != MARROW_OK)
        fail(&error);
    if (marrow_rows_to_arrow(rows, &stream, &error) != MARROW_OK)
        fail(&error);
    int64_t count = walk(&stream);
    stream.release(&stream);
    printf("%" PRId64 " rows\n", count);

    if (marrow_query(store, "visits", "DROP TABLE visits", NULL, &rows, &error) == MARROW_OK)
        return 1; /* versions are immutable */
    printf("refused: %s\n", error.message);
    marrow_close(store);
    return 0;
}
