/* Blocks: a SELECT being filled in, and how it is written. */
#include "dialect/emit_priv.h"

#include <string.h>

struct block *block_new(struct emit *emit)
{
    struct block *block = arena_alloc(emit->arena, sizeof *block);
    if (block == NULL) {
        emit->failed = true;
        return NULL;
    }
    block->limit = -1;
    return block;
}

void lines_add(struct emit *emit, struct lines *lines, struct str text, enum precedence precedence)
{
    struct line *line = arena_alloc(emit->arena, sizeof *line);
    if (line == NULL) {
        emit->failed = true;
        return;
    }
    line->text = text;
    line->precedence = precedence;
    if (lines->last != NULL)
        lines->last->next = line;
    else
        lines->first = line;
    lines->last = line;
    lines->count++;
}

struct str emit_copy(struct emit *emit, struct buf *from)
{
    const char *copy = from->failed ? NULL : arena_strndup(emit->arena, buf_text(from), from->len);
    struct str text = {copy != NULL ? copy : "", copy != NULL ? from->len : 0};
    if (copy == NULL)
        emit->failed = true;
    else
        buf_clear(from);
    return text;
}

const char *emit_unique(struct emit *emit, struct aliases **taken, const char *wish)
{
    const char *name = wish;
    for (unsigned n = 1;;) {
        const struct aliases *at = *taken;
        while (at != NULL && !str_equal_nocase(str_of(at->name), str_of(name)))
            at = at->next;
        if (at == NULL)
            break;
        name = arena_printf(emit->arena, "%s_%u", wish, ++n);
        if (name == NULL)
            break;
    }
    struct aliases *entry = arena_alloc(emit->arena, sizeof *entry);
    if (entry == NULL || name == NULL) {
        emit->failed = true;
        return "";
    }
    entry->name = name;
    entry->next = *taken;
    *taken = entry;
    return name;
}

static void newline(struct buf *out, unsigned indent)
{
    static const char BLANKS[] = "\n                ";
    buf_add(out, BLANKS, 1 + (indent < sizeof BLANKS - 2 ? indent : sizeof BLANKS - 2));
}

static void write_clause(const struct lines *lines, const char *keyword, const char *between,
                         unsigned indent, struct buf *out)
{
    for (const struct line *line = lines->first; line != NULL; line = line->next) {
        newline(out, line == lines->first ? indent : indent + 2);
        buf_puts(out, line == lines->first ? keyword : between);
        bool parentheses = lines->count > 1 && line->precedence < PRECEDENCE_AND;
        if (parentheses)
            buf_putc(out, '(');
        buf_add_str(out, line->text);
        if (parentheses)
            buf_putc(out, ')');
    }
}

static void write_outputs(struct emit *emit, const struct block *block, const struct plan_rel *rel,
                          unsigned indent, struct buf *out)
{
    newline(out, indent);
    buf_puts(out, block->distinct ? "SELECT DISTINCT" : "SELECT");
    for (size_t i = 0; i < block->column_count; i++) {
        const struct piece *piece =
            block->settled != NULL ? &block->settled[i] : &block->columns[i];
        const char *name = rel->columns[i].name;
        newline(out, indent + 4);
        buf_add_str(out, piece->text);
        if (piece->column == NULL || strcmp(piece->column, name) != 0) {
            buf_puts(out, " AS ");
            dialect_quote_identifier(emit->dialect, str_of(name), out);
        }
        if (i + 1 < block->column_count)
            buf_putc(out, ',');
    }
}

static void write_ordered(struct emit *emit, const struct piece *piece, struct buf *out)
{
    bool parentheses = piece->precedence < PRECEDENCE_ATOM;
    buf_puts(out, parentheses ? "(" : "");
    buf_add_str(out, piece->text);
    buf_puts(out, parentheses ? ")" : "");
    buf_puts(out, emit->dialect->text_order);
}

static void write_limit(const struct block *block, unsigned indent, struct buf *out)
{
    if (block->limit < 0)
        return;
    newline(out, indent);
    buf_printf(out, "LIMIT %lld", (long long)block->limit);
}

static void write_tail(struct emit *emit, const struct block *block, const struct plan_rel *rel,
                       unsigned indent, struct buf *out)
{
    for (size_t i = 0; i < block->order_count; i++) {
        const struct block_order *order = &block->order[i];
        if (i == 0) {
            newline(out, indent);
            buf_puts(out, "ORDER BY ");
        } else {
            buf_puts(out, ", ");
        }
        bool bytewise = order->is_text && emit->dialect->text_order != NULL;
        if (order->text.len > 0)
            buf_add_str(out, order->text);
        else if (bytewise) /* an output's name may stand alone only */
            write_ordered(emit, &block->columns[order->idx], out);
        else
            dialect_quote_identifier(emit->dialect, str_of(rel->columns[order->idx].name), out);
        buf_puts(out, order->descending ? " DESC" : "");
        buf_puts(out, order->nulls_first ? " NULLS FIRST" : " NULLS LAST");
    }
    if (!emit->dialect->offset_first)
        write_limit(block, indent, out);
    if (block->offset > 0) {
        newline(out, indent);
        buf_printf(out, "OFFSET %lld", (long long)block->offset);
    }
    if (emit->dialect->offset_first)
        write_limit(block, indent, out);
}

static void write_union(struct emit *emit, const struct block *block, const struct plan_rel *rel,
                        unsigned indent, struct buf *out)
{
    for (size_t i = 0; i < block->part_count; i++) {
        if (i > 0) {
            newline(out, indent);
            buf_puts(out, "UNION ALL");
        }
        block_write(emit, block->parts[i], rel, indent, out);
    }
}

/* Each line begins with its own newline, so that a block can stand anywhere. */
void block_write(struct emit *emit, const struct block *block, const struct plan_rel *rel,
                 unsigned indent, struct buf *out)
{
    if (block == NULL || emit->failed)
        return;
    if (block->stage == STAGE_UNION) {
        write_union(emit, block, rel, indent, out);
        return;
    }
    write_outputs(emit, block, rel, indent, out);
    for (const struct line *line = block->from.first; line != NULL; line = line->next) {
        newline(out, indent);
        buf_puts(out, line == block->from.first ? "FROM " : "");
        buf_add_str(out, line->text);
    }
    write_clause(&block->where, "WHERE ", "AND ", indent, out);
    if (block->group.first != NULL) {
        newline(out, indent);
        buf_puts(out, "GROUP BY ");
        for (const struct line *line = block->group.first; line != NULL; line = line->next) {
            buf_add_str(out, line->text);
            buf_puts(out, line->next != NULL ? ", " : "");
        }
    }
    write_clause(&block->having, "HAVING ", "AND ", indent, out);
    write_tail(emit, block, rel, indent, out);
}

/* labs + AGGREGATE → labs_totals: a name a person might have given. */
static const char *name_wish(struct emit *emit, const struct block *block,
                             const struct plan_rel *rel)
{
    static const char *const SUFFIX[] = {
        [PLAN_SCAN] = "",
        [PLAN_FILTER] = "_rows",
        [PLAN_PROJECT] = "_values",
        [PLAN_JOIN] = "_joined",
        [PLAN_AGGREGATE] = "_totals",
        [PLAN_UNION] = "_all",
        [PLAN_SORT] = "_sorted",
        [PLAN_LIMIT] = "_top",
        [PLAN_DISTINCT] = "_distinct",
        [PLAN_WINDOW] = "_windows",
        [PLAN_VALUES] = "_listed",
        [PLAN_EXPLODE] = "_exploded",
        [PLAN_DEDUPE] = "_first",
        [PLAN_INTERVAL_JOIN] = "_overlaps",
        [PLAN_INTERVAL_MERGE] = "_merged",
    };
    if (rel->label != NULL && rel->label[0] != '\0')
        return rel->label;
    const char *wish = arena_printf(emit->arena, "%s%s", block->base != NULL ? block->base : "step",
                                    SUFFIX[rel->kind]);
    return wish != NULL ? wish : "step";
}

const char *block_close(struct emit *emit, const struct block *block, const struct plan_rel *rel)
{
    if (block == NULL)
        return "";
    const char *name = emit_unique(emit, &emit->taken, name_wish(emit, block, rel));
    struct buf *out = &emit->ctes;
    buf_puts(out, emit->cte_count++ == 0 ? "WITH " : ",\n");
    dialect_quote_identifier(emit->dialect, str_of(name), out);
    buf_puts(out, " AS (");
    block_write(emit, block, rel, 4, out);
    buf_puts(out, "\n)");
    return name;
}
