/*
 * cluster/local/dns.h - the name server of an environment: NAME.NS.svc.cluster.local and nothing else.
 *
 * A Service with an address answers it, a headless one the addresses of its ready pods. An AAAA question for a known
 * name gets NOERROR without records, because NXDOMAIN would make musl give up the name as a whole. Source: RFC 1035;
 * Kubernetes DNS specification.
 */
#pragma once
#include "cluster/local/services.h"

enum { DNS_UDP_MAX = 512, DNS_TCP_MAX = 16 << 10, DNS_TTL_S = 5 };

/*
 * Answer one query into `out` (room bytes). Returns the length, or 0 for a packet that deserves no answer (too short, a
 * response). Over `room` the answer is cut and marked TC, so that the client asks again by TCP.
 */
size_t dns_answer(const struct services *table, const uint8_t *query, size_t n, uint8_t *out, size_t room);
