/* What the files that draw share. */
#ifndef MARROW_CLI_RENDER_H
#define MARROW_CLI_RENDER_H

#include "cli/cli.h"

const char *cli_style_on(const struct cli *cli, enum cli_style style);
const char *cli_style_off(const struct cli *cli, enum cli_style style);
size_t cli_text_cut(struct str text, int width); /* bytes that fit into width terminal columns */
const char *cli_time(const char *instant, char ret[32]); /* "2026-11-20 16:13" */
void cli_put_entry(struct cli *cli, const json_t *entry); /* one history entry in a few words */
/* Warnings of a manifest's tables, grouped by kind, the weightier first. */
void cli_put_table_warnings(struct cli *cli, const json_t *tables);
/* Of a statistical answer: test, figures, assumptions, alternatives. Others: nothing. */
void cli_put_test(struct cli *cli, const json_t *answer);

#endif
