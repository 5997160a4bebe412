/* The command line's words: options may stand anywhere, as --name value or --name=value; "--" ends
 * them. What an option means is looked up in the verbs' own tables, so this file knows no option by
 * name but the common ones that it acts on. An option's name means the same kind in every verb (a
 * test checks it): so a value can be told from a word before the verb is known. */
#include "cli/cli.h"

#include <stdio.h>
#include <string.h>

#define ARGS_LIMIT_TEXT 300 /* characters of a user's word shown in a message */

const struct cli_option *cli_option_find(const struct cli_option *options, const char *name,
                                         size_t length)
{
    for (const struct cli_option *o = options; o != NULL && o->name != NULL; o++)
        if (strlen(o->name) == length && memcmp(o->name, name, length) == 0)
            return o;
    return NULL;
}

static const struct cli_option *find_anywhere(const char *name, size_t length)
{
    const struct cli_option *found = cli_option_find(cli_common_options(), name, length);
    for (const struct cli_verb *verb = cli_verbs(); found == NULL && verb->name != NULL; verb++)
        found = cli_option_find(verb->options, name, length);
    return found;
}

const struct cli_verb *cli_verb_find(const char *first, const char *second, int *ret_words)
{
    char both[128];
    (void)snprintf(both, sizeof both, "%s %s", first, second == NULL ? "" : second);
    for (const struct cli_verb *verb = cli_verbs(); verb->name != NULL; verb++) {
        if (strcmp(verb->name, both) == 0) {
            *ret_words = 2;
            return verb;
        }
    }
    for (const struct cli_verb *verb = cli_verbs(); verb->name != NULL; verb++) {
        if (strcmp(verb->name, first) == 0) {
            *ret_words = 1;
            return verb;
        }
    }
    return NULL;
}

static enum err_code unknown_option(const struct cli_verb *verb, const char *name, size_t length,
                                    struct err *err)
{
    char asked[64];
    (void)snprintf(asked, sizeof asked, "%.*s", (int)(length < 60 ? length : 60), name);
    struct nearest nearest = {.asked = asked};
    for (const struct cli_option *o = cli_common_options(); o->name != NULL; o++)
        nearest_offer(&nearest, o->name);
    for (const struct cli_option *o = verb == NULL ? NULL : verb->options;
         o != NULL && o->name != NULL; o++)
        nearest_offer(&nearest, o->name);
    if (verb == NULL)
        err_set(err, ERR_USAGE, "unknown option --%s", asked);
    else
        err_set(err, ERR_USAGE, "'%s' has no option --%s", verb->name, asked);
    if (nearest_text(&nearest) != NULL)
        return err_hint(err, "did you mean --%s?", nearest_text(&nearest));
    return err_hint(err, "marrow %s%s--help lists them", verb == NULL ? "" : verb->name,
                    verb == NULL ? "" : " ");
}

static enum err_code unknown_verb(const char *first, const char *second, struct err *err)
{
    char both[128];
    struct nearest nearest = {.asked = first};
    size_t group = strlen(first);
    for (const struct cli_verb *verb = cli_verbs(); verb->name != NULL; verb++) {
        bool inside = strncmp(verb->name, first, group) == 0 && verb->name[group] == ' ';
        if (inside && second != NULL) {
            (void)snprintf(both, sizeof both, "%s %s", first, second);
            if (strchr(nearest.asked, ' ') == NULL)
                nearest = (struct nearest){.asked = both};
        }
    }
    for (const struct cli_verb *verb = cli_verbs(); verb->name != NULL; verb++)
        nearest_offer(&nearest, verb->name);
    err_set(err, ERR_USAGE, "'%.*s' is no marrow command", ARGS_LIMIT_TEXT, nearest.asked);
    if (nearest_text(&nearest) != NULL)
        return err_hint(err, "did you mean 'marrow %s'?", nearest_text(&nearest));
    return err_hint(err, "'marrow help' lists the commands");
}

static enum err_code check_choice(const struct cli_option *option, const char *text,
                                  struct err *err)
{
    AUTO(buf_done) struct buf all = BUF_INIT;
    struct nearest nearest = {.asked = text};
    for (const char *const *choice = option->choices; *choice != NULL; choice++) {
        if (strcmp(*choice, text) == 0)
            return ERR_OK;
        nearest_offer(&nearest, *choice);
        buf_printf(&all, "%s%s", all.len > 0 ? ", " : "", *choice);
    }
    err_set(err, ERR_USAGE, "--%s: expected one of %s; found '%.*s'", option->name, buf_text(&all),
            ARGS_LIMIT_TEXT, text);
    if (nearest_text(&nearest) != NULL)
        err_hint(err, "did you mean --%s %s?", option->name, nearest_text(&nearest));
    return ERR_USAGE;
}

static enum err_code check_value(const struct cli_option *option, const char *text, int64_t *ret,
                                 struct err *err)
{
    double seconds = 0;
    bool good = true;
    const char *wanted = "";
    switch (option->kind) {
    case CLI_FLAG:
    case CLI_TEXT:
    case CLI_LIST:
        break;
    case CLI_INTEGER:
        good = str_to_int64(str_of(text), ret) && *ret >= 0;
        wanted = "a whole number";
        break;
    case CLI_BYTES:
        good = str_to_bytes(str_of(text), ret) && *ret > 0;
        wanted = "a size such as 512MB or 2GiB";
        break;
    case CLI_SECONDS:
        good = str_to_double(str_of(text), &seconds) && seconds > 0 && seconds < 1e9;
        *ret = good ? (int64_t)(seconds * 1000) : 0;
        wanted = "seconds, such as 30 or 0.5";
        break;
    }
    if (!good)
        return err_set(err, ERR_USAGE, "--%s: expected %s, found '%.*s'", option->name, wanted,
                       ARGS_LIMIT_TEXT, text);
    return option->choices == NULL ? ERR_OK : check_choice(option, text, err);
}

struct reader {
    int argc;
    char **argv;
    int at;
};

/* One option at argv[at]; *ret_unknown gets its place when no verb has it (reported once the verb
 * is known). */
static enum err_code read_option(struct cli *cli, struct reader *reader, const char **ret_unknown,
                                 struct err *err)
{
    const char *name = reader->argv[reader->at] + 2;
    const char *equals = strchr(name, '=');
    size_t length = equals == NULL ? strlen(name) : (size_t)(equals - name);
    const struct cli_option *option = find_anywhere(name, length);
    if (option == NULL) {
        *ret_unknown = *ret_unknown == NULL ? name : *ret_unknown;
        return ERR_OK;
    }
    struct cli_value *value = &cli->values[cli->value_count];
    *value = (struct cli_value){.option = option, .text = "", .number = 1};
    if (option->kind == CLI_FLAG) {
        if (equals != NULL)
            return err_set(err, ERR_USAGE, "--%s takes no value", option->name);
    } else if (equals != NULL) {
        value->text = equals + 1;
    } else if (reader->at + 1 < reader->argc &&
               strncmp(reader->argv[reader->at + 1], "--", 2) != 0) {
        value->text = reader->argv[++reader->at];
    } else {
        return err_set(err, ERR_USAGE, "--%s needs a value: %s", option->name, option->value);
    }
    cli->value_count++;
    return ERR_OK;
}

static enum err_code read_all(struct cli *cli, struct reader *reader, const char **ret_unknown,
                              struct err *err)
{
    bool options = true;
    for (reader->at = 1; reader->at < reader->argc; reader->at++) {
        const char *word = reader->argv[reader->at];
        if (options && strcmp(word, "--") == 0) {
            options = false;
        } else if (options && strcmp(word, "-h") == 0) {
            cli->help = true;
        } else if (options && strcmp(word, "--version") == 0 && cli->word_count == 0) {
            cli->version = true; /* behind a verb it names a dataset's version */
        } else if (options && strncmp(word, "--", 2) == 0) {
            TRY(read_option(cli, reader, ret_unknown, err));
        } else if (options && word[0] == '-' && word[1] != '\0') {
            err_set(err, ERR_USAGE, "unknown option %.*s", ARGS_LIMIT_TEXT, word);
            return err_hint(
                err, "options are written --name; after -- everything is taken as it stands");
        } else {
            cli->words[cli->word_count++] = word;
        }
    }
    return ERR_OK;
}

/* Does the option belong to the verb, or to all, and does its value fit? */
static enum err_code check_options(struct cli *cli, struct err *err)
{
    for (size_t i = 0; i < cli->value_count; i++) {
        struct cli_value *value = &cli->values[i];
        const char *name = value->option->name;
        const struct cli_option *option = cli_option_find(cli_common_options(), name, strlen(name));
        if (option == NULL && cli->verb != NULL)
            option = cli_option_find(cli->verb->options, name, strlen(name));
        if (option == NULL)
            return unknown_option(cli->verb, name, strlen(name), err);
        value->option = option;
        TRY(check_value(option, value->text, &value->number, err));
    }
    return ERR_OK;
}

static enum err_code check_words(const struct cli *cli, struct err *err)
{
    const struct cli_verb *verb = cli->verb;
    if (cli->word_count >= verb->minimum && (verb->maximum < 0 || cli->word_count <= verb->maximum))
        return ERR_OK;
    if (cli->word_count < verb->minimum)
        err_set(err, ERR_USAGE, "'%s' needs more: expected %s", verb->name, verb->arguments);
    else
        err_set(err, ERR_USAGE, "'%s' takes %s; '%.*s' is too much", verb->name,
                verb->arguments[0] != '\0' ? verb->arguments : "no arguments", ARGS_LIMIT_TEXT,
                cli->words[verb->maximum]);
    return err_hint(err, "for example: %s", verb->examples[0]);
}

static enum err_code find_verb(struct cli *cli, struct err *err)
{
    int words = 0;
    if (cli->word_count == 0)
        return ERR_OK;
    cli->verb = cli_verb_find(cli->words[0], cli->word_count > 1 ? cli->words[1] : NULL, &words);
    if (cli->verb == NULL && (cli->help || cli->word_count == 1) &&
        cli_help_group(cli, cli->words[0]))
        return ERR_OK;
    if (cli->verb == NULL)
        return unknown_verb(cli->words[0], cli->word_count > 1 ? cli->words[1] : NULL, err);
    cli->word_count -= words;
    memmove(cli->words, cli->words + words, (size_t)cli->word_count * sizeof *cli->words);
    return ERR_OK;
}

enum err_code cli_args_parse(struct cli *cli, int argc, char **argv, struct err *err)
{
    struct reader reader = {.argc = argc, .argv = argv};
    const char *unknown = NULL;
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0;
         i++) /* first, so that errors of the rest have their form */
        cli->json = cli->json || strcmp(argv[i], "--json") == 0;
    cli->words = mem_zalloc((size_t)argc + 1, sizeof *cli->words);
    cli->values = mem_zalloc((size_t)argc + 1, sizeof *cli->values);
    if (cli->words == NULL || cli->values == NULL)
        return err_set(err, ERR_MEMORY, "no memory for the arguments");
    TRY(read_all(cli, &reader, &unknown, err));
    cli->quiet = cli_flag(cli, "quiet");
    cli->help = cli->help || cli_flag(cli, "help");
    TRY(find_verb(cli, err));
    if (unknown != NULL)
        return unknown_option(cli->verb, unknown, strcspn(unknown, "="), err);
    if (cli->help || cli->version)
        return ERR_OK;
    TRY(check_options(cli, err));
    return cli->verb == NULL ? ERR_OK : check_words(cli, err);
}

void cli_args_done(struct cli *cli)
{
    mem_free(cli->words);
    mem_free(cli->values);
}

static const struct cli_value *last_value(const struct cli *cli, const char *option)
{
    for (size_t i = cli->value_count; i > 0; i--)
        if (strcmp(cli->values[i - 1].option->name, option) == 0)
            return &cli->values[i - 1];
    return NULL;
}

const char *cli_text(const struct cli *cli, const char *option, const char *fallback)
{
    const struct cli_value *value = last_value(cli, option);
    return value == NULL ? fallback : value->text;
}

int64_t cli_number(const struct cli *cli, const char *option, int64_t fallback)
{
    const struct cli_value *value = last_value(cli, option);
    return value == NULL ? fallback : value->number;
}

bool cli_flag(const struct cli *cli, const char *option)
{
    return last_value(cli, option) != NULL;
}

size_t cli_list(const struct cli *cli, const char *option, const char **ret, size_t cap)
{
    size_t count = 0;
    for (size_t i = 0; i < cli->value_count && count < cap; i++)
        if (strcmp(cli->values[i].option->name, option) == 0)
            ret[count++] = cli->values[i].text;
    return count;
}

const char *cli_word(const struct cli *cli, int idx)
{
    return idx < cli->word_count ? cli->words[idx] : NULL;
}
