/* Archives: what is taken, what is refused, and that nothing leaves the staging directory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <archive.h>
#include <archive_entry.h>
#include <unistd.h>

#include "ingest/golden.h"
#include "ingest/parts_priv.h"

struct place {
    char directory[FILE_PATH_BYTES], staging[FILE_PATH_BYTES], path[FILE_PATH_BYTES];
};

static int set_up(void **state)
{
    struct err err = {0};
    struct place *place = mem_zalloc(1, sizeof *place);
    if (place == NULL ||
        file_make_staging("/tmp", "marrow-archive", place->directory, &err) != ERR_OK ||
        file_path_join(place->directory, "staging", place->staging, &err) != ERR_OK ||
        file_path_join(place->directory, "study.zip", place->path, &err) != ERR_OK ||
        file_make_directory(place->staging, &err) != ERR_OK)
        return -1;
    *state = place;
    return 0;
}

static int tear_down(void **state)
{
    struct err err = {0};
    struct place *place = *state;
    int code = file_remove_tree(place->directory, &err) == ERR_OK ? 0 : -1;
    mem_free(place);
    return code;
}

struct writer {
    struct archive *archive;
};

static struct writer begin(const struct place *place, bool zip)
{
    struct writer writer = {archive_write_new()};
    if (zip)
        archive_write_set_format_zip(writer.archive);
    else
        archive_write_set_format_pax_restricted(writer.archive);
    assert_int_equal(archive_write_open_filename(writer.archive, place->path), ARCHIVE_OK);
    return writer;
}

static void add(struct writer *writer, const char *name, const void *bytes, size_t count,
                const char *link)
{
    struct archive_entry *entry = archive_entry_new();
    archive_entry_set_pathname(entry, name);
    archive_entry_set_perm(entry, 0644);
    archive_entry_set_filetype(entry, link != NULL ? AE_IFLNK : AE_IFREG);
    if (link != NULL)
        archive_entry_set_symlink(entry, link);
    archive_entry_set_size(entry, link != NULL ? 0 : (la_int64_t)count);
    assert_true(archive_write_header(writer->archive, entry) >= ARCHIVE_WARN);
    if (count > 0 && link == NULL)
        assert_int_equal(archive_write_data(writer->archive, bytes, count), count);
    archive_entry_free(entry);
}

static void end(struct writer *writer)
{
    assert_int_equal(archive_write_close(writer->archive), ARCHIVE_OK);
    archive_write_free(writer->archive);
}

static enum err_code open_path(const struct place *place, int64_t total, struct ingest_set **ret,
                               struct err *err)
{
    struct ingest_options options = {
        .staging_directory = place->staging, .header = -1, .total_bytes = total};
    const char *paths[] = {place->path};
    return ingest_open(paths, 1, &options, ret, err);
}

static void refused(const struct place *place, enum err_code code, const char *words)
{
    struct err err = {0};
    struct ingest_set *set = NULL;
    assert_int_equal(open_path(place, 0, &set, &err), code);
    assert_null(set);
    if (strstr(err.message, words) == NULL)
        fail_msg("message \"%s\" lacks \"%s\"", err.message, words);
    assert_true(err.source[0] != '\0');
}

static const char table[] = "id,name\n1,Ann\n2,Bob\n";

static void members_become_tables_and_the_rest_is_listed(void **state)
{
    struct place *place = *state;
    struct writer writer = begin(place, true);
    add(&writer, "data/labs.csv", table, sizeof table - 1, NULL);
    add(&writer, "data/README.txt", "words", 5, NULL);
    add(&writer, "__MACOSX/data/._labs.csv", "xx", 2, NULL);
    add(&writer, "grün/a b.csv", table, sizeof table - 1, NULL);
    end(&writer);
    struct err err = {0};
    AUTO(ingest_close) struct ingest_set *set = NULL;
    assert_int_equal(open_path(place, 0, &set, &err), ERR_OK);
    assert_int_equal(ingest_source_count(set), 2);
    assert_string_equal(ingest_source(set, 0)->name, "labs");
    assert_string_equal(ingest_source(set, 1)->name, "a_b");
    assert_non_null(strstr(ingest_source(set, 1)->origin, "study.zip!grün/a b.csv"));
    assert_int_equal(strlen(ingest_source(set, 0)->source_sha256), 64);
    assert_int_equal(ingest_skipped_count(set), 2);
    const char *staged = ingest_source(set, 0)->scan->paths[0];
    assert_int_equal(strncmp(staged, place->staging, strlen(place->staging)), 0);
}

static void a_tar_is_read_too(void **state)
{
    struct place *place = *state;
    struct writer writer = begin(place, false);
    add(&writer, "./labs.csv", table, sizeof table - 1, NULL);
    end(&writer);
    struct err err = {0};
    AUTO(ingest_close) struct ingest_set *set = NULL;
    assert_int_equal(open_path(place, 0, &set, &err), ERR_OK);
    assert_int_equal(ingest_source_count(set), 1);
}

static void names_that_climb_are_refused(void **state)
{
    struct place *place = *state;
    struct writer writer = begin(place, true);
    add(&writer, "ok.csv", table, sizeof table - 1, NULL);
    add(&writer, "a/../../evil.csv", table, sizeof table - 1, NULL);
    end(&writer);
    refused(place, ERR_INPUT, "a/../../evil.csv");
}

static void links_are_refused(void **state)
{
    struct place *place = *state;
    struct writer writer = begin(place, false);
    add(&writer, "link.csv", NULL, 0, "/etc/passwd");
    end(&writer);
    refused(place, ERR_INPUT, "link.csv: a link");
}

static void unsafe_names_are_told(void **state)
{
    (void)state;
    assert_null(archive_name_problem(STR("a/b..c/..d.csv")));
    assert_null(archive_name_problem(STR("a b.csv")));
    assert_non_null(archive_name_problem(STR("/etc/x")));
    assert_non_null(archive_name_problem(STR("..\\x")));
    assert_non_null(archive_name_problem(STR("a/..")));
    assert_non_null(archive_name_problem(STR("C:\\x")));
    assert_non_null(archive_name_problem(STR("")));
}

static void a_truncated_zip_is_refused_wherever_it_is_cut(void **state)
{
    struct place *place = *state;
    struct writer writer = begin(place, true);
    add(&writer, "a.csv", table, sizeof table - 1, NULL);
    add(&writer, "b.csv", table, sizeof table - 1, NULL);
    end(&writer);
    struct file_info info;
    struct err err = {0};
    assert_int_equal(file_stat(place->path, &info, &err), ERR_OK);
    for (off_t size = (off_t)info.bytes - 1; size > 30; size -= 7) {
        assert_int_equal(truncate(place->path, size), 0);
        refused(place, ERR_INPUT, "study.zip");
    }
}

static void a_flipped_byte_in_a_member_is_refused(void **state)
{
    struct place *place = *state;
    struct writer writer = begin(place, true);
    static char big[100000];
    for (size_t i = 0; i < sizeof big; i++)
        big[i] = i % 8 == 7 ? '\n' : (char)('0' + (i * 7919 >> 5) % 10);
    add(&writer, "a.csv", big, sizeof big, NULL);
    end(&writer);
    struct file_info info;
    struct err err = {0};
    assert_int_equal(file_stat(place->path, &info, &err), ERR_OK);
    FILE *file = fopen(place->path, "r+b");
    assert_non_null(file);
    assert_int_equal(fseek(file, (long)info.bytes / 2, SEEK_SET), 0);
    int byte = fgetc(file);
    assert_int_equal(fseek(file, (long)info.bytes / 2, SEEK_SET), 0);
    assert_int_not_equal(fputc(byte ^ 0x10, file), EOF);
    assert_int_equal(fclose(file), 0);
    refused(place, ERR_INPUT, "a.csv");
}

static void an_encrypted_member_is_refused_with_a_hint(void **state)
{
    struct place *place = *state;
    struct writer writer = {archive_write_new()};
    archive_write_set_format_zip(writer.archive);
    if (archive_write_set_options(writer.archive, "zip:encryption=zipcrypt") != ARCHIVE_OK ||
        archive_write_set_passphrase(writer.archive, "secret") != ARCHIVE_OK) {
        (void)printf("SKIPPED: this libarchive can't write encrypted ZIPs\n");
        archive_write_free(writer.archive);
        skip();
    }
    assert_int_equal(archive_write_open_filename(writer.archive, place->path), ARCHIVE_OK);
    add(&writer, "a.csv", table, sizeof table - 1, NULL);
    end(&writer);
    refused(place, ERR_INPUT, "encrypted");
}

static void a_bomb_is_refused_by_ratio(void **state)
{
    struct place *place = *state;
    struct writer writer = begin(place, true);
    struct archive_entry *entry = archive_entry_new();
    archive_entry_set_pathname(entry, "bomb.csv");
    archive_entry_set_filetype(entry, AE_IFREG);
    archive_entry_set_perm(entry, 0644);
    archive_entry_set_size(entry, 160LL << 20);
    assert_int_equal(archive_write_header(writer.archive, entry), ARCHIVE_OK);
    char *block = mem_zalloc(1, 1 << 20);
    for (int i = 0; i < 160; i++)
        assert_int_equal(archive_write_data(writer.archive, block, 1 << 20), 1 << 20);
    mem_free(block);
    archive_entry_free(entry);
    end(&writer);
    refused(place, ERR_LIMIT, "bomb");
}

static void the_stated_total_is_kept(void **state)
{
    struct place *place = *state;
    struct writer writer = begin(place, true);
    add(&writer, "a.csv", table, sizeof table - 1, NULL);
    add(&writer, "b.csv", table, sizeof table - 1, NULL);
    end(&writer);
    struct err err = {0};
    struct ingest_set *set = NULL;
    assert_int_equal(open_path(place, (int64_t)sizeof table + 3, &set, &err), ERR_LIMIT);
    assert_int_equal(file_remove_tree(place->staging, &err), ERR_OK);
    assert_int_equal(file_make_directory(place->staging, &err), ERR_OK);
    assert_int_equal(open_path(place, 2 * (int64_t)sizeof table, &set, &err), ERR_OK);
    ingest_close(set);
}

static void an_archive_in_an_archive_is_opened(void **state)
{
    struct place *place = *state;
    struct err err = {0};
    struct writer writer = begin(place, true);
    add(&writer, "inner.csv", table, sizeof table - 1, NULL);
    end(&writer);
    AUTO_BUF inner = BUF_INIT;
    assert_int_equal(file_read(place->path, 0, &inner, &err), ERR_OK);
    writer = begin(place, true);
    add(&writer, "part.zip", inner.ptr, inner.len, NULL);
    end(&writer);
    AUTO(ingest_close) struct ingest_set *set = NULL;
    assert_int_equal(open_path(place, 0, &set, &err), ERR_OK);
    assert_int_equal(ingest_source_count(set), 1);
    assert_non_null(strstr(ingest_source(set, 0)->origin, "study.zip!part.zip!inner.csv"));
}

static bool stop_at_once(void *user)
{
    (void)user;
    return true;
}

static void cancel_is_honoured(void **state)
{
    struct place *place = *state;
    struct writer writer = begin(place, true);
    add(&writer, "a.csv", table, sizeof table - 1, NULL);
    end(&writer);
    struct err err = {0};
    struct ingest_set *set = NULL;
    struct progress progress = {.cancelled = stop_at_once};
    struct ingest_options options = {
        .staging_directory = place->staging, .header = -1, .progress = &progress};
    const char *paths[] = {place->path};
    assert_int_equal(ingest_open(paths, 1, &options, &set, &err), ERR_INTERRUPTED);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(members_become_tables_and_the_rest_is_listed),
        TEST(a_tar_is_read_too),
        TEST(names_that_climb_are_refused),
        TEST(links_are_refused),
        TEST(unsafe_names_are_told),
        TEST(a_truncated_zip_is_refused_wherever_it_is_cut),
        TEST(a_flipped_byte_in_a_member_is_refused),
        TEST(an_encrypted_member_is_refused_with_a_hint),
        TEST(a_bomb_is_refused_by_ratio),
        TEST(the_stated_total_is_kept),
        TEST(an_archive_in_an_archive_is_opened),
        TEST(cancel_is_honoured),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
