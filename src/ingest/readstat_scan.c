/* The pass at open time: one reading of the whole file gives names, labels, value labels, what is
 * missing, and for every number column whether BIGINT, DATE, TIMESTAMP or TIME holds all its values
 * exactly; else DOUBLE. One pass for all columns. */
#include <math.h>

#include "ingest/readstat_priv.h"

#define INTEGER_LIMIT 9007199254740992.0 /* 2^53 */
#define DAY_US 86400000000LL

struct scan {
    struct statfile_visit visit; /* first */
    struct statfile *file;
};

struct statfile *statfile_new(enum statfile_format format, const struct statfile_place *place,
                              const char *origin, const char *encoding)
{
    AUTO(statfile_free) struct statfile *file = mem_zalloc(1, sizeof *file);
    if (file == NULL)
        return NULL;
    file->arena = arena_new(STATFILE_ARENA_BYTES);
    if (file->arena == NULL)
        return NULL;
    file->format = format;
    file->place = *place;
    if (place->path != NULL)
        file->place.path = arena_strdup(file->arena, place->path);
    file->origin = arena_strdup(file->arena, origin);
    file->encoding = encoding != NULL ? arena_strdup(file->arena, encoding) : NULL;
    file->stated_rows = -1;
    if (arena_failed(file->arena))
        return NULL;
    struct statfile *made = file;
    file = NULL;
    return made;
}

static void forget_contents(struct statfile *file)
{
    for (size_t idx = 0; idx < file->set_count; idx++)
        mem_free(file->sets[idx].labels);
    mem_free(file->sets);
    mem_free(file->columns);
    file->sets = NULL;
    file->columns = NULL;
    file->set_count = file->set_capacity = file->label_count = 0;
    file->column_count = file->column_capacity = 0;
    file->rows = 0;
}

void statfile_free(struct statfile *file)
{
    if (file == NULL)
        return;
    forget_contents(file);
    arena_free(file->arena);
    mem_free(file);
}

static int stop(struct statfile_visit *visit, enum err_code code)
{
    visit->code = code;
    return READSTAT_HANDLER_ABORT;
}

static bool grow(void **items, size_t count, size_t *capacity, size_t item_bytes)
{
    if (count < *capacity)
        return true;
    size_t wanted = *capacity == 0 ? 16 : *capacity * 2;
    void *bigger = mem_resize(*items, wanted, item_bytes);
    if (bigger == NULL)
        return false;
    *items = bigger;
    *capacity = wanted;
    return true;
}

/* A copy in the file's arena with broken UTF-8 replaced by '?'; NULL for no text. */
static const char *keep_text(struct statfile *file, const char *text)
{
    struct str view;
    bool cut;
    if (text == NULL || (statfile_text(text, &view, &cut) && view.len == 0))
        return NULL;
    char *copy = arena_strndup(file->arena, view.ptr, view.len);
    if (copy == NULL)
        return NULL;
    for (size_t at = 0; at < view.len;) {
        at += str_utf8_valid_prefix((struct str){copy + at, view.len - at});
        if (at < view.len)
            copy[at++] = '?';
    }
    return copy;
}

static int handle_metadata(readstat_metadata_t *metadata, void *user)
{
    struct scan *scan = user;
    scan->file->stated_rows = readstat_get_row_count(metadata);
    scan->file->member = keep_text(scan->file, readstat_get_table_name(metadata));
    if (readstat_get_var_count(metadata) > INGEST_LIMIT_COLUMNS)
        return stop(&scan->visit,
                    err_set(scan->visit.err, ERR_LIMIT, "%d columns; at most %d are read",
                            readstat_get_var_count(metadata), INGEST_LIMIT_COLUMNS));
    return READSTAT_HANDLER_OK;
}

static void describe_value(readstat_value_t value, struct buf *out)
{
    char scratch[32];
    if (readstat_value_type_class(value) == READSTAT_TYPE_CLASS_STRING) {
        buf_printf(out, "\"%s\"",
                   readstat_string_value(value) != NULL ? readstat_string_value(value) : "");
        return;
    }
    double number = readstat_double_value(value);
    buf_puts(out, number <= -1.7e308  ? "lowest"
                  : number >= 1.7e308 ? "highest"
                                      : str_from_double(number, scratch));
}

static const char *describe_missing(struct statfile *file, const readstat_variable_t *variable)
{
    int count = readstat_variable_get_missing_ranges_count(variable);
    if (count <= 0)
        return NULL;
    __attribute__((cleanup(auto_buf_done))) struct buf text = BUF_INIT;
    for (int idx = 0; idx < count; idx++) {
        readstat_value_t low = readstat_variable_get_missing_range_lo(variable, idx);
        readstat_value_t high = readstat_variable_get_missing_range_hi(variable, idx);
        buf_puts(&text, idx > 0 ? ", " : "");
        size_t before = text.len;
        describe_value(low, &text);
        bool same =
            readstat_value_type_class(low) == READSTAT_TYPE_CLASS_STRING
                ? str_equal(str_of(readstat_string_value(low)), str_of(readstat_string_value(high)))
                : readstat_double_value(low) == readstat_double_value(high);
        if (!same && text.len > before) {
            buf_puts(&text, " to ");
            describe_value(high, &text);
        }
    }
    return text.failed ? NULL : keep_text(file, buf_text(&text));
}

static int handle_variable(int index, readstat_variable_t *variable, const char *labels, void *user)
{
    (void)index;
    struct scan *scan = user;
    struct statfile *file = scan->file;
    int place = readstat_variable_get_index(variable);
    if (place != (int)file->column_count)
        return stop(&scan->visit, err_set(scan->visit.err, ERR_INPUT,
                                          "column %d is described out of order", place + 1));
    if (file->column_count >= INGEST_LIMIT_COLUMNS)
        return stop(&scan->visit, err_set(scan->visit.err, ERR_LIMIT, "more than %d columns",
                                          INGEST_LIMIT_COLUMNS));
    if (!grow((void **)&file->columns, file->column_count, &file->column_capacity,
              sizeof *file->columns))
        return stop(&scan->visit,
                    err_set(scan->visit.err, ERR_MEMORY, "no memory for the columns"));
    struct statfile_column *column = &file->columns[file->column_count++];
    *column = (struct statfile_column){0};
    column->name = keep_text(file, readstat_variable_get_name(variable));
    if (column->name == NULL)
        column->name = "";
    column->label = keep_text(file, readstat_variable_get_label(variable));
    column->format = keep_text(file, readstat_variable_get_format(variable));
    column->label_set = keep_text(file, labels);
    column->text = readstat_variable_get_type_class(variable) == READSTAT_TYPE_CLASS_STRING;
    if (!column->text)
        column->calendar = statfile_calendar_of(file->format, column->format);
    column->missing_ranges = describe_missing(file, variable);
    if (arena_failed(file->arena))
        return stop(&scan->visit,
                    err_set(scan->visit.err, ERR_MEMORY, "no memory for the columns"));
    return READSTAT_HANDLER_OK;
}

static void scan_number(struct statfile_column *column, double number)
{
    if (!(fabs(number) <= INTEGER_LIMIT))
        column->large = true;
    else if (nearbyint(number) != number)
        column->fractional = true;
    if (column->calendar.kind == DATA_NULL)
        return;
    int64_t us;
    if (!statfile_instant(&column->calendar, number, &us))
        return; /* the row is set aside when pushed */
    if (us % DAY_US != 0)
        column->time_part = true;
    if (us < 0 || us >= DAY_US)
        column->beyond_day = true;
}

static int tag_index(char tag)
{
    if (tag >= 'a' && tag <= 'z')
        return tag - 'a';
    if (tag >= 'A' && tag <= 'Z')
        return tag - 'A';
    return STATFILE_TAGS - 1;
}

static int handle_value(int row, readstat_variable_t *variable, readstat_value_t value, void *user)
{
    struct scan *scan = user;
    int index = readstat_variable_get_index(variable);
    if (index < 0 || (size_t)index >= scan->file->column_count)
        return stop(&scan->visit,
                    err_set(scan->visit.err, ERR_INPUT,
                            "a value of column %d, which is not described", index + 1));
    struct statfile_column *column = &scan->file->columns[index];
    if (row >= scan->file->rows)
        scan->file->rows = (int64_t)row + 1;
    if (readstat_value_is_tagged_missing(value))
        column->tagged[tag_index(readstat_value_tag(value))]++;
    else if (readstat_value_is_system_missing(value))
        return READSTAT_HANDLER_OK;
    else if (readstat_value_is_defined_missing(value, variable))
        column->declared_missing++;
    else if (column->text) {
        struct str text;
        bool cut;
        if (!statfile_text(readstat_string_value(value), &text, &cut))
            column->bad_texts++;
        column->cut_texts += cut;
        column->values += text.len > 0;
    } else {
        column->values++;
        scan_number(column, readstat_double_value(value));
    }
    return READSTAT_HANDLER_OK;
}

static struct statfile_label_set *set_of(struct statfile *file, const char *name)
{
    for (size_t idx = file->set_count; idx > 0;
         idx--) /* a set's labels come together: mostly the last */
        if (str_equal(str_of(file->sets[idx - 1].name), str_of(name)))
            return &file->sets[idx - 1];
    if (!grow((void **)&file->sets, file->set_count, &file->set_capacity, sizeof *file->sets))
        return NULL;
    char *copy = arena_strdup(file->arena, name);
    if (copy == NULL)
        return NULL;
    struct statfile_label_set *set = &file->sets[file->set_count++];
    *set = (struct statfile_label_set){.name = copy};
    return set;
}

static int handle_label(const char *set_name, readstat_value_t value, const char *label, void *user)
{
    struct scan *scan = user;
    struct statfile *file = scan->file;
    const char *text = keep_text(file, label);
    if (text == NULL || set_name == NULL || set_name[0] == '\0')
        return READSTAT_HANDLER_OK;
    if (++file->label_count > STATFILE_LIMIT_LABELS)
        return stop(&scan->visit, err_set(scan->visit.err, ERR_LIMIT, "more than %d value labels",
                                          STATFILE_LIMIT_LABELS));
    struct statfile_label_set *set = set_of(file, set_name);
    if (set == NULL ||
        !grow((void **)&set->labels, set->count, &set->capacity, sizeof *set->labels))
        return stop(&scan->visit,
                    err_set(scan->visit.err, ERR_MEMORY, "no memory for the value labels"));
    struct statfile_label *entry = &set->labels[set->count];
    *entry = (struct statfile_label){.label = text};
    if (readstat_value_is_tagged_missing(value))
        entry->tag = readstat_value_tag(value);
    else if (readstat_value_type_class(value) == READSTAT_TYPE_CLASS_STRING) {
        entry->is_text = true;
        entry->text = keep_text(file, readstat_string_value(value));
        if (entry->text == NULL) /* the label of blank, which is null */
            return READSTAT_HANDLER_OK;
    } else if (readstat_value_is_system_missing(value))
        return READSTAT_HANDLER_OK;
    else
        entry->number = readstat_double_value(value);
    set->count++;
    return READSTAT_HANDLER_OK;
}

const struct statfile_label_set *statfile_find_set(const struct statfile *file, const char *name,
                                                   size_t *hint)
{
    struct str wanted = str_of(name);
    for (size_t step = 0; step < file->set_count; step++) {
        size_t idx = (*hint + step) % file->set_count;
        if (str_equal_nocase(str_of(file->sets[idx].name), wanted)) {
            *hint = idx + 1;
            return &file->sets[idx];
        }
    }
    /* SAS names the format with its width: "SEXFMT8." or "$ABC." */
    while (wanted.len > 0 &&
           (wanted.ptr[wanted.len - 1] == '.' ||
            (wanted.ptr[wanted.len - 1] >= '0' && wanted.ptr[wanted.len - 1] <= '9')))
        wanted.len--;
    if (file->format == STATFILE_SAS && wanted.len > 0)
        for (size_t idx = 0; idx < file->set_count; idx++)
            if (str_equal_nocase(str_of(file->sets[idx].name), wanted))
                return &file->sets[idx];
    return NULL;
}

static void decide_type(struct statfile_column *column)
{
    bool exact = !column->fractional && !column->large;
    enum data_kind kind = column->calendar.kind;
    if (column->text)
        column->type = DATA_TYPE(TEXT);
    else if (kind == DATA_NULL || (kind == DATA_TIME && column->beyond_day))
        column->type = column->values > 0 && exact ? DATA_TYPE(BIGINT) : DATA_TYPE(DOUBLE);
    else if (kind == DATA_DATE && column->time_part)
        column->type = DATA_TYPE(TIMESTAMP);
    else
        column->type = (struct data_type){.kind = kind};
}

static enum err_code scan_once(struct statfile *file, const struct progress *progress,
                               struct err *err)
{
    AUTO(statfile_stream_close) struct statfile_stream *stream = NULL;
    TRY(statfile_stream_open(&file->place, file->encoding, progress, file->origin, &stream, err));
    readstat_parser_t *parser = statfile_stream_parser(stream);
    readstat_set_metadata_handler(parser, handle_metadata);
    readstat_set_variable_handler(parser, handle_variable);
    readstat_set_value_handler(parser, handle_value);
    readstat_set_value_label_handler(parser, handle_label);
    struct scan scan = {.visit = {.err = err}, .file = file};
    TRY(statfile_stream_parse(stream, file->format, false, &scan.visit, file->origin));
    if (file->stated_rows > file->rows && file->column_count > 0) {
        (void)err_set(err, ERR_INPUT, "the file is cut off: expected %lld rows, found %lld",
                      (long long)file->stated_rows, (long long)file->rows);
        (void)err_hint(err, "export the file again, or copy it again from where it came");
        return err_at(err, file->origin, 0, 0);
    }
    return ERR_OK;
}

static int64_t count_bad_texts(const struct statfile *file)
{
    int64_t count = 0;
    for (size_t idx = 0; idx < file->column_count; idx++)
        count += file->columns[idx].bad_texts;
    return count;
}

enum err_code statfile_scan(struct statfile *file, const struct progress *progress, struct err *err)
{
    TRY(scan_once(file, progress, err));
    if (file->encoding == NULL && count_bad_texts(file) > 0) {
        /* No encoding is stated (transport files never do) and it is not UTF-8: Western European by
         * far most often. */
        forget_contents(file);
        file->encoding = "WINDOWS-1252";
        TRY(scan_once(file, progress, err));
    }
    if (count_bad_texts(file) > 0) {
        (void)err_set(err, ERR_INPUT, "%lld texts are not valid %s",
                      (long long)count_bad_texts(file),
                      file->encoding != NULL ? file->encoding : "UTF-8");
        (void)err_hint(err, "name the text encoding with --encoding, e.g. --encoding shift_jis");
        return err_at(err, file->origin, 0, 0);
    }
    if (file->column_count == 0) {
        (void)err_set(err, ERR_INPUT, "the file has no columns");
        return err_at(err, file->origin, 0, 0);
    }
    for (size_t idx = 0; idx < file->column_count; idx++)
        decide_type(&file->columns[idx]);
    return arena_failed(file->arena) ? err_set(err, ERR_MEMORY, "no memory for %s", file->origin)
                                     : ERR_OK;
}

enum err_code statfile_read_catalog(struct statfile *file, const struct statfile_place *catalog,
                                    struct err *err)
{
    AUTO(statfile_stream_close) struct statfile_stream *stream = NULL;
    TRY(statfile_stream_open(catalog, file->encoding, NULL,
                             catalog->path != NULL ? catalog->path : "catalog", &stream, err));
    readstat_set_value_label_handler(statfile_stream_parser(stream), handle_label);
    struct scan scan = {.visit = {.err = err}, .file = file};
    return statfile_stream_parse(stream, file->format, true, &scan.visit,
                                 catalog->path != NULL ? catalog->path : file->origin);
}
