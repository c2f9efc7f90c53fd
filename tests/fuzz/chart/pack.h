/*
 * pack.h - a .tgz from a plain description, so that a fuzzer's bytes reach what lies behind gzip and tar's check sums.
 *
 *     entry = kind path SEP content SEP
 *
 * `kind` is tar's type flag ('0' file, '1' hard link, '2' symbolic link, '5' folder, 'x' and 'g' pax headers, 'L' long
 * name ...); the content of a link is where it leads. '@' is a file whose content is a description of its own, packed,
 * with the next separator: a subchart inside.
 */
#pragma once
#include <zlib.h>

#include "base/base.h"

enum { TAR_BLOCK = 512, PACK_DEPTH_MAX = 3 };

static struct str pack(struct arena *a, struct str description, int depth);

static void tar_octal(char *field, size_t width, size_t number)
{
    for (size_t i = width - 1; i-- > 0; number /= 8)
        field[i] = (char)('0' + number % 8);
}

static void tar_header(struct buf *out, char kind, struct str path, struct str link, size_t size)
{
    char h[TAR_BLOCK] = { 0 };
    size_t sum = 0;

    memcpy(h, path.p, path.n < 100 ? path.n : 100);
    tar_octal(h + 100, 8, 0644);
    tar_octal(h + 124, 12, size);
    memset(h + 148, ' ', 8);
    h[156] = kind;
    memcpy(h + 157, link.p, link.n < 100 ? link.n : 100);
    memcpy(h + 257, "ustar\00000", 8);
    for (size_t i = 0; i < TAR_BLOCK; i++)
        sum += (uint8_t)h[i];
    tar_octal(h + 148, 7, sum);
    buf_add(out, (struct str){ h, sizeof h });
}

static void tar_entry(struct buf *out, struct str entry, struct str content, int depth)
{
    char kind = *str_cut(&entry, 1).p;
    bool is_link = kind == '1' || kind == '2';

    if (kind == '@') {
        content = pack(out->a, content, depth + 1);
        kind = '0';
    }
    tar_header(out, kind, entry, is_link ? content : S(""), is_link ? 0 : content.n);
    if (is_link)
        return;
    buf_add(out, content);
    buf_fill(out, '\0', (TAR_BLOCK - content.n % TAR_BLOCK) % TAR_BLOCK);
}

/* One stored block for every 65535 bytes: nothing is compressed, so it is quick. */
static struct str gzip(struct arena *a, struct str bytes)
{
    struct buf out = { .a = a };
    struct str rest = bytes;
    uint32_t tail[] = { (uint32_t)crc32(0, (const Bytef *)bytes.p, (uInt)bytes.n), (uint32_t)bytes.n };

    buf_add(&out, (struct str){ "\x1f\x8b\x08\0\0\0\0\0\0\3", 10 });
    do {
        struct str block = str_cut(&rest, 65535);
        uint16_t n = (uint16_t)block.n, inverted = (uint16_t)~n;
        buf_byte(&out, rest.n == 0);
        buf_add(&out, (struct str){ (const char *)&n, 2 });
        buf_add(&out, (struct str){ (const char *)&inverted, 2 });
        buf_add(&out, block);
    } while (rest.n > 0);
    buf_add(&out, (struct str){ (const char *)tail, sizeof tail });
    return buf_str(&out);
}

static struct str pack(struct arena *a, struct str description, int depth)
{
    const struct str separator = { &"\0\1\2\3"[depth], 1 };
    struct buf tar = { .a = a };
    struct str entry, content;

    while (depth < PACK_DEPTH_MAX && str_split(&description, separator, &entry)) {
        str_split(&description, separator, &content);
        if (entry.n > 0)
            tar_entry(&tar, entry, content, depth);
    }
    buf_fill(&tar, '\0', 2 * TAR_BLOCK);
    return gzip(a, buf_str(&tar));
}
