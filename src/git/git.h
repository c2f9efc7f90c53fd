/*
 * git/git.h - bare mirrors driven through the git program: resolve, fetch exactly one commit, export a folder.
 */
#pragma once
#include "base/base.h"

struct git_credentials {
    struct str username, password; /* empty: none; never put on a command line */
};
struct git_source {
    struct str url;
    struct git_credentials credentials;
};
/* Resolve a branch, tag, semver constraint, full ref, HEAD or (abbreviated) sha to 40 hex digits, by Argo CD's rules
 * (40 hex: returned as is, no remote call). errors: ERR_NOT_FOUND "unable to resolve 'x' to a commit SHA", ERR_DENIED,
 * ERR_UNAVAILABLE. */
MUST_CHECK bool git_resolve(struct arena *a, const struct git_source *s, struct str revision, struct str *out_sha,
                            struct err *e);
/* Make sure that `sha` is in the bare mirror of `url` below `cache_dir` (one mirror per URL, locked), fetched shallowly
 * by sha. */
MUST_CHECK bool git_fetch(struct arena *a, const char *cache_dir, const struct git_source *s, struct str sha,
                          const char **out_mirror, struct err *e);
/* Write the tree below `path` of the commit into `dest` (created, must be empty). Symbolic links that leave the tree
 * are refused: ERR_DENIED. errors: ERR_NOT_FOUND "PATH: app path does not exist". */
MUST_CHECK bool git_export(struct arena *a, const char *mirror, struct str sha, struct str path, const char *dest,
                           struct err *e);
/* Hash of the tree (or blob) at `path`: equal hashes mean equal content. */
MUST_CHECK bool git_tree_id(struct arena *a, const char *mirror, struct str sha, struct str path, struct str *out,
                            struct err *e);
struct git_commit {
    struct str sha, author_name, author_email, message;
    int64_t date_ms;
    struct str *tags;
    size_t n_tags;
    struct str *parents;
    size_t n_parents;
};
MUST_CHECK bool git_commit_read(struct arena *a, const char *mirror, struct str sha, struct git_commit *out,
                                struct err *e);
/* "owner/repo" of a repository URL, scp form included, as Argo CD's FullNameByRepoURL. */
MUST_CHECK bool git_full_name(struct arena *a, struct str url, struct str *out, struct err *e);
/* Two URLs name the same repository (scheme, user, .git and case of the host aside). */
bool git_same_repository(struct str a, struct str b);
