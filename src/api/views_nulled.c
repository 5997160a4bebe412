/* What was made null is told to whoever reads the rows: by every route, for as long as the rows are
 * kept. A resource counts once for each view, whatever number of its values broke a rule. */
#include "api/views_nulled.h"

#include "base/mem.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static json_t *of_view(json_t *nulled, const char *view, bool *ok)
{
    json_t *of = json_object_get(nulled, view);
    if (of != NULL)
        return of;
    of = json_object();
    json_put_int(of, "resources", 0, ok);
    json_put_int(of, "values", 0, ok);
    json_put(of, "listed", json_array(), ok);
    json_put(nulled, view, of, ok);
    return *ok ? of : NULL;
}

static void add_counts(json_t *of, int64_t resources, int64_t values, bool *ok)
{
    json_put_int(of, "resources", json_int(of, "resources", 0) + resources, ok);
    json_put_int(of, "values", json_int(of, "values", 0) + values, ok);
}

void api_nulled_add(json_t *nulled, const char *view, struct str id, const char *column,
                    int64_t values, bool *ok)
{
    json_t *of = of_view(nulled, view, ok);
    if (of == NULL)
        return;
    add_counts(of, 1, values, ok);
    json_t *listed = json_object_get(of, "listed"), *one = NULL;
    if (json_array_size(listed) >= VIEWS_NULLED_LISTED)
        return;
    one = json_object();
    json_put_str(one, "id", id, ok);
    json_put_text(one, "column", column, ok);
    json_put_int(one, "values", values, ok);
    json_push(listed, one, ok);
}

void api_nulled_merge(json_t *nulled, const char *view, const json_t *from, bool *ok)
{
    if (json_int(from, "resources", 0) == 0)
        return;
    json_t *of = of_view(nulled, view, ok);
    if (of == NULL)
        return;
    add_counts(of, json_int(from, "resources", 0), json_int(from, "values", 0), ok);
    if (json_object_get(from, "resource") != NULL)
        json_put_text(of, "resource", json_text(from, "resource", ""), ok);
    json_t *listed = json_object_get(of, "listed");
    const json_t *more = json_object_get(from, "listed");
    for (size_t i = 0; i < json_array_size(more); i++)
        if (json_array_size(listed) < VIEWS_NULLED_LISTED)
            json_push(listed, json_incref(json_array_get(more, i)), ok);
}

static int by_id(const void *a, const void *b)
{
    const json_t *const *left = a, *const *right = b;
    return strcmp(json_text(*left, "id", ""), json_text(*right, "id", ""));
}

void api_nulled_sort(json_t *nulled)
{
    const char *view;
    json_t *of;
    json_object_foreach(nulled, view, of)
    {
        json_t *listed = json_object_get(of, "listed");
        size_t count = json_array_size(listed);
        AUTO(mem_free) void *memory = mem_zalloc(count + 1, sizeof(json_t *));
        json_t **all = memory;
        (void)view;
        for (size_t i = 0; i < count && all != NULL; i++)
            all[i] = json_incref(json_array_get(listed, i));
        if (all == NULL)
            return;
        qsort(all, count, sizeof *all, by_id);
        for (size_t i = 0; i < count; i++)
            (void)json_array_set_new(listed, i, all[i]);
    }
}

bool api_nulled_is_whole(const json_t *of)
{
    return json_int(of, "resources", 0) ==
           (int64_t)json_array_size(json_object_get(of, "listed"));
}

json_t *api_nulled_brief(const json_t *of, bool *ok)
{
    const json_t *listed = json_object_get(of, "listed");
    json_t *brief = json_object(), *first = json_array();
    json_put_int(brief, "resources", json_int(of, "resources", 0), ok);
    json_put_int(brief, "values", json_int(of, "values", 0), ok);
    json_put(brief, "first", first, ok);
    for (size_t i = 0; i < json_array_size(listed) && i < VIEWS_NULLED_SHOWN; i++) {
        json_t *one = json_object();
        json_put_text(one, "id", json_text(json_array_get(listed, i), "id", ""), ok);
        json_put_text(one, "column", json_text(json_array_get(listed, i), "column", ""), ok);
        json_push(first, one, ok);
    }
    return brief;
}

int64_t api_nulled_values(const json_t *nulled)
{
    int64_t values = 0;
    const char *view;
    json_t *of;
    json_object_foreach((json_t *)(uintptr_t)nulled, view, of)
    {
        (void)view;
        values += json_int(of, "values", 0);
    }
    return values;
}

void api_nulled_print(const char *view, const char *resource, const json_t *of, int64_t suppress,
                      struct buf *out)
{
    const json_t *listed = json_object_get(of, "listed");
    int64_t resources = json_int(of, "resources", 0), values = json_int(of, "values", 0);
    bool one = values == 1 && suppress == 0;
    if (resources < suppress)
        buf_puts(out, "some");
    else
        buf_printf(out, "%" PRId64, values);
    buf_printf(out, " %s of %s %s null: %s %s column's rule", one ? "value" : "values", view,
               one ? "is" : "are", one ? "it breaks" : "they break", one ? "its" : "their");
    for (size_t i = 0; i < json_array_size(listed) && i < VIEWS_NULLED_SHOWN && suppress == 0; i++)
        buf_printf(out, "%s%s/%.64s, %s", i > 0 ? "; " : " (", resource,
                   json_text(json_array_get(listed, i), "id", ""),
                   json_text(json_array_get(listed, i), "column", ""));
    if (suppress == 0)
        buf_puts(out, resources > VIEWS_NULLED_SHOWN ? "; …)" : ")");
}
