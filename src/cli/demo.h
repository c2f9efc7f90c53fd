/* cli/demo.h - the demo: its world (a forge, a registry, a server, a working copy) and the story told in it. */
#pragma once
#include <signal.h>

#include "forge/forge.h"
#include "oci/oci.h"
#include "sandbox/sandbox.h"
#include "server/server.h"

struct demo {
    struct arena a;
    const char *app;  /* the example's folder */
    const char *dir;  /* everything of this run; removed at the end */
    const char *copy; /* the working copy with which the story pushes */
    uint16_t forge_port, registry_port, ingress_port, page_port;
    struct str webhook_secret, repo_url, image;
    struct sandbox *forge;
    struct server *server;
    struct oci_client *images;
    struct forge_repo repo;
    int64_t started_ms;
    bool colour;
};
#define DEMO_REPO "demo/demo-web"
#define DEMO_TOKEN "sandbox-token"

extern volatile sig_atomic_t demo_interrupted;

/* Everything up and the first commit on the trunk. */
MUST_CHECK bool demo_open(struct demo *d, struct err *e);
/* Stops and removes everything. */
void demo_close(struct demo *d);

/* git in the working copy; the words end with NULL. */
MUST_CHECK bool demo_git(struct demo *d, struct str *out, struct err *e, ...) __attribute__((sentinel));
/* Replace the message of the application in the working copy. */
MUST_CHECK bool demo_write_message(struct demo *d, const char *message, struct err *e);
/* Commit everything and push the branch; *sha is the new head. */
MUST_CHECK bool demo_push(struct demo *d, const char *branch, const char *message, struct str *sha, struct err *e);

/* A line of the story: time since the start, text. */
void demo_say(struct demo *d, const char *fmt, ...) PRINTF(2, 3);
void demo_title(struct demo *d, const char *fmt, ...) PRINTF(2, 3);
