/*
 * cluster/local/crilog.h - a container's log file: "2026-01-02T03:04:05.000000006Z stdout F text", as the CRI has it.
 *
 * P in place of F marks a part of a line that was longer than CRILOG_LINE_MAX or had no newline at its end. At
 * CRILOG_FILE_MAX the file becomes PATH.1, that one PATH.2; older ones go.
 */
#pragma once
#include "base/base.h"

enum { CRILOG_LINE_MAX = 16 << 10, CRILOG_FILE_MAX = 10 << 20, CRILOG_FILES = 3 };

struct crilog {
    char path[512];
    int fd;
    size_t size;
};
struct crilog_stream {
    const char *name; /* "stdout" or "stderr" */
    char partial[CRILOG_LINE_MAX];
    size_t n;
};
MUST_CHECK bool crilog_open(struct crilog *l, const char *path, struct err *e);
/* Bytes as they came from the program. A disk that is full loses lines, never the program. */
void crilog_feed(struct crilog *l, struct crilog_stream *s, struct str bytes);
/* The stream ended: what is left of it. */
void crilog_flush(struct crilog *l, struct crilog_stream *s);
void crilog_close(struct crilog *l);
