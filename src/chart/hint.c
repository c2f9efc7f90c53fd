/*
 * chart/hint.c - what to do about a message. Helm's words are fixed, so they are what a hint is found by.
 */
#include "chart/mistake_internal.h"

struct hint {
    const char *words; /* in the message */
    const char *text;
};

/* The first row whose words are in the message. Rows that need the template or the values stand in mistake_*.c. */
static const struct hint hints[] = {
    /* templates that cannot be parsed */
    { "bad character U+002D '-'",
      "a name with a dash cannot follow a dot: write (index .Values \"the-name\"), or name it without dashes" },
    { "bad character", "this character cannot stand in a name: quote it, or use (index .Values \"the name\")" },
    { "undefined variable",
      "a variable ends with the if, range, with or define it was declared in: declare it with := before that block, "
      "and change it inside with =" },
    { "unexpected {{end}}", "every if, range, with and define above is closed already: this end is one too many" },
    { "unexpected {{else}}", "there is no open if, range or with for this else" },
    { "expected end; found {{else}}", "one if has two else: write {{ else if ... }} for the first" },
    { "unclosed action", "the action's closing }} is missing" },
    { "unclosed left paren", "a ) is missing before the action ends" },
    { "unexpected right paren", "there is one ) more than (" },
    { "unclosed comment", "a comment ends with */}}" },
    { "comment ends before closing delimiter",
      "a comment fills its whole action: nothing may stand between */ and }}" },
    { "unterminated quoted string",
      "the closing quote is missing on this line; text of several lines needs backquotes" },
    { "unterminated raw quoted string", "the closing backquote is missing" },
    { "unterminated character constant", "text stands in double quotes or backquotes; '...' holds one character" },
    { "unexpected \"}\" in operand", "a } too few or too many: actions are {{ ... }}" },
    { "unexpected \"{\"", "a { too many: actions are {{ ... }}; a literal one is written {{ \"{{\" }}" },
    { "unexpected \"/\" in command",
      "a comment begins right behind the delimiter: {{/* ... */}} or {{- /* ... */ -}}; division is (div a b)" },
    { "unexpected \"=\"", "names stand between spaces: {{ $x = 1 }}; to compare, write (eq a b)" },
    { "unexpected \"&\"", "conditions are functions: (and a b)" },
    { "unexpected \"!\"", "conditions are functions: (not a), (ne a b)" },
    { "unexpected \"<\"", "comparisons are functions: (lt a b), (le a b)" },
    { "unexpected \">\"", "comparisons are functions: (gt a b), (ge a b)" },
    { "unexpected <define>", "a define stands at the top of a file, not inside another block" },
    { "missing value for", "an expression is missing here" },
    { "non executable command in pipeline", "behind a | stands a function, not a value" },
    { "bad number syntax", "a name or text that begins with a digit needs quotes" },
    { "multiple definition of template", "two defines of one file have this name" },
    { "too many declarations", "range takes at most two variables" },
    { "unexpected \",\"", "arguments stand between spaces, without commas" },
    { "unexpected \"(\"",
      "a space is missing before the parenthesis: arguments follow a function's name after a space" },

    /* templates that fail while they run */
    { "expected string; got float64",
      "it is a number where text is needed: quote it in the values file, or convert it here with (toString ...)" },
    { "expected string; got interface {}", "give it a value, or put (default \"\" ...) around it" },
    { "expected string; got int", "it is a number where text is needed: convert it here with (toString ...)" },
    { "expected string; got bool",
      "it is true or false where text is needed: quote it in the values file, or convert it here with (toString ...)" },
    { "expected string; got map", "it is a map where text is needed: name one of its keys, or write it with toYaml" },
    { "expected string; got []",
      "it is a list where text is needed: join it, take one element, or write it with toYaml" },
    { "invalid value; expected string",
      "what was piped in is null or not set: give it a value, or pipe it through default first" },
    { "expected int; got float64", "numbers from values are floats: convert with (int ...)" },
    { "expected int; got string", "it is text where a number is needed: convert with (int ...)" },
    { "expected int64; got", "convert with (int64 ...)" },
    { "expected map[string]interface {}; got", "a map is needed here: look at the indentation in the values file" },
    { "expected []interface {}; got", "a list is needed here: its elements begin with \"- \" in the values file" },
    { "expected integer; found", "a whole number without quotes is needed here" },
    { "expected string; found", "text in double quotes is needed here" },
    { "incompatible types for comparison",
      "both sides must be of one type: convert one with int, float64 or toString (numbers from values are floats, "
      "numbers in templates are ints)" },
    { "non-comparable type", "lists and maps cannot be compared with eq: compare their toJson" },
    { "missing argument for comparison", "eq, ne, lt and gt take two values" },
    { "range can't iterate over", "range needs a list, a map or a whole number" },
    { "wrong number of args", "what is piped in counts as the last argument" },
    { "can't give argument to non-function",
      "only a function takes arguments: is an operator or a function's name missing?" },
    { "is not a method but has arguments",
      "a value takes no arguments: is a | or a function's name missing before it?" },
    { "index of untyped nil", "what is indexed is null or not set" },
    { "index out of range", "the list has fewer elements" },
    { "cannot index slice/array with type", "a list is indexed with a whole number, a map with text" },
    { "can't index item of type", "only lists and maps can be indexed" },
    { "len of nil pointer", "what is counted is null or not set: put (default list ...) around it" },
    { "len of type", "only text, lists and maps have a length" },
    { "has a nested reference name", "the template includes itself, directly or through others, without an end" },
    { "parsing time", "the date does not have the form of the layout" },
    { "invalid semantic version", "a version looks like 1.2.3" },
    { "improper constraint", "a constraint looks like \">=1.2.0-0 <2.0.0\"" },
    { "error parsing regexp",
      "the pattern is not a regular expression of Go (RE2): no look-ahead, no back references" },
    { "integer divide by zero", "the divisor is 0 or not set" },
    { "unexpected end of JSON input", "the text is not complete JSON" },
    { "invalid character", "the text is not JSON" },
    { "cannot parse template", "the text that tpl was given is not a template" },
    { "more than one dependency with name or alias", "give the second one an alias" },

    /* rendered text, values files, Chart.yaml */
    { "mapping values are not allowed",
      "a \": \" inside a value needs quotes; or this line is indented deeper than the one above allows" },
    { "did not find expected key",
      "this line does not fit into the map around it: its indentation differs from its neighbours', or text follows a "
      "closed quote" },
    { "could not find expected ':'",
      "this line has no \"key: value\": text of several lines needs | and an indentation (nindent, indent)" },
    { "found character that cannot start any token",
      "values may not begin with a tab, @, ` or %: quote it; indentation is made of blanks" },
    { "did not find expected '-' indicator", "the elements of a list must all be indented alike" },
    { "block sequence entries are not allowed", "a list begins on a line of its own, below its key" },
    { "did not find expected ',' or ']'",
      "a [list] is not closed, or a comma is missing; text with brackets needs quotes" },
    { "did not find expected ',' or '}'",
      "a {map} is not closed, or a comma is missing; text with braces needs quotes" },
    { "did not find expected node content",
      "text that begins with [ or { needs quotes; an empty value in a {map} or [list]" },
    { "found unknown escape character", "in double quotes \\ begins an escape: write \\\\, or use single quotes" },
    { "found unexpected end of stream", "a quote is opened and never closed" },
    { "found unexpected document indicator", "a quote is opened and never closed before the ---" },
    { "did not find expected alphabetic or numeric character", "text that begins with * or & needs quotes" },
    { "unknown anchor", "text that begins with * needs quotes, or the &anchor is missing" },
    { "did not find expected whitespace or line break", "text that begins with ! or % needs quotes" },
    { "control characters are not allowed", "the text has a byte that is no printable character" },
    { "found a tab character", "YAML is indented with blanks, not tabs" },
    { "invalid map key", "{{ }} in a YAML file that is no template, or a { } that needs quotes" },
    { "of type util.SimpleHead",
      "a document must be a map with apiVersion and kind; is its first line cut off or indented?" },
    { "of type map[string]string", "annotations are a map of texts" },
    { "struct field .metadata.annotations of type string", "annotations are texts: quote the value" },
    { "of type map[string]interface {}", "a values file is a map: \"key: value\" lines at the left margin" },
    { "cannot unmarshal", "this is of another type than the field takes" },
    { "chart.metadata.version", "a version looks like 1.2.3, in Chart.yaml" },
    { "chart.metadata.name", "name: in Chart.yaml is the chart's name, without slashes" },
    { "chart.metadata.type", "leave type out, or write application or library" },
    { "chart.metadata.apiVersion", "apiVersion: v2 in Chart.yaml" },
    { "has disallowed characters in the alias", "an alias has letters, digits, - and _ only" },
    { "invalid chart apiVersion", "apiVersion: v2" },
    { "unsupported chart version", "apiVersion: v2 (or v1 for charts of Helm 2)" },
};

struct str hint_of(struct arena *a, struct str message)
{
    for (size_t i = 0; i < COUNT(hints); i++)
        if (str_find(message, str_c(hints[i].words)) >= 0)
            return str_c(hints[i].text);
    return S("");
}

struct str did_you_mean(struct arena *a, struct str word, const struct str *names, size_t n)
{
    ptrdiff_t i = str_nearest(word, names, n);

    return i < 0 ? S("") : arena_fmt(a, "; did you mean %.*s?", STR(names[i]));
}

struct str quoted_part(struct str message)
{
    struct str part;

    if (!str_split(&message, S("\""), &part) || !str_split(&message, S("\""), &part))
        return S("");
    return part;
}
