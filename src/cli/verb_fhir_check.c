/* fhir check: what is odd about a version's resources. */
#include "cli/render.h"

#include <inttypes.h>
#include <string.h>

#define SHOWN_PROFILES 20

static void put_count(struct cli_table *table, int64_t count, enum cli_style style)
{
    char text[32];
    cli_table_cell(table, count > 0 ? style : CLI_DIM, count > 0 ? cli_count(count, text) : NULL);
}

static void put_types(struct cli *cli, const json_t *types)
{
    AUTO(cli_table_free) struct cli_table *table = cli_table_new();
    static const char *const names[] = {"resources", "without patient", "with profile",
                                        "left out",  "set aside",       "without id"};
    cli_table_column(table, "type", false);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        cli_table_column(table, names[i], true);
    for (size_t i = 0; i < json_array_size(types); i++) {
        const json_t *one = json_array_get(types, i);
        cli_table_cell(table, CLI_BOLD, json_text(one, "type", ""));
        cli_table_count(table, json_int(one, "resources", 0));
        put_count(table, json_int(one, "without_patient", 0), CLI_PLAIN);
        put_count(table, json_int(one, "with_profile", 0), CLI_PLAIN);
        put_count(table, json_int(one, "left_out", 0), CLI_WARN);
        put_count(table, json_int(one, "set_aside", 0), CLI_WARN);
        put_count(table, json_int(one, "without_id", 0), CLI_WARN);
    }
    cli_table_print(cli, table, true);
}

static const char *words_of(const char *reason)
{
    static const char *const words[][2] = {
        {"missing", "no such resource here"},
        {"type_absent", "no resource of that type here"},
        {"not_contained", "the resource contains no such one"},
        {"urn", "a urn that is no id here"},
        {"unclear", "of no form that FHIR has"},
    };
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strcmp(words[i][0], reason) == 0)
            return words[i][1];
    return reason;
}

static void put_dangling(struct cli *cli, const json_t *dangling)
{
    AUTO(cli_table_free) struct cli_table *table = cli_table_new();
    if (json_array_size(dangling) == 0)
        return;
    cli_say(cli, "\n");
    cli_table_column(table, "references that lead nowhere", false);
    cli_table_column(table, "to", false);
    cli_table_column(table, "count", true);
    cli_table_column(table, "why", false);
    cli_table_column(table, "for example", false);
    for (size_t i = 0; i < json_array_size(dangling); i++) {
        const json_t *one = json_array_get(dangling, i);
        const json_t *example = json_array_get(json_object_get(one, "examples"), 0);
        cli_table_printf(table, CLI_BOLD, "%s.%s", json_text(one, "type", ""),
                         json_text(one, "path", ""));
        cli_table_cell(table, CLI_PLAIN, json_text(one, "target", NULL));
        cli_table_count(table, json_int(one, "count", 0));
        cli_table_cell(table, CLI_PLAIN, words_of(json_text(one, "reason", "")));
        if (example == NULL)
            cli_table_cell(table, CLI_DIM, NULL);
        else
            cli_table_printf(table, CLI_DIM, "%s → %s", json_text(example, "id", ""),
                             json_text(example, "reference", ""));
    }
    cli_table_print(cli, table, true);
}

static void put_profiles(struct cli *cli, const json_t *profiles)
{
    AUTO(cli_table_free) struct cli_table *table = cli_table_new();
    size_t count = json_array_size(profiles);
    if (count == 0)
        return;
    cli_say(cli, "\n");
    cli_table_column(table, "type", false);
    cli_table_column(table, "profile claimed", false);
    cli_table_column(table, "count", true);
    for (size_t i = 0; i < count && i < SHOWN_PROFILES; i++) {
        const json_t *one = json_array_get(profiles, i);
        cli_table_cell(table, CLI_BOLD, json_text(one, "type", ""));
        cli_table_cell(table, CLI_PLAIN, json_text(one, "profile", ""));
        cli_table_count(table, json_int(one, "count", 0));
    }
    cli_table_print(cli, table, true);
    if (count > SHOWN_PROFILES)
        cli_say(cli, "  … and %zu more (--json lists all)\n", count - SHOWN_PROFILES);
}

enum err_code verb_fhir_check(struct cli *cli, struct err *err)
{
    JSON_AUTO answer = NULL;
    char a[32], b[32], c[32], d[32];
    TRY(cli_open(cli, false, err));
    TRY(api_fhir_check(cli->api, cli_word(cli, 0), cli_text(cli, "version", NULL), &answer, err));
    if (cli->json)
        return cli_print_json(cli, json_incref(answer), err);
    const json_t *references = json_object_get(answer, "references"),
                 *dangling = json_object_get(answer, "dangling");
    int64_t all = json_int(references, "all", 0), found = json_int(references, "found", 0),
            conditional = json_int(references, "conditional", 0);
    put_types(cli, json_object_get(answer, "types"));
    put_dangling(cli, dangling);
    put_profiles(cli, json_object_get(answer, "profiles"));
    bool good = json_flag(answer, "ok", false);
    cli_say(cli, "\n");
    cli_style(cli, good ? CLI_GOOD : CLI_WARN, "%s %s resources", good ? "✓" : "!",
              cli_count(json_int(answer, "resources", 0), a));
    cli_say(cli, ": of %s references %s lead to a resource here", cli_count(all, b),
            cli_count(found, c));
    if (conditional > 0)
        cli_say(cli, ", %s are searches that only their server can follow",
                cli_count(conditional, d));
    cli_say(cli, "\n");
    if (!good && json_object_get(json_array_get(dangling, 0), "examples") == NULL)
        cli_next(cli, "marrow fhir check %s --show-values   # with ids of some of them",
                 cli_word(cli, 0));
    return ERR_OK;
}
