/* JSON → struct figure: members by table, labels made visible, numbers that can't be drawn made
 * NaN, points sorted by x. Anything may come in; what is returned can be drawn. */
#include "figure/figure_priv.h"

#include "base/clock.h"
#include "base/screen.h"

#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

struct reader {
    struct figure *figure;
    struct err *err;
    size_t marks;
};

static double number_of(const json_t *json)
{
    double value = json_is_number(json) ? json_number_value(json) : (double)NAN;
    return fabs(value) <= FIGURE_LARGEST ? value : (double)NAN;
}

static const char *visible(struct figure *figure, const char *text)
{
    AUTO(buf_done) struct buf shown = BUF_INIT;
    screen_add_visible(&shown, str_of(text));
    const char *copy = arena_strndup(figure->arena, buf_text(&shown), shown.len);
    return copy != NULL ? copy : "";
}

static const char *label_of(struct reader *reader, const json_t *json)
{
    return visible(reader->figure, json_text(json, "label", ""));
}

static enum err_code list_of(struct reader *reader, const json_t *json, const char *member,
                             size_t *ret_count, json_t **ret)
{
    json_t *list = json_object_get(json, member);
    if (!json_is_array(list))
        return err_set(reader->err, ERR_INPUT, "a figure's \"%s\": expected an array", member);
    *ret = list;
    *ret_count = json_array_size(list);
    reader->marks += *ret_count;
    if (reader->marks > FIGURE_LIMIT_MARKS)
        return err_set(reader->err, ERR_LIMIT, "a figure of more than %d marks",
                       FIGURE_LIMIT_MARKS);
    return ERR_OK;
}

static const struct {
    const char *name;
    size_t at;
} item_members[] = {
    {"value", offsetof(struct figure_item, value)},   {"low", offsetof(struct figure_item, low)},
    {"high", offsetof(struct figure_item, high)},     {"n", offsetof(struct figure_item, n)},
    {"min", offsetof(struct figure_item, min)},       {"q1", offsetof(struct figure_item, q1)},
    {"median", offsetof(struct figure_item, median)}, {"q3", offsetof(struct figure_item, q3)},
    {"max", offsetof(struct figure_item, max)},       {"p", offsetof(struct figure_item, p)}};

static enum err_code read_items(struct reader *reader, const json_t *json)
{
    struct figure *figure = reader->figure;
    json_t *list = NULL;
    size_t count = 0;
    TRY(list_of(reader, json, "items", &count, &list));
    figure->items = arena_array(figure->arena, count + 1, sizeof *figure->items);
    for (size_t i = 0; figure->items != NULL && i < count; i++) {
        const json_t *one = json_array_get(list, i);
        struct figure_item *item = &figure->items[figure->item_count++];
        item->label = label_of(reader, one);
        for (size_t m = 0; m < sizeof item_members / sizeof *item_members; m++) {
            double value = number_of(json_object_get(one, item_members[m].name));
            memcpy((char *)item + item_members[m].at, &value, sizeof value);
        }
        bool drawn = figure->kind == FIGURE_BOX ? !isnan(item->median) : !isnan(item->value);
        figure->left_out += drawn ? 0 : 1;
    }
    return ERR_OK;
}

/* "2104-01-31", with a time behind it or not, as days since 1970; "2104-01" is its first day. */
static double date_of(const json_t *json)
{
    int64_t part[3] = {0, 1, 1};
    struct str text = str_of(json_string_value(json));
    static const size_t at[] = {0, 5, 8}, length[] = {4, 2, 2};
    for (size_t i = 0; i < 3 && text.len >= at[i] + length[i]; i++)
        if ((i > 0 && text.ptr[at[i] - 1] != '-') ||
            !str_to_int64((struct str){text.ptr + at[i], length[i]}, &part[i]))
            return NAN;
    if (text.len < 4 || part[0] < 0 ||
        !clock_civil_valid(part[0], (unsigned)part[1], (unsigned)part[2]))
        return NAN;
    double days = (double)clock_days_from_civil(part[0], (unsigned)part[1], (unsigned)part[2]);
    int64_t hours = 0, minutes = 0;
    if (text.len >= 16 && str_to_int64((struct str){text.ptr + 11, 2}, &hours) &&
        str_to_int64((struct str){text.ptr + 14, 2}, &minutes))
        days += (double)hours / 24 + (double)minutes / 1440;
    return days;
}

/* Categories in the order in which they come. Few: a search is enough. */
static double category_of(struct figure *figure, const json_t *json)
{
    if (!json_is_string(json) || figure->categories == NULL)
        return NAN;
    const char *text = visible(figure, json_string_value(json));
    for (size_t i = 0; i < figure->category_count; i++)
        if (strcmp(figure->categories[i], text) == 0)
            return (double)i;
    if (figure->category_count == 1000)
        return NAN;
    figure->categories[figure->category_count] = text;
    return (double)figure->category_count++;
}

static double x_of(struct figure *figure, const json_t *json)
{
    switch (figure->scale) {
    case FIGURE_DATE:
        return date_of(json);
    case FIGURE_CATEGORY:
        return category_of(figure, json);
    case FIGURE_NUMBER:
        break;
    }
    return number_of(json);
}

/* By x; of one x as they came (a series of few points may have several). */
static int by_x(const void *a, const void *b)
{
    const struct figure_point *left = a, *right = b;
    if (left->x != right->x)
        return left->x < right->x ? -1 : 1;
    return left < right ? -1 : left > right;
}

static enum err_code read_points(struct reader *reader, const json_t *json, const char *member,
                                 struct figure_series *ret)
{
    struct figure *figure = reader->figure;
    json_t *list = NULL;
    size_t count = 0;
    bool sorted = true;
    TRY(list_of(reader, json, member, &count, &list));
    ret->points = arena_array(figure->arena, count + 1, sizeof *ret->points);
    for (size_t i = 0; ret->points != NULL && i < count; i++) {
        const json_t *one = json_array_get(list, i);
        struct figure_point *point = &ret->points[ret->count];
        *point = (struct figure_point){
            .x = x_of(figure, json_array_get(one, 0)),
            .y = number_of(json_array_get(one, 1)),
            .low = number_of(json_array_get(one, 2)),
            .high = number_of(json_array_get(one, 3)),
            .at_risk = number_of(json_array_get(one, 4)),
            .censored = number_of(json_array_get(one, 5)),
        };
        bool placed = !isnan(point->x) && (!isnan(point->y) || figure->kind == FIGURE_LINES);
        figure->left_out += placed ? 0 : 1;
        sorted = sorted && (ret->count == 0 || point[-1].x <= point->x || !placed);
        ret->count += placed ? 1 : 0;
    }
    if (!sorted && figure->kind != FIGURE_POINTS)
        qsort(ret->points, ret->count, sizeof *ret->points, by_x);
    return ERR_OK;
}

static enum err_code read_series(struct reader *reader, const json_t *json, const char *member,
                                 const char *points)
{
    struct figure *figure = reader->figure;
    json_t *list = NULL;
    size_t count = 0;
    TRY(list_of(reader, json, member, &count, &list));
    figure->series = arena_array(figure->arena, count + 1, sizeof *figure->series);
    for (size_t i = 0; figure->series != NULL && i < count; i++) {
        const json_t *one = json_array_get(list, i);
        struct figure_series *series = &figure->series[figure->series_count++];
        series->label = label_of(reader, one);
        series->n = number_of(json_object_get(one, "n"));
        series->events = number_of(json_object_get(one, "events"));
        series->median = number_of(json_object_get(one, "median"));
        TRY(read_points(reader, one, points, series));
    }
    return ERR_OK;
}

static enum err_code read_cloud(struct reader *reader, const json_t *json)
{
    struct figure *figure = reader->figure;
    const json_t *line = json_object_get(json, "line");
    figure->series = arena_array(figure->arena, 1, sizeof *figure->series);
    if (figure->series == NULL)
        return ERR_OK; /* the arena says so */
    figure->series_count = 1;
    figure->series[0].label = "";
    figure->slope = number_of(json_array_get(line, 0));
    figure->intercept = number_of(json_array_get(line, 1));
    figure->has_line = !isnan(figure->slope) && !isnan(figure->intercept);
    return read_points(reader, json, "points", &figure->series[0]);
}

static enum err_code read_curves(struct reader *reader, const json_t *json)
{
    return read_series(reader, json, "series", "points");
}

static enum err_code read_groups(struct reader *reader, const json_t *json)
{
    return read_series(reader, json, "groups", "steps");
}

static const struct {
    const char *name;
    enum err_code (*read)(struct reader *reader, const json_t *json);
} kinds[FIGURE_KINDS] = {
    [FIGURE_BARS] = {"bars", read_items},     [FIGURE_BOX] = {"box", read_items},
    [FIGURE_LINES] = {"lines", read_curves},  [FIGURE_SURVIVAL] = {"survival", read_groups},
    [FIGURE_POINTS] = {"points", read_cloud}, [FIGURE_FOREST] = {"forest", read_items}};

static enum err_code read_all(struct reader *reader, const json_t *json)
{
    static const char *const scales[] = {"number", "date", "text"};
    struct figure *figure = reader->figure;
    const char *kind = json_text(json, "kind", "");
    while (figure->kind < FIGURE_KINDS && strcmp(kinds[figure->kind].name, kind) != 0)
        figure->kind++;
    if (figure->kind == FIGURE_KINDS) {
        err_set(reader->err, ERR_INPUT, "no kind of figure is called so");
        return err_hint(reader->err, "kinds: bars, box, lines, survival, points, forest");
    }
    figure->x = visible(figure, json_text(json, "x", ""));
    figure->y = visible(figure, json_text(json, "y", ""));
    if (figure->kind == FIGURE_FOREST && strstr(figure->x, "CI") == NULL) /* what its lines are */
        figure->x = arena_printf(figure->arena, "%s (95 %% CI)", figure->x);
    figure->x = figure->x != NULL ? figure->x : "";
    figure->log = json_flag(json, "log", false);
    for (size_t i = 0; i < sizeof scales / sizeof *scales; i++)
        if (strcmp(scales[i], json_text(json, "x_type", "number")) == 0)
            figure->scale = (enum figure_scale)i;
    if (figure->scale == FIGURE_CATEGORY)
        figure->categories = arena_array(figure->arena, 1000, sizeof *figure->categories);
    return kinds[figure->kind].read(reader, json);
}

enum err_code figure_read(const json_t *json, struct figure **ret, struct err *err)
{
    AUTO(figure_free) struct figure *figure = mem_zalloc(1, sizeof *figure);
    struct reader reader = {.figure = figure, .err = err};
    if (figure == NULL || (figure->arena = arena_new(0)) == NULL)
        return err_set(err, ERR_MEMORY, "no memory for a figure");
    TRY(read_all(&reader, json));
    if (arena_failed(figure->arena))
        return err_set(err, ERR_MEMORY, "no memory for a figure");
    *ret = figure;
    figure = NULL;
    return ERR_OK;
}

void figure_free(struct figure *figure)
{
    if (figure == NULL)
        return;
    arena_free(figure->arena);
    mem_free(figure);
}
