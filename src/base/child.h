/* base/child.h - starts a child that is talked to while it runs; proc_run of base/sys.h is for one that is only
 * awaited. */
#pragma once
#include <sys/types.h>

#include "base/base.h"

struct child {
    const char *const *argv; /* [0] is looked up in PATH; NULL-terminated */
    const char *const *env;  /* NULL-terminated; NULL: inherit */
    const char *cwd;         /* NULL: inherit */
    int in, out, err;        /* its descriptors 0, 1 and 2; -1: /dev/null; they stay the caller's to close */
};

/*
 * Start the program in a process group of its own, with no signal blocked and SIGPIPE not ignored.
 *
 * out:    the child; child_end collects it.
 * errors: ERR_IO with the errno of posix_spawn, such as ENOENT for a program that is not there.
 */
MUST_CHECK bool child_start(const struct child *o, pid_t *out, struct err *e);

/* Wait for the child and collect it; with `kill_first` its whole group is killed before. Returns the exit status, or
 * 128 + the signal that ended it. */
int child_end(pid_t pid, bool kill_first);
