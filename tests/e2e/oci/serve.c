/* The embedded registry by itself: serve DIR prints its port and serves until standard input ends. */
#include <stdio.h>
#include <unistd.h>

#include "base/sys.h"
#include "oci/registry.h"

static void handle(void *user, struct http_server_request *q, struct http_exchange *x)
{
    if (oci_registry_owns(q->path))
        oci_registry_handle(user, q, x);
    else
        http_reply(x, 404, "text/plain", S("not ours\n"));
}

static bool spools(void *user, struct str method, struct str path)
{
    return oci_registry_spools(method, path);
}

int main(int argc, char **argv)
{
    struct oci_registry *registry = NULL;
    struct http_server *server = NULL;
    struct err e = { 0 };
    char byte;
    if (argc != 2)
        return 2;
    if (!oci_registry_open(argv[1], &registry, &e)) {
        fprintf(stderr, "%s\n", e.text);
        return 1;
    }
    struct http_server_options o = { .handle = handle, .spool = spools, .spool_dir = argv[1], .user = registry };
    if (!http_server_open(&o, &server, &e)) {
        fprintf(stderr, "%s\n", e.text);
        return 1;
    }
    printf("%u\n", http_server_port(server));
    fflush(stdout);
    while (read(STDIN_FILENO, &byte, 1) > 0)
        ;
    http_server_close(server);
    oci_registry_close(registry);
    return 0;
}
