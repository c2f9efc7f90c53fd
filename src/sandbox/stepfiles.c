#include "sandbox/run.h"

/* name "<<" word NEWLINE *( line NEWLINE ) word NEWLINE */
static bool take_block(struct arena *a, struct str *rest, struct str word, struct str *out, struct err *e)
{
    struct buf b = { .a = a };
    struct str line;

    while (rest->n > 0) {
        str_split(rest, S("\n"), &line);
        if (str_eq(line, word)) {
            *out = b.n > 0 ? str_slice(buf_str(&b), 0, b.n - 1) : S("");
            return true;
        }
        buf_add(&b, line);
        buf_byte(&b, '\n');
    }
    return err_set(e, ERR_INVALID, "the end '%.*s' of a value is missing", STR(utf8_prefix(word, 60)));
}

bool stepfile_parse(struct arena *a, struct str text, struct value *out, struct err *e)
{
    struct value found = value_map(a);
    struct str line, name, value;

    while (text.n > 0) {
        str_split(&text, S("\n"), &line);
        ptrdiff_t equals = str_find(line, S("=")), block = str_find(line, S("<<"));
        if (str_trim(line).n == 0)
            continue;
        if (equals < 0 && block < 0)
            return err_set(e, ERR_INVALID, "invalid line '%.*s': expected NAME=VALUE", STR(utf8_prefix(line, 100)));
        bool blocked = block >= 0 && (equals < 0 || block < equals);
        size_t at = (size_t)(blocked ? block : equals);
        name = str_trim(str_slice(line, 0, at));
        value = str_slice(line, at + (blocked ? 2 : 1), line.n);
        if (blocked && !take_block(a, &text, str_trim(value), &value, e))
            return false;
        if (name.n == 0)
            return err_set(e, ERR_INVALID, "invalid line '%.*s': the name is empty", STR(utf8_prefix(line, 100)));
        map_put(a, found.map, name, value_str(value));
    }
    *out = found;
    return true;
}
