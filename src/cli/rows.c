/* Rows of a query, of SQL or of a plan: they stream from the engine to stdout or a file in the
 * format asked for (--format, --out,
 * --overwrite, --limit); never are all held. A terminal shows the first 40.
 *
 *     api_rows ──batch by batch──▶ table | csv (RFC 4180) | ndjson | json {columns, rows,
 * row_count, duration_ms, version, and what api_rows_about says}            */
#include "cli/cli.h"

#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define SQL_SHOWN_ROWS 40
#define SQL_WIDTH_ROWS 1000 /* rows that decide a table's widths where all are written */
#define SQL_FLUSH_BYTES (256 * 1024)

enum sql_format { SQL_TABLE, SQL_CSV, SQL_JSON, SQL_NDJSON, SQL_PARQUET };
struct writer {
    struct cli *cli;
    const struct cli_rows_ask *ask;
    struct api_rows *rows;
    enum sql_format format;
    int fd; /* of --out; -1 = stdout */
    const char *path;
    char staged[FILE_PATH_BYTES];
    struct cli_table *table;
    bool header_done;
    int64_t row_count, shown; /* shown: rows of a table written or held */
    int64_t show_limit;       /* 0 = all */
};

static enum sql_format choose_format(const struct cli *cli)
{
    static const struct {
        const char *name, *suffix;
        enum sql_format format;
    } formats[] = {{"table", ".txt", SQL_TABLE},
                   {"csv", ".csv", SQL_CSV},
                   {"json", ".json", SQL_JSON},
                   {"ndjson", ".ndjson", SQL_NDJSON},
                   {"parquet", ".parquet", SQL_PARQUET}};
    const char *name = cli_text(cli, "format", NULL), *path = cli_text(cli, "out", NULL);
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++)
        if (name != NULL ? strcmp(name, formats[i].name) == 0
                         : path != NULL && str_has_suffix_nocase(str_of(path), formats[i].suffix))
            return formats[i].format;
    return cli->json ? SQL_JSON : path != NULL ? SQL_CSV : SQL_TABLE;
}

/* ---- one row in each format --------------------------------------------------------------------
 */

static void json_row(struct buf *out, const struct data_batch *batch, int64_t row)
{
    buf_putc(out, '[');
    for (size_t c = 0; c < batch->columns; c++) {
        if (c > 0)
            buf_putc(out, ',');
        data_value_json(&batch->vectors[c], row, out);
    }
    buf_putc(out, ']');
}

static void table_row(struct writer *writer, const struct data_batch *batch, int64_t row,
                      struct buf *scratch)
{
    if (writer->show_limit > 0 && writer->shown >= writer->show_limit)
        return;
    writer->shown++;
    for (size_t c = 0; c < batch->columns; c++) {
        buf_clear(scratch);
        if (data_value_text(&batch->vectors[c], row, scratch))
            cli_table_cell_str(writer->table, CLI_PLAIN, buf_view(scratch));
        else
            cli_table_cell(writer->table, CLI_DIM, NULL);
    }
    if (cli_table_rows(writer->table) >= SQL_WIDTH_ROWS) {
        cli_table_print(writer->cli, writer->table, !writer->header_done);
        cli_table_clear(writer->table);
        writer->header_done = true;
    }
}

/* ---- the whole answer --------------------------------------------------------------------------
 */

static enum err_code emit(struct writer *writer, bool all, struct err *err)
{
    struct buf *out = &writer->cli->out;
    if (writer->fd < 0)
        return all ? cli_flush(writer->cli, err) : cli_flush_some(writer->cli, err);
    TRY(buf_check(out, err));
    if (out->len == 0 || (!all && out->len < SQL_FLUSH_BYTES))
        return ERR_OK;
    enum err_code code = file_write_fd(writer->fd, out->ptr, out->len, writer->path, err);
    buf_clear(out);
    return code;
}

/* One array of objects, where rows are asked for so and no whole answer (--json). */
static bool is_array(const struct writer *writer)
{
    return writer->format == SQL_JSON && writer->ask->objects && !writer->cli->json;
}

static void begin(struct writer *writer)
{
    const struct data_schema *schema = api_rows_schema(writer->rows);
    struct buf *out = &writer->cli->out;
    char type[32];
    if (is_array(writer)) {
        buf_putc(out, '[');
        return;
    }
    if (writer->format == SQL_JSON)
        buf_puts(out, "{\"columns\":[");
    for (size_t c = 0; c < schema->count; c++) {
        const struct data_column *column = &schema->columns[c];
        if (writer->format == SQL_CSV) {
            buf_puts(out, c > 0 ? "," : "");
            data_csv_field(str_of(column->name), out);
        } else if (writer->format == SQL_JSON) {
            buf_puts(out, c > 0 ? ",{\"name\":" : "{\"name\":");
            buf_add_json(out, str_of(column->name));
            buf_printf(out, ",\"type\":\"%s\"}", data_type_text(column->type, type));
        } else if (writer->format == SQL_TABLE) {
            cli_table_column(writer->table, column->name, data_type_is_numeric(column->type));
        }
    }
    if (writer->format == SQL_CSV)
        buf_puts(out, "\r\n");
    if (writer->format == SQL_JSON)
        buf_puts(out, "],\"rows\":[");
}

static enum err_code write_rows(struct writer *writer, struct err *err)
{
    const struct data_schema *schema = api_rows_schema(writer->rows);
    const struct data_batch *batch = NULL;
    struct buf *out = &writer->cli->out;
    AUTO(buf_done) struct buf scratch = BUF_INIT;
    for (;;) {
        TRY(api_rows_next(writer->rows, &batch, err));
        if (batch == NULL)
            return ERR_OK;
        for (int64_t row = 0; row < batch->rows; row++) {
            switch (writer->format) {
            case SQL_TABLE:
                table_row(writer, batch, row, &scratch);
                break;
            case SQL_CSV:
                data_row_csv(batch, row, &scratch, out);
                break;
            case SQL_JSON:
                if (writer->row_count > 0)
                    buf_puts(out, ",\n");
                if (is_array(writer))
                    data_row_object(schema, batch, row, out);
                else
                    json_row(out, batch, row);
                break;
            case SQL_NDJSON:
                data_row_object(schema, batch, row, out);
                buf_putc(out, '\n');
                break;
            case SQL_PARQUET:
                break;
            }
            writer->row_count++;
            TRY(emit(writer, false, err));
        }
        if (cli_interrupted())
            return err_set(err, ERR_INTERRUPTED, "stopped by the user");
    }
}

static void end_table(struct writer *writer, int64_t duration_ms, bool truncated)
{
    struct cli *cli = writer->cli;
    char a[32], b[32];
    cli_table_print(cli, writer->table, !writer->header_done);
    if (writer->row_count > writer->shown)
        cli_style(cli, CLI_DIM,
                  "… and %s more rows: --limit N shows more, --format csv or --out FILE all\n",
                  cli_count(writer->row_count - writer->shown, a));
    cli_style(cli, CLI_DIM, "%s %s in %s%s\n", cli_count(writer->row_count, a),
              cli_plural(writer->row_count, "row", "rows"), cli_duration(duration_ms, b),
              truncated ? " (cut by the row limit; there are more)" : "");
}

/* ,"signature":"…" … of a plan's rows */
static void add_about(struct buf *out, const json_t *about)
{
    AUTO(buf_done) struct buf text = BUF_INIT;
    if (json_object_size(about) == 0 || json_compact(about, &text, ERR_IGNORED) != ERR_OK)
        return;
    buf_putc(out, ',');
    buf_add(out, text.ptr + 1, text.len - 2); /* without its braces */
}

/* Closes the rows first (that records the history entry), so that its warnings are in the answer.
 */
static void end(struct writer *writer)
{
    struct cli *cli = writer->cli;
    char version[65];
    int64_t duration_ms = api_rows_duration_ms(writer->rows);
    bool truncated = api_rows_truncated(writer->rows);
    (void)snprintf(version, sizeof version, "%s", api_rows_version(writer->rows));
    JSON_AUTO about = json_deep_copy(api_rows_about(writer->rows));
    api_rows_close(writer->rows);
    writer->rows = NULL;
    if (writer->format == SQL_TABLE)
        end_table(writer, duration_ms, truncated);
    if (is_array(writer))
        buf_puts(&cli->out, "]\n");
    if (writer->format != SQL_JSON || is_array(writer))
        return;
    buf_printf(&cli->out,
               "],\"row_count\":%" PRId64 ",\"truncated\":%s,\"duration_ms\":%" PRId64
               ",\"version\":\"%s\"",
               writer->row_count, truncated ? "true" : "false", duration_ms, version);
    add_about(&cli->out, about);
    const json_t *warnings = api_warnings(cli->api);
    for (size_t i = 0; cli->json && i < json_array_size(warnings); i++) {
        buf_puts(&cli->out, i == 0 ? ",\"warnings\":[" : ",");
        buf_add_json(&cli->out, str_of(json_string_value(json_array_get(warnings, i))));
        buf_puts(&cli->out, i + 1 == json_array_size(warnings) ? "]" : "");
    }
    buf_puts(&cli->out, "}\n");
}

/* ---- where it goes -----------------------------------------------------------------------------
 */

static enum err_code open_file(struct writer *writer, struct err *err)
{
    if (!cli_flag(writer->cli, "overwrite") && file_exists(writer->path)) {
        err_set(err, ERR_INPUT, "'%s' is there already", writer->path);
        return err_hint(err, "give another name, or --overwrite");
    }
    if (writer->format == SQL_PARQUET)
        return ERR_OK; /* the engine writes it */
    int length = snprintf(writer->staged, sizeof writer->staged, "%s.part-%ld", writer->path,
                          (long)getpid());
    if (length < 0 || (size_t)length >= sizeof writer->staged)
        return err_set(err, ERR_LIMIT, "the path of --out is too long");
    writer->fd = open(writer->staged, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    return writer->fd < 0 ? err_set_errno(err, errno, "'%s' can't be written", writer->path)
                          : ERR_OK;
}

static enum err_code close_file(struct writer *writer, enum err_code code, struct err *err)
{
    if (writer->fd < 0)
        return code;
    if (code == ERR_OK)
        code = file_fsync_fd(writer->fd, writer->path, err);
    (void)close(writer->fd);
    writer->fd = -1;
    if (code == ERR_OK && cli_flag(writer->cli, "overwrite"))
        code = file_remove(writer->path, err);
    if (code == ERR_OK)
        code = file_publish(writer->staged, writer->path, NULL, err);
    struct err ignored;
    if (code != ERR_OK && file_remove(writer->staged, &ignored) != ERR_OK)
        err_detail(err, "%s is left behind", writer->staged);
    return code;
}

/* A piece of text that comes ready-made. */
static enum err_code write_piece(void *user, struct str piece, struct err *err)
{
    struct writer *writer = user;
    buf_add_str(&writer->cli->out, piece);
    TRY(emit(writer, false, err));
    return cli_interrupted() ? err_set(err, ERR_INTERRUPTED, "stopped by the user") : ERR_OK;
}

static void tell_nulled(struct writer *writer, const json_t *answer)
{
    int64_t nulled = json_int(answer, "nulled", 0);
    bool asked = strcmp(cli_text(writer->cli, "on-error", "fail"), "null") == 0;
    if (!writer->cli->json && nulled > 0 && asked) /* else a warning says more of it */
        cli_note(writer->cli, "%lld %s null: %s column's rule\n", (long long)nulled,
                 cli_plural(nulled, "value is", "values are"),
                 cli_plural(nulled, "it breaks its", "they break their"));
}

static enum err_code stream_text(struct writer *writer, const char *format, struct err *err)
{
    JSON_AUTO answer = NULL;
    TRY(writer->ask->stream(writer->ask->user, writer->cli->api, format, write_piece, writer, &answer, err));
    writer->row_count = json_int(answer, "row_count", 0);
    tell_nulled(writer, answer);
    return emit(writer, true, err);
}

static enum err_code stream(struct writer *writer, struct err *err)
{
    static const char *const texts[] = {[SQL_CSV] = "csv", [SQL_JSON] = "json", [SQL_NDJSON] = "ndjson", [SQL_PARQUET] = NULL};
    if (writer->ask->stream != NULL && !writer->cli->json && texts[writer->format] != NULL)
        return stream_text(writer, texts[writer->format], err);
    TRY(writer->ask->open(writer->ask->user, writer->cli->api, &writer->rows, err));
    if (writer->format == SQL_TABLE && (writer->table = cli_table_new()) == NULL)
        return err_set(err, ERR_MEMORY, "no memory for the table");
    begin(writer);
    TRY(write_rows(writer, err));
    tell_nulled(writer, api_rows_about(writer->rows)); /* end may close them */
    end(writer);
    return emit(writer, true, err);
}

static enum err_code tell_written(struct cli *cli, const char *path, int64_t rows, struct err *err)
{
    struct file_info info;
    char a[32], b[32];
    TRY(file_stat(path, &info, err));
    if (cli->json) {
        bool ok = true;
        json_t *answer = json_object();
        json_put_text(answer, "path", path, &ok);
        json_put_int(answer, "row_count", rows, &ok);
        json_put_int(answer, "bytes", info.bytes, &ok);
        TRY(json_built(ok, err));
        return cli_print_json(cli, answer, err);
    }
    if (rows >= 0)
        cli_note(cli, "✓ %s %s, %s: %s\n", cli_count(rows, a), cli_plural(rows, "row", "rows"),
                 cli_bytes(info.bytes, b), path);
    else
        cli_note(cli, "✓ %s: %s\n", cli_bytes(info.bytes, b), path);
    return ERR_OK;
}

static enum err_code write_parquet(struct writer *writer, struct err *err)
{
    JSON_AUTO answer = NULL;
    TRY(open_file(writer, err));
    TRY(writer->ask->parquet(writer->ask->user, writer->cli->api, writer->path, &answer, err));
    tell_nulled(writer, answer);
    return writer->cli->json
               ? cli_print_json(writer->cli, json_incref(answer), err)
               : tell_written(writer->cli, writer->path, json_int(answer, "row_count", -1), err);
}

static enum err_code write_file(struct writer *writer, struct err *err)
{
    TRY(open_file(writer, err));
    bool colour = writer->cli->colour;
    int width = writer->cli->width;
    writer->cli->colour = false;
    writer->cli->width = 0;
    enum err_code code = stream(writer, err);
    writer->cli->colour = colour;
    writer->cli->width = width;
    if (code != ERR_OK)
        buf_clear(&writer->cli->out);
    TRY(close_file(writer, code, err));
    return tell_written(writer->cli, writer->path, writer->row_count, err);
}

/* ---- what comes in on stdin */

enum err_code cli_read_stdin(size_t limit_bytes, const char *what, struct buf *ret, struct err *err)
{
    char block[8192];
    for (;;) {
        ssize_t count = read(STDIN_FILENO, block, sizeof block);
        if (count < 0 && errno == EINTR && !cli_interrupted())
            continue;
        if (count < 0)
            return cli_interrupted()
                       ? err_set(err, ERR_INTERRUPTED, "stopped while reading standard input")
                       : err_set_errno(err, errno, "standard input can't be read");
        if (count == 0)
            return buf_check(ret, err);
        buf_add(ret, block, (size_t)count);
        if (ret->len > limit_bytes)
            return err_set(err, ERR_LIMIT, "%s is longer than %zu bytes", what, limit_bytes);
    }
}

enum err_code cli_rows_write(struct cli *cli, const struct cli_rows_ask *ask, struct err *err)
{
    struct writer writer = {.cli = cli,
                            .ask = ask,
                            .format = choose_format(cli),
                            .fd = -1,
                            .path = cli_text(cli, "out", NULL)};
    bool limited = cli_text(cli, "limit", NULL) != NULL;
    if (limited && cli_number(cli, "limit", 0) < 1)
        return err_set(err, ERR_USAGE, "--limit: expected at least 1");
    if (writer.format == SQL_PARQUET && writer.path == NULL) {
        err_set(err, ERR_USAGE, "parquet goes to a file");
        return err_hint(err, "add --out FILE.parquet");
    }
    if (writer.format == SQL_PARQUET && ask->parquet == NULL)
        return err_set(err, ERR_USAGE, "--format parquet and --engine do not go together");
    if (cli->json && writer.path == NULL && writer.format != SQL_JSON)
        return err_set(err, ERR_USAGE, "--json and --format %s contradict each other",
                       cli_text(cli, "format", ""));
    TRY(cli_open(cli, false, err));
    if (writer.format == SQL_PARQUET)
        return write_parquet(&writer, err);
    writer.show_limit = cli->stdout_tty && writer.path == NULL && !limited ? SQL_SHOWN_ROWS : 0;
    enum err_code code = writer.path != NULL ? write_file(&writer, err) : stream(&writer, err);
    if (writer.rows != NULL)
        api_rows_close(writer.rows);
    cli_table_free(writer.table);
    if (code != ERR_OK && cli->json)
        buf_clear(&cli->out); /* an error is no half answer */
    return code;
}
