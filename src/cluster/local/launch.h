/*
 * cluster/local/launch.h - from "inside the container's namespaces" to "its program runs": shared by the container's
 * init and by exec.
 */
#pragma once
#include "cluster/local/spec.h"

/* Who the specification's user is, by the files of the root we stand in. The result shares arena memory. */
MUST_CHECK bool launch_user(struct arena *a, const struct spec *s, struct user *out, struct err *e);
/* Confine this process and become argv. Returns only on failure: ERR_NOT_FOUND when the program is not in the image. */
void launch_exec(struct arena *a, const struct spec *s, const struct user *u, const struct str *argv, size_t n_argv,
                 struct err *e);
/* "KIND OS TEXT" on a pipe, and back. An empty text means success. */
void launch_report(int fd, const struct err *e);
MUST_CHECK bool launch_report_read(struct str text, struct err *e);
