/* The test of a statistical answer for people: what was done and why, its figures, what was checked,
 * what else could have been done. */
#include "cli/render.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define SHOWN_STATISTICS 12

static void say_p(struct cli *cli, const char *before, const json_t *p)
{
    if (!json_is_number(p))
        return;
    if (json_number_value(p) < .001)
        cli_say(cli, "%sp < 0.001", before);
    else
        cli_say(cli, "%sp = %.3f", before, json_number_value(p));
}

static void say_interval(struct cli *cli, const char *name, const json_t *one, const char *value,
                         const char *low, const char *high)
{
    const json_t *estimate = json_object_get(one, value);
    if (!json_is_number(estimate))
        return;
    cli_say(cli, "; ");
    cli_add_visible(&cli->out, str_of(name));
    cli_say(cli, " %.4g", json_number_value(estimate));
    if (json_is_number(json_object_get(one, low)) && json_is_number(json_object_get(one, high)))
        cli_say(cli, " (95 %% CI %.4g to %.4g)", json_number(one, low, NAN),
                json_number(one, high, NAN));
}

/* Terms are in the table already; the tests are not. */
static bool is_shown(const json_t *one)
{
    bool says = json_is_number(json_object_get(one, "statistic")) ||
                json_is_number(json_object_get(one, "estimate")) ||
                json_is_number(json_object_get(one, "p"));
    return says && (json_object_get(one, "se") == NULL || json_object_get(one, "ratio") != NULL);
}

static void put_statistic(struct cli *cli, const json_t *one)
{
    const char *name = json_text(one, "statistic_name", NULL);
    const char *of = json_text(one, "term", json_text(one, "pair", NULL));
    cli_say(cli, "  ");
    cli_add_visible(&cli->out, str_of(json_text(one, "test", "")));
    if (of != NULL) {
        cli_say(cli, " of ");
        cli_add_visible(&cli->out, str_of(of));
    }
    if (name != NULL && json_is_number(json_object_get(one, "statistic"))) {
        cli_say(cli, ": ");
        cli_add_visible(&cli->out, str_of(name));
        cli_say(cli, " = %.4g", json_number(one, "statistic", NAN));
        if (json_is_number(json_object_get(one, "df")))
            cli_say(cli, ", df %.4g", json_number(one, "df", NAN));
    }
    if (json_object_get(one, "ratio") != NULL)
        say_interval(cli, "ratio", one, "ratio", "ratio_low", "ratio_high");
    else
        say_interval(cli, json_text(one, "estimate_name", "estimate"), one, "estimate", "ci_low",
                     "ci_high");
    say_p(cli, ", ", json_object_get(one, "p"));
    say_p(cli, ", adjusted ", json_object_get(one, "p_adjusted"));
    cli_say(cli, "\n");
}

static void put_checks(struct cli *cli, const json_t *test)
{
    const json_t *list = json_object_get(test, "assumptions");
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *one = json_array_get(list, i), *held = json_object_get(one, "held");
        cli_style(cli, json_is_false(held) ? CLI_WARN : CLI_DIM, "  %s %s: ",
                  json_is_true(held)    ? "holds:"
                  : json_is_false(held) ? "does not hold:"
                                        : "not tested:",
                  json_text(one, "name", ""));
        cli_add_visible(&cli->out, str_of(json_text(one, "detail", "")));
        cli_say(cli, "\n");
    }
    list = json_object_get(test, "notes");
    for (size_t i = 0; i < json_array_size(list) && i < SHOWN_STATISTICS; i++) {
        cli_style(cli, CLI_DIM, "  note: ");
        cli_add_visible(&cli->out, str_of(json_string_value(json_array_get(list, i))));
        cli_say(cli, "\n");
    }
    list = json_object_get(test, "alternatives");
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *one = json_array_get(list, i);
        cli_style(cli, CLI_DIM, "  instead: ");
        cli_add_visible(&cli->out, str_of(json_text(one, "name", "")));
        say_p(cli, " ", json_object_get(one, "p"));
        cli_say(cli, "\n");
    }
}

void cli_put_test(struct cli *cli, const json_t *answer)
{
    const json_t *test = json_object_get(answer, "test");
    const json_t *list = json_object_get(json_object_get(answer, "result"), "statistics");
    bool model = strcmp(json_text(answer, "intent", ""), "predictors") == 0,
         table = strcmp(json_text(answer, "intent", ""), "table_one") == 0;
    size_t shown = 0;
    if (!json_is_object(test))
        return;
    cli_say(cli, "\n");
    cli_style(cli, CLI_GOOD, "%s", json_text(test, "name", ""));
    cli_say(cli, ", n = %lld: ", (long long)json_int(answer, "n", 0));
    cli_add_visible(&cli->out, str_of(json_text(test, "why", "")));
    cli_say(cli, "\n");
    for (size_t i = 0; !table && i < json_array_size(list) && shown < SHOWN_STATISTICS; i++) {
        const json_t *one = json_array_get(list, i);
        if ((model && json_object_get(one, "se") != NULL) || !is_shown(one))
            continue;
        put_statistic(cli, one);
        shown++;
    }
    put_checks(cli, test);
}
