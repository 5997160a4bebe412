/* --json: the api's document as the one object on stdout. Warnings of the call travel inside it, so
 * that stderr stays empty. */
#include "cli/cli.h"

enum err_code cli_print_json(struct cli *cli, json_t *document_taken, struct err *err)
{
    JSON_AUTO document = document_taken;
    bool ok = true;
    const json_t *warnings = cli->api == NULL ? NULL : api_warnings(cli->api);
    if (json_array_size(warnings) > 0 && json_is_object(document) &&
        json_object_get(document, "warnings") == NULL)
        json_put(document, "warnings", json_deep_copy(warnings), &ok);
    TRY(json_built(ok, err));
    TRY(json_pretty(document, &cli->out, err));
    return cli_flush(cli, err);
}
