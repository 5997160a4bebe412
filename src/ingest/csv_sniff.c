/* The dialect of a CSV text, guessed from its first bytes. Pure.
 *
 * 1. Each candidate (delimiter × quote × escape) tokenizes the first 128 KiB. Score: the share of
 * rows that have the commonest number of fields, more for more columns, less for malformed quotes
 * and for lines before the first such row.
 * 2. With the winner, over the whole sample: lines before the table are the preamble; the first row
 * of the table is the header when its cells are texts over columns of numbers or dates, and data
 * when it looks like the rows below.
 * 3. Field counts of header and rows are compared: R's row names (header one shorter), delimiters
 * at line ends. */
#include <stdlib.h>
#include <string.h>

#include "ingest/parts_priv.h"

#define SCORE_BYTES (128u << 10)
#define HEADER_ROWS 2000
#define TITLE_ROWS 8 /* looked at below a title for the header */

struct counts {
    size_t *fields; /* per row */
    size_t rows, capacity;
    size_t malformed, blank;
};

static void counts_done(struct counts *counts)
{
    mem_free(counts->fields);
    *counts = (struct counts){0};
}

static bool count_rows(const struct csv_dialect *dialect, const char *at, const char *end,
                       bool whole, struct counts *ret)
{
    struct csv_row row = {0};
    bool ok = true;
    while (csv_next_row(dialect, &at, end, whole, &row)) {
        if (!row.complete && ret->rows > 0 && !whole)
            break;
        if (row.count == 1 && csv_row_is_blank(&row)) {
            ret->blank++;
            continue;
        }
        if (row.start[0] == '#' && ret->rows > 0)
            continue;
        size_t *slot =
            ingest_grow((void **)&ret->fields, &ret->rows, &ret->capacity, sizeof *ret->fields);
        if (slot == NULL) {
            ok = false;
            break;
        }
        *slot = row.count;
        ret->malformed += row.malformed;
    }
    ok = ok && !row.failed;
    csv_row_done(&row);
    return ok;
}

static int by_size(const void *a, const void *b)
{
    size_t x = *(const size_t *)a, y = *(const size_t *)b;
    return (x > y) - (x < y);
}

/* The commonest count (the larger on a tie); 0 when out of memory. */
static size_t mode_of(const struct counts *counts)
{
    if (counts->rows == 0)
        return 1;
    size_t *sorted = mem_zalloc(counts->rows, sizeof *sorted);
    if (sorted == NULL)
        return 0;
    memcpy(sorted, counts->fields, counts->rows * sizeof *sorted);
    qsort(sorted, counts->rows, sizeof *sorted, by_size);
    size_t best = sorted[0], best_times = 0;
    for (size_t i = 0, j; i < counts->rows; i = j) {
        for (j = i; j < counts->rows && sorted[j] == sorted[i]; j++)
            ;
        if (j - i >= best_times) {
            best = sorted[i];
            best_times = j - i;
        }
    }
    mem_free(sorted);
    return best;
}

/* Row where the table begins: the first whose count is the mode, or more than half of it (a header
 * of another length). */
static bool opens_table(size_t fields, size_t mode)
{
    return fields == mode || (fields >= 2 && fields * 2 > mode);
}

static double consistency_of(const struct counts *counts, size_t mode, size_t *ret_first)
{
    size_t first = 0, same = 0;
    while (first < counts->rows && !opens_table(counts->fields[first], mode))
        first++;
    for (size_t i = first; i < counts->rows; i++)
        same += counts->fields[i] == mode;
    *ret_first = first;
    return first == counts->rows ? 0 : (double)same / (double)(counts->rows - first);
}

static double score_dialect(const struct csv_dialect *dialect, double weight, const char *start,
                            const char *end, bool whole, bool *ok)
{
    struct counts counts = {0};
    *ok = count_rows(dialect, start, end, whole, &counts);
    size_t mode = *ok ? mode_of(&counts) : 0, first = 0;
    double score = 0;
    if (mode == 0)
        *ok = false;
    if (mode == 1 && counts.rows > 0 && counts.rows <= 4 &&
        counts.fields[0] >= 2) /* a header over very few, ragged rows */
        mode = counts.fields[0];
    if (mode >= 2) {
        double consistency = consistency_of(&counts, mode, &first);
        score = consistency * consistency * (1 - 1 / (double)mode) * weight;
        if (first > 0)
            score *= first * 4 > counts.rows ? 0.3 : 0.6;
    }
    if (counts.rows > 0) /* counts for one column too, so that quotes are judged there as well */
        score -= (double)counts.malformed / (double)counts.rows;
    counts_done(&counts);
    return score;
}

struct candidate {
    const char *delimiter;
    double weight;
};
static const struct candidate candidates[] = {
    {",", 1.0},    {";", 1.0},    {"\t", 1.0},  {"|", 1.0},        {"^", 0.9},        {"~", 0.9},
    {"\x1f", 1.0}, {"\x01", 1.0}, {"\x1e", .9}, {"\xc2\xa6", 0.9}, {"\xc2\xa7", 0.9}, {":", 0.5},
};

static void set_delimiter(struct csv_dialect *dialect, const char *delimiter)
{
    size_t length = strlen(delimiter);
    if (length >= sizeof dialect->delimiter)
        length = sizeof dialect->delimiter - 1;
    memset(dialect->delimiter, 0, sizeof dialect->delimiter);
    memcpy(dialect->delimiter, delimiter, length);
}

static bool contains(const char *start, const char *end, const char *text)
{
    return memmem(start, (size_t)(end - start), text, strlen(text)) != NULL;
}

struct contest {
    const char *start, *end;
    bool whole;
    struct csv_dialect best;
    double score;
    bool failed;
};

static void enter(struct contest *contest, const char *delimiter, double weight, char quote,
                  char escape)
{
    struct csv_dialect dialect = {.quote = quote, .escape = escape};
    set_delimiter(&dialect, delimiter);
    bool ok = true;
    double score =
        score_dialect(&dialect, weight, contest->start, contest->end, contest->whole, &ok);
    contest->failed = contest->failed || !ok;
    if (score > contest->score) {
        contest->score = score;
        contest->best = dialect;
    }
}

/* Is ' used to enclose fields: after a delimiter or line start, and before one, at least twice? */
static bool single_quotes_likely(const char *start, const char *end, const char *delimiter)
{
    size_t opens = 0, closes = 0, others = 0;
    for (const char *at = memchr(start, '\'', (size_t)(end - start)); at != NULL;
         at = memchr(at + 1, '\'', (size_t)(end - at - 1))) {
        bool opening = at == start || at[-1] == '\n' || at[-1] == delimiter[0];
        bool closing = at + 1 == end || at[1] == '\n' || at[1] == '\r' || at[1] == delimiter[0];
        opens += opening;
        closes += closing;
        others += !opening && !closing;
    }
    return opens >= 2 && closes >= 2 && opens + closes > others * 2;
}

static void enter_delimiter(struct contest *contest, const char *delimiter, double weight)
{
    bool quotes = memchr(contest->start, '"', (size_t)(contest->end - contest->start)) != NULL;
    enter(contest, delimiter, weight, '"', '"');
    if (quotes) {
        enter(contest, delimiter, weight * 0.9, 0, 0);
        if (contains(contest->start, contest->end, "\\\""))
            enter(contest, delimiter, weight * 0.99, '"', '\\');
    }
    if (single_quotes_likely(contest->start, contest->end, delimiter)) {
        enter(contest, delimiter, weight * 1.01, '\'', '\'');
        if (contains(contest->start, contest->end, "\\'"))
            enter(contest, delimiter, weight, '\'', '\\');
    }
}

/* One column: a delimiter that the sample does not hold, so that every line is one value. */
static const char *absent_delimiter(const char *start, const char *end)
{
    static const char *const rare[] = {"\x1f", "\x1e",
                                       "\x01"}; /* what is hardly to follow beyond the sample */
    for (size_t i = 0; i < sizeof rare / sizeof *rare; i++)
        if (!contains(start, end, rare[i]))
            return rare[i];
    for (size_t i = 0; i + 1 < sizeof candidates / sizeof *candidates; i++)
        if (!contains(start, end, candidates[i].delimiter))
            return candidates[i].delimiter;
    return "\x1f\x1e"; /* each by itself is in it */
}

static enum err_code choose_dialect(struct str sample, bool whole, const struct csv_hints *hints,
                                    struct csv_dialect *ret, struct err *err)
{
    struct contest contest = {
        .start = sample.ptr, .end = sample.ptr + sample.len, .whole = whole, .score = 0};
    if (sample.len > SCORE_BYTES) {
        const char *feed = memrchr(sample.ptr, '\n', SCORE_BYTES);
        if (feed != NULL && memchr(sample.ptr, '\n', (size_t)(feed - sample.ptr)) != NULL) {
            contest.end = feed + 1;
            contest.whole = false;
        }
    }
    if (hints->delimiter != NULL && hints->delimiter[0] != '\0') {
        contest.score = -1e9;
        enter_delimiter(&contest, hints->delimiter, 1.0);
    }
    for (size_t i = 0; hints->delimiter == NULL && i < sizeof candidates / sizeof *candidates; i++)
        if (contains(contest.start, contest.end, candidates[i].delimiter))
            enter_delimiter(&contest, candidates[i].delimiter, candidates[i].weight);
    if (contest.failed)
        return ingest_memory(err);
    if (contest.score <= 0 && hints->delimiter == NULL) {
        contest.best.quote = contest.best.escape = '"';
        set_delimiter(&contest.best, absent_delimiter(sample.ptr, sample.ptr + sample.len));
    }
    *ret = contest.best;
    return ERR_OK;
}

/* ---- the header ---------------------------------------------------------------------------------
 */

struct column_view { /* a column below the first row */
    size_t filled, numbers, moments, same_as_first;
    size_t shortest, longest;
};

static bool reads_as_name(struct str cell)
{
    bool letter = false;
    for (size_t i = 0; i < cell.len; i++) {
        unsigned char c = (unsigned char)cell.ptr[i];
        letter = letter || ((c | 32) >= 'a' && (c | 32) <= 'z') || c >= 0x80;
    }
    return letter && cell.len <= 256;
}

static struct str field_str(const struct csv_field *field)
{
    return (struct str){field->ptr, field->len};
}

static bool view_rows(const struct csv_dialect *dialect, const char *at, const char *end,
                      bool whole, const struct csv_row *first, size_t shift,
                      struct column_view *views)
{
    struct csv_row row = {0};
    for (int i = 0; i < HEADER_ROWS && csv_next_row(dialect, &at, end, whole, &row); i++) {
        if (!row.complete && i > 0)
            break;
        if (csv_row_is_blank(&row) && i >= 2)
            break; /* another table may follow */
        if (csv_row_is_blank(&row))
            continue;
        for (size_t k = 0; k < first->count && k + shift < row.count; k++) {
            struct str cell = str_trim(field_str(&row.fields[k + shift]));
            enum csv_cell kind = csv_cell_kind(cell);
            if (kind == CSV_EMPTY)
                continue;
            struct column_view *view = &views[k];
            view->shortest =
                view->filled == 0 || cell.len < view->shortest ? cell.len : view->shortest;
            view->longest = cell.len > view->longest ? cell.len : view->longest;
            view->filled++;
            view->numbers += kind == CSV_NUMBER;
            view->moments += kind == CSV_MOMENT;
            view->same_as_first += str_equal(cell, str_trim(field_str(&first->fields[k])));
        }
    }
    bool ok = !row.failed;
    csv_row_done(&row);
    return ok;
}

static double column_vote(const struct csv_field *field, const struct column_view *view)
{
    struct str cell = str_trim(field_str(field));
    enum csv_cell kind = csv_cell_kind(cell);
    if (view->filled == 0)
        return kind == CSV_NUMBER || kind == CSV_MOMENT ? -0.2 : 0;
    bool typed = view->numbers * 10 >= view->filled * 9 || view->moments * 10 >= view->filled * 9;
    if (typed && kind == CSV_TEXT)
        return 1;
    if (typed && kind != CSV_EMPTY)
        return -1;
    if (kind == CSV_EMPTY)
        return -0.1;
    if (view->same_as_first > 0)
        return -0.5;
    if (kind != CSV_TEXT)
        return -0.2;
    if (view->filled >= 3 && view->shortest == view->longest && cell.len != view->longest)
        return 0.5; /* codes of one length under a name of another */
    return 0;
}

/* All cells non-empty, unlike each other, and readable as names? */
static bool reads_as_names(const struct csv_row *row)
{
    for (size_t i = 0; i < row->count; i++) {
        struct str cell = str_trim(field_str(&row->fields[i]));
        if (!reads_as_name(cell))
            return false;
        for (size_t j = 0; j < i && i < 256; j++)
            if (str_equal_nocase(cell, str_trim(field_str(&row->fields[j]))))
                return false;
    }
    return row->count > 0;
}

/* One text in the first cell, nothing in the others. */
static bool only_first_is_filled(const struct csv_row *row)
{
    for (size_t i = 0; i < row->count; i++)
        if ((str_trim(field_str(&row->fields[i])).len > 0) != (i == 0))
            return false;
    return row->count > 0 && csv_cell_kind(str_trim(field_str(&row->fields[0]))) == CSV_TEXT;
}

enum err_code csv_header_score(const struct csv_dialect *dialect, const char *first_row,
                               const char *end, bool whole, size_t columns, double *ret,
                               struct err *err)
{
    struct csv_row first = {0};
    const char *at = first_row;
    bool ok = true;
    *ret = 0;
    if (csv_next_row(dialect, &at, end, whole, &first)) {
        struct column_view *views = mem_zalloc(first.count, sizeof *views);
        ok = views != NULL &&
             view_rows(dialect, at, end, whole, &first, columns == first.count + 1 ? 1 : 0, views);
        for (size_t k = 0; ok && k < first.count; k++)
            *ret += column_vote(&first.fields[k], &views[k]);
        mem_free(views);
    }
    ok = ok && !first.failed;
    csv_row_done(&first);
    return ok ? ERR_OK : ingest_memory(err);
}

/* ---- putting it together ------------------------------------------------------------------------
 */

/* "#id,name" is a header, not a comment, when it is as wide as the table and nothing but data
 * follows. */
static enum err_code hash_heads_table(const struct csv_guess *guess, const struct csv_row *row,
                                      const char *end, bool whole, size_t mode, bool *ret,
                                      struct err *err)
{
    *ret = false;
    if (mode < 2 || row->count != mode)
        return ERR_OK;
    struct csv_row below = {0};
    const char *next = row->end;
    double score = 0;
    bool more = csv_next_row(&guess->dialect, &next, end, whole, &below) && below.start[0] != '#' &&
                below.count == mode;
    enum err_code code = below.failed ? ingest_memory(err) : ERR_OK;
    if (more)
        code = csv_header_score(&guess->dialect, below.start, end, whole, mode, &score, err);
    csv_row_done(&below);
    *ret = more && score <= 0;
    return code;
}

/* "Report 2020;;;" above the header: a line that a spreadsheet made as wide as the table. One cell,
 * and what follows it is a row of names over other things, or such a line again. */
static enum err_code is_padded_title(const struct csv_guess *guess, const struct csv_row *row,
                                     const char *end, bool whole, size_t mode, bool *ret,
                                     struct err *err)
{
    struct csv_row below = {0};
    const char *at = row->end, *names = NULL;
    double score = 0;
    *ret = false;
    if (mode < 2 || row->count != mode || !only_first_is_filled(row))
        return ERR_OK;
    for (int i = 0; names == NULL && i < TITLE_ROWS; i++) {
        if (!csv_next_row(&guess->dialect, &at, end, whole, &below))
            break;
        if (below.count == mode && reads_as_names(&below))
            names = below.start;
        else if (!csv_row_is_blank(&below) && !only_first_is_filled(&below))
            break;
    }
    enum err_code code = below.failed ? ingest_memory(err) : ERR_OK;
    csv_row_done(&below);
    if (code == ERR_OK && names != NULL)
        code = csv_header_score(&guess->dialect, names, end, whole, mode, &score, err);
    struct str title = str_trim(field_str(&row->fields[0]));
    bool sentence = mode > 2 && memchr(title.ptr, ' ', title.len) != NULL;
    *ret = names != NULL && (score > 0.05 || (sentence && score > -0.3));
    return code;
}

/* Walk the sample's rows: where the table begins, how regular it is. */
static enum err_code find_table(const char *start, const char *end, bool whole,
                                struct csv_guess *guess, size_t mode, bool titles, struct err *err)
{
    struct csv_row row = {0};
    const char *at = start;
    size_t same = 0, other = 0, like_first = 0, first_count = 0;
    enum err_code code = ERR_OK;
    bool below_title = false;
    guess->first_row = NULL;
    while (code == ERR_OK && csv_next_row(&guess->dialect, &at, end, whole, &row)) {
        bool blank = csv_row_is_blank(&row) && (row.count == 1 || below_title);
        bool comment = row.start[0] == '#';
        if (guess->first_row == NULL) {
            bool opens = !blank && (opens_table(row.count, mode) || mode == 1);
            if (comment)
                code = hash_heads_table(guess, &row, end, whole, mode, &opens, err);
            bool title = false;
            if (opens && titles && code == ERR_OK)
                code = is_padded_title(guess, &row, end, whole, mode, &title, err);
            below_title = below_title || title;
            if (opens && !title) {
                below_title = false;
                guess->first_row = row.start;
                first_count = row.count;
            } else {
                guess->skip_lines += row.lines;
                guess->preamble_lines += blank ? 0 : row.lines;
            }
        } else if (!row.complete) {
            break;
        } else if (comment && row.count != mode) {
            guess->comment_lines++;
        } else if (!blank) {
            same += row.count == mode;
            other += row.count != mode;
            like_first += row.count == first_count;
        }
    }
    if (code == ERR_OK && row.failed)
        code = ingest_memory(err);
    csv_row_done(&row);
    guess->rows = (int64_t)(same + other);
    guess->ragged = (int64_t)other;
    guess->unlike_first = (int64_t)(same + other - like_first);
    guess->consistency = mode < 2            ? 0
                         : same + other == 0 ? 1
                                             : (double)same / (double)(same + other);
    return code;
}

/* Do all rows below end with an empty field? */
static enum err_code rows_end_empty(const struct csv_guess *guess, const char *at, const char *end,
                                    bool whole, size_t columns, bool *ret, struct err *err)
{
    struct csv_row row = {0};
    size_t seen = 0;
    bool empty = true;
    while (empty && csv_next_row(&guess->dialect, &at, end, whole, &row) && row.complete)
        if (row.count == columns) {
            empty = row.fields[columns - 1].len == 0;
            seen++;
        }
    enum err_code code = row.failed ? ingest_memory(err) : ERR_OK;
    csv_row_done(&row);
    *ret = empty && seen > 0;
    return code;
}

/* "","age","sex": row names as R and pandas write them. */
static bool only_first_is_empty(const struct csv_guess *guess)
{
    bool others = guess->columns >= 2;
    for (size_t i = 1; i < guess->columns && others; i++) {
        struct str name = str_trim(guess->names[i]);
        others = name.len > 0 && !str_equal_nocase(name, STR("row_name"));
    }
    return others && str_trim(guess->names[0]).len == 0;
}

static enum err_code read_names(struct csv_guess *guess, const struct csv_row *header,
                                struct arena *arena, struct err *err)
{
    size_t shift = guess->row_names ? 1 : 0;
    AUTO(buf_done) struct buf text = BUF_INIT;
    for (size_t i = 0; i + shift < guess->columns && i < header->count; i++) {
        buf_clear(&text);
        csv_field_text(&guess->dialect, &header->fields[i], &text);
        struct str name = buf_view(&text);
        if (i == 0 && str_has_prefix(name, "#") && !header->fields[0].quoted)
            name = (struct str){name.ptr + 1, name.len - 1};
        TRY(buf_check(&text, err));
        guess->names[i + shift] = (struct str){
            arena_strndup(arena, name.ptr == NULL ? "" : name.ptr, name.len), name.len};
        if (guess->names[i + shift].ptr == NULL)
            return ingest_memory(err);
    }
    guess->nameless_first = !guess->row_names && only_first_is_empty(guess);
    if (guess->row_names || guess->nameless_first)
        guess->names[0] = STR("row_name");
    return ERR_OK;
}

/* More rows of names, as the user said: "group / name". */
static enum err_code join_names(struct csv_guess *guess, int rows, const char *end, bool whole,
                                struct arena *arena, struct err *err)
{
    struct csv_row row = {0};
    const char *at = guess->first_data;
    AUTO(buf_done) struct buf text = BUF_INIT;
    for (; rows > 0 && csv_next_row(&guess->dialect, &at, end, whole, &row); rows--) {
        for (size_t i = 0; i < guess->columns && i < row.count; i++) {
            struct str group = str_trim(guess->names[i]);
            buf_clear(&text);
            csv_field_text(&guess->dialect, &row.fields[i], &text);
            struct str name = str_trim(buf_view(&text));
            if (name.len > 0 && !text.failed)
                guess->names[i] = str_of(arena_printf(
                    arena, "%.*s%s%.*s", (int)group.len, group.ptr == NULL ? "" : group.ptr,
                    group.len > 0 ? " / " : "", (int)name.len, name.ptr));
        }
        guess->header = false;
        guess->first_data = row.end;
        guess->skip_lines = guess->data_line - 1 + row.lines;
        guess->data_line += row.lines;
        guess->rows--;
    }
    bool ok = !row.failed && !text.failed && !arena_failed(arena);
    csv_row_done(&row);
    return ok ? ERR_OK : ingest_memory(err);
}

static enum err_code decide_header(struct csv_guess *guess, const struct csv_hints *hints,
                                   const struct csv_row *first, const char *end, bool whole,
                                   size_t mode, struct err *err)
{
    guess->named = hints->header >= 1;
    if (hints->header >= 0)
        return ERR_OK;
    double score = 0;
    TRY(csv_header_score(&guess->dialect, guess->first_row, end, whole, mode, &score, err));
    guess->header_uncertain = score > -0.5 && score < 0.5 && guess->rows > 0;
    guess->named = score > 0.05 || (score > -0.3 && reads_as_names(first));
    return ERR_OK;
}

/* Compare the first row's count with the rows': row names, delimiters at line ends. */
static enum err_code fit_columns(struct csv_guess *guess, const struct csv_row *first,
                                 const char *end, bool whole, size_t mode, struct err *err)
{
    guess->columns = guess->named ? first->count : mode;
    if (!guess->named)
        return ERR_OK;
    bool regular = guess->rows > 0 && guess->consistency >= 0.5 && mode >= 2;
    if (regular && first->count + 1 == mode) {
        TRY(rows_end_empty(guess, first->end, end, whole, mode, &guess->trailing, err));
        guess->row_names = !guess->trailing;
        guess->columns = mode;
    } else if (regular && first->count == mode + 1 && first->fields[mode].len == 0) {
        guess->trailing = true;
        guess->columns = mode;
    } else {
        guess->ragged = guess->unlike_first;
    }
    return ERR_OK;
}

/* Header, columns and names, from the first row of the table. */
static enum err_code read_header(struct csv_guess *guess, const struct csv_hints *hints,
                                 const struct csv_row *first, const char *end, bool whole,
                                 size_t mode, struct arena *arena, struct err *err)
{
    TRY(decide_header(guess, hints, first, end, whole, mode, err));
    TRY(fit_columns(guess, first, end, whole, mode, err));
    guess->header = guess->named && guess->columns == first->count;
    guess->first_data = guess->named ? first->end : first->start;
    guess->data_line = guess->skip_lines + 1 + (guess->named ? first->lines : 0);
    if (guess->named && !guess->header)
        guess->skip_lines += first->lines;
    if (!guess->named)
        guess->rows++;
    if (guess->columns > INGEST_LIMIT_COLUMNS)
        return err_set(err, ERR_LIMIT, "%zu columns: more than %d", guess->columns,
                       INGEST_LIMIT_COLUMNS);
    guess->names = arena_array(arena, guess->columns + 1, sizeof *guess->names);
    if (guess->names == NULL)
        return ingest_memory(err);
    if (guess->named)
        TRY(read_names(guess, first, arena, err));
    return hints->header > 1 ? join_names(guess, hints->header - 1, end, whole, arena, err)
                             : ERR_OK;
}

enum err_code csv_sniff(struct str sample, bool whole, const struct csv_hints *hints,
                        struct arena *arena, struct csv_guess *ret, struct err *err)
{
    *ret = (struct csv_guess){0};
    if (str_has_prefix(sample, "\xef\xbb\xbf"))
        sample = (struct str){sample.ptr + 3, sample.len - 3};
    if (str_trim(sample).len == 0)
        return err_set(err, ERR_INPUT, "no row in it, only blanks");
    TRY(choose_dialect(sample, whole, hints, &ret->dialect, err));
    const char *end = sample.ptr + sample.len;
    struct counts counts = {0};
    bool ok = count_rows(&ret->dialect, sample.ptr, end, whole, &counts);
    size_t mode = ok ? mode_of(&counts) : 0;
    if (mode == 1 && counts.rows > 0 && counts.rows <= 4 && counts.fields[0] >= 2)
        mode = counts.fields[0];
    counts_done(&counts);
    if (mode == 0)
        return ingest_memory(err);
    TRY(find_table(sample.ptr, end, whole, ret, mode, hints->header != 0, err));
    if (ret->first_row == NULL)
        return err_set(err, ERR_INPUT, "no row of data in it, only comments or blanks");
    struct csv_row first = {0};
    const char *at = ret->first_row;
    enum err_code code = ERR_OK;
    if (csv_next_row(&ret->dialect, &at, end, whole, &first))
        code = read_header(ret, hints, &first, end, whole, mode, arena, err);
    else
        code = ingest_memory(err);
    csv_row_done(&first);
    return code;
}
