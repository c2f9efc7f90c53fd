/*
 * cluster/local/agent.h - what the runtime and its two agents agree on. Private to the room.
 *
 * The holder (one per environment) and the container init (one per container) are this program again, started with a
 * hidden subcommand. They are single-threaded, use only the rooms base and data, and outlive the process that started
 * them; so this file is a protocol: change it together with AGENT_PROTOCOL.
 */
#pragma once
#include "base/base.h"

/* Answered by "hello". A runtime that meets another number stops that holder and starts a new one. */
#define AGENT_PROTOCOL 1

/* Descriptors a holder finds open: the locked file that says it lives, the listening socket, the way back to its maker.
 */
enum { HOLDER_FD_LOCK = 3, HOLDER_FD_LISTEN = 4, HOLDER_FD_CONTROL = 5, HOLDER_FD_FIRST_FREE = 10 };
/* ... and a container init: its specification, where it reports, the same lock (free = nothing of it is left), and the
 * system call filters. */
enum { CONTAINER_FD_SPEC = 3, CONTAINER_FD_STATUS = 4, CONTAINER_FD_LOCK = 5, CONTAINER_FD_FILTERS = 6 };

/* Addresses inside every environment: the benchmark range, which no LAN or VPN uses. */
#define ADDRESS_HOLDER 0xc6120001u   /* 198.18.0.1: bridge, default route and name server of the pods */
#define ADDRESS_PODS 0xc6120000u     /* 198.18.0.0/16 */
#define ADDRESS_SERVICES 0xc6130000u /* 198.19.0.0/16 */
enum { ADDRESS_PREFIX = 16, PODS_MAX = 1024 };

/* Ids of containers on the host when a whole range is held: 0..65535 inside are IDS_FIRST.. outside. */
enum { IDS_FIRST = 100000, IDS_COUNT = 65536, IDS_OVERFLOW = 65534 };

/* What a container may keep of root: CHOWN, DAC_OVERRIDE, FOWNER, FSETID, KILL, SETGID, SETUID, NET_BIND_SERVICE. */
#define CAPABILITIES_KEPT 0x4fbu
