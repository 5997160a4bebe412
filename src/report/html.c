/* HTML: one file with its style and its figure as inline SVG. No script; the policy in its head
 * forbids one, and anything from outside. */
#include "report/report_priv.h"

#include "base/screen.h"
#include "figure/figure.h"

#include <string.h>

static const char style[] =
    "body{font:15px/1.5 Helvetica,Arial,'Liberation Sans',sans-serif;color:#222;background:#fff;"
    "max-width:58rem;margin:2rem auto;padding:0 1rem}\n"
    "h1{font-size:1.45rem;line-height:1.25}h2{font-size:1.1rem;margin-top:2rem;"
    "border-bottom:1px solid #ddd;padding-bottom:.2rem}\n"
    "table{border-collapse:collapse;margin:.8rem 0;font-size:.93rem;display:block;overflow-x:auto}"
    "th{text-align:left;border-bottom:2px solid #555}th,td{padding:.25rem .8rem .25rem 0;"
    "vertical-align:top}td{border-bottom:1px solid "
    "#e4e4e4;overflow-wrap:anywhere}.n{text-align:right;white-space:nowrap;"
    "font-variant-numeric:tabular-nums}\n"
    "pre{background:#f6f6f6;padding:.8rem;overflow-x:auto;font-size:.82rem;line-height:1.4}"
    "svg{max-width:100%;height:auto}figure{margin:1rem 0}\n"
    "@media print{pre{white-space:pre-wrap}h2{break-after:avoid}figure,tr{break-inside:avoid}}";

static void escape(struct buf *out, const char *text)
{
    AUTO(buf_done) struct buf shown = BUF_INIT;
    screen_add_visible(&shown, str_of(text));
    screen_escape(out, buf_text(&shown));
}

static void open_document(struct buf *out, const char *title)
{
    buf_puts(out, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
                  "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
                  "style-src 'unsafe-inline'\">\n"
                  "<meta name=\"viewport\" content=\"width=device-width\">\n<title>");
    escape(out, title);
    buf_printf(out, "</title>\n<style>\n%s\n</style>\n</head>\n<body>\n<h1>", style);
    escape(out, title);
    buf_puts(out, "</h1>\n");
}

static void heading(struct buf *out, const char *text)
{
    buf_puts(out, "<h2>");
    escape(out, text);
    buf_puts(out, "</h2>\n");
}

static void paragraph(struct buf *out, const char *label, const char *text)
{
    buf_puts(out, "<p>");
    if (label[0] != '\0') {
        buf_puts(out, "<strong>");
        escape(out, label);
        buf_puts(out, "</strong> ");
    }
    escape(out, text);
    buf_puts(out, "</p>\n");
}

static void item(struct buf *out, const char *text, bool first, bool last)
{
    buf_puts(out, first ? "<ul>\n<li>" : "<li>");
    escape(out, text);
    buf_puts(out, last ? "</li>\n</ul>\n" : "</li>\n");
}

static void table(struct buf *out, const json_t *columns, const json_t *rows, size_t shown)
{
    buf_puts(out, "<table>\n<thead><tr>");
    for (size_t c = 0; c < json_array_size(columns); c++) {
        buf_puts(out, report_is_numeric(rows, c) ? "<th class=\"n\">" : "<th>");
        escape(out, json_string_value(json_array_get(columns, c)));
        buf_puts(out, "</th>");
    }
    buf_puts(out, "</tr></thead>\n<tbody>\n");
    for (size_t r = 0; r < json_array_size(rows) && r < shown; r++) {
        buf_puts(out, "<tr>");
        for (size_t c = 0; c < json_array_size(columns); c++) {
            AUTO(buf_done) struct buf cell = BUF_INIT;
            report_cell(json_array_get(json_array_get(rows, r), c), &cell);
            buf_puts(out, report_is_numeric(rows, c) ? "<td class=\"n\">" : "<td>");
            escape(out, buf_text(&cell));
            buf_puts(out, "</td>");
        }
        buf_puts(out, "</tr>\n");
    }
    buf_puts(out, "</tbody>\n</table>\n");
}

/* Its lines stay lines; all else is made visible. */
static void code(struct buf *out, const char *language, const char *text)
{
    (void)language;
    buf_puts(out, "<pre><code>");
    for (const char *at = text; *at != '\0';) {
        AUTO(buf_done) struct buf line = BUF_INIT;
        size_t length = strcspn(at, "\n");
        buf_add(&line, at, length);
        escape(out, buf_text(&line));
        buf_putc(out, '\n');
        at += length + (at[length] == '\n' ? 1 : 0);
    }
    buf_puts(out, "</code></pre>\n");
}

static enum err_code figure(struct buf *out, const json_t *description, const char *title,
                            struct err *err)
{
    AUTO(figure_free) struct figure *drawn = NULL;
    TRY(figure_read(description, &drawn, err));
    buf_puts(out, "<figure>\n");
    TRY(figure_svg(drawn, title, false, out, err));
    buf_puts(out, "</figure>\n");
    return ERR_OK;
}

static void close_document(struct buf *out)
{
    buf_puts(out, "</body>\n</html>\n");
}

const struct report_writer report_html = {open_document, heading, paragraph, item,
                                          table,         code,    figure,    close_document};
