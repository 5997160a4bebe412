/* The program with allocation faults armed from the environment (MARROW_FAULT=alloc:N), whatever
 * the build: linked with a fault.c that was compiled for it. FAULT_REPORT names a file that gets
 * "fired" or "not reached". See tests/fault/faults.py. */
#include "base/fault.h"
#include "cli/cli.h"

#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv)
{
    fault_arm_from_environment();
    int status = cli_main(argc, argv);
    const char *path = getenv("FAULT_REPORT");
    FILE *file = path == NULL ? NULL : fopen(path, "w");
    if (file != NULL) {
        (void)fputs(fault_fired() ? "fired" : "not reached", file);
        (void)fclose(file);
    }
    return status;
}
