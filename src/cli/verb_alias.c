/* alias: words to which a person gives a meaning, for questions. */
#include "cli/render.h"

#include <string.h>

static void render(struct cli *cli, const json_t *answer)
{
    const json_t *aliases = json_object_get(answer, "aliases");
    AUTO(cli_table_free) struct cli_table *table = cli_table_new();
    if (json_array_size(aliases) == 0) {
        cli_say(cli, "'%s' has no aliases\n", cli_word(cli, 0));
        cli_next(cli, "marrow alias %s add 'water pill' furosemide", cli_word(cli, 0));
        return;
    }
    cli_table_column(table, "phrase", false);
    cli_table_column(table, "stands for", false);
    cli_table_column(table, "", false);
    for (size_t i = 0; i < json_array_size(aliases); i++) {
        const json_t *one = json_array_get(aliases, i);
        const char *problem = json_text(one, "problem", NULL);
        cli_table_cell(table, CLI_BOLD, json_text(one, "phrase", ""));
        cli_table_cell(table, CLI_PLAIN, json_text(one, "meaning", ""));
        cli_table_cell(table, problem != NULL ? CLI_WARN : CLI_DIM,
                       problem != NULL ? problem : json_text(one, "kind", ""));
    }
    cli_table_print(cli, table, true);
}

enum err_code verb_alias(struct cli *cli, struct err *err)
{
    static const struct {
        const char *name;
        int words;
        const char *needs;
    } actions[] = {{"add", 4, "a phrase and what it stands for"},
                   {"remove", 3, "a phrase"},
                   {"list", 2, "nothing more"}};
    JSON_AUTO answer = NULL;
    const char *action = cli_word(cli, 1);
    struct nearest nearest = {.asked = action == NULL ? "" : action};
    bool known = action == NULL;
    for (size_t i = 0; action != NULL && i < sizeof actions / sizeof *actions; i++) {
        nearest_offer(&nearest, actions[i].name);
        if (strcmp(actions[i].name, action) != 0)
            continue;
        known = true;
        if (cli->word_count != actions[i].words) {
            err_set(err, ERR_USAGE, "'alias … %s' needs %s", action, actions[i].needs);
            return err_hint(err, "for example: marrow alias %s add 'water pill' furosemide",
                            cli_word(cli, 0));
        }
    }
    if (!known) {
        err_set(err, ERR_USAGE, "'alias' takes add, remove or list; found '%.100s'", action);
        return nearest_text(&nearest) != NULL
                   ? err_hint(err, "did you mean '%s'?", nearest_text(&nearest))
                   : err->code;
    }
    TRY(cli_open(cli, false, err));
    bool list = action == NULL || strcmp(action, "list") == 0;
    TRY(api_alias(cli->api, cli_word(cli, 0), list ? NULL : action, cli_word(cli, 2),
                  cli_word(cli, 3), &answer, err));
    if (cli->json)
        return cli_print_json(cli, json_incref(answer), err);
    render(cli, answer);
    return ERR_OK;
}
