/*
 * chart/capabilities.c - the .Capabilities object: what a chart is told about the cluster and about Helm.
 */
#include "chart/internal.h"

#define KUBE_VERSION "v1.35.0" /* what Helm v4.1.4 assumes without a cluster */
/* What that program says about itself: charts look at .Capabilities.HelmVersion. */
#define HELM_VERSION "v4.1.4"
#define HELM_COMMIT "05fa37973dc9e42b76e1d2883494c87174b6074f"
#define HELM_GO_VERSION "go1.25.9"

/* What Helm v4.1.4 believes every cluster to have, in its order. */
static const char *const default_api_versions[] = {
    "v1",
    "admissionregistration.k8s.io/v1",
    "admissionregistration.k8s.io/v1alpha1",
    "admissionregistration.k8s.io/v1beta1",
    "internal.apiserver.k8s.io/v1alpha1",
    "apps/v1",
    "apps/v1beta1",
    "apps/v1beta2",
    "authentication.k8s.io/v1",
    "authentication.k8s.io/v1alpha1",
    "authentication.k8s.io/v1beta1",
    "authorization.k8s.io/v1",
    "authorization.k8s.io/v1beta1",
    "autoscaling/v1",
    "autoscaling/v2",
    "autoscaling/v2beta1",
    "autoscaling/v2beta2",
    "batch/v1",
    "batch/v1beta1",
    "certificates.k8s.io/v1",
    "certificates.k8s.io/v1beta1",
    "certificates.k8s.io/v1alpha1",
    "coordination.k8s.io/v1alpha2",
    "coordination.k8s.io/v1beta1",
    "coordination.k8s.io/v1",
    "discovery.k8s.io/v1",
    "discovery.k8s.io/v1beta1",
    "events.k8s.io/v1",
    "events.k8s.io/v1beta1",
    "extensions/v1beta1",
    "flowcontrol.apiserver.k8s.io/v1",
    "flowcontrol.apiserver.k8s.io/v1beta1",
    "flowcontrol.apiserver.k8s.io/v1beta2",
    "flowcontrol.apiserver.k8s.io/v1beta3",
    "networking.k8s.io/v1",
    "networking.k8s.io/v1beta1",
    "node.k8s.io/v1",
    "node.k8s.io/v1alpha1",
    "node.k8s.io/v1beta1",
    "policy/v1",
    "policy/v1beta1",
    "rbac.authorization.k8s.io/v1",
    "rbac.authorization.k8s.io/v1beta1",
    "rbac.authorization.k8s.io/v1alpha1",
    "resource.k8s.io/v1",
    "resource.k8s.io/v1beta2",
    "resource.k8s.io/v1beta1",
    "resource.k8s.io/v1alpha3",
    "scheduling.k8s.io/v1alpha1",
    "scheduling.k8s.io/v1beta1",
    "scheduling.k8s.io/v1",
    "storage.k8s.io/v1beta1",
    "storage.k8s.io/v1",
    "storage.k8s.io/v1alpha1",
    "storagemigration.k8s.io/v1beta1",
    "apiextensions.k8s.io/v1beta1",
    "apiextensions.k8s.io/v1",
};

/* A Go struct: members in order, printed as "{a b c}". */
struct record {
    struct template_object object;
    struct map *fields;
    size_t shown;    /* the first fields are the struct's; the rest are only reached by name */
    struct str text; /* what its String method says */
};

struct version_set {
    struct template_object object;
    struct list *list;
};

struct capabilities {
    struct value object;
    struct str version, normalised;
};

static bool record_member(struct template_call *call, const struct template_object *self, struct str name,
                          const struct value *args, size_t n, struct value *out, struct err *e)
{
    const struct value *v = map_get(((const struct record *)self)->fields, name);

    if (v == NULL)
        return err_set(e, ERR_NOT_FOUND, "no member %.*s", STR(name));
    if (n > 0)
        return err_set(e, ERR_DENIED, "%.*s is not a method but has arguments", STR(name));
    *out = *v;
    return true;
}

static const struct map *record_fields(struct arena *a, const struct template_object *self)
{
    const struct record *r = (const struct record *)self;
    struct map *shown = value_map(a).map;

    for (size_t i = 0; i < r->shown; i++)
        map_put(a, shown, r->fields->v[i].key, r->fields->v[i].value);
    return shown;
}

static struct str record_shown(struct arena *a, const struct template_object *self)
{
    return ((const struct record *)self)->text;
}

/* "GitCommit" as the JSON tag of its field has it: "git_commit". */
static struct str snake(struct arena *a, struct str name)
{
    struct buf b = { .a = a };

    for (size_t i = 0; i < name.n; i++) {
        bool upper = name.p[i] >= 'A' && name.p[i] <= 'Z';
        if (upper && i > 0)
            buf_byte(&b, '_');
        buf_byte(&b, upper ? (char)(name.p[i] | 0x20) : name.p[i]);
    }
    return buf_str(&b);
}

static struct value exported_fields(struct arena *a, const struct template_object *self, bool tagged)
{
    const struct record *r = (const struct record *)self;
    struct value fields = value_map(a);

    for (size_t i = 0; i < r->shown; i++) {
        const struct map_entry *f = &r->fields->v[i];
        if (f->key.p[0] >= 'A' && f->key.p[0] <= 'Z')
            map_put(a, fields.map, tagged ? snake(a, f->key) : f->key, f->value);
    }
    return fields;
}

static struct value record_plain(struct arena *a, const struct template_object *self)
{
    return exported_fields(a, self, false);
}

static struct value tagged_record_plain(struct arena *a, const struct template_object *self)
{
    return exported_fields(a, self, true);
}

static const struct template_class capabilities_class = {
    .go_type = "*common.Capabilities", .member = record_member, .fields = record_fields, .plain = record_plain
};
static const struct template_class kube_version_class = { .go_type = "common.KubeVersion",
                                                          .member = record_member,
                                                          .fields = record_fields,
                                                          .shown = record_shown,
                                                          .plain = record_plain };
static const struct template_class helm_version_class = {
    .go_type = "version.BuildInfo", .member = record_member, .fields = record_fields, .plain = tagged_record_plain
};

static struct value make_record(struct arena *a, const struct template_class *class, struct map *fields, size_t shown,
                                struct str text)
{
    struct record *r = arena_new(a, struct record, 1);

    *r = (struct record){ .object.class = class, .fields = fields, .shown = shown, .text = text };
    return (struct value){ .kind = VALUE_OPAQUE, .opaque = r };
}

/* ---- .Capabilities.APIVersions -------------------------------------------------------------- */

static bool version_set_member(struct template_call *call, const struct template_object *self, struct str name,
                               const struct value *args, size_t n, struct value *out, struct err *e)
{
    const struct list *list = ((const struct version_set *)self)->list;

    if (!str_is(name, "Has"))
        return err_set(e, ERR_NOT_FOUND, "no member %.*s", STR(name));
    *out = value_bool(false);
    for (size_t i = 0; i < list->n; i++)
        out->b = out->b || str_eq(value_as_str(&list->v[i]), value_as_str(&args[0]));
    return true;
}

static const char *version_set_params(const struct template_object *self, struct str name)
{
    return str_is(name, "Has") ? "s" : NULL;
}

static const struct list *version_set_list(struct arena *a, const struct template_object *self)
{
    return ((const struct version_set *)self)->list;
}

static struct str version_set_print(struct arena *a, const struct template_object *self)
{
    struct value list = { .kind = VALUE_LIST, .list = ((const struct version_set *)self)->list };
    struct buf b = { .a = a };

    template_print(&b, &list);
    return buf_str(&b);
}

static const struct template_class version_set_class = {
    .go_type = "common.VersionSet",
    .member = version_set_member,
    .params = version_set_params,
    .print = version_set_print,
    .as_list = version_set_list,
};

static struct value version_set(struct arena *a, const struct chart_render *o)
{
    struct version_set *set = arena_new(a, struct version_set, 1);
    struct value list = value_list(a);

    for (size_t i = 0; i < COUNT(default_api_versions); i++)
        list_push(a, list.list, value_c(default_api_versions[i]));
    for (size_t i = 0; i < o->n_api_versions; i++)
        list_push(a, list.list, value_str(o->api_versions[i]));
    set->object.class = &version_set_class;
    set->list = list.list;
    return (struct value){ .kind = VALUE_OPAQUE, .opaque = set };
}

/* ---- .Capabilities.KubeVersion -------------------------------------------------------------- */

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

struct kube_version {
    struct str major, minor;
    struct str normalised; /* "v1.25.3" of "v1.25.3-gke.100" */
    size_t n;              /* numbers */
};

static struct str take_digits(struct str *s)
{
    size_t digits = 0;

    while (digits < s->n && is_digit(s->p[digits]))
        digits++;
    struct str part = str_cut(s, digits);
    while (part.n > 1 && part.p[0] == '0')
        str_cut(&part, 1);
    return part;
}

static bool fits_64_bits(struct str digits)
{
    static const struct str largest = { "18446744073709551615", 20 };

    return digits.n < largest.n || (digits.n == largest.n && str_cmp(digits, largest) <= 0);
}

/* Numbers with points between them; leading zeros go, and what follows is left out. False with a number that is too
 * large in *wrong. */
static bool take_numbers(struct str rest, struct arena *a, struct kube_version *out, struct str *wrong)
{
    struct buf b = { .a = a };

    *out = (struct kube_version){ 0 };
    while (rest.n > 0 && is_digit(rest.p[0])) {
        struct str part = take_digits(&rest);
        if (!fits_64_bits(part)) {
            *wrong = part;
            return false;
        }
        if (out->n < 2)
            *(out->n == 0 ? &out->major : &out->minor) = part;
        buf_fmt(&b, "%s%.*s", out->n++ == 0 ? "v" : ".", STR(part));
        if (rest.n < 2 || rest.p[0] != '.' || !is_digit(rest.p[1]))
            break;
        str_cut(&rest, 1);
    }
    out->normalised = buf_str(&b);
    return true;
}

static bool parse_kube_version(struct arena *a, struct str text, struct kube_version *out, struct err *e)
{
    struct str rest = text, quoted = go_quote(a, text), wrong;

    while (rest.n > 0 && strchr(" \t\n\f\r", rest.p[0]) != NULL)
        str_cut(&rest, 1);
    if (rest.n > 0 && rest.p[0] == 'v')
        str_cut(&rest, 1);
    if (!take_numbers(rest, a, out, &wrong))
        return err_set(e, ERR_INVALID,
                       "invalid kube version '%.*s': illegal non-numeric version component \"%.*s\" in %.*s: "
                       "strconv.ParseUint: parsing \"%.*s\": value out of range",
                       STR(text), STR(wrong), STR(quoted), STR(wrong));
    if (out->n == 0)
        return err_set(e, ERR_INVALID, "invalid kube version '%.*s': could not parse %.*s as version", STR(text),
                       STR(quoted));
    if (out->n < 2)
        return err_set(e, ERR_INVALID, "invalid kube version '%.*s': illegal version string %.*s", STR(text),
                       STR(quoted));
    return true;
}

bool chart_check_kube_version(struct arena *a, struct str version, struct err *e)
{
    struct kube_version ignored;

    return version.n == 0 || parse_kube_version(a, version, &ignored, e);
}

static struct value kube_version(struct arena *a, struct capabilities *c, const struct kube_version *v)
{
    struct value fields = value_map(a);

    value_set(a, &fields, "Version", value_str(c->version));
    value_set(a, &fields, "normalizedVersion", value_str(c->normalised));
    value_set(a, &fields, "Major", value_str(v->major));
    value_set(a, &fields, "Minor", value_str(v->minor));
    value_set(a, &fields, "GitVersion", value_str(c->version));
    value_set(a, &fields, "String", value_str(c->normalised));
    return make_record(a, &kube_version_class, fields.map, 4, c->normalised);
}

static struct value helm_version(struct arena *a)
{
    struct value fields = value_map(a);

    value_set(a, &fields, "Version", value_c(HELM_VERSION));
    value_set(a, &fields, "GitCommit", value_c(HELM_COMMIT));
    value_set(a, &fields, "GitTreeState", value_c("clean"));
    value_set(a, &fields, "GoVersion", value_c(HELM_GO_VERSION));
    value_set(a, &fields, "KubeClientVersion", value_c("v1.35"));
    return make_record(a, &helm_version_class, fields.map, 5, S(""));
}

bool capabilities_make(struct arena *a, const struct chart_render *o, struct capabilities **out, struct err *e)
{
    struct capabilities *c = arena_new(a, struct capabilities, 1);
    struct str given = o->kube_version.n > 0 ? o->kube_version : S(KUBE_VERSION);
    struct value fields = value_map(a);
    struct kube_version v;

    if (!parse_kube_version(a, given, &v, e))
        return false;
    c->version = given.p[0] == 'v' ? given : arena_fmt(a, "v%.*s", STR(given));
    c->normalised = v.normalised;
    value_set(a, &fields, "KubeVersion", kube_version(a, c, &v));
    value_set(a, &fields, "APIVersions", version_set(a, o));
    value_set(a, &fields, "HelmVersion", helm_version(a));
    c->object = make_record(a, &capabilities_class, fields.map, 3, S(""));
    *out = c;
    return true;
}

struct value capabilities_object(const struct capabilities *c)
{
    return c->object;
}

struct str capabilities_kube_version(const struct capabilities *c)
{
    return c->version;
}

struct str capabilities_kube_normalised(const struct capabilities *c)
{
    return c->normalised;
}
