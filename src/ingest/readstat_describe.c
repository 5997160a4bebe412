/* The schema of a scanned statistics file, with its labels, and the notes that a person should see.
 */
#include "ingest/readstat_priv.h"

#define TWO_POW_53 9007199254740992.0
#define NOTED_TAG_LABELS 40 /* bytes of a tag's label that a note shows */

/* A label's key as the column's values are written. Labels of dates are keyed by the date. */
static void label_key(const struct statfile_column *column, const struct statfile_label *label,
                      struct buf *out)
{
    char scratch[32];
    int64_t us;
    bool integral = label->number >= -TWO_POW_53 && label->number <= TWO_POW_53 &&
                    (double)(int64_t)label->number == label->number;
    if (column->type.kind == DATA_BIGINT && integral)
        buf_printf(out, "%lld", (long long)label->number);
    else if (!data_type_is_temporal(column->type) ||
             !statfile_instant(&column->calendar, label->number, &us))
        buf_puts(out, str_from_double(label->number, scratch));
    else {
        int64_t value = column->type.kind == DATA_DATE ? us / 86400000000LL : us;
        struct data_vector vector = {.type = column->type, .i64 = &value};
        (void)data_value_text(&vector, 0, out);
    }
}

static enum err_code add_labels(const struct statfile *file, const struct statfile_column *column,
                                size_t *hint, struct data_column *target, struct err *err)
{
    const struct statfile_label_set *set =
        column->label_set != NULL ? statfile_find_set(file, column->label_set, hint) : NULL;
    __attribute__((cleanup(auto_buf_done))) struct buf key = BUF_INIT;
    for (size_t idx = 0; set != NULL && idx < set->count; idx++) {
        const struct statfile_label *label = &set->labels[idx];
        if (label->tag != 0 || label->is_text != column->text)
            continue;
        buf_clear(&key);
        if (label->is_text)
            buf_puts(&key, label->text);
        else
            label_key(column, label, &key);
        TRY(buf_check(&key, err));
        TRY(data_schema_add_value_label(target, buf_view(&key), str_of(label->label), err));
    }
    return ERR_OK;
}

static enum err_code copy_text(const char *from, char **ret, struct err *err)
{
    if (from == NULL)
        return ERR_OK;
    *ret = mem_strdup(from);
    return *ret != NULL ? ERR_OK : err_set(err, ERR_MEMORY, "no memory for a schema");
}

enum err_code statfile_schema(const struct statfile *file, struct data_schema *ret, struct err *err)
{
    size_t hint = 0;
    for (size_t idx = 0; idx < file->column_count; idx++) {
        const struct statfile_column *column = &file->columns[idx];
        TRY(data_schema_add(ret, str_of(column->name), column->type, err));
        struct data_column *target = &ret->columns[ret->count - 1];
        TRY(copy_text(column->label, &target->label, err));
        TRY(copy_text(column->format, &target->source_format, err));
        TRY(add_labels(file, column, &hint, target, err));
    }
    int64_t changed = 0;
    return data_schema_name_columns(ret, &changed, err);
}

static const char *tag_label(const struct statfile_label_set *set, size_t tag)
{
    for (size_t idx = 0; set != NULL && idx < set->count; idx++) {
        char found = set->labels[idx].tag;
        if (found == 0)
            continue;
        size_t index = found >= 'a' && found <= 'z'   ? (size_t)(found - 'a')
                       : found >= 'A' && found <= 'Z' ? (size_t)(found - 'A')
                                                      : STATFILE_TAGS - 1;
        if (index == tag)
            return set->labels[idx].label;
    }
    return NULL;
}

/* "column x: 3 values tagged .a (Refused), 1 tagged .b". Labels of tags are metadata, not cells. */
static void note_tags(const struct statfile *file, const struct statfile_column *column,
                      size_t *hint, json_t **notes)
{
    const struct statfile_label_set *set =
        column->label_set != NULL ? statfile_find_set(file, column->label_set, hint) : NULL;
    __attribute__((cleanup(auto_buf_done))) struct buf text = BUF_INIT;
    for (size_t tag = 0; tag < STATFILE_TAGS; tag++) {
        const char *label = tag_label(set, tag);
        if (column->tagged[tag] == 0)
            continue;
        char letter = tag == STATFILE_TAGS - 1
                          ? '_'
                          : (char)((file->format == STATFILE_DTA ? 'a' : 'A') + (int)tag);
        buf_printf(&text, "%s%lld value%s tagged .%c", text.len > 0 ? ", " : "",
                   (long long)column->tagged[tag], column->tagged[tag] == 1 ? "" : "s", letter);
        if (label != NULL)
            buf_printf(
                &text, " (%.*s)",
                (int)str_utf8_valid_prefix((struct str){label, strnlen(label, NOTED_TAG_LABELS)}),
                label);
    }
    if (text.len > 0 && !text.failed)
        ingest_note(notes, "tagged_missing", "column %s: %s; read as null", column->name,
                    buf_text(&text));
}

void statfile_notes(const struct statfile *file, json_t **notes)
{
    size_t hint = 0;
    if (file->encoding != NULL)
        ingest_note(notes, "encoding", "texts were read as %s", file->encoding);
    for (size_t idx = 0; idx < file->column_count; idx++) {
        const struct statfile_column *column = &file->columns[idx];
        note_tags(file, column, &hint, notes);
        if (column->declared_missing > 0)
            ingest_note(notes, "tagged_missing",
                        "column %s: %lld value%s declared missing (%s); read as null", column->name,
                        (long long)column->declared_missing,
                        column->declared_missing == 1 ? "" : "s",
                        column->missing_ranges != NULL ? column->missing_ranges : "a range");
        if (column->calendar.period != NULL)
            ingest_note(notes, "period_number", "column %s counts %s and is kept as a number",
                        column->name, column->calendar.period);
        if (column->calendar.kind == DATA_TIME && column->type.kind != DATA_TIME)
            ingest_note(notes, "duration_seconds",
                        "column %s holds times beyond one day; kept as a number of seconds",
                        column->name);
        if (column->calendar.kind == DATA_DATE && column->type.kind == DATA_TIMESTAMP)
            ingest_note(notes, "date_with_time",
                        "column %s has a date format but some values have a time of day; kept as "
                        "timestamps",
                        column->name);
        if (column->cut_texts > 0)
            ingest_note(notes, "truncated_character",
                        "column %s: %lld texts end in a character that the field cut in half; it "
                        "was dropped",
                        column->name, (long long)column->cut_texts);
    }
}
