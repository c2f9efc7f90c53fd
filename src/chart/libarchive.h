/*
 * chart/libarchive.h - libarchive, opened on first use: its libraries cost milliseconds, and most charts are folders.
 */
#pragma once
#include <archive.h>
#include <archive_entry.h>

#include "base/base.h"

/* The functions that are used, named and typed as in archive.h. */
#define LIBARCHIVE_FUNCTIONS(X)                                                                                        \
    X(archive_read_new)                                                                                                \
    X(archive_read_free)                                                                                               \
    X(archive_read_support_filter_gzip)                                                                                \
    X(archive_read_support_format_tar)                                                                                 \
    X(archive_read_open_memory)                                                                                        \
    X(archive_read_next_header)                                                                                        \
    X(archive_read_data)                                                                                               \
    X(archive_write_new)                                                                                               \
    X(archive_write_free)                                                                                              \
    X(archive_write_close)                                                                                             \
    X(archive_write_set_format_pax_restricted)                                                                         \
    X(archive_write_set_bytes_in_last_block)                                                                           \
    X(archive_write_open_memory)                                                                                       \
    X(archive_write_header)                                                                                            \
    X(archive_write_data)                                                                                              \
    X(archive_error_string)                                                                                            \
    X(archive_entry_new)                                                                                               \
    X(archive_entry_free)                                                                                              \
    X(archive_entry_pathname)                                                                                          \
    X(archive_entry_filetype)                                                                                          \
    X(archive_entry_symlink)                                                                                           \
    X(archive_entry_set_pathname)                                                                                      \
    X(archive_entry_set_filetype)                                                                                      \
    X(archive_entry_set_perm)                                                                                          \
    X(archive_entry_set_mtime)                                                                                         \
    X(archive_entry_set_size)                                                                                          \
    X(archive_entry_set_symlink)

struct libarchive {
#define LIBARCHIVE_MEMBER(name) __typeof__(name) *name;
    LIBARCHIVE_FUNCTIONS(LIBARCHIVE_MEMBER)
#undef LIBARCHIVE_MEMBER
};

/* The library's functions; NULL with ERR_UNAVAILABLE when it is not installed. */
const struct libarchive *libarchive_open(struct err *e);
