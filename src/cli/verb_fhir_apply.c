/* fhir apply, fhir compact: changes of resources as they come, and their way into the next version.
 */
#include "cli/render.h"

#define PATHS_MOST 1000

static void put_types(struct cli *cli, const json_t *types)
{
    const char *type;
    json_t *count;
    char a[32];
    json_object_foreach((json_t *)(uintptr_t)types, type, count)
    {
        cli_say(cli, "  ");
        cli_add_visible(&cli->out, str_of(type));
        cli_say(cli, " %s\n", cli_count(json_integer_value(count), a));
    }
}

enum err_code verb_fhir_apply(struct cli *cli, struct err *err)
{
    static const char *paths[PATHS_MOST];
    JSON_AUTO answer = NULL;
    char a[32], b[32], c[32], d[32];
    struct api_apply_options options = {.dataset = cli_word(cli, 0), .paths = paths};
    for (int i = 1; cli_word(cli, i) != NULL && options.path_count < PATHS_MOST; i++)
        paths[options.path_count++] = cli_word(cli, i);
    TRY(cli_open(cli, false, err));
    TRY(api_fhir_apply(cli->api, &options, &answer, err));
    if (cli->json)
        return cli_print_json(cli, json_incref(answer), err);
    int64_t accepted = json_int(answer, "accepted", 0);
    put_types(cli, json_object_get(answer, "types"));
    cli_style(cli, CLI_GOOD, "✓ %s %s taken (%s deletions), %s ignored, %s, in %s\n",
              cli_count(accepted, a), cli_plural(accepted, "change", "changes"),
              cli_count(json_int(answer, "deleted", 0), b),
              cli_count(json_int(answer, "ignored", 0), c),
              json_text(answer, "durable_at", NULL) != NULL ? "durable" : "not surely durable",
              cli_duration(json_int(answer, "duration_ms", 0), d));
    cli_next(cli, "marrow fhir compact %s   # makes them part of a new version", options.dataset);
    return ERR_OK;
}

enum err_code verb_fhir_compact(struct cli *cli, struct err *err)
{
    JSON_AUTO answer = NULL;
    char a[32], b[32];
    TRY(cli_open(cli, false, err));
    TRY(api_fhir_compact(cli->api, cli_word(cli, 0), &answer, err));
    if (cli->json)
        return cli_print_json(cli, json_incref(answer), err);
    int64_t changes = json_int(answer, "changes", 0);
    if (changes == 0)
        cli_say(cli, "there are no recent changes\n");
    else
        cli_style(cli, CLI_GOOD, "✓ %s %s folded into version %.12s in %s\n", cli_count(changes, a),
                  cli_plural(changes, "change", "changes"), json_text(answer, "version", ""),
                  cli_duration(json_int(answer, "duration_ms", 0), b));
    return ERR_OK;
}
