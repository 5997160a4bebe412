/* The door of figure: an answer's drawing-independent description becomes text for a terminal, or SVG. Pure: JSON in, bytes out, the same
 * bytes each time. It knows no question and no table; docs/JSON.md has the shapes.
 *
 *     {"kind": "bars", "x", "y", "items": [{"label", "value", "low"?, "high"?, "n"?}]}
 *     {"kind": "box", "x"?, "y", "items": [{"label", "n", "min", "q1", "median", "q3", "max", "low", "high"}]}
 *     {"kind": "lines", "x", "y", "x_type": "number | date | text", "series": [{"label", "points": [[x, y]…]}]}
 *     {"kind": "survival", "x", "y", "groups": [{"label", "n", "events", "median", "steps": [[time, survival, low, high, at_risk, censored]…]}]}
 *     {"kind": "points", "x", "y", "points": [[x, y]…], "line": [slope, intercept]?}
 *     {"kind": "forest", "x", "log": bool, "items": [{"label", "value", "low", "high", "p"}]}
 *
 *     json ──figure_read──▶ struct figure ──figure_text──▶ Unicode blocks and braille, or ASCII
 *                                         └─figure_svg───▶ SVG 1.1, no script, no font file */
#ifndef MARROW_FIGURE_FIGURE_H
#define MARROW_FIGURE_FIGURE_H

#include "base/mem.h"
#include "json/json.h"

#define FIGURE_LIMIT_MARKS 1000000 /* items, points and steps of one figure; more: ERR_LIMIT */

struct figure;
/* Reads and checks a description. A number that is absent, null or beyond ±1e150 is not drawn; a mark that lacks what places it is left
 * out, which the figure says. ERR_INPUT: no such kind, or a member of another type; ERR_LIMIT. */
enum err_code figure_read(const json_t *json, struct figure **ret, struct err *err) WARN_UNUSED;
void figure_free(struct figure *figure);
AUTO_DEFINE(struct figure, figure_free)

struct figure_text_options {
    int width;    /* terminal columns; below 40 it is drawn 40 wide; 0: 80 */
    bool unicode; /* blocks, lines and braille; else ASCII alone */
    bool colour;  /* SGR codes that are legible on light and dark ground */
};
/* Appends the figure as lines of text, each ended by a newline. Labels are made visible and cut to their room. */
enum err_code figure_text(const struct figure *figure, const struct figure_text_options *options, struct buf *ret, struct err *err) WARN_UNUSED;
/* Appends the figure as one <svg> element. file: with the XML declaration before it, as a file of its own needs. title: for readers that
 * do not see it; NULL: the figure's kind. */
enum err_code figure_svg(const struct figure *figure, const char *title, bool file, struct buf *ret, struct err *err) WARN_UNUSED;

#endif
