/* Shell commands for tests; include after cmocka. */
#pragma once
#include "base/sys.h"

/* What the command printed, trimmed; one that fails fails the test. */
static inline struct str shell(struct arena *a, const char *folder, const char *command)
{
    struct proc_result r = { 0 };
    struct err e = { 0 };
    const char *argv[] = { "/bin/sh", "-ec", command, NULL };
    struct proc_options o = { .argv = argv, .cwd = folder };
    assert_true(proc_run(a, &o, &r, &e));
    if (r.status != 0)
        fail_msg("%s: %.*s", command, STR(r.err));
    return str_trim(r.out);
}
