/*
 * cluster/local/unpack.h - an image layer's archive (tar, alone or under gzip or zstd) into a folder.
 *
 * libarchive only reads; layer.h writes. The unpacked bytes are hashed on their way: the layer is what its diff ID says
 * or nothing.
 */
#pragma once
#include "cluster/local/layer.h"

#define UNPACK_BYTES_MAX ((int64_t)20 << 30) /* of the unpacked archive */

/*
 * Read the blob behind `fd` (from its start) and write its entries. Call layer_begin before and layer_close after,
 * whatever comes. errors: ERR_INVALID (no archive, another diff ID, an entry that must not be), ERR_LIMIT, ERR_IO.
 */
MUST_CHECK bool unpack_layer(struct layer *l, int fd, struct str diff_id, struct err *e);
