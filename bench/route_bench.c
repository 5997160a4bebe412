/* What a query pays for choosing a view's route, timed within the process: route_bench STORE DATASET VIEW [ROUNDS]. The version is open, as any query has it. Each
 * round reads the dataset's views and finds the one that is meant, then chooses, counts the choice and writes it for the answer, all before data is touched.
 * Prints {"route", "rounds", "choice_us", "whole_us", "whole_most_us"}: medians of the choice alone and of all of it, and the slowest round. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "api/views_priv.h"

static int ascending(const void *a, const void *b)
{
    int64_t left = *(const int64_t *)a, right = *(const int64_t *)b;
    return (left > right) - (left < right);
}

static enum err_code choose(struct api *api, struct store_version *version, const char *name, int64_t *ret_choice_ns, char route[16], struct err *err)
{
    AUTO(api_view_done) struct api_view view = {.view = NULL};
    JSON_AUTO views = NULL;
    JSON_AUTO routes = json_object();
    struct api_query_marts marts = {.routes = routes};
    struct api_route chosen;
    struct timespec from, to;
    bool ok = true;
    TRY(api_views_read(api, store_version_dataset(version), &views, err));
    TRY(api_view_find(views, name, &view, err));
    (void)clock_gettime(CLOCK_MONOTONIC, &from);
    TRY(api_view_route(api, version, json_object_get(views, view.name), fhir_view_resource(view.view), API_VIEW_LATEST, &chosen, err));
    api_view_routed(api, version, &marts, view.name, &chosen, &ok);
    (void)clock_gettime(CLOCK_MONOTONIC, &to);
    *ret_choice_ns = (int64_t)(to.tv_sec - from.tv_sec) * 1000000000 + (to.tv_nsec - from.tv_nsec);
    (void)snprintf(route, 16, "%s", chosen.route);
    return json_built(ok, err);
}

static enum err_code run(char **argv, size_t rounds, struct err *err)
{
    AUTO(api_close) struct api *api = NULL;
    AUTO(store_version_close) struct store_version *version = NULL;
    AUTO(mem_free) int64_t *choices = mem_zalloc(rounds, sizeof *choices);
    AUTO(mem_free) int64_t *wholes = mem_zalloc(rounds, sizeof *wholes);
    char route[16];
    if (choices == NULL || wholes == NULL)
        return err_set(err, ERR_MEMORY, "no memory for the rounds");
    TRY(api_open(&(struct api_options){.store = argv[1]}, &api, err));
    TRY(store_version_open(api->store, argv[2], NULL, &version, err));
    for (size_t round = 0; round < rounds; round++) {
        int64_t from = clock_monotonic_us();
        TRY(choose(api, version, argv[3], &choices[round], route, err));
        wholes[round] = clock_monotonic_us() - from;
    }
    qsort(choices, rounds, sizeof *choices, ascending);
    qsort(wholes, rounds, sizeof *wholes, ascending);
    printf("{\"route\": \"%s\", \"rounds\": %zu, \"choice_us\": %.2f, \"whole_us\": %lld, \"whole_most_us\": %lld}\n", route, rounds, (double)choices[rounds / 2] / 1e3,
           (long long)wholes[rounds / 2], (long long)wholes[rounds - 1]);
    return ERR_OK;
}

int main(int argc, char **argv)
{
    struct err err = {0};
    size_t rounds = argc > 4 ? strtoul(argv[4], NULL, 10) : 1000;
    if (argc < 4 || rounds == 0) {
        fprintf(stderr, "route_bench STORE DATASET VIEW [ROUNDS]\n");
        return 2;
    }
    if (run(argv, rounds, &err) == ERR_OK)
        return 0;
    fprintf(stderr, "%s\n", err.message);
    return 1;
}
