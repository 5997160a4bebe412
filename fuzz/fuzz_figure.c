/* layer: figure — a description of a figure in JSON, drawn as SVG and as text of any width. */
#include <stdlib.h>
#include <string.h>

#include "figure/figure.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count)
{
    struct err err = {0};
    JSON_AUTO json = NULL;
    AUTO(figure_free) struct figure *figure = NULL;
    AUTO(buf_done) struct buf text = BUF_INIT, svg = BUF_INIT, again = BUF_INIT;
    if (count < 1 || json_parse((struct str){(const char *)bytes + 1, count - 1}, "input", &json,
                                &err) != ERR_OK)
        return 0;
    if (figure_read(json, &figure, &err) != ERR_OK)
        return 0;
    struct figure_text_options options = {.width = bytes[0] >> 1, .unicode = bytes[0] & 1};
    if (figure_text(figure, &options, &text, &err) != ERR_OK ||
        figure_svg(figure, NULL, true, &svg, &err) != ERR_OK ||
        figure_svg(figure, NULL, true, &again, &err) != ERR_OK)
        abort(); /* whatever could be read can be drawn */
    if (!str_equal(buf_view(&svg), buf_view(&again)) || memchr(svg.ptr, '\x1b', svg.len) != NULL ||
        strstr(svg.ptr, "\"nan\"") != NULL || strstr(svg.ptr, "\"-nan\"") != NULL)
        abort();
    return 0;
}
