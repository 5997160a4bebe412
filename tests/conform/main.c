/* Runs every case on every engine that is there, and counts what was skipped.
 * conform_engines [ENGINE]: on that one only. */
#include "conform.h"

static int run_on(struct target *at)
{
    char name[96];
    target = at;
    snprintf(name, sizeof name, "%s: types and parameters", at->name);
    int failed = _cmocka_run_group_tests(name, type_cases, type_case_count, NULL, NULL);
    snprintf(name, sizeof name, "%s: statements and results", at->name);
    failed += _cmocka_run_group_tests(name, run_cases, run_case_count, NULL, NULL);
    printf("conform: %s: %d failed, %d skipped for want of an ability\n", at->name, failed,
           at->skipped);
    return failed;
}

int main(int argc, char **argv)
{
    struct target *targets = targets_find();
    int failed = 0;
    for (struct target *at = targets; at->name != NULL; at++)
        if (argc < 2 || strcmp(argv[1], at->name) == 0)
            failed += run_on(at);
    targets_stop(targets);
    return failed == 0 ? 0 : 1;
}
