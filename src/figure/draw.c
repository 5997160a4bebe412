/* The table of kinds, each with what draws it, and the two doors. */
#include "figure/figure_priv.h"

#include "base/screen.h"

#include <string.h>

static const struct {
    const char *name; /* for readers that do not see it */
    void (*text)(const struct figure *figure, struct figure_text *text);
    void (*svg)(const struct figure *figure, struct figure_svg *svg);
} kinds[FIGURE_KINDS] = {
    [FIGURE_BARS] = {"bar chart", figure_text_bars, figure_svg_bars},
    [FIGURE_BOX] = {"box plot", figure_text_box, figure_svg_box},
    [FIGURE_LINES] = {"line chart", figure_text_lines, figure_svg_lines},
    [FIGURE_SURVIVAL] = {"survival curves", figure_text_survival, figure_svg_survival},
    [FIGURE_POINTS] = {"scatter plot", figure_text_points, figure_svg_points},
    [FIGURE_FOREST] = {"forest plot", figure_text_forest, figure_svg_forest}};

void figure_note(const struct figure *figure, size_t shown, size_t total, const char *what,
                 struct buf *ret)
{
    if (shown < total)
        buf_printf(ret, "%zu of %zu %s are drawn\n", shown, total, what);
    if (figure->left_out > 0)
        buf_printf(ret, "%zu without a value %s not drawn\n", figure->left_out,
                   figure->left_out == 1 ? "is" : "are");
}

enum err_code figure_text(const struct figure *figure, const struct figure_text_options *options,
                          struct buf *ret, struct err *err)
{
    struct figure_text text = {.out = ret,
                               .width = options->width == 0   ? 80
                                        : options->width < 40 ? 40
                                                              : options->width,
                               .unicode = options->unicode,
                               .colour = options->colour};
    kinds[figure->kind].text(figure, &text);
    return buf_check(ret, err);
}

enum err_code figure_svg(const struct figure *figure, const char *title, bool file, struct buf *ret,
                         struct err *err)
{
    AUTO(buf_done) struct buf body = BUF_INIT;
    struct figure_svg svg = {.out = &body};
    kinds[figure->kind].svg(figure, &svg);
    TRY(buf_check(&body, err));
    if (file)
        buf_puts(ret, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    buf_puts(ret, "<svg xmlns=\"http://www.w3.org/2000/svg\" role=\"img\" width=\"");
    svg_number(ret, svg.width);
    buf_puts(ret, "\" height=\"");
    svg_number(ret, svg.height);
    buf_puts(ret, "\" viewBox=\"0 0 ");
    svg_number(ret, svg.width);
    buf_putc(ret, ' ');
    svg_number(ret, svg.height);
    buf_puts(ret, "\" font-family=\"Helvetica, Arial, 'Liberation Sans', sans-serif\" "
                  "font-size=\"12\" fill=\"#222222\">\n<title>");
    screen_escape(ret, title != NULL && title[0] != '\0' ? title : kinds[figure->kind].name);
    buf_puts(ret, "</title>\n<rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n");
    buf_add_str(ret, buf_view(&body));
    buf_puts(ret, "</svg>\n");
    return buf_check(ret, err);
}
