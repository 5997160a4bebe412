/* A profile written by hand, one fact a line, and the mart planned over it:
 *
 *     table labs 900 event              name, rows, role
 *     column item_id bigint identifier distinct=40
 *     column sex text category levels=F,M
 *     column chart_time timestamp date nulls=3 max=2020-01-31
 *     key lab_id                        of the table above; time chart_time likewise
 *     relation labs.item_id -> items.item_id 0.9 [confirmed|added|rejected]    composite: a.x+y -> b.x+y
 *     mart patient [inner] [anchor=T] [event=T]
 *     kind labs.value 50809|Glucose|300|mg/dL   a kind that was read, ~ for a blank; most values first
 *     policy {…}
 *     show sql                          else tables and columns
 *
 * Header-only; everything lives in one arena. */
#ifndef TESTS_MART_PLAN_CASE_H
#define TESTS_MART_PLAN_CASE_H

#include "mart/mart_priv.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CASE_TABLES 12
#define CASE_COLUMNS 24
#define CASE_RELATIONS 24

struct plan_case {
    struct profile profile;
    struct profile_table tables[CASE_TABLES];
    struct profile_relation relations[CASE_RELATIONS];
    struct store_table stored[CASE_TABLES];
    struct profile_column columns[CASE_TABLES][CASE_COLUMNS];
    struct mart_spec spec;
    char words[16][200], names[CASE_TABLES][64], anchor[64], event[64];
    json_t *policy, *kinds;
    bool show_sql;
};

static inline size_t case_words(struct str line, struct plan_case *c)
{
    char copy[2000];
    size_t count = 0;
    (void)snprintf(copy, sizeof copy, "%.*s", (int)line.len, line.ptr);
    for (char *save = NULL, *word = strtok_r(copy, " \n", &save); word != NULL && count < 16; word = strtok_r(NULL, " \n", &save))
        (void)snprintf(c->words[count++], 200, "%s", word);
    return count;
}

static inline int case_table(const struct plan_case *c, const char *name)
{
    for (size_t i = 0; i < c->profile.table_count; i++)
        if (strcmp(c->names[i], name) == 0)
            return (int)i;
    abort();
}

/* "labs.item_id+x" → table and column indices. */
static inline size_t case_columns(struct plan_case *c, char *text, size_t *ret_table, size_t ret[4])
{
    size_t count = 0;
    char *dot = strchr(text, '.'), *save = NULL;
    *dot = '\0';
    *ret_table = (size_t)case_table(c, text);
    for (char *name = strtok_r(dot + 1, "+", &save); name != NULL; name = strtok_r(NULL, "+", &save)) {
        int at = data_schema_find(&c->stored[*ret_table].schema, str_of(name));
        if (at < 0)
            abort();
        ret[count++] = (size_t)at;
    }
    return count;
}

static inline void case_add_table(struct plan_case *c)
{
    static const char *const roles[] = {"dimension", "fact", "event", "bridge", "reference"};
    size_t t = c->profile.table_count++;
    (void)snprintf(c->names[t], 64, "%.63s", c->words[1]);
    c->stored[t] = (struct store_table){.name = c->names[t], .hash = "", .rows = atol(c->words[2]), .columns_profile = json_array()};
    c->tables[t] = (struct profile_table){.table = &c->stored[t], .columns = c->columns[t], .time_column = -1};
    for (int r = 0; r < 5; r++)
        if (strcmp(roles[r], c->words[3]) == 0)
            c->tables[t].role = (enum profile_table_role)r;
}

static inline void case_add_column(struct plan_case *c, size_t words)
{
    size_t t = c->profile.table_count - 1, at = c->stored[t].schema.count;
    struct profile_column *column = &c->columns[t][at];
    struct data_type type;
    struct err err;
    json_t *facts = json_object();
    bool ok = true;
    if (data_type_parse(str_of(c->words[2]), &type, &err) != ERR_OK || data_schema_add(&c->stored[t].schema, str_of(c->words[1]), type, &err) != ERR_OK)
        abort();
    *column = (struct profile_column){.type = type, .distinct = 1000};
    for (int role = PROFILE_IDENTIFIER; role <= PROFILE_CONSTANT; role++)
        if (strcmp(profile_column_role_text((enum profile_column_role)role), c->words[3]) == 0)
            column->role = (enum profile_column_role)role;
    for (size_t w = 4; w < words; w++) {
        char *value = strchr(c->words[w], '='), *save = NULL;
        if (strcmp(c->words[w], "unique") == 0) {
            column->unique = true;
        } else if (str_has_prefix(str_of(c->words[w]), "levels=")) {
            json_t *levels = json_array();
            for (char *level = strtok_r(value + 1, ",", &save); level != NULL; level = strtok_r(NULL, ",", &save))
                json_push(levels, json_pack("[s,i]", level, 1), &ok);
            column->distinct = (int64_t)json_array_size(levels);
            json_put(facts, "top_values", levels, &ok);
        } else if (str_has_prefix(str_of(c->words[w]), "max=")) {
            json_put_text(facts, "max", value + 1, &ok);
        } else if (str_has_prefix(str_of(c->words[w]), "nulls=")) {
            column->nulls = atol(value + 1);
        } else if (str_has_prefix(str_of(c->words[w]), "distinct=")) {
            column->distinct = atol(value + 1);
        } else {
            abort();
        }
    }
    json_push((json_t *)(uintptr_t)c->stored[t].columns_profile, facts, &ok);
}

static inline void case_add_relation(struct plan_case *c, size_t words)
{
    struct profile_relation *r = &c->relations[c->profile.relation_count++];
    static const char *const statuses[] = {"proposed", "confirmed", "rejected", "added"};
    r->column_count = case_columns(c, c->words[1], &r->child, r->child_columns);
    (void)case_columns(c, c->words[3], &r->parent, r->parent_columns);
    r->confidence = atof(c->words[4]);
    for (int s = 0; words > 5 && s < 4; s++)
        if (strcmp(statuses[s], c->words[5]) == 0)
            r->status = (enum profile_relation_status)s;
}

/* What mart_kinds_read would have given for the table's column. */
static inline void case_add_kind(struct plan_case *c)
{
    size_t table = 0, columns[4], idx;
    json_t *entry, *found = NULL, *kind = json_array();
    char key[128], *save = NULL;
    bool ok = true;
    (void)case_columns(c, memcpy(key, c->words[1], sizeof key), &table, columns);
    if (c->kinds == NULL)
        c->kinds = json_array();
    json_array_foreach(c->kinds, idx, entry)
    {
        if (json_int(entry, "table", -1) == (int64_t)table && json_int(entry, "column", -1) == (int64_t)columns[0])
            found = entry;
    }
    if (found == NULL) {
        found = json_pack("{s:i, s:i, s:[]}", "table", (int)table, "column", (int)columns[0], "kinds");
        json_push(c->kinds, found, &ok);
    }
    for (char *part = strtok_r(c->words[2], "|", &save); part != NULL; part = strtok_r(NULL, "|", &save)) {
        for (char *p = part; *p != '\0'; p++)
            *p = *p == '~' ? ' ' : *p;
        if (json_array_size(kind) == 2)
            json_push(kind, json_integer(atol(part)), &ok);
        else
            json_push_text(kind, part, &ok);
    }
    json_push(kind, json_false(), &ok);
    json_put_int(found, "values", json_int(found, "values", 0) + json_integer_value(json_array_get(kind, 2)), &ok);
    json_put_int(found, "kind_count", json_int(found, "kind_count", 0) + 1, &ok);
    json_push(json_object_get(found, "kinds"), kind, &ok);
}

/* Each entry answers the request that the rule makes. */
static inline void case_answer_kinds(struct plan_case *c)
{
    size_t idx;
    json_t *entry;
    bool ok = true;
    json_array_foreach(c->kinds, idx, entry)
    {
        size_t table = (size_t)json_int(entry, "table", 0), column = (size_t)json_int(entry, "column", 0);
        struct mart_kind_rule rule;
        struct mart_kind_policy policy;
        struct err err;
        if (mart_kind_rule_for(&c->profile, c->policy, table, column, &rule, &policy, &err) == ERR_OK && rule.on)
            json_put(entry, "request", mart_kinds_request(&c->profile, table, column, &rule, &ok), &ok);
    }
    c->spec.kinds = c->kinds;
}

static inline void case_mart(struct plan_case *c, size_t words)
{
    struct err err;
    if (mart_grain_parse(c->words[1], &c->spec.grain, &err) != ERR_OK)
        abort();
    for (size_t w = 2; w < words; w++) {
        c->spec.inner = c->spec.inner || strcmp(c->words[w], "inner") == 0;
        if (str_has_prefix(str_of(c->words[w]), "anchor="))
            c->spec.anchor = memcpy(c->anchor, c->words[w] + 7, sizeof c->anchor - 1);
        if (str_has_prefix(str_of(c->words[w]), "event="))
            c->spec.event = memcpy(c->event, c->words[w] + 6, sizeof c->event - 1);
    }
}

static inline void case_line(struct plan_case *c, struct str line)
{
    struct err err;
    size_t words = case_words(line, c), t = c->profile.table_count - 1;
    const char *verb = words > 0 ? c->words[0] : "#";
    if (strcmp(verb, "table") == 0) {
        case_add_table(c);
    } else if (strcmp(verb, "column") == 0) {
        case_add_column(c, words);
    } else if (strcmp(verb, "key") == 0) {
        for (size_t w = 1; w < words; w++)
            c->tables[t].primary_key.columns[c->tables[t].primary_key.count++] = (size_t)data_schema_find(&c->stored[t].schema, str_of(c->words[w]));
    } else if (strcmp(verb, "time") == 0) {
        c->tables[t].time_column = data_schema_find(&c->stored[t].schema, str_of(c->words[1]));
    } else if (strcmp(verb, "relation") == 0) {
        case_add_relation(c, words);
    } else if (strcmp(verb, "mart") == 0) {
        case_mart(c, words);
    } else if (strcmp(verb, "kind") == 0) {
        case_add_kind(c);
    } else if (strcmp(verb, "policy") == 0) {
        struct str text = {line.ptr + 7, line.len - 7};
        if (json_parse(text, "policy", &c->policy, &err) != ERR_OK)
            abort();
        c->spec.policy = c->policy;
    } else if (strcmp(verb, "show") == 0) {
        c->show_sql = true;
    } else if (verb[0] != '#') {
        abort();
    }
}

static inline struct plan_case *case_new(struct str text)
{
    struct plan_case *c = calloc(1, sizeof *c);
    if (c == NULL)
        abort();
    c->profile.tables = c->tables;
    c->profile.relations = c->relations;
    while (text.len > 0) {
        const char *end = memchr(text.ptr, '\n', text.len);
        size_t length = end != NULL ? (size_t)(end - text.ptr) + 1 : text.len;
        case_line(c, (struct str){text.ptr, length});
        text = (struct str){text.ptr + length, text.len - length};
    }
    for (size_t t = 0; t < c->profile.table_count; t++)
        for (size_t i = 0; i < c->stored[t].schema.count; i++)
            c->columns[t][i].name = c->stored[t].schema.columns[i].name;
    case_answer_kinds(c);
    return c;
}

static inline void case_free(struct plan_case *c)
{
    for (size_t t = 0; t < c->profile.table_count; t++) {
        json_decref((json_t *)(uintptr_t)c->stored[t].columns_profile);
        data_schema_done(&c->stored[t].schema);
    }
    json_decref(c->policy);
    json_decref(c->kinds);
    free(c);
}

#endif
