/* A runtime in a temporary folder with one hand-made image, and short names for what its tests do all the time. */
#pragma once
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/sys.h"
#include "cluster/local/runtime.h"

enum { WAIT_MS = 20000 };

struct fixture {
    struct arena a;
    const char *dir, *launcher, *app; /* temporary folder; the two programs */
    struct oci_client *images;
    struct runtime *r;
    struct runtime_image image;
    pthread_mutex_t lock;
    pthread_cond_t woken;
    int wakes;
};

/* argv: test, launcher, app. Exits with 77 (skipped) and a reason where the kernel gives no namespaces. */
void fixture_open(struct fixture *f, int argc, char **argv, struct oci_client *images); /* images may be NULL */
void fixture_close(struct fixture *f);
void fixture_open_again(struct fixture *f); /* another runtime on the same folder, as a new main has it */

/* Every call fails the test when the runtime reports an error. */
struct str pod(struct fixture *f, const char *env, const char *id);
struct runtime_container command(struct fixture *f, const char *id, const char *name, const char *const *argv);
void start(struct fixture *f, const char *env, const struct runtime_container *c);
struct runtime_state state(struct fixture *f, const char *env, const char *id, const char *name);
struct runtime_state await_end(struct fixture *f, const char *env, const char *id, const char *name);
struct str log_text(struct fixture *f, const char *env, const char *id,
                    const char *name); /* without times: "stdout F text\n" */
void await_log(struct fixture *f, const char *env, const char *id, const char *name, const char *text);
/* Run to the end in a new container; its log without the CRI columns. */
struct str run(struct fixture *f, const char *env, const char *id, const char *name, const char *const *argv,
               int *exit_code);
/* Connect and read to the end; empty when refused. */
struct str fetch(struct fixture *f, const char *env, struct str ip, int port);
#define ARGV(...) ((const char *const[]){ "/app", __VA_ARGS__, NULL })
#define must(call) must_(call, &err_of_test, #call)
extern struct err err_of_test;
void must_(bool ok, const struct err *e, const char *what);
