/* layer: cli — command lines: words parted by newlines go through the argument parser; what it
 * accepts can be asked for. */
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);

#define WORDS 64

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count)
{
    struct err err = {0};
    struct cli cli = {0};
    char *words[WORDS + 2] = {NULL};
    int word_count = 0;
    char *text = mem_strndup((const char *)bytes, count);
    if (text == NULL)
        return 0;
    static char program[] = "marrow";
    words[word_count++] = program;
    for (char *word = text; word != NULL && word_count <= WORDS;) {
        words[word_count++] = word;
        word = strchr(word, '\n');
        if (word != NULL)
            *word++ = '\0';
    }
    enum err_code code = cli_args_parse(&cli, word_count, words, &err);
    if (code != ERR_OK && (code != ERR_USAGE || err.message[0] == '\0'))
        abort();
    if (code == ERR_OK && cli.verb != NULL && !cli.help && !cli.version) {
        if (cli.verb->minimum > 0 && cli_word(&cli, 0) == NULL)
            abort();
        (void)cli_text(&cli, "store", "x");
        (void)cli_number(&cli, "memory", 0);
        (void)cli_flag(&cli, "json");
    }
    buf_done(&cli.out); /* a group's help */
    cli_args_done(&cli);
    mem_free(text);
    return 0;
}
