/* Markdown (CommonMark with tables). The figure is text in a block of code, so that the file stands
 * alone. */
#include "report/report_priv.h"

#include "base/screen.h"
#include "figure/figure.h"

#include <ctype.h>
#include <string.h>

static bool is_word(char c)
{
    return isalnum((unsigned char)c) || ((unsigned char)c & 0x80) != 0;
}

/* Characters that would be read as markup get a backslash; lines become one. */
static void escape(struct buf *out, const char *text)
{
    AUTO(buf_done) struct buf shown = BUF_INIT;
    screen_add_visible(&shown, str_of(text));
    const char *start = buf_text(&shown);
    for (const char *at = start; *at != '\0'; at++) {
        bool inside = *at == '_' && at > start && is_word(at[-1]) && is_word(at[1]);
        if (strchr("\\`*_[]<>|&#~", *at) != NULL && !inside)
            buf_putc(out, '\\');
        buf_putc(out, *at);
    }
}

static void open_document(struct buf *out, const char *title)
{
    buf_puts(out, "# ");
    escape(out, title);
    buf_puts(out, "\n\n");
}

static void heading(struct buf *out, const char *text)
{
    buf_puts(out, "## ");
    escape(out, text);
    buf_puts(out, "\n\n");
}

static void paragraph(struct buf *out, const char *label, const char *text)
{
    if (label[0] != '\0') {
        buf_puts(out, "**");
        escape(out, label);
        buf_puts(out, "** ");
    }
    escape(out, text);
    buf_puts(out, "\n\n");
}

static void item(struct buf *out, const char *text, bool first, bool last)
{
    (void)first;
    buf_puts(out, "- ");
    escape(out, text);
    buf_puts(out, last ? "\n\n" : "\n");
}

static void table(struct buf *out, const json_t *columns, const json_t *rows, size_t shown)
{
    size_t count = json_array_size(columns);
    for (size_t c = 0; c < count; c++) {
        buf_puts(out, "| ");
        escape(out, json_string_value(json_array_get(columns, c)));
        buf_puts(out, c + 1 == count ? " |\n" : " ");
    }
    for (size_t c = 0; c < count; c++)
        buf_printf(out, "|%s%s", report_is_numeric(rows, c) ? "---:" : "---",
                   c + 1 == count ? "|\n" : "");
    for (size_t r = 0; r < json_array_size(rows) && r < shown; r++)
        for (size_t c = 0; c < count; c++) {
            AUTO(buf_done) struct buf cell = BUF_INIT;
            report_cell(json_array_get(json_array_get(rows, r), c), &cell);
            buf_puts(out, "| ");
            escape(out, buf_text(&cell));
            buf_puts(out, c + 1 == count ? " |\n" : " ");
        }
    buf_putc(out, '\n');
}

/* The fence is longer than any in the text. */
static void code(struct buf *out, const char *language, const char *text)
{
    size_t longest = 2, run = 0;
    for (const char *at = text; *at != '\0'; at++) {
        run = *at == '`' ? run + 1 : 0;
        longest = run > longest ? run : longest;
    }
    for (size_t i = 0; i <= longest; i++)
        buf_putc(out, '`');
    buf_printf(out, "%s\n%s%s", language, text,
               text[0] != '\0' && text[strlen(text) - 1] == '\n' ? "" : "\n");
    for (size_t i = 0; i <= longest; i++)
        buf_putc(out, '`');
    buf_puts(out, "\n\n");
}

static enum err_code figure(struct buf *out, const json_t *description, const char *title,
                            struct err *err)
{
    AUTO(figure_free) struct figure *drawn = NULL;
    AUTO(buf_done) struct buf text = BUF_INIT;
    struct figure_text_options options = {.width = 90, .unicode = true};
    (void)title;
    TRY(figure_read(description, &drawn, err));
    TRY(figure_text(drawn, &options, &text, err));
    code(out, "text", buf_text(&text));
    return ERR_OK;
}

static void close_document(struct buf *out)
{
    while (out->len > 1 && out->ptr[out->len - 1] == '\n' && out->ptr[out->len - 2] == '\n')
        out->ptr[--out->len] = '\0';
}

const struct report_writer report_markdown = {open_document, heading, paragraph, item,
                                              table,         code,    figure,    close_document};
