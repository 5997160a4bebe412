/* What report's files share: a document's parts, written by one of two writers. */
#ifndef MARROW_REPORT_PRIV_H
#define MARROW_REPORT_PRIV_H

#include "report/report.h"

struct report_writer {
    void (*open)(struct buf *out, const char *title);
    void (*heading)(struct buf *out, const char *text);
    void (*paragraph)(struct buf *out, const char *label, const char *text); /* label "": none */
    void (*item)(struct buf *out, const char *text, bool first, bool last);  /* of a list */
    void (*table)(struct buf *out, const json_t *columns, const json_t *rows, size_t shown);
    void (*code)(struct buf *out, const char *language, const char *text);
    enum err_code (*figure)(struct buf *out, const json_t *figure, const char *title, struct err *err);
    void (*close)(struct buf *out);
};
extern const struct report_writer report_markdown, report_html;
/* Is the column one of numbers? Then it stands at the right. */
bool report_is_numeric(const json_t *rows, size_t column);

#endif
