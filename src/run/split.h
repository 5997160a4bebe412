/* A plan that asks for what the server's dialect lacks, cut: the largest parts that the server can do run there, their rows come here,
 * and the embedded engine does the rest.
 *
 *     project ratio = quantile(…)          scan marrow_part_1 ─── embedded
 *       aggregate … (no quantile there) →
 *         join labs, patients              join labs, patients ─── there, streamed into marrow_part_1
 */
#ifndef MARROW_RUN_SPLIT_H
#define MARROW_RUN_SPLIT_H

#include "run/server.h"

#define RUN_SPLIT_RESULT "marrow_split" /* view over the finished rows, in the embedded engine */

struct run_split_part {
    const struct plan_rel *rel; /* of the given plan */
    char name[32];              /* marrow_part_1 */
};
struct run_split {
    struct plan *over;
    const struct plan_rel *local; /* what the embedded engine does over the parts; NULL: the server does it all */
    struct run_split_part *parts;
    size_t part_count;
    json_t *computed_here; /* what the server's dialect said that it lacks */
};
/* Decide; nothing runs. */
enum err_code run_split_plan(const struct plan_rel *root, struct run_server *server, struct run_split *ret, struct err *err) WARN_UNUSED;
/* Where it was cut: run the parts there and make the view RUN_SPLIT_RESULT; the SQL that ran is added to sql. */
enum err_code run_split_run(struct run_split *split, struct run_server *server, struct buf *sql, struct err *err) WARN_UNUSED;
void run_split_done(struct run_split *split);

#endif
