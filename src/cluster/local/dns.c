#include "cluster/local/dns.h"

enum {
    HEADER = 12,
    NAME_MAX_TEXT = 255,
    TYPE_A = 1,
    TYPE_ANY = 255,
    CLASS_IN = 1,
    RCODE_FORMERR = 1,
    RCODE_NXDOMAIN = 3,
    RCODE_NOTIMP = 4,
    FLAG_QR = 0x8000,
    FLAG_AA = 0x0400,
    FLAG_TC = 0x0200,
    FLAG_RD = 0x0100,
    FLAG_RA = 0x0080,
    OPCODE_MASK = 0x7800,
    ANSWER_SIZE = 16, /* pointer, type, class, ttl, length, address */
    POINTER_TO_QUESTION = 0xc000 | HEADER,
};

static uint16_t get16(const uint8_t *p)
{
    return (uint16_t)(p[0] << 8 | p[1]);
}

static void put16(uint8_t *p, unsigned v)
{
    p[0] = (uint8_t)(v >> 8);
    p[1] = (uint8_t)v;
}

static void put32(uint8_t *p, uint32_t v)
{
    put16(p, v >> 16);
    put16(p + 2, v & 0xffff);
}

/*
 * qname = *( length label ) 0, lower-cased into dotted `name`. Compression has no place in a question. Returns the
 * bytes it takes, 0: bad.
 */
static size_t read_name(const uint8_t *p, size_t n, char *name, size_t *name_n)
{
    size_t at = 0, len = 0;
    for (;;) {
        if (at >= n)
            return 0;
        size_t label = p[at++];
        if (label == 0)
            break;
        if (label > 63 || label > n - at || len + label + 1 > NAME_MAX_TEXT)
            return 0;
        for (size_t i = 0; i < label; i++) {
            char c = (char)p[at + i];
            name[len++] = c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
        }
        name[len++] = '.';
        at += label;
    }
    *name_n = len > 0 ? len - 1 : 0; /* without the last dot */
    return at;
}

/* NAME.NS.svc.cluster.local */
static const struct service *find(const struct services *table, struct str name)
{
    const struct str tail = S(".svc.cluster.local");
    if (!str_ends(name, tail))
        return NULL;
    struct str ns = str_slice(name, 0, name.n - tail.n), service;
    if (!str_split(&ns, S("."), &service))
        return NULL;
    for (size_t i = 0; i < table->n; i++)
        if (str_eq(table->v[i].name, service) && str_eq(table->v[i].ns, ns))
            return &table->v[i];
    return NULL;
}

static bool put_record(uint8_t *out, size_t room, size_t *n, uint32_t ip)
{
    if (room - *n < ANSWER_SIZE)
        return false;
    uint8_t *p = out + *n;
    put16(p, POINTER_TO_QUESTION);
    put16(p + 2, TYPE_A);
    put16(p + 4, CLASS_IN);
    put32(p + 6, DNS_TTL_S);
    put16(p + 10, 4);
    put32(p + 12, ip);
    *n += ANSWER_SIZE;
    return true;
}

/* Was this pod's address already given for an earlier port? */
static bool seen(const struct service *s, size_t port, size_t endpoint)
{
    uint32_t ip = s->ports[port].endpoints[endpoint].ip;
    for (size_t i = 0; i <= port; i++)
        for (size_t j = 0; j < (i == port ? endpoint : s->ports[i].n_endpoints); j++)
            if (s->ports[i].endpoints[j].ip == ip)
                return true;
    return false;
}

/* The records; returns their number, *cut when not all fitted. */
static unsigned put_answers(const struct service *s, uint8_t *out, size_t room, size_t *n, bool *cut)
{
    unsigned count = 0;
    if (s->ip != 0) {
        *cut = !put_record(out, room, n, s->ip);
        return *cut ? 0 : 1;
    }
    for (size_t i = 0; i < s->n_ports; i++)
        for (size_t j = 0; j < s->ports[i].n_endpoints; j++) {
            if (seen(s, i, j))
                continue;
            if (!put_record(out, room, n, s->ports[i].endpoints[j].ip)) {
                *cut = true;
                return count;
            }
            count++;
        }
    return count;
}

static size_t header_only(const uint8_t *query, uint8_t *out, unsigned flags, unsigned rcode)
{
    memcpy(out, query, 2);
    put16(out + 2, FLAG_QR | FLAG_RA | (flags & (OPCODE_MASK | FLAG_RD)) | rcode);
    memset(out + 4, 0, HEADER - 4);
    return HEADER;
}

size_t dns_answer(const struct services *table, const uint8_t *query, size_t n, uint8_t *out, size_t room)
{
    char name[NAME_MAX_TEXT + 1];
    size_t name_n = 0;
    if (n < HEADER || room < DNS_UDP_MAX)
        return 0;
    unsigned flags = get16(query + 2);
    if ((flags & FLAG_QR) != 0)
        return 0; /* answering answers makes loops */
    if ((flags & OPCODE_MASK) != 0)
        return header_only(query, out, flags, RCODE_NOTIMP);
    size_t took = get16(query + 4) == 1 ? read_name(query + HEADER, n - HEADER, name, &name_n) : 0;
    if (took == 0 || n - HEADER - took < 4)
        return header_only(query, out, flags, RCODE_FORMERR);
    size_t question = took + 4, at = HEADER + question;
    unsigned type = get16(query + HEADER + took), class = get16(query + HEADER + took + 2), count = 0;
    const struct service *s = find(table, (struct str){ name, name_n });
    bool cut = false;
    memcpy(out + HEADER, query + HEADER, question); /* at most 12 + 256 + 4 bytes: fits */
    if (s != NULL && class == CLASS_IN && (type == TYPE_A || type == TYPE_ANY))
        count = put_answers(s, out, room, &at, &cut);
    header_only(query, out, flags, s != NULL ? 0 : RCODE_NXDOMAIN);
    put16(out + 2, get16(out + 2) | FLAG_AA | (cut ? FLAG_TC : 0u));
    put16(out + 4, 1);
    put16(out + 6, count);
    return at;
}
