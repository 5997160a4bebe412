/* Least squares without the matrix: rows come in blocks, and Householder's reflections fold each
 * block into R, so that memory is of q², whatever the rows.
 *
 *     ┌ R ┐      ┌ R' ┐
 *     │ B │  →   │ 0  │      column k: a reflection of R[k][k] and B's column k; R's zeros stay
 * zeros └   ┘      └    ┘
 *
 * Rank is found on R as LINPACK's dqrdc2 (R's lm) finds it on X: a column whose part beyond the
 * earlier ones is under the tolerance of its own length is set aside. */
#include <string.h>

#include "stats/model_priv.h"

enum err_code qr_make(struct work *work, size_t q, struct qr *ret)
{
    *ret = (struct qr){.q = q};
    ret->r = work_array(work, (int64_t)(q * q), sizeof *ret->r);
    ret->block = work_array(work, (int64_t)(q * QR_BLOCK), sizeof *ret->block);
    return work_memory(work);
}

void qr_clear(struct qr *qr)
{
    memset(qr->r, 0, qr->q * qr->q * sizeof *qr->r);
    qr->filled = 0;
}

/* Reflect so that the block's column k becomes zero. */
static void reflect(struct qr *qr, size_t k, int64_t rows)
{
    double *v = qr->block + k * QR_BLOCK, *diagonal = &qr->r[k * qr->q + k],
           norm = *diagonal * *diagonal;
    for (int64_t i = 0; i < rows; i++)
        norm += v[i] * v[i];
    norm = sqrt(norm);
    if (!(norm > 0))
        return;
    double alpha = *diagonal > 0 ? -norm : norm, head = *diagonal - alpha,
           divisor = -alpha * head; /* |v|²/2 */
    *diagonal = alpha;
    for (size_t c = k + 1; c < qr->q; c++) {
        double *to = qr->block + c * QR_BLOCK, *row = &qr->r[k * qr->q + c], sum = head * *row;
        for (int64_t i = 0; i < rows; i++)
            sum += v[i] * to[i];
        sum /= divisor;
        *row -= sum * head;
        for (int64_t i = 0; i < rows; i++)
            to[i] -= sum * v[i];
    }
}

void qr_finish(struct qr *qr)
{
    for (size_t k = 0; k < qr->q && qr->filled > 0; k++)
        reflect(qr, k, qr->filled);
    qr->filled = 0;
}

void qr_next(struct qr *qr)
{
    if (++qr->filled == QR_BLOCK)
        qr_finish(qr);
}

enum err_code fit_make(struct work *work, size_t p, struct fit *ret)
{
    *ret = (struct fit){.p = p};
    ret->coefficient = work_array(work, (int64_t)p, sizeof *ret->coefficient);
    ret->unscaled = work_array(work, (int64_t)p, sizeof *ret->unscaled);
    ret->aliased = work_array(work, (int64_t)p, sizeof *ret->aliased);
    return work_memory(work);
}

/* Make column c of m (q × q by row) zero below row r, and carry the columns from c + 1 on. Returns
 * its length from r down. */
static double reflect_small(double *m, size_t q, size_t r, size_t c, bool keep)
{
    double norm = 0;
    for (size_t i = r; i < q; i++)
        norm += m[i * q + c] * m[i * q + c];
    norm = sqrt(norm);
    if (!keep || !(norm > 0))
        return norm;
    double alpha = m[r * q + c] > 0 ? -norm : norm, head = m[r * q + c] - alpha,
           divisor = -alpha * head;
    for (size_t j = c + 1; j < q; j++) {
        double sum = head * m[r * q + j];
        for (size_t i = r + 1; i < q; i++)
            sum += m[i * q + c] * m[i * q + j];
        sum /= divisor;
        m[r * q + j] -= sum * head;
        for (size_t i = r + 1; i < q; i++)
            m[i * q + j] -= sum * m[i * q + c];
    }
    m[r * q + c] = alpha;
    for (size_t i = r + 1; i < q; i++)
        m[i * q + c] = 0;
    return norm;
}

/* Solve the kept columns' triangle; unscaled[j] = the squared length of row j of its inverse. */
static void back_solve(const double *m, size_t q, const size_t *kept, size_t rank, struct fit *ret,
                       double *row)
{
    for (size_t k = rank; k-- > 0;) {
        double sum = m[k * q + q - 1];
        for (size_t l = k + 1; l < rank; l++)
            sum -= m[k * q + kept[l]] * ret->coefficient[kept[l]];
        ret->coefficient[kept[k]] = sum / m[k * q + kept[k]];
    }
    /* Row k of T⁻¹, left to right: row·T = e_k. */
    for (size_t k = 0; k < rank; k++) {
        double squares = 0;
        for (size_t l = k; l < rank; l++) {
            double sum = l == k ? 1 : 0;
            for (size_t j = k; j < l; j++)
                sum -= row[j] * m[j * q + kept[l]];
            row[l] = sum / m[l * q + kept[l]];
            squares += row[l] * row[l];
        }
        ret->unscaled[kept[k]] = squares;
    }
}

enum err_code fit_solve(struct work *work, const struct qr *qr, double tolerance, struct fit *ret)
{
    size_t q = qr->q, p = ret->p;
    double *m = work_array(work, (int64_t)(q * q), sizeof *m),
           *row = work_array(work, (int64_t)q, sizeof *row);
    size_t *kept = work_array(work, (int64_t)q, sizeof *kept);
    TRY(work_memory(work));
    memcpy(m, qr->r, q * q * sizeof *m);
    ret->rank = 0;
    ret->explained = ret->residual = 0;
    for (size_t c = 0; c < p; c++) {
        double length = 0;
        for (size_t i = 0; i <= c; i++)
            length += qr->r[i * q + c] * qr->r[i * q + c];
        ret->coefficient[c] = ret->unscaled[c] = NAN;
        ret->aliased[c] = !(reflect_small(m, q, ret->rank, c, false) > tolerance * sqrt(length));
        if (ret->aliased[c])
            continue;
        reflect_small(m, q, ret->rank, c, true);
        kept[ret->rank++] = c;
    }
    for (size_t i = 0; i < q; i++) {
        double part = m[i * q + q - 1] * m[i * q + q - 1];
        if (i >= ret->rank)
            ret->residual += part;
        else if (i > 0)
            ret->explained += part;
    }
    back_solve(m, q, kept, ret->rank, ret, row);
    return ERR_OK;
}
