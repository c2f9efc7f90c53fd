/* What callers of the library see: sets, objects, failures, limits. */
#include "../cases.h"
#include "template/template.h"

struct fixture {
    struct arena a;
    struct template_set *set;
    struct buf out;
    struct err e;
};

static void open_fixture(struct fixture *f, const struct template_func *table)
{
    const struct template_func *tables[] = { template_funcs_sprig, table };
    *f = (struct fixture){ 0 };
    f->out.a = &f->a;
    assert_true(template_set_new(&f->a, tables, table != NULL ? 2 : 1, &f->set, &f->e));
}

static void parse(struct fixture *f, const char *name, const char *text)
{
    assert_true(template_parse(f->set, str_c(name), str_c(text), &f->e));
}

static struct str run(struct fixture *f, const struct template_options *o, struct value dot)
{
    f->out.n = 0;
    if (!template_execute(f->set, &f->a, S("main"), &dot, o, &f->out, &f->e))
        return str_c(f->e.text);
    return buf_str(&f->out);
}

/* ---- sets ---------------------------------------------------------------------------------------- */

static void later_definitions_win_unless_empty(void **state)
{
    struct fixture f;
    open_fixture(&f, NULL);
    parse(&f, "main", "{{ template \"t\" }}");
    parse(&f, "one", "{{ define \"t\" }}first{{ end }}");
    parse(&f, "two", "{{ define \"t\" }}second{{ end }}");
    parse(&f, "three", "{{ define \"t\" }} {{/* nothing */}} {{ end }}");
    assert_str(run(&f, NULL, value_null()), S("second"));
    arena_close(&f.a);
}

static void layers_leave_the_set_below_alone(void **state)
{
    struct fixture f;
    struct template_set *over;
    open_fixture(&f, NULL);
    parse(&f, "main", "{{ template \"t\" }}");
    parse(&f, "one", "{{ define \"t\" }}below{{ end }}");
    assert_true(template_set_over(&f.a, f.set, &over, &f.e));
    assert_true(template_parse(over, S("x"), S("{{ define \"t\" }}over{{ end }}"), &f.e));
    assert_true(template_has(over, S("one")));
    assert_false(template_has(f.set, S("x")));
    assert_str(run(&f, NULL, value_null()), S("below"));
    f.set = over;
    assert_str(run(&f, NULL, value_null()), S("over"));
    arena_close(&f.a);
}

static void parse_errors_are_go_s(void **state)
{
    static const struct {
        const char *text, *error;
    } rows[] = {
        { "a\n{{ nope }}", "template: main:2: function \"nope\" not defined" },
        { "{{ if .a }}", "template: main:1: unexpected EOF" },
        { "{{ .a", "template: main:1: unclosed action" },
        { "{{ end }}", "template: main:1: unexpected {{end}}" },
        { "{{ $x }}", "template: main:1: undefined variable \"$x\"" },
        { "{{ break }}", "template: main:1: {{break}} outside {{range}}" },
        { "{{ \"x }}", "template: main:1: unterminated quoted string" },
        { "{{ 1 | 2 }}", "template: main:1: non executable command in pipeline stage 2" },
        { "{{/* x", "template: main:1: unclosed comment" },
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct fixture f;
        open_fixture(&f, NULL);
        assert_false(template_parse(f.set, S("main"), str_c(rows[i].text), &f.e));
        assert_string_equal(f.e.text, rows[i].error);
        assert_int_equal(f.e.kind, ERR_INVALID);
        arena_close(&f.a);
    }
}

static void deep_nesting_is_refused(void **state)
{
    struct fixture f;
    struct buf text;
    open_fixture(&f, NULL);
    text = (struct buf){ .a = &f.a };
    buf_c(&text, "{{ ");
    buf_fill(&text, '(', 100000);
    assert_false(template_parse(f.set, S("main"), buf_str(&text), &f.e));
    assert_string_equal(f.e.text, "template: main:1: nested too deeply");
    arena_close(&f.a);
}

/* ---- missing keys --------------------------------------------------------------------------------- */

static void missing_keys_follow_the_options(void **state)
{
    struct fixture f;
    struct template_options o = { .missing = TEMPLATE_MISSING_DEFAULT };
    open_fixture(&f, NULL);
    parse(&f, "main", "{{ .app.a.b.c }}");
    struct value dot = value_map(&f.a), app = value_map(&f.a);
    value_set(&f.a, &dot, "app", app);
    assert_str(run(&f, &o, dot), S("<no value>"));
    o.missing = TEMPLATE_MISSING_ZERO;
    assert_str(run(&f, &o, dot), S("template: main:1:7: executing \"main\" at <.app.a.b.c>: nil pointer evaluating "
                                   "interface {}.b"));
    o.missing = TEMPLATE_MISSING_ERROR;
    assert_str(run(&f, &o, dot),
               S("template: main:1:7: executing \"main\" at <.app.a.b.c>: map has no entry for key \"a\""));
    arena_close(&f.a);
}

/* ---- objects -------------------------------------------------------------------------------------- */

static bool greeter_member(struct template_call *c, const struct template_object *self, struct str name,
                           const struct value *args, size_t n, struct value *out, struct err *e)
{
    struct arena *a = template_call_arena(c);
    if (name.n == 0) /* {{ call . "x" }} */
        *out = value_fmt(a, "called with %zu", n);
    else if (str_is(name, "Greet"))
        *out = value_fmt(a, "hello %.*s", STR(value_as_str(&args[0])));
    else if (str_is(name, "Name"))
        *out = value_c("greeter");
    else if (str_is(name, "Break"))
        return err_set(e, ERR_UNAVAILABLE, "out of order");
    else
        return err_set(e, ERR_NOT_FOUND, "no such member");
    return true;
}

static const char *greeter_params(const struct template_object *self, struct str name)
{
    return str_is(name, "Greet") ? "s" : str_is(name, "Break") ? "" : NULL;
}

static const struct template_class greeter_class = { .go_type = "*test.Greeter",
                                                     .member = greeter_member,
                                                     .params = greeter_params };

static void objects_have_methods_and_fields(void **state)
{
    static const struct {
        const char *text, *result;
    } rows[] = {
        { "{{ .Name }}", "greeter" },
        { "{{ .Greet \"you\" }}", "hello you" },
        { "{{ \"you\" | .Greet }}", "hello you" },
        { "{{ call . 1 2 }}", "called with 2" },
        { "{{ kindOf . }} {{ typeOf . }}", "ptr *test.Greeter" },
        { "{{ .Greet }}",
          "template: main:1:3: executing \"main\" at <.Greet>: wrong number of args for Greet: want 1 got 0" },
        { "{{ .Greet 5 }}", "template: main:1:10: executing \"main\" at <5>: expected string; found 5" },
        { "{{ .Name 1 }}",
          "template: main:1:3: executing \"main\" at <.Name>: Name is not a method but has arguments" },
        { "{{ .Break }}", "template: main:1:3: executing \"main\" at <.Break>: error calling Break: out of order" },
        { "{{ .Nope }}",
          "template: main:1:3: executing \"main\" at <.Nope>: can't evaluate field Nope in type *test.Greeter" },
    };
    static const struct template_object greeter = { &greeter_class };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct fixture f;
        open_fixture(&f, NULL);
        parse(&f, "main", rows[i].text);
        assert_str(run(&f, NULL, (struct value){ .kind = VALUE_OPAQUE, .opaque = &greeter }), str_c(rows[i].result));
        arena_close(&f.a);
    }
}

/* ---- failures ------------------------------------------------------------------------------------- */

static bool include(struct template_call *c, const struct value *args, size_t n, struct value *out, struct err *e)
{
    struct buf b = { .a = template_call_arena(c) };
    *out = value_null();
    return template_call_execute(c, template_call_set(c), value_as_str(&args[0]), &args[1], &b, e);
}

static const struct template_func with_include[] = { { "include", include, 2, 2, "sv" }, { NULL, NULL, 0, 0, NULL } };

static void failures_are_told_level_by_level(void **state)
{
    struct fixture f;
    struct template_failure why = { 0 };
    struct template_options o = { .missing = TEMPLATE_MISSING_ZERO, .failure = &why };
    open_fixture(&f, with_include);
    parse(&f, "main", "x\n{{ include \"t\" . }}");
    parse(&f, "help", "{{ define \"t\" }}{{ .a.b }}{{ end }}");
    run(&f, &o, value_map(&f.a));
    assert_int_equal(why.n_levels, 2);
    assert_false(why.by_function);
    assert_str(why.cause, S("nil pointer evaluating interface {}.b"));
    assert_str(why.levels[0].location, S("help:1:21"));
    assert_str(why.levels[0].name, S("t"));
    assert_str(why.levels[1].location, S("main:2:3"));
    assert_str(why.levels[1].node, S("include \"t\" ."));
    assert_str(why.levels[1].message, S("error calling include:"));
    arena_close(&f.a);
}

static void functions_are_told_from_the_engine(void **state)
{
    struct fixture f;
    struct template_failure why = { 0 };
    struct template_options o = { .failure = &why };
    open_fixture(&f, NULL);
    parse(&f, "main", "{{ div 1 0 }}");
    run(&f, &o, value_null());
    assert_true(why.by_function);
    assert_str(why.cause, S("runtime error: integer divide by zero"));
    arena_close(&f.a);
}

static void long_messages_are_kept_whole(void **state)
{
    struct fixture f;
    struct template_failure why = { 0 };
    struct template_options o = { .failure = &why };
    open_fixture(&f, NULL);
    parse(&f, "main", "{{ fail (repeat 5000 \"x\") }}");
    run(&f, &o, value_null());
    assert_int_equal(why.cause.n, 5000);
    assert_true(why.text.n > 5000);
    arena_close(&f.a);
}

/* A long key that equals the last one is the same text; a changed map makes another. */
static void long_keys_are_told_apart(void **state)
{
    struct fixture f;
    open_fixture(&f, NULL);
    parse(&f, "main",
          "{{ $m := dict \"a\" (repeat 70000 \"x\") }}{{ $one := dict $m 1 }}{{ $two := dict $m 2 }}"
          "{{ $_ := set $m \"a\" (repeat 70000 \"y\") }}{{ $three := dict $m 3 }}"
          "{{ $key := keys $one | first }}{{ len $key }} {{ hasKey $two $key }} {{ hasKey $three $key }}"
          " {{ values $one }} {{ values $two }} {{ len (dict $m 4 $m 5) }}");
    assert_true(str_is(run(&f, NULL, value_null()), "70007 true false [1] [2] 1"));
    arena_close(&f.a);
}

/* ---- limits --------------------------------------------------------------------------------------- */

static void limits_hold(void **state)
{
    static const struct {
        const char *text;
        struct template_options o;
        const char *words;
    } rows[] = {
        { "{{ repeat 100 \"x\" }}", { .output_max = 50 }, "the output is larger than 50 bytes" },
        { "{{ range until 100 }}{{ end }}", { .steps_max = 50 }, "more than 50 steps" },
        { "{{ include \"main\" . }}", { .depth_max = 7 }, "templates are nested more than 7 deep" },
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct fixture f;
        open_fixture(&f, with_include);
        parse(&f, "main", rows[i].text);
        struct str got = run(&f, &rows[i].o, value_null());
        assert_true(str_find(got, str_c(rows[i].words)) >= 0);
        assert_int_equal(f.e.kind, ERR_LIMIT);
        arena_close(&f.a);
    }
}

static void endless_recursion_ends(void **state)
{
    struct fixture f;
    open_fixture(&f, NULL);
    parse(&f, "main", "{{ template \"main\" }}");
    struct str got = run(&f, NULL, value_null());
    assert_true(str_find(got, S("exceeded maximum template depth (100000)")) >= 0);
    arena_close(&f.a);
}

#define ITSELF "{{ $m := dict }}{{ $_ := set $m \"m\" $m }}"
/* Each level holds the one before it twice: sixty levels are more than all of memory. */
#define TWICE "{{ $m := dict }}{{ range until 60 }}{{ $m = dict \"a\" $m \"b\" $m }}{{ end }}"

/* Go dies of most of these. */
static void endless_values_are_refused(void **state)
{
    static const char holds_itself[] = "a map or list that holds itself", large[] = "the text would be larger than";
    static const struct {
        const char *text, *words;
    } rows[] = {
        { ITSELF "{{ $m }}", holds_itself },
        { ITSELF "{{ toString $m }}", holds_itself },
        { ITSELF "{{ print 1 $m }}", holds_itself },
        { ITSELF "{{ printf \"%v\" $m }}", holds_itself },
        { ITSELF "{{ list $m | join \",\" }}", holds_itself },
        { ITSELF "{{ toToml $m }}", holds_itself },
        { ITSELF "{{ toYamlPretty $m }}", holds_itself },
        { ITSELF "{{ deepCopy $m }}", "nested more than 1000 deep" },
        { ITSELF "{{ mustToJson $m }}", "json: unsupported value: encountered a cycle" },
        { ITSELF "[{{ toJson $m }}{{ toYaml $m }}{{ eq $m nil }}]", "[false]" },
        { TWICE "{{ $m }}", large },
        { TWICE "{{ quote $m }}", large },
        { TWICE "{{ toJson $m }}", large },
        { TWICE "{{ toYaml $m }}", large },
        { TWICE "{{ toToml $m }}", large },
        { TWICE "{{ deepCopy $m }}", "more than 1000000 steps" },
        { TWICE "{{ $n := $m }}" TWICE "{{ deepEqual $m $n }}", "more than 1000000 steps" },
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct fixture f;
        struct template_options o = { .steps_max = 1000000 };
        open_fixture(&f, template_funcs_data);
        parse(&f, "main", rows[i].text);
        struct str got = run(&f, &o, value_null());
        assert_true(str_find(got, str_c(rows[i].words)) >= 0);
        arena_close(&f.a);
    }
}

/* What one call may make is bounded, and what it takes is paid for. */
static void calls_are_bounded(void **state)
{
    static const char large[] = "the text would be larger than 67108864 bytes";
    static const struct {
        const char *text, *words;
    } rows[] = {
        { "{{ repeat 1000000000 \"x\" }}", large },
        { "{{ \"x\" | nindent 1000000000 }}", large },
        { "{{ randAlphaNum 1000000000 }}", large },
        { "{{ $s := repeat 60000000 \"x\" }}{{ print $s $s }}", large },
        { "{{ $s := repeat 60000000 \"x\" }}{{ cat $s $s }}", large },
        { "{{ $s := repeat 20000000 \"x\" }}{{ list $s $s $s | join $s }}", large },
        { "{{ $s := repeat 1000000 \"x\" }}{{ wrapWith 1 $s $s }}", large },
        { "{{ $s := repeat 1000000 \"x\" }}{{ replace \"x\" $s $s }}", large },
        { "{{ $s := repeat 1000000 \"x\" }}{{ regexReplaceAll \"x+\" $s \"$0$0$0$0$0$0$0$0$0$0$0$0$0$0$0$0$0$0$0$0"
          "$0$0$0$0$0$0$0$0$0$0$0$0$0$0$0$0$0$0$0$0$0$0$0$0$0$0$0$0$0$0$0$0$0$0$0$0$0$0$0$0$0$0$0$0$0$0$0$0$0$0\" }}",
          "the text with replacements would be larger" },
        { "{{ until 1000000000 }}", "a list of more than 4000000 elements" },
        { "{{ seq 1000000000 }}", "a list of more than 4000000 elements" },
        { "{{ splitList \"\" (repeat 5000000 \"x\") }}", "a list of more than 4000000 elements" },
        { "{{ $l := until 1000000 }}{{ range until 3 }}{{ $l = concat $l $l }}{{ end }}", "4000000 elements" },
        { "{{ fromJson (repeat 20000000 \" \") }}", "at most 16777216 are read" },
        { "{{ uniq (until 100000) }}", "more than 1000000 steps" },
        { "{{ trimAll (repeat 100000 \"a\") (repeat 1000000 \"b\") }}", "more than 1000000 steps" },
        { "{{ $s := repeat 10000000 \"x\" }}{{ range until 1000 }}{{ $_ := contains \"y\" $s }}{{ end }}",
          "more than 1000000 steps" },
        { "{{ regexMatch \"^(a|aa)+$\" (print (repeat 100 \"a\") \"b\") }}", "regular expression takes too long" },
        { "{{ range until 10 }}{{ derivePassword 1 \"pin\" \"p\" \"u\" \"s\" }}{{ end }}", "more than 1000000 steps" },
        { "{{ untilStep 0 10 0 }}{{ untilStep 0 10 -1 }}{{ seq 5 0 1 }}", "[][]" },
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct fixture f;
        struct template_options o = { .steps_max = 1000000 };
        open_fixture(&f, template_funcs_data);
        parse(&f, "main", rows[i].text);
        struct str got = run(&f, &o, value_null());
        if (str_find(got, str_c(rows[i].words)) < 0)
            fail_msg("row %zu gives %.*s", i, (int)(got.n < 200 ? got.n : 200), got.p);
        arena_close(&f.a);
    }
}

static void executions_share_a_budget(void **state)
{
    struct fixture f;
    open_fixture(&f, NULL);
    struct template_budget budget = template_budget(&f.a, 0, 150);
    struct template_options o = { .budget = &budget };
    parse(&f, "main", "{{ range until 80 }}{{ end }}");
    assert_str(run(&f, &o, value_null()), S(""));
    assert_true(str_find(run(&f, &o, value_null()), S("more than 150 steps")) >= 0);
    arena_close(&f.a);
}

/* ---- tables --------------------------------------------------------------------------------------- */

static void check_table(const struct template_func *t)
{
    for (; t->name != NULL; t++) {
        size_t n = strcspn(t->params, "+");
        bool variadic = t->params[n] == '+';
        assert_true(t[1].name == NULL || strcmp(t->name, t[1].name) < 0); /* they are searched by halves */
        assert_int_equal(t->least, variadic ? n - 1 : n);
        assert_int_equal(t->most, variadic ? -1 : (int)n);
        assert_int_equal(strspn(t->params, "vsiIufbmlntcr+"), strlen(t->params));
    }
}

static void tables_are_sorted_and_agree(void **state)
{
    check_table(template_builtins);
    check_table(template_funcs_sprig);
    check_table(template_funcs_data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(later_definitions_win_unless_empty),
        cmocka_unit_test(layers_leave_the_set_below_alone),
        cmocka_unit_test(parse_errors_are_go_s),
        cmocka_unit_test(deep_nesting_is_refused),
        cmocka_unit_test(missing_keys_follow_the_options),
        cmocka_unit_test(objects_have_methods_and_fields),
        cmocka_unit_test(failures_are_told_level_by_level),
        cmocka_unit_test(functions_are_told_from_the_engine),
        cmocka_unit_test(long_messages_are_kept_whole),
        cmocka_unit_test(long_keys_are_told_apart),
        cmocka_unit_test(limits_hold),
        cmocka_unit_test(endless_recursion_ends),
        cmocka_unit_test(endless_values_are_refused),
        cmocka_unit_test(calls_are_bounded),
        cmocka_unit_test(executions_share_a_budget),
        cmocka_unit_test(tables_are_sorted_and_agree),
    };
    return cmocka_run_group_tests_name("template", tests, NULL, NULL);
}
