/* The smallest program that can be a holder and a container's init: what the local engine's tests start. */
#include <stdio.h>
#include <string.h>

#include "cluster/local/local.h"

/* A leak check at exit needs ptrace, which a container does not have. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
    return "detect_leaks=0:abort_on_error=0";
}

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "__holder") == 0)
        return local_holder_main(argc, argv);
    if (argc > 1 && strcmp(argv[1], "__container") == 0)
        return local_container_main(argc, argv);
    fprintf(stderr, "usage: the local engine starts this\n");
    return 2;
}
