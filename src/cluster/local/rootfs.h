/*
 * cluster/local/rootfs.h - the file system a container sees. Called once, by the container's init, in its new
 * namespaces.
 */
#pragma once
#include "cluster/local/spec.h"

/*
 * Overlay of the image's layers, /dev, /proc, /sys, volumes and the pod's /etc files; on return the process stands in /
 * of it and nothing of the host can be reached. errors: ERR_IO and ERR_DENIED with the mount that failed, ERR_INVALID
 * for a bad volume path.
 */
MUST_CHECK bool rootfs_enter(struct arena *a, const struct spec *s, struct err *e);
