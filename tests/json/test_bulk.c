/* The bulk reader: what the field tree names is kept, digits and all; the rest is passed over; what json_bulk_check lets through
 * is what jansson takes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "json/bulk.h"
#include "json/json.h"

struct kit {
    struct json_bulk *bulk;
    struct arena *arena;
    struct err err;
};

static int kit_open(void **state)
{
    static struct kit kit;
    kit = (struct kit){.arena = arena_new(0)};
    assert_non_null(kit.arena);
    assert_int_equal(json_bulk_new(&kit.bulk, &kit.err), ERR_OK);
    *state = &kit;
    return 0;
}

static int kit_close(void **state)
{
    struct kit *kit = *state;
    json_bulk_free(kit->bulk);
    arena_free(kit->arena);
    return 0;
}

/* A node as text: kinds, field's slots, names and texts. */
static void print(const struct json_node *node, struct buf *out)
{
    static const char letters[] = "zftns[{";
    if (node->name.len > 0)
        buf_printf(out, "%.*s=", (int)node->name.len, node->name.ptr);
    buf_putc(out, letters[node->kind]);
    if (node->field != NULL)
        buf_printf(out, "%zu", node->field->slot);
    if (node->text.len > 0)
        buf_printf(out, "'%.*s'", (int)node->text.len, node->text.ptr);
    if (node->kind != JSON_NODE_ARRAY && node->kind != JSON_NODE_OBJECT)
        return;
    buf_putc(out, '(');
    for (const struct json_node *child = node->first; child != NULL; child = child->next) {
        print(child, out);
        if (child->next != NULL)
            buf_putc(out, ' ');
    }
    buf_putc(out, ')');
}

/* {1 id, 2 name {3 family, 4 given}, 5 value[x], 6 code (whole), 7 a name longer than a word, 8 _birthDate {9 extension}} */
static struct json_fields *fields(bool sealed)
{
    static struct json_fields of_name[] = {{.name = {"family", 6}, .slot = 3}, {.name = {"given", 5}, .slot = 4}};
    static struct json_fields of_birth[] = {{.name = {"extension", 9}, .slot = 9}};
    static struct json_fields of_root[] = {
        {.name = {"id", 2}, .slot = 1},
        {.name = {"name", 4}, .slot = 2, .children = of_name, .child_count = 2},
        {.name = {"value", 5}, .slot = 5, .choice = true},
        {.name = {"code", 4}, .slot = 6, .whole = true},
        {.name = {"effectiveDateTime", 17}, .slot = 7},
        {.name = {"_birthDate", 10}, .slot = 8, .children = of_birth, .child_count = 1},
    };
    static struct json_fields sealed_root, open_root;
    open_root = (struct json_fields){.children = of_root, .child_count = 6};
    sealed_root = open_root;
    if (sealed)
        json_fields_seal(&sealed_root);
    return sealed ? &sealed_root : &open_root;
}

static void expect(struct kit *kit, const char *text, const char *expected)
{
    AUTO(buf_done) struct buf padded = BUF_INIT;
    buf_puts(&padded, text);
    for (int idx = 0; idx < JSON_BULK_PADDING; idx++)
        buf_putc(&padded, '}'); /* what stands behind a document is not of it */
    for (int round = 0; round < 4; round++) {
        AUTO(buf_done) struct buf out = BUF_INIT;
        const struct json_node *node = NULL;
        struct str document = {padded.ptr, strlen(text)};
        arena_reset(kit->arena);
        if (json_bulk_read(kit->bulk, document, round % 2 != 0, fields(round > 1), kit->arena, &node, &kit->err) != ERR_OK)
            fail_msg("%s: %s", text, kit->err.message);
        print(node, &out);
        assert_string_equal(buf_text(&out), expected);
        assert_int_equal(json_bulk_check(kit->bulk, document, round % 2 != 0, &kit->err), ERR_OK);
    }
}

static void what_the_tree_names_is_kept_and_the_rest_passed_over(void **state)
{
    expect(*state, "{\"resourceType\":\"Patient\",\"id\":\"p1\",\"name\":[{\"use\":\"official\",\"family\":\"Smith\",\"given\":[\"John\",\"Q\"]}],\"text\":{\"div\":[[{}]]}}",
           "{0(id=s1'p1' name=[2({2(family=s3'Smith' given=[4(s4'John' s4'Q'))))");
    expect(*state, "{}", "{0()");
    expect(*state, " { \"name\" : [ ] , \"id\" : null } ", "{0(name=[2() id=z1)");
    expect(*state, "{\"name\":{\"family\":true,\"given\":false}}", "{0(name={2(family=t3 given=f4))");
    expect(*state, "{\"idx\":1,\"i\":2,\"namer\":3,\"effectiveDateTim\":4,\"effectiveDateTime\":\"2020\",\"effectiveDateTimes\":5,\"effectiveDateTima\":6}", "{0(effectiveDateTime=s7'2020')");
    expect(*state, "{\"_birthDate\":{\"extension\":[{}],\"id\":1}}", "{0(_birthDate={8(extension=[9({9())))");
    expect(*state, "7", "n0'7'");
}

static void a_choice_matches_its_name_and_a_capital_after_it(void **state)
{
    expect(*state, "{\"valueQuantity\":1,\"value\":2,\"valueset\":3,\"valueX\":4,\"valu\":5}", "{0(valueQuantity=n5'1' value=n5'2' valueX=n5'4')");
}

static void a_whole_member_keeps_everything_and_its_source(void **state)
{
    expect(*state, "{\"code\":{\"a\" : [1.0, {}],\"id\":\"x\"} }", "{0(code={6'{\"a\" : [1.0, {}],\"id\":\"x\"}'(a=['[1.0, {}]'(n'1.0' {'{}'()) id=s'x'))");
    expect(*state, "{\"code\":[{\"a\":1},2]}", "{0(code=[6'[{\"a\":1},2]'({6'{\"a\":1}'(a=n'1') n6'2'))");
}

static void digits_of_numbers_stay_as_written(void **state)
{
    static const char *numbers[] = {"1.0", "-0", "0.50", "1e3", "1E+03", "-12.340e-05", "123456789012345678901234567890.123456789012345678901234567890"};
    for (size_t idx = 0; idx < sizeof numbers / sizeof *numbers; idx++) {
        AUTO(buf_done) struct buf text = BUF_INIT;
        AUTO(buf_done) struct buf expected = BUF_INIT;
        buf_printf(&text, "{\"id\": %s\n}", numbers[idx]);
        buf_printf(&expected, "{0(id=n1'%s')", numbers[idx]);
        expect(*state, buf_text(&text), buf_text(&expected));
    }
}

static void escapes_are_resolved_in_texts_and_names(void **state)
{
    expect(*state, "{\"id\":\"a\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\\u20AC\\ud83d\\ude00z\"}", "{0(id=s1'a\"\\/\b\f\n\r\t\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80z')");
    expect(*state, "{\"i\\u0064\":\"x\",\"\\u0069dd\":1,\"n\\u0061me\":{\"family\":\"\\u0000\"}}", "{0(id=s1'x' name={2(family=s3''))"); /* printed up to the zero byte */
}

/* Refused by both readers, as nothing of it is passed over. */
static void refuse(struct kit *kit, const char *bytes, size_t count, enum err_code code, const char *words)
{
    struct json_fields whole = {.whole = true};
    const struct json_node *node = NULL;
    arena_reset(kit->arena);
    if (json_bulk_read(kit->bulk, (struct str){bytes, count}, false, &whole, kit->arena, &node, &kit->err) != code)
        fail_msg("%s: %s", bytes, kit->err.message);
    if (strstr(kit->err.message, words) == NULL)
        fail_msg("%s: %s", bytes, kit->err.message);
    assert_int_equal(json_bulk_check(kit->bulk, (struct str){bytes, count}, false, &kit->err), code);
    assert_non_null(strstr(kit->err.message, words));
}

static void what_is_no_json_is_refused_with_the_byte(void **state)
{
    static const char *const cases[][2] = {
        {"", "empty"}, {" \n ", "empty"}, {"{", "ends at byte 1"}, {"[1,2", "ends at byte 4"}, {"{\"a\"", "ends at byte 4"}, {"{\"a\":", "ends at byte 5"},
        {"{\"a\":1,}", "at byte 7"}, {"[1,]", "at byte 3"}, {"[,1]", "at byte 1"}, {"{\"a\" 1}", "at byte 5"}, {"{1:2}", "at byte 1"}, {"{\"a\":1]", "at byte 6"},
        {"[1}", "at byte 2"}, {"1 2", "at byte 2"}, {"{}{}", "at byte 2"}, {"[1 2]", "at byte 3"}, {"tru", "at byte 0"}, {"truex", "at byte 0"}, {"nul", "at byte 0"},
        {"[01]", "at byte 1"}, {"[1.]", "at byte 1"}, {"[.5]", "at byte 1"}, {"[+1]", "at byte 1"}, {"[1e]", "at byte 1"}, {"[1e+]", "at byte 1"}, {"[-]", "at byte 1"},
        {"[--1]", "at byte 1"}, {"[1.5.2]", "at byte 1"}, {"[0x10]", "at byte 1"}, {"[NaN]", "at byte 1"}, {"[1\"a\"]", "at byte 1"}, {"[\"a\"1]", "at byte 4"},
        {"[\"a\"\"b\"]", "at byte 4"}, {"\"abc", "no end"}, {"[\"\\x\"]", "escapes"}, {"[\"\\u12g4\"]", "escapes"}, {"[\"\\ud800\"]", "escapes"}, {"[\"\\udc00\"]", "escapes"},
        {"[\"\\ud800\\u0041\"]", "escapes"}, {"{\"\\q\":1}", "escapes"}, {"[\"a\nb\"]", "control"}, {"'a'", "at byte 0"}, {"\xef\xbb\xbf{}", "at byte 0"},
        {"[\"\xff\"]", "UTF-8"}, {"[\"\xc0\xaf\"]", "UTF-8"}, {"[\"\xed\xa0\x80\"]", "UTF-8"},
    };
    for (size_t idx = 0; idx < sizeof cases / sizeof *cases; idx++)
        refuse(*state, cases[idx][0], strlen(cases[idx][0]), ERR_INPUT, cases[idx][1]);
    refuse(*state, "[\0]", 3, ERR_INPUT, "at byte 1");
}

static void messages_hold_no_content(void **state)
{
    struct kit *kit = *state;
    assert_int_equal(json_bulk_check(kit->bulk, STR("{\"secret\":hidden}"), false, &kit->err), ERR_INPUT);
    assert_null(strstr(kit->err.message, "secret"));
    assert_null(strstr(kit->err.message, "hidden"));
}

static void nesting_beyond_the_limit_is_refused_kept_checked_or_passed_over(void **state)
{
    struct kit *kit = *state;
    for (int deeper = 0; deeper < 2; deeper++) {
        AUTO(buf_done) struct buf text = BUF_INIT;
        enum err_code expected = deeper ? ERR_LIMIT : ERR_OK;
        struct json_fields whole = {.whole = true}, nothing = {0};
        const struct json_node *node;
        buf_puts(&text, "{\"a\":");
        for (int idx = 1; idx < JSON_BULK_LIMIT_DEPTH + deeper; idx++)
            buf_putc(&text, '[');
        for (int idx = 1; idx < JSON_BULK_LIMIT_DEPTH + deeper; idx++)
            buf_putc(&text, ']');
        buf_puts(&text, "}");
        assert_int_equal(json_bulk_check(kit->bulk, buf_view(&text), false, &kit->err), expected);
        assert_int_equal(json_bulk_read(kit->bulk, buf_view(&text), false, &whole, kit->arena, &node, &kit->err), expected);
        assert_int_equal(json_bulk_read(kit->bulk, buf_view(&text), false, &nothing, kit->arena, &node, &kit->err), expected);
    }
}

static void a_document_beyond_the_limit_is_refused_unread(void **state)
{
    struct kit *kit = *state;
    char byte = '1';
    assert_int_equal(json_bulk_check(kit->bulk, (struct str){&byte, (size_t)JSON_BULK_LIMIT_BYTES + 1}, true, &kit->err), ERR_LIMIT);
}

static void an_arena_that_is_full_is_an_error(void **state)
{
    struct kit *kit = *state;
    AUTO(arena_free) struct arena *small = arena_new(64);
    struct json_fields whole = {.whole = true};
    const struct json_node *node;
    assert_int_equal(json_bulk_read(kit->bulk, STR("[1,2,3]"), false, &whole, small, &node, &kit->err), ERR_MEMORY);
}

static void documents_of_any_length_up_to_some_blocks_are_read_to_their_end(void **state)
{
    struct kit *kit = *state;
    for (size_t length = 0; length < 400; length++) {
        AUTO(buf_done) struct buf text = BUF_INIT;
        const struct json_node *node;
        buf_puts(&text, "{\"x\":\"");
        for (size_t idx = 0; idx < length; idx++)
            buf_putc(&text, "a\xc3\xa9"[idx % 3 == 0 ? 0 : idx % 3]);
        while (str_utf8_valid_prefix(buf_view(&text)) < text.len)
            text.len--;
        buf_puts(&text, "\",\"id\":\"end\"}");
        arena_reset(kit->arena);
        assert_int_equal(json_bulk_read(kit->bulk, buf_view(&text), false, fields(true), kit->arena, &node, &kit->err), ERR_OK);
        assert_true(str_equal(node->first->text, STR("end")));
    }
}

/* {1 id, 2 name {3 family, 4 given}, 5 value[x] {6 unit}, 7 effectiveDateTime}: nothing is whole, so shapes are learnt */
static const struct json_fields *alike_fields(void)
{
    static struct json_fields of_name[] = {{.name = {"family", 6}, .slot = 3}, {.name = {"given", 5}, .slot = 4}};
    static struct json_fields of_value[] = {{.name = {"unit", 4}, .slot = 6}};
    static struct json_fields of_root[] = {
        {.name = {"id", 2}, .slot = 1},
        {.name = {"name", 4}, .slot = 2, .children = of_name, .child_count = 2},
        {.name = {"value", 5}, .slot = 5, .choice = true, .children = of_value, .child_count = 1},
        {.name = {"effectiveDateTime", 17}, .slot = 7},
    };
    static struct json_fields root = {.children = of_root, .child_count = 4};
    if (!root.sealed)
        json_fields_seal(&root);
    return &root;
}

/* Read as one of many, and by itself: the same nodes or the same error. Returns the shape's number. */
static size_t read_both(struct kit *kit, const char *text)
{
    AUTO(buf_done) struct buf alike = BUF_INIT;
    AUTO(buf_done) struct buf alone = BUF_INIT;
    const struct json_node *node = NULL;
    struct str document = {text, strlen(text)};
    size_t shape = 0;
    struct err err = {0};
    arena_reset(kit->arena);
    enum err_code code = json_bulk_read_alike(kit->bulk, document, false, alike_fields(), kit->arena, &node, &shape, &kit->err);
    if (code == ERR_OK)
        print(node, &alike);
    assert_int_equal(json_bulk_read(kit->bulk, document, false, alike_fields(), kit->arena, &node, &err), code);
    if (code == ERR_OK)
        print(node, &alone);
    else
        assert_string_equal(kit->err.message, err.message);
    assert_string_equal(buf_text(&alike), buf_text(&alone));
    return shape;
}

static void documents_that_are_alike_have_one_shape_and_their_own_texts(void **state)
{
    struct kit *kit = *state;
    size_t first = read_both(kit, "{\"id\":\"a\",\"meta\":{\"x\":[1,{}]},\"name\":[{\"family\":\"S\",\"given\":[\"J\"]}],\"valueInteger\":1}");
    assert_true(first != 0);
    assert_int_equal(read_both(kit, "{\"id\":\"bcd\",\"meta\":7,\"name\":[{\"family\":\"\",\"given\":[\"\\u00e9\\n\"]}],\"valueInteger\":-2.50}"), first);
    size_t blanks = read_both(kit, "{\"id\":\"b\" ,\"name\":[] }");
    assert_int_equal(read_both(kit, "  {\"id\":\"c\" ,\"name\":[] }\r\n"), blanks);
    assert_int_equal(read_both(kit, "{\"id\":\"a\",\"meta\":0,\"name\":[{\"family\":\"S\",\"given\":[\"J\"]}],\"valueInteger\":4}"), first);
    assert_int_equal(read_both(kit, "null"), 0); /* no object: never compared, or "nu" would be alike */
    assert_int_equal(read_both(kit, "nu"), 0);
    assert_int_equal(read_both(kit, "77"), 0);
    /* one thing is another: */
    static const char *others[] = {
        "{\"id\":1,\"meta\":{},\"name\":[{\"family\":\"S\",\"given\":[\"J\"]}],\"valueInteger\":1}",
        "{\"id\":\"a\",\"meta\":{},\"name\":[{\"family\":\"S\",\"given\":[\"J\",\"K\"]}],\"valueInteger\":1}",
        "{\"id\":\"a\",\"meta\":{},\"name\":[{\"family\":\"S\",\"given\":[]}],\"valueInteger\":1}",
        "{\"id\":\"a\",\"meta\":{},\"name\":[{\"family\":null,\"given\":[\"J\"]}],\"valueInteger\":true}",
        "{\"id\":\"a\",\"meta\":{},\"name\":[{\"famile\":\"S\",\"given\":[\"J\"]}],\"valueInteger\":1}",
        "{\"id\":\"a\",\"meta\":{},\"name\":[{\"family\":\"S\",\"given\":[\"J\"]}],\"valueInteger\":{\"unit\":\"g\"}}",
        "{\"id\":\"a\",\"meta\":{},\"name\":[{\"family\":\"S\",\"given\":[\"J\"]}],\"valueString\":\"1\"}",
        "{\"id\":\"a\",\"name\":[{\"family\":\"S\",\"given\":[\"J\"]}],\"valueInteger\":1}",
        "{\"id\":\"a\"}",
        "{}",
    };
    size_t shapes[sizeof others / sizeof *others];
    for (size_t idx = 0; idx < sizeof others / sizeof *others; idx++)
        shapes[idx] = read_both(kit, others[idx]);
    for (size_t idx = sizeof others / sizeof *others; idx-- > 0;) {
        assert_true(shapes[idx] != 0 && shapes[idx] != first);
        assert_int_equal(read_both(kit, others[idx]), shapes[idx]);
    }
}

static void a_broken_document_of_a_known_shape_is_refused_as_any_other(void **state)
{
    struct kit *kit = *state;
    static const char *broken[] = {
        "{\"id\":\"a\",\"meta\":{}",      "{\"id\":\"a\",\"meta\":{},}",   "{\"id\":\"a\\x\",\"meta\":{}}",    "{\"id\":\"a\",\"meta\":}",
        "{\"id\":\"a\",\"meta\":[}",      "{\"id\":\"a\",\"meta\":{}} {}", "{\"id\":\"a\" \"b\",\"meta\":{}}", "{\"id\":\"a\",\"meta\":{}},",
        "{\"id\":\"a\",\"value\":01}", "{\"id\":\"a\",\"value\":1.}", "{\"id\":\"a\",\"value\":1\\\"}", "{\"id\":\"a\",\"value\":tru}",
    };
    for (int round = 0; round < 3; round++) {
        assert_true(read_both(kit, "{\"id\":\"a\",\"meta\":{}}") != 0);
        assert_true(read_both(kit, "{\"id\":\"a\",\"value\":1}") != 0);
        for (size_t idx = 0; idx < sizeof broken / sizeof *broken; idx++)
            assert_int_equal(read_both(kit, broken[idx]), 0);
    }
}

/* A document that was met three times is compared byte for byte, without its tokens: texts of every length, with everything that ends one, breaks one or looks like
 * it at every place, kept (id) and passed over (meta). */
static void texts_of_a_known_document_are_looked_at_to_their_end(void **state)
{
    struct kit *kit = *state;
    static const char *odd[] = {"", "\\\"", "\\\\", "\\", "\"", "\x1f", "\n", "\x7f", "\xc3\xa9", "\xc3", "\xff", "\\\x1f", "\\\xc3\xa9", "\\u00e9", "\\x"};
    static const char *begins[] = {"{\"id\":\"", "{\"id\":\"a\",\"meta\":{\"a\":\""}, *ends[] = {"\",\"meta\":{\"a\":\"b\"}}", "\"}}"};
    static const char filler[] = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEF";
    for (int known = 0; known < 4; known++)
        assert_true(read_both(kit, "{\"id\":\"a\",\"meta\":{\"a\":\"b\"}}") != 0);
    for (size_t form = 0; form < 2; form++)
        for (size_t idx = 0; idx < sizeof odd / sizeof *odd; idx++)
            for (int before = 0; before < 36; before++)
                for (int after = 0; after < 3; after++) {
                    char text[128];
                    (void)snprintf(text, sizeof text, "%s%.*s%s%.*s%s", begins[form], before, filler, odd[idx], after, filler, ends[form]);
                    read_both(kit, text);
                }
}

static void lines_of_known_documents_end_where_they_end(void **state)
{
    AUTO(json_bulk_free) struct json_bulk *fresh = NULL; /* it has met no line break */
    struct kit own = *(struct kit *)*state, *kit = &own;
    assert_int_equal(json_bulk_new(&fresh, &own.err), ERR_OK);
    own.bulk = fresh;
    static const char *lines[] = {"{\"id\":\"a\"}", "{\"id\":\"bc\"}\r", "{\"id\":\"\"}", "{\"id\":\"d\"} {\"id\":\"e\"}", "{\"id\":\"f\"},", " {\"id\":\"g\"}\t\t", "{\"id\":\"h\"}"};
    static const bool known[] = {true, true, true, false, false, true, true};
    AUTO(buf_done) struct buf text = BUF_INIT;
    for (int times = 0; times < 3; times++) {
        read_both(kit, "{\"id\":\"a\"}");
        read_both(kit, " {\"id\":\"a\"}\t\t");
    }
    for (size_t idx = 0; idx < sizeof lines / sizeof *lines; idx++)
        buf_printf(&text, "%s%s", idx > 0 ? "\n" : "", lines[idx]);
    buf_printf(&text, "%*s", JSON_BULK_PADDING, "");
    size_t from = 0, end = text.len - JSON_BULK_PADDING;
    for (size_t idx = 0; idx < sizeof lines / sizeof *lines; from += strlen(lines[idx++]) + 1) {
        struct str line;
        size_t shape;
        const struct json_node *node = json_bulk_read_known(kit->bulk, (struct str){text.ptr + from, end - from}, alike_fields(), &line, &shape);
        assert_int_equal(node != NULL, known[idx]);
        if (node != NULL)
            assert_true(str_equal(line, str_trim(str_of(lines[idx]))));
    }
    read_both(kit, "{\n\"id\":\"a\"}");
    read_both(kit, "{\n\"id\":\"b\"}"); /* now that a document with a line break is known, no line is taken without looking for its end */
    struct str line;
    size_t shape;
    assert_null(json_bulk_read_known(kit->bulk, (struct str){text.ptr, end}, alike_fields(), &line, &shape));
}

/* More shapes than are kept: what is not known is read all the same. */
static void no_number_of_shapes_is_too_many(void **state)
{
    struct kit *kit = *state;
    for (int round = 0; round < 3; round++)
        for (int count = 0; count < 2000; count++) {
            AUTO(buf_done) struct buf text = BUF_INIT;
            buf_puts(&text, "{\"id\":\"a\",\"name\":[{\"given\":[");
            for (int idx = 0; idx < count % 97; idx++)
                buf_printf(&text, "%s\"%d\"", idx > 0 ? "," : "", idx);
            buf_puts(&text, "]}]");
            for (int idx = 0; idx < count % 11; idx++)
                buf_printf(&text, ",\"value%c\":%d", 'A' + idx, count);
            buf_puts(&text, "}");
            read_both(kit, buf_text(&text));
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_the_tree_names_is_kept_and_the_rest_passed_over),
        cmocka_unit_test(a_choice_matches_its_name_and_a_capital_after_it),
        cmocka_unit_test(a_whole_member_keeps_everything_and_its_source),
        cmocka_unit_test(digits_of_numbers_stay_as_written),
        cmocka_unit_test(escapes_are_resolved_in_texts_and_names),
        cmocka_unit_test(what_is_no_json_is_refused_with_the_byte),
        cmocka_unit_test(messages_hold_no_content),
        cmocka_unit_test(nesting_beyond_the_limit_is_refused_kept_checked_or_passed_over),
        cmocka_unit_test(a_document_beyond_the_limit_is_refused_unread),
        cmocka_unit_test(an_arena_that_is_full_is_an_error),
        cmocka_unit_test(documents_of_any_length_up_to_some_blocks_are_read_to_their_end),
        cmocka_unit_test(documents_that_are_alike_have_one_shape_and_their_own_texts),
        cmocka_unit_test(a_broken_document_of_a_known_shape_is_refused_as_any_other),
        cmocka_unit_test(texts_of_a_known_document_are_looked_at_to_their_end),
        cmocka_unit_test(lines_of_known_documents_end_where_they_end),
        cmocka_unit_test(no_number_of_shapes_is_too_many),
    };
    return cmocka_run_group_tests(tests, kit_open, kit_close);
}
