/*
 * template/funcs.h - what the families of functions share. Inside src/template only.
 *
 * The executor has checked the number and the types of the arguments (params in the table) when a function runs, so a
 * parameter of letter s is a string, i an int, m a map or nil.
 */
#pragma once
#include "data/gotime.h"
#include "template/internal.h"

#define FUNC(name)                                                                                                     \
    bool name(struct template_call *c, const struct value *args, size_t n, struct value *out, struct err *e)

/* What one call may make: a template cannot ask for all of memory. Helm has no such limits, but Kubernetes takes no
 * object of more than about a megabyte. */
#define ELEMENTS_MAX ((int64_t)4000000)
#define TEXT_MAX ((size_t)64 << 20)
#define KEY_STEPS 200000              /* of making a key, or of a password hash that is slow on purpose */
#define SOURCE_MAX ((size_t)16 << 20) /* of YAML, JSON, TOML that is read: a tree takes many times its text */

/* False with ERR_LIMIT when a text, or a list, has grown beyond what one call may make. */
bool text_fits(size_t bytes, struct err *e);
bool list_fits(size_t elements, struct err *e);
/* False with ERR_LIMIT when a value would be too large as a text, or holds itself: for functions that print. */
bool can_print(struct template_call *c, const struct value *args, size_t n, struct err *e);
/* Take the bytes and values of a tree off *left. False when that is too little, or `depth` was passed. */
bool tree_measure(const struct value *v, int depth, int64_t *left);

static inline struct str str_at(const struct value *args, size_t i)
{
    return value_as_str(&args[i]);
}
static inline bool give(struct value *out, struct value v)
{
    *out = v;
    return true;
}
static inline bool give_str(struct value *out, struct str s)
{
    return give(out, value_str(s));
}
static inline bool give_buf(struct value *out, const struct buf *b)
{
    return give_str(out, buf_str(b));
}
/* The same for a text that could have become too large. */
static inline bool give_bounded(struct value *out, const struct buf *b, struct err *e)
{
    return text_fits(b->n, e) && give_buf(out, b);
}

/* sprig's conversions: never an error. */
int64_t to_int64(struct arena *a, const struct value *v);
double to_float64(struct arena *a, const struct value *v);
/* The elements of a list as texts, nil ones left out; a scalar is a list of one (sprig's strslice). */
bool string_list(struct template_call *c, const struct value *v, struct value *out, struct err *e);
/* The words of an error that Go's runtime gives for nil. */
bool fail_nil(struct err *e);

/* ---- times (time.c) ----------------------------------------------------------------------- */
struct value time_value(struct arena *a, const struct gotime *t);
/* NULL when `v` is no time. */
const struct gotime *as_time(const struct value *v);
/* `t`, so many nanoseconds later. */
struct gotime time_add(struct gotime t, int64_t ns);
/* x - y in nanoseconds, clamped as Go does. */
int64_t time_difference(const struct gotime *x, const struct gotime *y);

/* ---- the families ------------------------------------------------------------------------- */

template_fn fn_abbrev, fn_abbrevboth, fn_add, fn_add1, fn_add1f, fn_addf, fn_adler32sum, fn_ago, fn_all, fn_any,
    fn_append, fn_atoi, fn_b32dec, fn_b32enc, fn_b64dec, fn_b64enc, fn_base, fn_bcrypt, fn_build_custom_cert,
    fn_camelcase, fn_cat, fn_ceil, fn_chunk, fn_clean, fn_coalesce, fn_compact, fn_concat, fn_contains, fn_date,
    fn_date_in_zone, fn_date_modify, fn_decrypt_aes, fn_deep_copy, fn_deep_equal, fn_default, fn_derive_password,
    fn_dict, fn_dig, fn_dir, fn_div, fn_divf, fn_duration, fn_duration_round, fn_empty, fn_encrypt_aes, fn_ext, fn_fail,
    fn_first, fn_float64, fn_floor, fn_from_json, fn_gen_ca, fn_gen_ca_with_key, fn_gen_private_key,
    fn_gen_self_signed_cert, fn_gen_self_signed_cert_with_key, fn_gen_signed_cert, fn_gen_signed_cert_with_key, fn_get,
    fn_get_host_by_name, fn_has, fn_has_key, fn_has_prefix, fn_has_suffix, fn_hello, fn_html_date, fn_html_date_in_zone,
    fn_htpasswd, fn_indent, fn_initial, fn_initials, fn_int, fn_int64, fn_is_abs, fn_join, fn_kebabcase, fn_keys,
    fn_kind_is, fn_kind_of, fn_last, fn_list, fn_lower, fn_max, fn_maxf, fn_merge, fn_merge_overwrite, fn_min, fn_minf,
    fn_mod, fn_mul, fn_mulf, fn_must_date_modify, fn_must_from_json, fn_must_regex_find, fn_must_regex_find_all,
    fn_must_regex_match, fn_must_regex_replace_all, fn_must_regex_replace_all_literal, fn_must_regex_split,
    fn_must_to_date, fn_must_to_json, fn_must_to_yaml, fn_must_to_pretty_json, fn_must_to_raw_json, fn_nindent,
    fn_nospace, fn_now, fn_omit, fn_pick, fn_pluck, fn_plural, fn_prepend, fn_quote, fn_rand_alpha, fn_rand_alpha_num,
    fn_rand_ascii, fn_rand_bytes, fn_rand_int, fn_rand_numeric, fn_regex_find, fn_regex_find_all, fn_regex_match,
    fn_regex_quote_meta, fn_regex_replace_all, fn_regex_replace_all_literal, fn_regex_split, fn_repeat, fn_replace,
    fn_rest, fn_reverse, fn_round, fn_semver, fn_semver_compare, fn_seq, fn_set, fn_sha1sum, fn_sha256sum, fn_sha512sum,
    fn_shuffle, fn_slice, fn_snakecase, fn_sort_alpha, fn_split, fn_split_list, fn_splitn, fn_squote, fn_sub, fn_subf,
    fn_substr, fn_swapcase, fn_ternary, fn_title, fn_to_date, fn_to_decimal, fn_to_json, fn_to_pretty_json,
    fn_to_raw_json, fn_to_string, fn_to_strings, fn_trim, fn_trim_all, fn_trim_prefix, fn_trim_suffix, fn_trunc,
    fn_type_is, fn_type_is_like, fn_type_of, fn_uniq, fn_unix_epoch, fn_unset, fn_until, fn_until_step, fn_untitle,
    fn_upper, fn_url_join, fn_url_parse, fn_uuidv4, fn_values, fn_without, fn_wrap, fn_wrap_with;
