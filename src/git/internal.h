/* git/internal.h - how this room runs the git program. */
#pragma once
#include "base/sys.h"
#include "git/git.h"

/*
 * Run git with an environment of our own: no prompts, no user or system configuration, protocol version 2 and, when `s`
 * is not NULL, its credentials as an HTTP header (in the environment, never on the command line). args: without "git",
 * NULL-terminated. index: GIT_INDEX_FILE, or NULL. True when git ran, whatever its status.
 */
MUST_CHECK bool git_run(struct arena *a, const struct git_source *s, const char *index, const char *const *args,
                        struct proc_result *out, struct err *e);
/* git_run for a call that must succeed: another status becomes an error of the kind that git's words tell. */
MUST_CHECK bool git_must(struct arena *a, const struct git_source *s, const char *index, const char *const *args,
                         struct str *out, struct err *e);
/* The error that a failed call means. */
bool git_failed(struct arena *a, const struct git_source *s, const struct proc_result *r, struct err *e);
/* Refuse URLs that git would take for an option or a program to run. */
MUST_CHECK bool git_url_check(struct str url, struct err *e);
bool git_is_sha(struct str s); /* 40 lower or upper case hex digits */
