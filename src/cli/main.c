/* The program's entry; everything is in cli_main, so that tests and the library link the layer
 * without a main. */
#include "cli/cli.h"

int main(int argc, char **argv)
{
    return cli_main(argc, argv);
}
