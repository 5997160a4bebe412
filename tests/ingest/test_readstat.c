/* Readers of SPSS, Stata and SAS: files are written with ReadStat's writer, and every value, label
 * and date is checked; the shared sets check files that the programs themselves wrote. */
#include "reader_kit.h"

#include <fcntl.h>
#include <math.h>
#include <readstat.h>

enum kit_kind { KIT_SAV, KIT_ZSAV, KIT_POR, KIT_DTA, KIT_SAS, KIT_XPT };

static ssize_t write_bytes(const void *bytes, size_t count, void *user)
{
    return write(*(int *)user, bytes, count);
}

struct kit_writer {
    readstat_writer_t *writer;
    int fd;
    char path[FILE_PATH_BYTES];
};

static void writer_open(struct kit_writer *kit, const char *name)
{
    (void)snprintf(kit->path, sizeof kit->path, "%s/%s", kit_directory(), name);
    kit->fd = open(kit->path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    assert_true(kit->fd >= 0);
    kit->writer = readstat_writer_init();
    assert_int_equal(readstat_set_data_writer(kit->writer, write_bytes), READSTAT_OK);
}

static void writer_begin(struct kit_writer *kit, enum kit_kind kind, long rows)
{
    readstat_error_t code = READSTAT_OK;
    switch (kind) {
    case KIT_SAV:
        code = readstat_begin_writing_sav(kit->writer, &kit->fd, rows);
        break;
    case KIT_ZSAV:
        readstat_writer_set_compression(kit->writer, READSTAT_COMPRESS_BINARY);
        code = readstat_begin_writing_sav(kit->writer, &kit->fd, rows);
        break;
    case KIT_POR:
        code = readstat_begin_writing_por(kit->writer, &kit->fd, rows);
        break;
    case KIT_DTA:
        code = readstat_begin_writing_dta(kit->writer, &kit->fd, rows);
        break;
    case KIT_SAS:
        code = readstat_begin_writing_sas7bdat(kit->writer, &kit->fd, rows);
        break;
    case KIT_XPT:
        code = readstat_begin_writing_xport(kit->writer, &kit->fd, rows);
        break;
    }
    assert_int_equal(code, READSTAT_OK);
}

static void writer_close(struct kit_writer *kit)
{
    assert_int_equal(readstat_end_writing(kit->writer), READSTAT_OK);
    readstat_writer_free(kit->writer);
    close(kit->fd);
}

static readstat_variable_t *number(struct kit_writer *kit, const char *name, const char *format)
{
    readstat_variable_t *variable =
        readstat_add_variable(kit->writer, name, READSTAT_TYPE_DOUBLE, 0);
    if (format != NULL)
        readstat_variable_set_format(variable, format);
    return variable;
}

/* One row of numbers; NAN = system missing. */
static void number_row(struct kit_writer *kit, const double *values, int count)
{
    assert_int_equal(readstat_begin_row(kit->writer), READSTAT_OK);
    for (int idx = 0; idx < count; idx++) {
        readstat_variable_t *variable = readstat_get_variable(kit->writer, idx);
        assert_int_equal(isnan(values[idx])
                             ? readstat_insert_missing_value(kit->writer, variable)
                             : readstat_insert_double_value(kit->writer, variable, values[idx]),
                         READSTAT_OK);
    }
    assert_int_equal(readstat_end_row(kit->writer), READSTAT_OK);
}

static struct ingest_set *must_open(const struct ingest_format *format, const char *path)
{
    struct ingest_set *set = NULL;
    struct err err = {0};
    kit_must(kit_open(format, path, NULL, -1, &set, &err), &err);
    return set;
}

static void spss_kinds(enum kit_kind kind, const char *name, const struct ingest_format *format)
{
    struct kit_writer kit;
    writer_open(&kit, name);
    readstat_label_set_t *labels = readstat_add_label_set(kit.writer, READSTAT_TYPE_DOUBLE, "SEXL");
    readstat_label_double_value(labels, 1, "male");
    readstat_label_double_value(
        labels, 2, kind == KIT_POR ? "female" : "weiblich, groß"); /* its writer knows no umlaut */
    readstat_variable_t *sex = number(&kit, "SEX", "F8.0");
    readstat_variable_set_label(sex, "Sex at birth");
    readstat_variable_set_label_set(sex, labels);
    number(&kit, "WEIGHT", "F8.2");
    readstat_variable_t *text = readstat_add_variable(kit.writer, "NAME", READSTAT_TYPE_STRING, 20);
    writer_begin(&kit, kind, 3);
    const double weights[] = {70.5, kind == KIT_POR ? 12500 : 1e300, NAN};
    const char *names[] = {"Müller", "   ", "0389  "};
    for (int row = 0; row < 3; row++) {
        readstat_begin_row(kit.writer);
        readstat_insert_double_value(kit.writer, sex, row % 2 + 1);
        if (isnan(weights[row]))
            readstat_insert_missing_value(kit.writer, readstat_get_variable(kit.writer, 1));
        else
            readstat_insert_double_value(kit.writer, readstat_get_variable(kit.writer, 1),
                                         weights[row]);
        readstat_insert_string_value(kit.writer, text,
                                     kind == KIT_POR && row == 0 ? "Mueller" : names[row]);
        assert_int_equal(readstat_end_row(kit.writer), READSTAT_OK);
    }
    writer_close(&kit);
    struct ingest_set *set = must_open(format, kit.path);
    assert_int_equal(ingest_source_count(set), 1);
    const struct data_source *source = ingest_source(set, 0);
    assert_false(source->text_columns);
    if (kind != KIT_POR) {
        kit_expect_schema(
            &source->schema,
            "SEX:bigint=Sex at birth{1=male,2=weiblich, groß};WEIGHT:double;NAME:text");
        kit_expect_rows(source, "1|70.5|Müller\n2|1e300|~\n1|~|0389\n");
    } else {
        kit_expect_schema(&source->schema,
                          "SEX:bigint=Sex at birth{1=male,2=female};WEIGHT:double;NAME:text");
        kit_expect_rows(source, "1|70.5|Mueller\n2|12500|~\n1|~|0389\n");
    }
    ingest_close(set);
}

static void spss_file_keeps_values_labels_and_umlauts(void **state)
{
    (void)state;
    spss_kinds(KIT_SAV, "a.sav", &ingest_format_spss);
    spss_kinds(KIT_ZSAV, "a.zsav", &ingest_format_spss);
}

static void spss_portable_file_keeps_values(void **state)
{
    (void)state;
    spss_kinds(KIT_POR, "a.por", &ingest_format_spss_portable);
}

static void spss_dates_and_times_are_exact(void **state)
{
    (void)state;
    struct kit_writer kit;
    writer_open(&kit, "dates.sav");
    const char *formats[] = {"DATE11",       "ADATE10", "EDATE10", "SDATE10",
                             "DATETIME23.2", "TIME8",   "TIME12",  "DATE11"};
    for (int idx = 0; idx < 8; idx++) {
        char name[8];
        (void)snprintf(name, sizeof name, "D%d", idx);
        number(&kit, name, formats[idx]);
    }
    writer_begin(&kit, KIT_SAV, 2);
    const double day = 86400, unix_epoch = 141428 * day;
    number_row(&kit,
               (double[]){unix_epoch, unix_epoch - day, 0, unix_epoch + 20478 * day,
                          unix_epoch + 0.1, 86399.5, 90000, unix_epoch + 60},
               8);
    number_row(&kit,
               (double[]){NAN, unix_epoch - 40000 * day, day, unix_epoch, unix_epoch - 0.25, 0, 1,
                          unix_epoch},
               8);
    writer_close(&kit);
    struct ingest_set *set = must_open(&ingest_format_spss, kit.path);
    const struct data_source *source = ingest_source(set, 0);
    kit_expect_schema(
        &source->schema,
        "D0:date;D1:date;D2:date;D3:date;D4:timestamp;D5:time;D6:bigint;D7:timestamp");
    kit_expect_rows(source, "1970-01-01|1969-12-31|1582-10-14|2026-01-25|1970-01-01 "
                            "00:00:00.100000|23:59:59.500000|90000|1970-01-01 00:01:00\n"
                            "~|1860-06-26|1582-10-15|1970-01-01|1969-12-31 "
                            "23:59:59.750000|00:00:00|1|1970-01-01 00:00:00\n");
    assert_non_null(kit_note(source, "duration_seconds", 0));
    assert_non_null(kit_note(source, "date_with_time", 0));
    ingest_close(set);
}

static void integral_numbers_are_bigint_up_to_2_to_the_53(void **state)
{
    (void)state;
    struct kit_writer kit;
    writer_open(&kit, "numbers.sav");
    number(&kit, "A", NULL);
    number(&kit, "B", NULL);
    number(&kit, "C", NULL);
    number(&kit, "D", NULL);
    writer_begin(&kit, KIT_SAV, 2);
    number_row(&kit, (double[]){9007199254740992.0, 9007199254740994.0, -3, NAN}, 4);
    number_row(&kit, (double[]){-0.0, 1, 0.5, NAN}, 4);
    writer_close(&kit);
    struct ingest_set *set = must_open(&ingest_format_spss, kit.path);
    kit_expect_schema(&ingest_source(set, 0)->schema, "A:bigint;B:double;C:double;D:double");
    kit_expect_rows(ingest_source(set, 0), "9007199254740992|9007199254740994|-3|~\n0|1|0.5|~\n");
    ingest_close(set);
}

static void spss_declared_missing_values_are_null_and_counted(void **state)
{
    (void)state;
    struct kit_writer kit;
    writer_open(&kit, "missing.sav");
    readstat_variable_t *age = number(&kit, "AGE", NULL);
    readstat_variable_add_missing_double_value(age, 999);
    readstat_variable_add_missing_double_range(age, -9, -7);
    writer_begin(&kit, KIT_SAV, 5);
    for (int row = 0; row < 5; row++)
        number_row(&kit, (double[]){(double[]){40, 999, -8, -10, NAN}[row]}, 1);
    writer_close(&kit);
    struct ingest_set *set = must_open(&ingest_format_spss, kit.path);
    kit_expect_rows(ingest_source(set, 0), "40\n~\n~\n-10\n~\n");
    const char *note = kit_note(ingest_source(set, 0), "tagged_missing", 0);
    assert_non_null(note);
    assert_non_null(strstr(note, "AGE: 2 values"));
    assert_non_null(strstr(note, "999"));
    assert_non_null(strstr(note, "-9 to -7"));
    ingest_close(set);
}

static void stata_file_keeps_types_dates_and_tags(void **state)
{
    (void)state;
    struct kit_writer kit;
    writer_open(&kit, "a.dta");
    readstat_label_set_t *labels = readstat_add_label_set(kit.writer, READSTAT_TYPE_INT32, "yesno");
    readstat_label_int32_value(labels, 0, "no");
    readstat_label_int32_value(labels, 1, "yes");
    readstat_label_tagged_value(labels, 'a', "refused");
    readstat_variable_t *flag = readstat_add_variable(kit.writer, "flag", READSTAT_TYPE_INT32, 0);
    readstat_variable_set_label_set(flag, labels);
    const char *formats[] = {"%td", "%tc", "%tC", "%tm", "%tq", "%ty", "%tw", "%9.0g"};
    readstat_variable_t *dates[8];
    for (int idx = 0; idx < 8; idx++) {
        char name[8];
        (void)snprintf(name, sizeof name, "d%d", idx);
        dates[idx] = number(&kit, name, formats[idx]);
    }
    writer_begin(&kit, KIT_DTA, 3);
    const double leap = (17167.0 + 3653) * 86400000 + 27000; /* 2017-01-01, after 27 leap seconds */
    const double rows[3][8] = {{0, 1500, leap, 792, 264, 2026, 3432, 0.5},
                               {-1, -1, -1, -1, -1, 1959, -1, 1},
                               {24131, 2084918400000.0, 1, 0, 0, 0, 0, NAN}};
    for (int row = 0; row < 3; row++) {
        readstat_begin_row(kit.writer);
        if (row == 2)
            readstat_insert_tagged_missing_value(kit.writer, flag, 'a');
        else
            readstat_insert_int32_value(kit.writer, flag, row);
        for (int idx = 0; idx < 8; idx++)
            if (isnan(rows[row][idx]))
                readstat_insert_missing_value(kit.writer, dates[idx]);
            else
                readstat_insert_double_value(kit.writer, dates[idx], rows[row][idx]);
        assert_int_equal(readstat_end_row(kit.writer), READSTAT_OK);
    }
    writer_close(&kit);
    struct ingest_set *set = must_open(&ingest_format_stata, kit.path);
    const struct data_source *source = ingest_source(set, 0);
    kit_expect_schema(&source->schema, "flag:bigint{0=no,1=yes};d0:date;d1:timestamp;d2:timestamp;"
                                       "d3:bigint;d4:bigint;d5:bigint;d6:bigint;d7:double");
    kit_expect_rows(
        source,
        "0|1960-01-01|1960-01-01 00:00:01.500000|2017-01-01 00:00:00|792|264|2026|3432|0.5\n"
        "1|1959-12-31|1959-12-31 23:59:59.999000|1959-12-31 23:59:59.999000|-1|-1|1959|-1|1\n"
        "~|2026-01-25|2026-01-25 00:00:00|1960-01-01 00:00:00.001000|0|0|0|0|~\n");
    assert_string_equal(kit_note(source, "tagged_missing", 0),
                        "column flag: 1 value tagged .a (refused); read as null");
    assert_non_null(strstr(kit_note(source, "period_number", 0), "months since 1960m1"));
    assert_string_equal(source->schema.columns[1].source_format, "%td");
    ingest_close(set);
}

static void sas_kinds(enum kit_kind kind, const char *name, const struct ingest_format *format)
{
    struct kit_writer kit;
    writer_open(&kit, name);
    const char *formats[] = {"DATE9",     "DATETIME22", "TIME8",    "YYMMDD10",
                             "E8601DT19", "BEST12",     "MMDDYY10", "E8601DA10"};
    for (int idx = 0; idx < 8; idx++) {
        char column[8];
        (void)snprintf(column, sizeof column, "D%d", idx);
        number(&kit, column, formats[idx]);
    }
    readstat_variable_set_label(readstat_get_variable(kit.writer, 0), "Date of birth");
    readstat_add_variable(kit.writer, "T", READSTAT_TYPE_STRING, 8);
    writer_begin(&kit, kind, 3);
    const double rows[3][8] = {{-1, -0.5, 3661, 24131, 0, 1.5, -100, 0},
                               {0, 1, 0, NAN, 86400, 2, 0, 1},
                               {NAN, 2082758400, 86399, 0, 1, 3, 1, 2}};
    for (int row = 0; row < 3; row++) {
        readstat_begin_row(kit.writer);
        for (int idx = 0; idx < 8; idx++) {
            readstat_variable_t *variable = readstat_get_variable(kit.writer, idx);
            if (isnan(rows[row][idx]) && idx == 3)
                readstat_insert_tagged_missing_value(kit.writer, variable, 'B');
            else if (isnan(rows[row][idx]))
                readstat_insert_missing_value(kit.writer, variable);
            else
                readstat_insert_double_value(kit.writer, variable, rows[row][idx]);
        }
        readstat_insert_string_value(kit.writer, readstat_get_variable(kit.writer, 8),
                                     row == 1 ? "" : " 007");
        assert_int_equal(readstat_end_row(kit.writer), READSTAT_OK);
    }
    writer_close(&kit);
    struct ingest_set *set = must_open(format, kit.path);
    const struct data_source *source = ingest_source(set, 0);
    kit_expect_schema(
        &source->schema,
        "D0:date=Date of "
        "birth;D1:timestamp;D2:time;D3:date;D4:timestamp;D5:double;D6:date;D7:date;T:text");
    kit_expect_rows(
        source,
        "1959-12-31|1959-12-31 23:59:59.500000|01:01:01|2026-01-25|1960-01-01 "
        "00:00:00|1.5|1959-09-23|1960-01-01| 007\n"
        "1960-01-01|1960-01-01 00:00:01|00:00:00|~|1960-01-02 00:00:00|2|1960-01-01|1960-01-02|~\n"
        "~|2025-12-31 00:00:00|23:59:59|1960-01-01|1960-01-01 00:00:01|3|1960-01-02|1960-01-03| "
        "007\n");
    assert_string_equal(kit_note(source, "tagged_missing", 0),
                        "column D3: 1 value tagged .B; read as null");
    ingest_close(set);
}

static void sas_file_keeps_dates_times_and_tags(void **state)
{
    (void)state;
    sas_kinds(KIT_SAS, "a.sas7bdat", &ingest_format_sas);
}

static void sas_transport_file_keeps_dates_times_and_tags(void **state)
{
    (void)state;
    sas_kinds(KIT_XPT, "a.xpt", &ingest_format_sas_transport);
}

static void write_member(struct kit_writer *kit, const char *file, const char *table, double value)
{
    writer_open(kit, file);
    assert_int_equal(readstat_writer_set_file_format_version(kit->writer, 5), READSTAT_OK);
    assert_int_equal(readstat_writer_set_table_name(kit->writer, table), READSTAT_OK);
    number(kit, "X", NULL);
    writer_begin(kit, KIT_XPT, 2);
    number_row(kit, &value, 1);
    value += 0.5;
    number_row(kit, &value, 1);
    writer_close(kit);
}

static void every_member_of_a_transport_library_is_a_table(void **state)
{
    (void)state;
    struct kit_writer first, second;
    struct err err = {0};
    write_member(&first, "one.xpt", "DM", 1);
    write_member(&second, "two.xpt", "AE", 10);
    struct buf bytes = BUF_INIT, more = BUF_INIT;
    kit_must(file_read(first.path, 0, &bytes, &err), &err);
    kit_must(file_read(second.path, 0, &more, &err), &err);
    buf_add(&bytes, more.ptr + 240,
            more.len - 240); /* the second library's member, without its library header */
    char path[FILE_PATH_BYTES];
    kit_must(file_path_join(kit_directory(), "both.xpt", path, &err), &err);
    kit_must(file_write_new(path, buf_view(&bytes), &err), &err);
    struct ingest_set *set = must_open(&ingest_format_sas_transport, path);
    assert_int_equal(ingest_source_count(set), 2);
    assert_string_equal(ingest_source(set, 0)->name, "DM");
    assert_string_equal(ingest_source(set, 1)->name, "AE");
    kit_expect_rows(ingest_source(set, 0), "1\n1.5\n");
    kit_expect_rows(ingest_source(set, 1), "10\n10.5\n");
    ingest_close(set);
    buf_done(&bytes);
    buf_done(&more);
}

static void date_beyond_the_calendar_rejects_its_row_only(void **state)
{
    (void)state;
    struct kit_writer kit;
    writer_open(&kit, "beyond.sav");
    number(&kit, "D", "DATE11");
    number(&kit, "X", NULL);
    writer_begin(&kit, KIT_SAV, 3);
    number_row(&kit, (double[]){0, 1}, 2);
    number_row(&kit, (double[]){1e15, 2}, 2);
    number_row(&kit, (double[]){86400, 3}, 2);
    writer_close(&kit);
    struct ingest_set *set = must_open(&ingest_format_spss, kit.path);
    struct kit_rows rows = {0};
    struct err err = {0};
    kit_must(kit_push(ingest_source(set, 0), &rows, &err), &err);
    assert_string_equal(buf_text(&rows.text), "1582-10-14|1\n1582-10-15|3\n");
    assert_string_equal(buf_text(&rows.rejects), "2 D 1e15\n");
    kit_rows_done(&rows);
    ingest_close(set);
}

static void many_rows_come_in_full_batches_and_a_failing_sink_stops_them(void **state)
{
    (void)state;
    struct kit_writer kit;
    writer_open(&kit, "many.sav");
    number(&kit, "X", NULL);
    writer_begin(&kit, KIT_SAV, 5000);
    for (int row = 0; row < 5000; row++)
        number_row(&kit, (double[]){row}, 1);
    writer_close(&kit);
    struct ingest_set *set = must_open(&ingest_format_spss, kit.path);
    struct kit_rows rows = {0}, failing = {.fail_at_batch = 2};
    struct err err = {0};
    kit_must(kit_push(ingest_source(set, 0), &rows, &err), &err);
    assert_int_equal(rows.rows, 5000);
    assert_int_equal(rows.batches, 3);
    assert_int_equal(kit_push(ingest_source(set, 0), &failing, &err), ERR_FAILED);
    assert_string_equal(err.message, "the sink is full");
    kit_rows_done(&rows);
    kit_rows_done(&failing);
    ingest_close(set);
}

/* Cut the file to each of some lengths: never a crash, never a short table taken for whole. */
static void cut_file_is_refused(void **state)
{
    (void)state;
    struct kit_writer kit;
    writer_open(&kit, "cut.dta");
    number(&kit, "x", NULL);
    writer_begin(&kit, KIT_DTA, 200);
    for (int row = 0; row < 200; row++)
        number_row(&kit, (double[]){row}, 1);
    writer_close(&kit);
    struct buf bytes = BUF_INIT;
    struct err err = {0};
    kit_must(file_read(kit.path, 0, &bytes, &err), &err);
    char path[FILE_PATH_BYTES];
    kit_must(file_path_join(kit_directory(), "cut_short.dta", path, &err), &err);
    for (size_t length = 20; length < bytes.len; length += bytes.len / 13) {
        kit_must(file_remove(path, &err), &err);
        kit_must(file_write_new(path, (struct str){bytes.ptr, length}, &err), &err);
        struct ingest_set *set = NULL;
        enum err_code code = kit_open(&ingest_format_stata, path, NULL, -1, &set, &err);
        if (code == ERR_OK) { /* only what follows the rows may be lost */
            struct kit_rows rows = {0};
            kit_must(kit_push(ingest_source(set, 0), &rows, &err), &err);
            assert_int_equal(rows.rows, 200);
            kit_rows_done(&rows);
        } else {
            assert_int_equal(code, ERR_INPUT);
            assert_true(err.message[0] != '\0' && err.hint[0] != '\0');
        }
        ingest_close(set);
    }
    buf_done(&bytes);
}

static void unknown_encoding_is_said_with_the_option_that_helps(void **state)
{
    (void)state;
    struct kit_writer kit;
    writer_open(&kit, "enc.dta");
    readstat_add_variable(kit.writer, "t", READSTAT_TYPE_STRING, 4);
    writer_begin(&kit, KIT_DTA, 1);
    readstat_begin_row(kit.writer);
    readstat_insert_string_value(kit.writer, readstat_get_variable(kit.writer, 0), "a");
    readstat_end_row(kit.writer);
    writer_close(&kit);
    struct ingest_set *set = NULL;
    struct err err = {0};
    assert_int_equal(kit_open(&ingest_format_stata, kit.path, "no-such-charset", -1, &set, &err),
                     ERR_INPUT);
    assert_non_null(strstr(err.hint, "--encoding"));
    ingest_close(set);
}

static void transport_text_that_is_not_utf8_is_read_as_windows_1252(void **state)
{
    (void)state;
    struct kit_writer kit;
    writer_open(&kit, "latin.xpt");
    readstat_add_variable(kit.writer, "T", READSTAT_TYPE_STRING, 8);
    writer_begin(&kit, KIT_XPT, 1);
    readstat_begin_row(kit.writer);
    readstat_insert_string_value(kit.writer, readstat_get_variable(kit.writer, 0), "M\xfcller");
    readstat_end_row(kit.writer);
    writer_close(&kit);
    struct ingest_set *set = must_open(&ingest_format_sas_transport, kit.path);
    kit_expect_rows(ingest_source(set, 0), "Müller\n");
    assert_non_null(strstr(kit_note(ingest_source(set, 0), "encoding", 0), "WINDOWS-1252"));
    ingest_close(set);
}

static int64_t shared_rows(const char *folder, const char *name, const struct ingest_format *format,
                           size_t *ret_columns, struct buf *ret_text)
{
    char path[FILE_PATH_BYTES];
    struct err err = {0};
    kit_must(file_path_join(folder, name, path, &err), &err);
    struct ingest_set *set = must_open(format, path);
    struct kit_rows rows = {0};
    kit_must(kit_push(ingest_source(set, 0), &rows, &err), &err);
    if (ret_columns != NULL)
        *ret_columns = ingest_source(set, 0)->schema.count;
    if (ret_text != NULL)
        buf_add_str(ret_text, buf_view(&rows.text));
    int64_t count = rows.rows;
    kit_rows_done(&rows);
    ingest_close(set);
    return count;
}

static void files_of_the_programs_themselves_are_read(void **state)
{
    (void)state;
    char folder[FILE_PATH_BYTES];
    if (!kit_shared("statfiles", folder))
        return;
    struct buf text = BUF_INIT;
    assert_int_equal(shared_rows(folder, "sas/iris.sas7bdat", &ingest_format_sas, NULL, NULL), 150);
    assert_int_equal(shared_rows(folder, "spss/iris.sav", &ingest_format_spss, NULL, NULL), 150);
    assert_int_equal(shared_rows(folder, "stata/iris.dta", &ingest_format_stata, NULL, NULL), 150);
    assert_int_equal(shared_rows(folder, "stata/lbw.dta", &ingest_format_stata, NULL, NULL), 189);
    (void)shared_rows(folder, "spss/umlauts.sav", &ingest_format_spss, NULL, &text);
    assert_true(str_utf8_valid_prefix(buf_view(&text)) == text.len);
    buf_clear(&text);
    (void)shared_rows(folder, "sas/datetime.sas7bdat", &ingest_format_sas, NULL, &text);
    assert_non_null(strstr(buf_text(&text), "2015-02-02"));
    buf_done(&text);
    char path[FILE_PATH_BYTES];
    struct err err = {0};
    kit_must(file_path_join(folder, "sas/tagged-na.sas7bdat", path, &err), &err);
    struct ingest_set *set = must_open(&ingest_format_sas, path);
    assert_non_null(kit_note(ingest_source(set, 0), "catalog", 0));
    assert_non_null(kit_note(ingest_source(set, 0), "tagged_missing", 0));
    ingest_close(set);
    kit_must(file_path_join(folder, "sas/hadley.sas7bdat", path, &err), &err);
    set = must_open(&ingest_format_sas, path);
    size_t labelled = 0;
    for (size_t idx = 0; idx < ingest_source(set, 0)->schema.count; idx++)
        labelled += ingest_source(set, 0)->schema.columns[idx].value_label_count > 0;
    assert_true(labelled > 0);
    ingest_close(set);
}

/* The same data as csv, behind a column of row names: every cell must agree (NA = null; numbers as
 * numbers). */
static void compare_with_csv(struct str rows, struct str csv)
{
    size_t row_at = 0, csv_at = 0;
    int64_t cells = 0;
    bool line_start = true;
    const char *end = memchr(csv.ptr, '\n', csv.len);
    csv_at = (size_t)(end - csv.ptr) + 1;
    while (csv_at < csv.len) {
        while (line_start && csv.ptr[csv_at++] != ',') {
        }
        struct str a = {rows.ptr + row_at, 0}, b = {csv.ptr + csv_at, 0};
        while (row_at + a.len < rows.len && a.ptr[a.len] != '|' && a.ptr[a.len] != '\n')
            a.len++;
        while (csv_at + b.len < csv.len && b.ptr[b.len] != ',' && b.ptr[b.len] != '\n')
            b.len++;
        assert_true(row_at + a.len < rows.len);
        line_start = csv_at + b.len >= csv.len || b.ptr[b.len] == '\n';
        assert_int_equal(a.ptr[a.len] == '\n', line_start);
        struct str csv_cell =
            b.len >= 2 && b.ptr[0] == '"' ? (struct str){b.ptr + 1, b.len - 2} : b;
        double x, y;
        if (str_equal(csv_cell, STR("NA")) || csv_cell.len == 0)
            assert_true(str_equal(a, STR("~")));
        else if (str_to_double(csv_cell, &y)) {
            assert_true(str_to_double(a, &x));
            assert_true(x == y);
        } else
            assert_true(str_equal(a, csv_cell));
        row_at += a.len + 1;
        csv_at += b.len + 1;
        if (b.len > 0 && b.ptr[b.len - 1] == '\r')
            fail_msg("the csv has carriage returns");
        cells++;
    }
    assert_true(cells > 8000);
    assert_int_equal(row_at, rows.len);
}

static void pbc_as_spss_and_stata_equals_pbc_as_csv(void **state)
{
    (void)state;
    char derived[FILE_PATH_BYTES], single[FILE_PATH_BYTES], path[FILE_PATH_BYTES];
    if (!kit_shared("derived_statfiles", derived) || !kit_shared("single", single))
        return;
    struct err err = {0};
    struct buf csv = BUF_INIT;
    kit_must(file_path_join(single, "pbc.csv", path, &err), &err);
    kit_must(file_read(path, 0, &csv, &err), &err);
    const struct {
        const char *name;
        const struct ingest_format *format;
    } files[] = {{"pbc.sav", &ingest_format_spss},
                 {"pbc_zsav.zsav", &ingest_format_spss},
                 {"pbc_v118.dta", &ingest_format_stata}};
    for (size_t idx = 0; idx < 3; idx++) {
        struct buf text = BUF_INIT;
        assert_int_equal(shared_rows(derived, files[idx].name, files[idx].format, NULL, &text),
                         418);
        compare_with_csv(buf_view(&text), buf_view(&csv));
        buf_done(&text);
    }
    assert_int_equal(shared_rows(derived, "colon_v5.xpt", &ingest_format_sas_transport, NULL, NULL),
                     1858);
    buf_done(&csv);
}

static void sdtm_transport_files_have_their_known_row_counts(void **state)
{
    (void)state;
    char folder[FILE_PATH_BYTES], command[FILE_PATH_BYTES * 2];
    if (!kit_shared("cdisc_pilot_sdtm", folder))
        return;
    (void)snprintf(command, sizeof command,
                   "cd '%s' && bsdtar -xf cdiscpilot_update2.zip 2>/dev/null || unzip -q -o "
                   "cdiscpilot_update2.zip",
                   folder);
    if (system(command) != 0) {
        print_message("SKIPPED: neither bsdtar nor unzip to unpack the SDTM archive\n");
        return;
    }
    const struct {
        const char *name;
        int64_t rows;
    } files[] = {{"SDTM/dm.xpt", 306},
                 {"SDTM/cm.xpt", 7510},
                 {"SDTM/lbch.xpt", 32740},
                 {"SDTM/qsni.xpt", 71200},
                 {"SDTM/vs.xpt", 29643}};
    for (size_t idx = 0; idx < sizeof files / sizeof *files; idx++)
        assert_int_equal(
            shared_rows(folder, files[idx].name, &ingest_format_sas_transport, NULL, NULL),
            files[idx].rows);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(spss_file_keeps_values_labels_and_umlauts),
        cmocka_unit_test(spss_portable_file_keeps_values),
        cmocka_unit_test(spss_dates_and_times_are_exact),
        cmocka_unit_test(integral_numbers_are_bigint_up_to_2_to_the_53),
        cmocka_unit_test(spss_declared_missing_values_are_null_and_counted),
        cmocka_unit_test(stata_file_keeps_types_dates_and_tags),
        cmocka_unit_test(sas_file_keeps_dates_times_and_tags),
        cmocka_unit_test(sas_transport_file_keeps_dates_times_and_tags),
        cmocka_unit_test(every_member_of_a_transport_library_is_a_table),
        cmocka_unit_test(date_beyond_the_calendar_rejects_its_row_only),
        cmocka_unit_test(many_rows_come_in_full_batches_and_a_failing_sink_stops_them),
        cmocka_unit_test(cut_file_is_refused),
        cmocka_unit_test(unknown_encoding_is_said_with_the_option_that_helps),
        cmocka_unit_test(transport_text_that_is_not_utf8_is_read_as_windows_1252),
        cmocka_unit_test(files_of_the_programs_themselves_are_read),
        cmocka_unit_test(pbc_as_spss_and_stata_equals_pbc_as_csv),
        cmocka_unit_test(sdtm_transport_files_have_their_known_row_counts),
    };
    return cmocka_run_group_tests_name("readstat", tests, NULL, kit_remove_directory);
}
