/*
 * cluster/local/layer.h - writes the entries of an image layer into a folder that becomes a lower directory of an
 * overlay.
 *
 * Entries are hostile. Every parent is resolved here, component by component, against what the layer has so far and
 * then against the layers below it (a layer may ship bin/tool where the image has bin -> usr/bin); symbolic links lead
 * nowhere but into the layer; what is created is created by name in a folder that was opened without following any
 * link. Whiteouts become what overlayfs understands: a character device 0:0, and the attribute user.overlay.opaque.
 */
#pragma once
#include <sys/types.h>

#include "cluster/local/ids.h"

#define LAYER_BYTES_MAX ((int64_t)16 << 30) /* of file content in one layer */
enum { LAYER_ENTRIES_MAX = 1000000, LAYER_PATH_MAX = 4096, LAYER_DEPTH_MAX = 256, LAYER_LINKS_MAX = 40 };

enum layer_kind { LAYER_FILE, LAYER_FOLDER, LAYER_SYMLINK, LAYER_HARDLINK, LAYER_FIFO, LAYER_SKIPPED };
struct layer_entry {
    enum layer_kind kind;
    struct str path, target; /* target of a link */
    mode_t mode;             /* permission bits; setuid and setgid only count when ids are a range */
    int64_t uid, gid, size, mtime_s;
};

struct layer_folder {
    struct str path;
    mode_t mode;
    int64_t mtime_s;
};
struct layer {
    struct arena *a;
    int root;          /* the new folder */
    const int *lowers; /* folders of the layers below, topmost last */
    size_t n_lowers;
    struct ids ids;     /* owners are the first of them + id; without a range everything belongs to us */
    struct buf *orders; /* when the agent changes the owners: what it has to do */
    bool uses_lowers;   /* out: it depends on what is below, so it cannot be shared with another image */
    size_t n_entries;
    int64_t n_bytes;
    struct str parent; /* the last entry's parent as the archive names it, and where that is */
    int parent_fd;
    struct str parent_real;
    VEC(struct layer_folder) folders; /* modes and times are set last: a folder may be read-only */
};
/* `root` stays the caller's. `orders` is only used, and then needed, with ids->by_agent. */
void layer_begin(struct layer *l, struct arena *a, int root, const int *lowers, size_t n_lowers, const struct ids *ids,
                 struct buf *orders);
/*
 * Create one entry. For a file that has content *out_fd is to be written and handed to layer_file_end; else it is -1.
 * errors: ERR_INVALID with the path for what must not be, ERR_LIMIT, ERR_IO.
 */
MUST_CHECK bool layer_add(struct layer *l, const struct layer_entry *entry, int *out_fd, struct err *e);
MUST_CHECK bool layer_file_end(struct layer *l, const struct layer_entry *entry, int fd, struct err *e);
/* Modes and times of the folders. Call it on success only; layer_close always. */
MUST_CHECK bool layer_end(struct layer *l, struct err *e);
void layer_close(struct layer *l);
