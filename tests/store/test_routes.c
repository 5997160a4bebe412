/* Counters of routes: several processes lose none, a store without them has zeros, and counting
 * costs far less than a millisecond. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/file.h"
#include "store/store.h"

#define PROCESSES 4
#define TIMES 1000

static void test_counts(void **state)
{
    char directory[] = "/tmp/marrow-routes-XXXXXX", folder[FILE_PATH_BYTES];
    struct err err = {0};
    struct store *store = NULL;
    int64_t counts[STORE_ROUTES];
    (void)state;
    assert_non_null(mkdtemp(directory));
    struct store_options options = {.directory = directory, .create = true};
    assert_int_equal(store_open(&options, &store, &err), ERR_OK);
    store_route_count(store, "d", STORE_ROUTE_BITMAP); /* no such dataset: nothing happens */
    (void)snprintf(folder, sizeof folder, "%s/datasets/d", directory);
    assert_int_equal(file_make_directory(folder, &err), ERR_OK);
    store_routes_read(store, "d", counts);
    for (size_t i = 0; i < STORE_ROUTES; i++)
        assert_int_equal(counts[i], 0);
    for (int i = 0; i < PROCESSES; i++)
        if (fork() == 0) {
            for (int k = 0; k < TIMES; k++)
                store_route_count(store, "d", k % 2 == 0 ? STORE_ROUTE_FRESH : STORE_ROUTE_STALE);
            _exit(0);
        }
    for (int i = 0; i < PROCESSES; i++)
        assert_true(wait(NULL) > 0);
    store_routes_read(store, "d", counts);
    assert_int_equal(counts[STORE_ROUTE_FRESH], PROCESSES * TIMES / 2);
    assert_int_equal(counts[STORE_ROUTE_STALE], PROCESSES * TIMES / 2);
    assert_int_equal(counts[STORE_ROUTE_ON_THE_FLY], 0);
    int64_t started_us = clock_monotonic_us();
    for (int k = 0; k < TIMES; k++)
        store_route_count(store, "d", STORE_ROUTE_BITMAP);
    int64_t each_us = (clock_monotonic_us() - started_us) / TIMES;
    print_message("one count: %lld us\n", (long long)each_us);
    assert_true(each_us < 1000);
    store_close(store);
    assert_int_equal(file_remove_tree(directory, &err), ERR_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_counts)};
    json_install();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
