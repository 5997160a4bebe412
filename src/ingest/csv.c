/* The CSV format: any delimited text. The file is made UTF-8 (encoding.c), its dialect sniffed
 * (csv_sniff.c), stacked tables are cut apart (csv_stack.c); what comes out is a scan that the
 * engine runs, every column as text, or, where the text is not plain (csv_census.c), a stream that
 * we read ourselves (csv_push.c).
 *
 * The file is mapped (base/mapping.h), never read into memory whole. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ingest/parts_priv.h"

/* ---- recognising --------------------------------------------------------------------------------
 */

static bool has_any_suffix(const char *base_name, const char *suffixes)
{
    size_t base = strlen(base_name);
    for (const char *next = suffixes; *next != '\0';) {
        size_t length = strcspn(next, " ");
        if (length > 0 && base > length &&
            str_equal_nocase((struct str){next, length},
                             (struct str){base_name + base - length, length}))
            return true;
        next += length + (next[length] == ' ');
    }
    return false;
}

/* A list of words or numbers, one a line, no prose: hardly any line has blanks inside. */
static bool is_plain_list(struct str text)
{
    size_t lines = 0, spaced = 0;
    const char *end = text.ptr + text.len;
    for (const char *at = text.ptr; at < end;) {
        const char *feed = memchr(at, '\n', (size_t)(end - at));
        struct str line = str_trim((struct str){at, (size_t)((feed == NULL ? end : feed) - at)});
        lines += line.len > 0;
        spaced += line.len > 0 && memchr(line.ptr, ' ', line.len) != NULL;
        at = feed == NULL ? end : feed + 1;
    }
    return lines >= 2 && spaced * 5 <= lines;
}

/* 1 a table, 0 none, -1 out of memory. */
static int is_table_text(struct str text, bool whole)
{
    struct csv_guess guess = {0};
    struct csv_hints hints = {.header = -1};
    struct err ignored;
    AUTO(arena_free) struct arena *arena = arena_new(0);
    enum err_code code =
        arena == NULL ? ERR_MEMORY : csv_sniff(text, whole, &hints, arena, &guess, &ignored);
    if (code != ERR_OK)
        return code == ERR_MEMORY ? -1 : 0;
    if (guess.columns < 2)
        return is_plain_list(text);
    return guess.consistency >= 0.8 && guess.rows >= 1 && guess.preamble_lines <= guess.rows + 5;
}

static int csv_recognise(const struct ingest_file *file)
{
    bool named = has_any_suffix(file->base_name, ".csv .tsv .tab .psv");
    if (encoding_is_binary(file->head))
        return named ? 1 : 0;
    if (named)
        return 2;
    if (walk_skip_reason(file->base_name) != NULL ||
        walk_unreadable_reason(file->base_name) != NULL)
        return 0;
    AUTO(buf_done) struct buf text = BUF_INIT;
    struct err ignored;
    enum err_code code = encoding_head_text(file->head, &text, &ignored);
    if (code != ERR_OK)
        return code == ERR_MEMORY ? -1 : 0;
    int sure = is_table_text(buf_view(&text), file->bytes <= (int64_t)file->head.len);
    return sure == 1 ? 2 : sure;
}

/* ---- one table ----------------------------------------------------------------------------------
 */

struct csv_open { /* one file or one piece of it, on its way to a source */
    struct ingest_set *set;
    const struct ingest_file *file;
    const char *path; /* UTF-8, what the engine reads */
    struct file_info info; /* of the file at path, when text was read of it */
    struct str text;  /* its content, mapped */
    struct file_mapping *mapping;
    const char *name;
    const char *origin;
    size_t bom_bytes; /* before text in the file at path */
    bool odd;         /* zero bytes or ill-formed UTF-8 in it */
    json_t *notes;    /* owned until the source is added */
};

static int by_text(const void *a, const void *b)
{
    struct str x = *(const struct str *)a, y = *(const struct str *)b;
    size_t shorter = x.len < y.len ? x.len : y.len;
    for (size_t i = 0; i < shorter; i++) {
        int cx = x.ptr[i] >= 'A' && x.ptr[i] <= 'Z' ? x.ptr[i] + 32 : x.ptr[i];
        int cy = y.ptr[i] >= 'A' && y.ptr[i] <= 'Z' ? y.ptr[i] + 32 : y.ptr[i];
        if (cx != cy)
            return cx < cy ? -1 : 1;
    }
    return (x.len > y.len) - (x.len < y.len);
}

static enum err_code note_names(struct csv_open *work, const struct csv_guess *guess,
                                struct err *err)
{
    if (!guess->named)
        return ERR_OK;
    struct str *sorted = mem_zalloc(guess->columns + 1, sizeof *sorted);
    if (sorted == NULL)
        return ingest_memory(err);
    size_t empty = 0, repeated = 0, filled = 0;
    for (size_t i = 0; i < guess->columns; i++) {
        struct str name = str_trim(guess->names[i]);
        if (name.len == 0)
            empty++;
        else
            sorted[filled++] = name;
    }
    qsort(sorted, filled, sizeof *sorted, by_text);
    for (size_t i = 1; i < filled; i++)
        repeated += by_text(&sorted[i - 1], &sorted[i]) == 0;
    mem_free(sorted);
    if (repeated > 0)
        ingest_note(&work->notes, "duplicate_names", "%zu column name%s another and got a number",
                    repeated, repeated == 1 ? " repeats" : "s repeat");
    if (empty > 0)
        ingest_note(&work->notes, "empty_names", "%zu column%s no name and got column_N", empty,
                    empty == 1 ? " has" : "s have");
    return ERR_OK;
}

static void note_guess(struct csv_open *work, const struct csv_guess *guess)
{
    if (!guess->named)
        ingest_note(&work->notes, "no_header",
                    "the first row looks like data: columns are named column_1 to column_%zu",
                    guess->columns);
    if (guess->named && guess->header_uncertain && work->set->options.header < 0)
        ingest_note(&work->notes, "header_uncertain",
                    "the first row was taken as the header; its types don't prove it");
    if (guess->row_names)
        ingest_note(&work->notes, "row_names",
                    "the header is one name shorter than the rows: the first column is row_name");
    if (guess->nameless_first)
        ingest_note(&work->notes, "row_names", "the first column has no name: it is row_name");
    if (guess->units != NULL)
        ingest_note(&work->notes, "units_row",
                    "line %lld holds units: they are the columns' labels, not data (--header yes "
                    "keeps the row as data)",
                    (long long)guess->units_line);
    if (guess->trailing)
        ingest_note(&work->notes, "trailing_delimiter",
                    "header and rows differ by a delimiter at the line's end");
    if (guess->preamble_lines > 0)
        ingest_note(&work->notes, "preamble_skipped", "%lld line%s before the table %s skipped",
                    (long long)guess->preamble_lines, guess->preamble_lines == 1 ? "" : "s",
                    guess->preamble_lines == 1 ? "was" : "were");
    if (guess->ragged > 0)
        ingest_note(&work->notes, "ragged_rows",
                    "%lld of the first %lld rows have another number of fields",
                    (long long)guess->ragged, (long long)guess->rows);
}

static enum err_code make_schema(const struct csv_guess *guess, struct data_schema *ret,
                                 struct err *err)
{
    for (size_t i = 0; i < guess->columns; i++) {
        TRY(data_schema_add(ret, guess->names[i].ptr == NULL ? STR("") : guess->names[i],
                            DATA_TYPE(TEXT), err));
        if (guess->units != NULL)
            TRY(ingest_label_unit(&ret->columns[i], guess->units[i], err));
    }
    int64_t changed = 0;
    TRY(data_schema_name_columns(ret, &changed, err));
    for (size_t i = 0; !guess->named && i < ret->count;
         i++) { /* made up: there is no name in the file */
        mem_free(ret->columns[i].source_name);
        ret->columns[i].source_name = NULL;
    }
    return ERR_OK;
}

static struct data_scan *make_scan(struct arena *arena, const char *path,
                                   const struct csv_guess *guess)
{
    struct data_scan *scan = arena_alloc(arena, sizeof *scan);
    const char **paths = arena_array(arena, 1, sizeof *paths);
    if (scan == NULL || paths == NULL)
        return NULL;
    paths[0] = path;
    *scan =
        (struct data_scan){.kind = DATA_SCAN_CSV,
                           .paths = paths,
                           .path_count = 1,
                           .quote = guess->dialect.quote,
                           .escape = guess->dialect.escape,
                           .skip_lines = guess->skip_lines,
                           .header = guess->header,
                           .maximum_line_bytes = 2 * CSV_REGULAR_BYTES}; /* no record is longer */
    memcpy(scan->delimiter, guess->dialect.delimiter, sizeof scan->delimiter);
    return scan;
}

/* The sample: 1 MiB, more when the first rows are longer than that (many columns). */
static struct str sample_of(struct str text, bool *ret_whole)
{
    size_t length = CSV_SAMPLE_BYTES;
    while (length < text.len && length < 4 * (size_t)INGEST_LIMIT_LINE_BYTES) {
        const char *feed = memchr(text.ptr, '\n', length);
        const char *second =
            feed == NULL ? NULL : memchr(feed + 1, '\n', length - (size_t)(feed + 1 - text.ptr));
        if (second != NULL)
            break;
        length *= 4;
    }
    *ret_whole = length >= text.len;
    return (struct str){text.ptr, *ret_whole ? text.len : length};
}

/* What the engine can't be told: '#' lines between the rows are taken out (its comment option would
 * also cut rows that hold a
 * '#'), and mixed line ends become LF (its strict mode gives up on them). Quoted texts stay as they
 * are. */
static enum err_code rewrite_rows(struct csv_open *work, const struct csv_guess *guess, bool unify,
                                  int64_t *records, struct err *err)
{
    struct stage_writer writer = STAGE_WRITER_INIT;
    struct csv_row row = {0};
    const char *at = work->text.ptr, *end = at + work->text.len;
    int64_t dropped = 0, seen = 0;
    TRY(stage_open(work->set, "-rows.txt", &writer, err));
    enum err_code code = ERR_OK;
    while (code == ERR_OK && csv_next_row(&guess->dialect, &at, end, true, &row)) {
        if (++seen % CSV_CHECK_ROWS == 0) {
            if ((code = progress_check(work->set->options.progress, err)) != ERR_OK)
                break;
            file_let_go(work->mapping, at);
        }
        size_t length = (size_t)(row.end - row.start);
        bool crlf = length > 1 && row.end[-1] == '\n' && row.end[-2] == '\r';
        if (guess->comment_lines > 0 && row.start > guess->first_row && row.start[0] == '#' &&
            row.count != guess->columns) {
            dropped++;
            continue;
        }
        code = stage_write(&writer, row.start, length - (unify && crlf ? 2 : 0), err);
        if (code == ERR_OK && unify && crlf)
            code = stage_write(&writer, "\n", 1, err);
    }
    if (code == ERR_OK)
        code = row.failed ? ingest_memory(err) : stage_finish(&writer, err);
    csv_row_done(&row);
    stage_abandon(&writer);
    TRY(code);
    work->path = writer.path;
    *records -= dropped;
    if (dropped > 0)
        ingest_note(&work->notes, "comment_lines", "%lld lines that begin with # were left out",
                    (long long)dropped);
    if (unify)
        ingest_note(&work->notes, "line_ends", "rows end now in CRLF, now in LF → LF");
    return ERR_OK;
}

static struct csv_reading *make_reading(const struct csv_open *work, const struct csv_guess *guess,
                                        const struct data_schema *schema, struct err *err)
{
    struct csv_reading *reading = mem_zalloc(1, sizeof *reading);
    if (reading == NULL || data_schema_copy(schema, &reading->schema, err) != ERR_OK) {
        csv_reading_free(reading);
        (void)ingest_memory(err);
        return NULL;
    }
    reading->path = work->path;
    reading->subject = work->file->base_name;
    reading->subject = arena_strdup(work->set->arena, reading->subject);
    reading->dialect = guess->dialect;
    reading->offset = (int64_t)work->bom_bytes + (guess->first_data - work->text.ptr);
    reading->first_line = guess->data_line;
    reading->drop_comments = guess->comment_lines > 0;
    reading->valid_utf8 = !work->odd;
    reading->info = work->info;
    return reading;
}

/* A text that the engine reads faithfully is given as a scan, with our own reading beside it; any
 * other as a stream. */
static enum err_code add_table(struct csv_open *work, struct csv_guess *guess, struct err *err)
{
    struct data_schema schema = {0};
    struct csv_census census;
    struct csv_tail tail = {0};
    const char *end = work->text.ptr + work->text.len;
    if (guess->named && work->set->options.header < 0) {
        TRY(csv_find_units(guess, end, work->set->arena, err));
        TRY(csv_find_tail(guess, work->text, &tail, err));
    }
    TRY(csv_census(&guess->dialect, guess->first_data, end, guess->columns, work->mapping,
                   work->set->options.progress, &census, err));
    bool engine = census.regular && !work->odd && tail.start == NULL;
    note_guess(work, guess);
    if (tail.start != NULL)
        ingest_note(&work->notes, "rows_below_table",
                    "the last %lld line%s notes or totals below the table: kept apart with the "
                    "rejected rows (--header yes keeps them as data)",
                    (long long)tail.rows, tail.rows == 1 ? " holds" : "s hold");
    TRY(note_names(work, guess, err));
    enum err_code code = make_schema(guess, &schema, err);
    struct csv_reading *reading = code == ERR_OK ? make_reading(work, guess, &schema, err) : NULL;
    if (reading != NULL && tail.start != NULL)
        reading->tail_offset = (int64_t)work->bom_bytes + (tail.start - work->text.ptr);
    bool unify = census.crlf && census.bare_lf;
    if (reading != NULL && engine && (unify || guess->comment_lines > 0))
        code = rewrite_rows(work, guess, unify, &census.records, err);
    struct data_scan *scan =
        reading != NULL && code == ERR_OK ? make_scan(work->set->arena, work->path, guess) : NULL;
    if (scan == NULL) {
        data_schema_done(&schema);
        csv_reading_free(reading);
        return code != ERR_OK ? code : ingest_memory(err);
    }
    scan->records = census.records;
    struct data_source source = {.name = work->name,
                                 .origin = work->origin,
                                 .schema = schema,
                                 .text_columns = true,
                                 .decimal_comma = strcmp(guess->dialect.delimiter, ";") == 0,
                                 .scan = engine ? scan : NULL,
                                 .push = csv_push,
                                 .user = reading,
                                 .bytes = (int64_t)work->text.len,
                                 .notes = work->notes};
    work->notes = NULL;
    return ingest_add_source(work->set, &source, csv_reading_free, err);
}

static enum err_code sniff(const struct csv_open *work, const char *delimiter,
                           struct csv_guess *ret, struct err *err)
{
    bool whole = false;
    struct str sample = sample_of(work->text, &whole);
    struct csv_hints hints = {.delimiter = delimiter, .header = work->set->options.header};
    enum err_code code = csv_sniff(sample, whole, &hints, ingest_set_arena(work->set), ret, err);
    if (code == ERR_OK)
        return code;
    (void)err_context(err, "%s", work->file->base_name);
    return err_at(err, work->origin, 0, 0);
}

/* ---- stacked tables -----------------------------------------------------------------------------
 */

static enum err_code open_piece(const struct csv_open *outer, const struct csv_stack *stack,
                                size_t idx, const char *delimiter, struct err *err)
{
    struct ingest_set *set = outer->set;
    const struct csv_piece *piece = &stack->pieces[idx];
    struct stage_writer writer = STAGE_WRITER_INIT;
    TRY(stage_open(set, "-table.csv", &writer, err));
    enum err_code code =
        stage_write(&writer, outer->text.ptr + piece->offset, (size_t)piece->bytes, err);
    if (code == ERR_OK)
        code = stage_finish(&writer, err);
    stage_abandon(&writer);
    TRY(code);
    struct csv_open work = *outer;
    work.path = writer.path;
    TRY(file_stat(work.path, &work.info, err));
    work.bom_bytes = 0;
    work.text = (struct str){outer->text.ptr + piece->offset, (size_t)piece->bytes};
    work.name = arena_printf(set->arena, "%s_%zu", outer->name, idx + 1);
    work.origin = arena_printf(set->arena, "%s#%zu", outer->origin, idx + 1);
    work.notes = outer->notes == NULL ? NULL : json_deep_copy(outer->notes);
    ingest_note(&work.notes, "stacked_tables",
                "table %zu of %zu stacked in one file, from line %lld", idx + 1, stack->count,
                (long long)piece->line);
    struct csv_guess guess = {0};
    code = work.name == NULL || work.origin == NULL ? ingest_memory(err)
                                                    : sniff(&work, delimiter, &guess, err);
    if (code == ERR_OK)
        code = add_table(&work, &guess, err);
    json_decref(work.notes);
    return code;
}

static enum err_code open_text(struct csv_open *work, struct err *err)
{
    struct csv_guess guess = {0};
    struct csv_stack stack = {0};
    TRY(sniff(work, work->set->options.delimiter, &guess, err));
    enum err_code code =
        csv_stack_find(work->text, &guess, work->mapping, work->set->options.progress, &stack, err);
    if (code == ERR_OK && stack.doubtful_line > 0)
        ingest_note(&work->notes, "maybe_stacked",
                    "line %lld, after a blank line, could be the header of a second table; it was "
                    "read as a row",
                    (long long)stack.doubtful_line);
    if (code == ERR_OK && stack.count == 0)
        code = add_table(work, &guess, err);
    for (size_t i = 0; i < stack.count && code == ERR_OK; i++)
        code = open_piece(work, &stack, i, guess.dialect.delimiter, err);
    csv_stack_done(&stack);
    return code;
}

static enum err_code csv_open_file(struct ingest_set *set, const struct ingest_file *file,
                                   struct err *err)
{
    if (encoding_is_binary(file->head)) {
        (void)err_set(err, ERR_INPUT, "%s is named like text but its content is binary",
                      file->base_name);
        (void)err_hint(err, "if it is an Excel or statistics file, give it its own suffix; else "
                            "export it as csv again");
        return err_at(err, file->origin, 0, 0);
    }
    struct csv_open work = {.set = set, .file = file, .origin = file->origin};
    struct text_file text;
    struct file_mapping mapping = {0};
    work.name = ingest_stem(ingest_set_arena(set), file->base_name);
    enum err_code code = work.name == NULL
                             ? ingest_memory(err)
                             : encoding_prepare(set, file, false, &work.notes, &text, err);
    if (code == ERR_OK) {
        work.path = text.path;
        work.odd = text.odd;
        code = file_map(text.path, NULL, &mapping, err);
    }
    if (code == ERR_OK) {
        size_t skip = text.bom_bytes < mapping.length ? text.bom_bytes : mapping.length;
        work.bom_bytes = skip;
        work.mapping = &mapping;
        work.info = mapping.info;
        work.text =
            (struct str){mapping.ptr == NULL ? "" : mapping.ptr + skip, mapping.length - skip};
        code = open_text(&work, err);
    }
    code = file_unmap(&mapping, code, err);
    json_decref(work.notes);
    return code;
}

const struct ingest_format ingest_format_csv = {
    .name = "csv",
    .suffixes = ".csv .tsv .tab .psv .txt .dat .data",
    .recognise = csv_recognise,
    .open = csv_open_file,
};
