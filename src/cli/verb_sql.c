/* sql: one SELECT, given as a word, in a file or on stdin; its rows are written by rows.c. */
#include "cli/cli.h"

#include "base/file.h"

#include <string.h>

#define SQL_LIMIT_BYTES (1 << 20)

static enum err_code read_statement(const struct cli *cli, struct buf *ret, struct err *err)
{
    const char *word = cli_word(cli, 1), *file = cli_text(cli, "file", NULL);
    if ((word == NULL) == (file == NULL)) {
        err_set(err, ERR_USAGE,
                word == NULL ? "'sql' needs a statement"
                             : "a statement and --file were both given");
        return err_hint(err,
                        "marrow sql NAME \"SELECT …\", or --file FILE, or - for standard input");
    }
    if (file != NULL && strcmp(file, "-") != 0)
        TRY(file_read(file, SQL_LIMIT_BYTES, ret, err));
    else if (file != NULL || strcmp(word, "-") == 0)
        TRY(cli_read_stdin(SQL_LIMIT_BYTES, "the statement", ret, err));
    else
        buf_puts(ret, word);
    TRY(buf_check(ret, err));
    if (ret->len > 0 && strlen(ret->ptr) != ret->len)
        return err_set(err, ERR_INPUT, "the statement holds a NUL byte");
    return ERR_OK;
}

static enum err_code open_rows(void *user, struct api *api, struct api_rows **ret, struct err *err)
{
    return api_query(api, user, ret, err);
}

static enum err_code write_parquet(void *user, struct api *api, const char *path, json_t **ret,
                                   struct err *err)
{
    return api_query_parquet(api, user, path, ret, err);
}

enum err_code verb_sql(struct cli *cli, struct err *err)
{
    AUTO(buf_done) struct buf sql = BUF_INIT;
    TRY(read_statement(cli, &sql, err));
    struct api_query_options options = {
        .dataset = cli_word(cli, 0),
        .version = cli_text(cli, "version", NULL),
        .sql = buf_text(&sql),
        .row_limit = cli_number(cli, "limit", 0),
        .time_limit_ms = cli_number(cli, "timeout", 0),
        .engine = cli_text(cli, "engine", NULL),
    };
    struct cli_rows_ask ask = {.open = open_rows,
                               .parquet = options.engine == NULL ? write_parquet : NULL,
                               .user = &options};
    enum err_code code = cli_rows_write(cli, &ask, err);
    cli_next(cli, "marrow history %s   # the question is kept and can be replayed",
             options.dataset);
    return code;
}
