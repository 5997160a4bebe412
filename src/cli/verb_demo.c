/* demo-data: the synthetic hospital. */
#include "cli/cli.h"

#include <inttypes.h>
#include <string.h>

static void render(struct cli *cli, const json_t *answer)
{
    static const char *const kinds[] = {"tables", "resources"};
    char text[32], time[32];
    AUTO(cli_table_free) struct cli_table *table = cli_table_new();
    cli_table_column(table, "table or resource", false);
    cli_table_column(table, "rows", true);
    cli_table_column(table, "size", true);
    for (size_t k = 0; k < 2; k++) {
        const json_t *list = json_object_get(answer, kinds[k]);
        for (size_t i = 0; i < json_array_size(list); i++) {
            const json_t *one = json_array_get(list, i);
            cli_table_cell(table, CLI_BOLD, json_text(one, "name", ""));
            cli_table_count(table, json_int(one, "rows", 0));
            cli_table_cell(table, CLI_PLAIN, cli_bytes(json_int(one, "bytes", 0), text));
        }
    }
    cli_table_print(cli, table, true);
    cli_say(cli, "\n");
    cli_style(cli, CLI_GOOD, "✓ %s patients", cli_count(json_int(answer, "patients", 0), text));
    cli_say(cli, " (seed %" PRId64 ") in %s, %s:\n", json_int(answer, "seed", 0),
            cli_duration(json_int(answer, "duration_ms", 0), time),
            cli_bytes(json_int(answer, "bytes", 0), text));
    const json_t *files = json_object_get(answer, "files");
    const char *archive = NULL;
    for (size_t i = 0; i < json_array_size(files); i++) {
        const char *file = json_string_value(json_array_get(files, i));
        cli_say(cli, "  %s\n", file);
        if (archive == NULL && str_has_suffix_nocase(str_of(file), ".zip"))
            archive = file;
    }
    if (archive != NULL)
        cli_next(cli, "marrow import %s%s%s --name hospital",
                 strchr(archive, '/') != NULL ? "" : cli_word(cli, 0),
                 strchr(archive, '/') != NULL ? "" : "/", archive);
}

enum err_code verb_demo_data(struct cli *cli, struct err *err)
{
    struct api_demo_options options = {
        .directory = cli_word(cli, 0),
        .patients = cli_number(cli, "patients", 1000),
        .seed = (uint64_t)cli_number(cli, "seed", 1),
        .no_fhir = cli_flag(cli, "no-fhir"),
    };
    JSON_AUTO answer = NULL;
    if (options.patients < 1)
        return err_set(err, ERR_USAGE, "--patients: expected at least 1");
    TRY(api_demo_data(&options, &cli->progress, &answer, err));
    if (cli->json)
        return cli_print_json(cli, json_incref(answer), err);
    render(cli, answer);
    return ERR_OK;
}
