/* Golden tests of the pure part: what names say, and what a relation's facts come to. A golden line
 * is "input<TAB>output"; the files are rewritten with MARROW_BLESS=1, and the difference is the
 * review. */
#include "profile/support.h"

typedef void render_line(const char *input, struct buf *out);

/* The text up to the next separator, cut in place; NULL at the end. */
static char *next_part(char **rest, char separator)
{
    char *part = *rest, *end = strchr(part, separator);
    if (*part == '\0')
        return NULL;
    *rest = end != NULL ? end + 1 : part + strlen(part);
    if (end != NULL)
        *end = '\0';
    return part;
}

static void golden(const char *leaf, render_line *render)
{
    struct err err = {0};
    char path[FILE_PATH_BYTES];
    struct buf text = BUF_INIT, out = BUF_INIT;
    MUST(file_path_join(TEST_SOURCE_DIRECTORY "/golden/profile", leaf, path, &err));
    MUST(file_read(path, 0, &text, &err));
    int cases = 0;
    char *rest = text.ptr;
    for (char *line = next_part(&rest, '\n'); line != NULL; line = next_part(&rest, '\n')) {
        struct buf rendered = BUF_INIT;
        char *expected = strchr(line, '\t');
        if (expected != NULL)
            *expected++ = '\0';
        buf_puts(&out, line);
        if (line[0] != '#') {
            render(line, &rendered);
            buf_printf(&out, "\t%s", buf_text(&rendered));
            if (getenv("MARROW_BLESS") == NULL &&
                (expected == NULL || strcmp(expected, buf_text(&rendered)) != 0))
                fail_msg("%s\n  %s\n  expected %s\n  found    %s", leaf, line,
                         expected != NULL ? expected : "(nothing)", buf_text(&rendered));
            cases++;
        }
        buf_putc(&out, '\n');
        buf_done(&rendered);
    }
    assert_true(cases > 10);
    if (getenv("MARROW_BLESS") != NULL)
        MUST(file_replace(path, buf_view(&out), &err));
    buf_done(&text);
    buf_done(&out);
}

static void split_end(char *text, char **ret_table, char **ret_column, bool *ret_flag)
{
    char *blank = strchr(text, ' ');
    *ret_flag = blank != NULL;
    if (blank != NULL)
        *blank = '\0';
    *ret_table = text;
    *ret_column = strchr(text, '.') + 1;
    (*ret_column)[-1] = '\0';
}

static void render_affinity(const char *input, struct buf *out)
{
    char line[512];
    snprintf(line, sizeof line, "%s", input);
    char *arrow = strstr(line, " -> "), *child_table, *child, *parent_table, *parent;
    assert_non_null(arrow);
    *arrow = '\0';
    bool unique, shadowed;
    split_end(line, &child_table, &child, &unique);
    split_end(arrow + 4, &parent_table, &parent, &shadowed);
    struct name_facts child_name, parent_name;
    struct name_words child_core, parent_core;
    name_facts_of(child, &child_name);
    name_facts_of(parent, &parent_name);
    name_table_core(child_table, &child_core);
    name_table_core(parent_table, &parent_core);
    struct name_pair pair = {&child_name,  &parent_name, &child_core,
                             &parent_core, unique,       strcmp(child_table, parent_table) == 0,
                             shadowed};
    enum name_match match;
    double affinity = name_affinity(&pair, &match);
    buf_printf(out, "%.2f, %s", affinity, name_match_text(match));
}

static void set_fact(struct relation_facts *facts, const char *key, double value)
{
#define FACT(name, cast)                                                                           \
    if (strcmp(key, #name) == 0) {                                                                 \
        facts->name = cast;                                                                        \
        return;                                                                                    \
    }
    FACT(affinity, value)
    FACT(coverage, value)
    FACT(surprise_bits, value)
    FACT(reach, value)
    FACT(fill, value)
    FACT(integers, value != 0)
    FACT(range_agrees, value != 0)
    FACT(top_agrees, value != 0)
    FACT(sole_range_match, value != 0)
    FACT(child_unique, value != 0)
    FACT(child_strict_id, value != 0)
    FACT(child_id_like, value != 0)
    FACT(child_uuid, value != 0)
    FACT(child_counts_from_one, value != 0)
    FACT(child_owns_name, value != 0)
    FACT(names_parent_table, value != 0)
    FACT(child_distinct, (int64_t)value)
    FACT(parent_distinct, (int64_t)value)
#undef FACT
    fail_msg("no fact is named %s", key);
}

static void render_score(const char *input, struct buf *out)
{
    char line[512];
    struct relation_facts facts = {.reach = 1, .child_table = 1};
    snprintf(line, sizeof line, "%s", input);
    char *colon = strstr(line, " : ");
    assert_non_null(colon);
    char *rest = colon + 3;
    for (char *word = next_part(&rest, ' '); word != NULL; word = next_part(&rest, ' ')) {
        char *equals = strchr(word, '=');
        double value;
        assert_non_null(equals);
        *equals = '\0';
        assert_true(str_to_double(str_of(equals + 1), &value));
        set_fact(&facts, word, value);
    }
    double confidence = relation_score(&facts);
    buf_printf(out, "%.2f, %s", confidence, confidence >= PROFILE_THRESHOLD ? "stands" : "falls");
}

static void names_give_the_recorded_affinities(void **state)
{
    (void)state;
    golden("name_affinity.txt", render_affinity);
}

static void facts_give_the_recorded_confidences(void **state)
{
    (void)state;
    golden("relation_score.txt", render_score);
}

static void each_child_keeps_only_its_best_parent(void **state)
{
    (void)state;
    struct err err = {0};
    struct relation_facts facts[] = {
        {.child = 0,
         .parent = 3,
         .affinity = .93,
         .coverage = 1,
         .surprise_bits = 100,
         .reach = 1,
         .child_distinct = 5,
         .parent_distinct = 9},
        {.child = 0,
         .parent = 4,
         .affinity = 1,
         .coverage = 1,
         .surprise_bits = 100,
         .reach = 1,
         .child_distinct = 5,
         .parent_distinct = 9},
        {.child = 1,
         .parent = 4,
         .affinity = .2,
         .coverage = .5,
         .reach = 1,
         .child_distinct = 5,
         .parent_distinct = 9},
    };
    bool keep[3];
    MUST(relation_decide(facts, 3, 5, keep, &err));
    assert_false(keep[0]);
    assert_true(keep[1]);
    assert_false(keep[2]);
}

static void equal_candidates_go_to_the_hub(void **state)
{
    (void)state;
    struct err err = {0};
    struct relation_facts facts[4];
    for (size_t i = 0; i < 4; i++)
        facts[i] = (struct relation_facts){.child = i == 3 ? 2 : i,
                                           .parent = 5,
                                           .affinity = .93,
                                           .coverage = 1,
                                           .surprise_bits = 100,
                                           .reach = 1,
                                           .child_distinct = 5,
                                           .parent_distinct = 9};
    facts[3].parent = 4;
    bool keep[4];
    MUST(relation_decide(facts, 4, 6, keep, &err));
    assert_true(keep[2]);
    assert_false(keep[3]);
}

static void the_whole_is_preferred_to_its_part(void **state)
{
    (void)state;
    struct err err = {0};
    /* Column 0 (ae) is in the keys 1 (sc, a part) and 2 (dm, the whole); 1 is in 2. */
    struct relation_facts facts[] = {
        {.child = 0,
         .parent = 1,
         .affinity = .93,
         .coverage = 1,
         .surprise_bits = 100,
         .reach = 1,
         .child_distinct = 5,
         .parent_distinct = 9},
        {.child = 0,
         .parent = 2,
         .affinity = .93,
         .coverage = 1,
         .surprise_bits = 100,
         .reach = 1,
         .child_distinct = 5,
         .parent_distinct = 12,
         .parent_ordinal = 2},
        {.child = 1,
         .parent = 2,
         .affinity = .93,
         .coverage = 1,
         .surprise_bits = 100,
         .reach = 1,
         .child_distinct = 9,
         .parent_distinct = 12,
         .child_unique = true},
    };
    bool keep[3];
    MUST(relation_decide(facts, 3, 3, keep, &err));
    assert_false(keep[0]);
    assert_true(keep[1]);
    assert_true(keep[2]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_give_the_recorded_affinities),
        cmocka_unit_test(facts_give_the_recorded_confidences),
        cmocka_unit_test(each_child_keeps_only_its_best_parent),
        cmocka_unit_test(equal_candidates_go_to_the_hub),
        cmocka_unit_test(the_whole_is_preferred_to_its_part),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
