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
/* ask_report.c: the answer's figure as lines of text; nothing where it has none. */
enum err_code cli_put_figure(struct cli *cli, const json_t *answer, struct err *err) WARN_UNUSED;
/* The answer as md, html, svg or json. */
enum err_code cli_ask_document(const char *format, const char *question, const json_t *answer, struct buf *ret, struct err *err) WARN_UNUSED;
/* --output FILE: refused where it is there already and not --overwrite; staged, fsynced, renamed. */
enum err_code cli_check_output(struct cli *cli, struct err *err) WARN_UNUSED;
enum err_code cli_write_output(struct cli *cli, struct str bytes, struct err *err) WARN_UNUSED;

#endif
