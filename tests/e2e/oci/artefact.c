/* `vitrine artefact` alone, so that these tests need no other room. */
#include "cli/full.h"

int main(int argc, char **argv)
{
    return cmd_artefact(argc, argv);
}
