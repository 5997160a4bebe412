/* Fisher's exact test of an r × c table by a network, after Mehta & Patel (JASA 78, 1983): columns
 * are filled one by one; a node is what is left of the row sums (in descending order: rows are
 * alike from there on), with what the columns so far contribute, -Σ log n!, as its past. Paths that
 * meet with the same node and past are one piece with a weight. A table of past + rest counts if it
 * is no likelier than the observed one:
 *
 *     past + most the rest can add  ≤ observed   →  all completions count: Σ Π 1/n! = M! / (Π rows!
 * Π columns!) past + least the rest can add > observed   →  none does else →  kept for the next
 * column
 *
 * Past STATS_FISHER_NODES_MAX pieces or STATS_FISHER_STEPS_MAX steps between them the test is
 * refused. */
#include <string.h>

#include "stats/table_priv.h"

#define TIE 1e-7  /* relative, as R's */
#define GRAIN 1e9 /* pasts that agree to this share are the same */
#define ROWS_MAX 64
#define TOTAL_MAX 10000000

struct piece {
    double past, weight;
    uint64_t hash;
};
struct stage {
    struct piece *pieces;
    uint32_t *left;  /* rows numbers a piece */
    uint32_t *slots; /* open addressing: index of a piece + 1 */
    size_t count, capacity, slot_count;
};
struct network {
    struct work *work;
    size_t rows, columns;
    uint32_t columns_left[STATS_CELLS_MAX / 2 +
                          1]; /* sums of the columns, in the order they are filled */
    double *log_factorial;
    double observed;     /* -Σ log n! of the table */
    double log_constant; /* Π rows! Π columns! / N! */
    long double p;
    double steps;
    struct stage next;
    double columns_most, columns_least; /* what the columns after the one being filled can add at most, at least */
    uint32_t total_left;                /* their sum */
    size_t column; /* being filled */
};

static void sort_down(uint32_t *left, size_t rows)
{
    for (size_t i = 1; i < rows; i++)
        for (size_t j = i; j > 0 && left[j - 1] < left[j]; j--) {
            uint32_t swap = left[j];
            left[j] = left[j - 1];
            left[j - 1] = swap;
        }
}

static uint64_t hash_of(const uint32_t *left, size_t rows, int64_t past)
{
    uint64_t hash = (uint64_t)past * 0x9E3779B97F4A7C15u;
    for (size_t i = 0; i < rows; i++)
        hash = (hash ^ left[i]) * 0xD6E8FEB86659FD93u ^ (hash >> 29);
    return hash ^ (hash >> 32);
}

static bool stage_grow(struct network *network, struct stage *stage)
{
    size_t slots = stage->slot_count == 0 ? 1024 : 2 * stage->slot_count, capacity = slots / 2;
    struct piece *pieces = mem_resize(stage->pieces, capacity, sizeof *pieces);
    if (pieces != NULL)
        stage->pieces = pieces;
    uint32_t *left =
        pieces == NULL ? NULL : mem_resize(stage->left, capacity, network->rows * sizeof *left);
    if (left != NULL)
        stage->left = left;
    uint32_t *table = left == NULL ? NULL : mem_zalloc(slots, sizeof *table);
    if (table == NULL)
        return false;
    mem_free(stage->slots);
    stage->slots = table;
    stage->slot_count = slots;
    stage->capacity = capacity;
    for (size_t i = 0; i < stage->count; i++) {
        size_t at = (size_t)stage->pieces[i].hash & (slots - 1);
        while (table[at] != 0)
            at = (at + 1) & (slots - 1);
        table[at] = (uint32_t)i + 1;
    }
    return true;
}

static void stage_done(struct stage *stage)
{
    mem_free(stage->pieces);
    mem_free(stage->left);
    mem_free(stage->slots);
    *stage = (struct stage){0};
}

static enum err_code stage_add(struct network *network, const uint32_t *left, double past,
                               double weight)
{
    struct stage *stage = &network->next;
    if (stage->count == stage->capacity) {
        if (stage->count >= STATS_FISHER_NODES_MAX) {
            err_set(network->work->err, ERR_LIMIT,
                    "Fisher's test of this table takes more than %d pieces of work",
                    STATS_FISHER_NODES_MAX);
            return err_hint(network->work->err, "join rare levels, or take the chi-squared test");
        }
        if (!stage_grow(network, stage))
            return err_set(network->work->err, ERR_MEMORY, "out of memory");
    }
    uint64_t hash = hash_of(left, network->rows, llround(past * GRAIN));
    size_t at = (size_t)hash & (stage->slot_count - 1);
    for (; stage->slots[at] != 0; at = (at + 1) & (stage->slot_count - 1)) {
        size_t i = stage->slots[at] - 1;
        if (stage->pieces[i].hash == hash && fabs(stage->pieces[i].past - past) * GRAIN < 2 &&
            memcmp(stage->left + i * network->rows, left, network->rows * sizeof *left) == 0) {
            stage->pieces[i].weight += weight;
            return ERR_OK;
        }
    }
    stage->slots[at] = (uint32_t)stage->count + 1;
    stage->pieces[stage->count] = (struct piece){past, weight, hash};
    memcpy(stage->left + stage->count * network->rows, left, network->rows * sizeof *left);
    stage->count++;
    return ERR_OK;
}

/* -Σ log n! of a sum spread evenly over parts: the most that it can add. */
static double spread(const struct network *network, uint32_t sum, size_t parts)
{
    uint32_t each = sum / (uint32_t)parts, over = sum % (uint32_t)parts;
    return -((double)over * network->log_factorial[each + 1] +
             (double)(parts - over) * network->log_factorial[each]);
}

/* A node after the column was filled: counted whole, dropped, or kept. */
static enum err_code arrive(struct network *network, const uint32_t *left, double past,
                            double weight)
{
    size_t columns = network->columns - network->column - 1;
    double by_rows = 0, least_rows = 0;
    for (size_t r = 0; r < network->rows; r++) {
        by_rows += spread(network, left[r], columns);
        least_rows -= network->log_factorial[left[r]];
    }
    if (past + fmin(by_rows, network->columns_most) <= network->observed + TIE) {
        double log_all = network->log_factorial[network->total_left] + least_rows + network->columns_least;
        network->p += weight * expl((long double)(past + log_all) + network->log_constant);
        return ERR_OK;
    }
    if (past + fmax(least_rows, network->columns_least) > network->observed + TIE)
        return ERR_OK;
    return stage_add(network, left, past, weight);
}

/* Fill rows r … of the column with what is left to place, in every way. room: the sum of left[r …].
 */
static enum err_code fill(struct network *network, uint32_t *left, size_t r, uint32_t place,
                          uint32_t room, double past, double weight)
{
    if (r == network->rows || place == 0) {
        uint32_t sorted[ROWS_MAX];
        memcpy(sorted, left, network->rows * sizeof *left);
        sort_down(sorted, network->rows);
        if (++network->steps > STATS_FISHER_STEPS_MAX) {
            err_set(network->work->err, ERR_LIMIT,
                    "Fisher's test of this table takes more than %d steps of work",
                    STATS_FISHER_STEPS_MAX);
            return err_hint(network->work->err, "join rare levels, or take the chi-squared test");
        }
        return arrive(network, sorted, past, weight);
    }
    uint32_t own = left[r], after = room - own;
    for (uint32_t n = place > after ? place - after : 0; n <= own && n <= place; n++) {
        left[r] = own - n;
        TRY(fill(network, left, r + 1, place - n, after, past - network->log_factorial[n], weight));
    }
    left[r] = own;
    return ERR_OK;
}

/* The bounds of the columns after the one being filled. */
static void bound_columns(struct network *network)
{
    network->columns_most = network->columns_least = 0;
    network->total_left = 0;
    for (size_t c = network->column + 1; c < network->columns; c++) {
        network->columns_most += spread(network, network->columns_left[c], network->rows);
        network->columns_least -= network->log_factorial[network->columns_left[c]];
        network->total_left += network->columns_left[c];
    }
}

static enum err_code walk(struct network *network, uint32_t *start)
{
    struct stage now = {0};
    sort_down(start, network->rows);
    enum err_code code = stage_add(network, start, 0, 1);
    for (network->column = 0; network->column + 1 < network->columns && code == ERR_OK;
         network->column++) {
        stage_done(&now);
        now = network->next;
        network->next = (struct stage){0};
        bound_columns(network);
        for (size_t i = 0; i < now.count && code == ERR_OK; i++) {
            uint32_t *left = now.left + i * network->rows, room = 0;
            for (size_t r = 0; r < network->rows; r++)
                room += left[r];
            code = fill(network, left, 0, network->columns_left[network->column], room,
                        now.pieces[i].past, now.pieces[i].weight);
        }
    }
    stage_done(&now);
    stage_done(&network->next);
    return code;
}

static enum err_code prepare(struct work *work, const struct counts *counts, struct network **ret,
                             uint32_t **ret_rows)
{
    bool turned = counts->rows > counts->columns; /* the shorter side is the node */
    size_t rows = turned ? counts->columns : counts->rows,
           columns = turned ? counts->rows : counts->columns;
    if (rows > ROWS_MAX || counts->total > TOTAL_MAX) {
        err_set(work->err, ERR_LIMIT,
                "Fisher's test of a table of %zu × %zu takes more than %d steps of work",
                counts->rows, counts->columns, STATS_FISHER_STEPS_MAX);
        return err_hint(work->err, "join rare levels, or take the chi-squared test");
    }
    struct network *network = work_array(work, 1, sizeof *network);
    uint32_t *left = work_array(work, (int64_t)rows, sizeof *left);
    double *log_factorial = work_array(work, (int64_t)counts->total + 2, sizeof *log_factorial);
    TRY(work_memory(work));
    for (size_t i = 1; i <= (size_t)counts->total + 1; i++)
        log_factorial[i] = log_factorial[i - 1] + log((double)i);
    network->work = work;
    network->rows = rows;
    network->columns = columns;
    network->log_factorial = log_factorial;
    network->log_constant = -log_factorial[(size_t)counts->total];
    for (size_t i = 0; i < counts->rows * counts->columns; i++)
        network->observed -= log_factorial[(size_t)counts->cells[i]];
    for (size_t r = 0; r < rows; r++) {
        left[r] = (uint32_t)(turned ? counts->column_sums[r] : counts->row_sums[r]);
        network->log_constant += log_factorial[left[r]];
    }
    for (size_t c = 0; c < columns; c++) {
        network->columns_left[c] =
            (uint32_t)(turned ? counts->row_sums[c] : counts->column_sums[c]);
        network->log_constant += log_factorial[network->columns_left[c]];
    }
    sort_down(network->columns_left, columns);
    *ret = network;
    *ret_rows = left;
    return ERR_OK;
}

enum err_code fisher_network(struct work *work, const struct counts *counts, double *ret_p)
{
    struct network *network = NULL;
    uint32_t *start = NULL;
    TRY(prepare(work, counts, &network, &start));
    TRY(walk(network, start));
    *ret_p = network->p > 1 ? 1 : (double)network->p;
    work_number(work, "steps of work", network->steps);
    return ERR_OK;
}
