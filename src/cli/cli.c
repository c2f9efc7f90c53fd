/* What all commands share: messages, flags, tables. */
#include "cli/cli.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/sys.h"
#include "data/json.h"
#include "data/yaml.h"

int cli_fail(const struct err *e)
{
    fprintf(stderr, "Error: %s\n", e->text);
    return CLI_FAILED;
}

int cli_fail_text(const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    fputs("Error: ", stderr);
    vfprintf(stderr, fmt, args);
    fputc('\n', stderr);
    va_end(args);
    return CLI_FAILED;
}

int cli_end(int status)
{
    bool arrived = fflush(stdout) == 0 && ferror(stdout) == 0;
    return arrived || status != CLI_OK ? status : cli_fail_text("standard output could not be written");
}

int cli_usage(const char *command, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    fputs("Error: ", stderr);
    vfprintf(stderr, fmt, args);
    fprintf(stderr, " (see 'vitrine %s --help')\n", command);
    va_end(args);
    return CLI_USAGE;
}

bool cli_is_terminal(FILE *f)
{
    const char *term = getenv("TERM");
    return isatty(fileno(f)) && getenv("NO_COLOR") == NULL && (term == NULL || strcmp(term, "dumb") != 0);
}

/* ---- flags -------------------------------------------------------------------------------- */

static const struct cli_flag *find_flag(const struct cli_flag *flags, struct str name, bool letter)
{
    for (; flags->name != NULL; flags++)
        if (letter ? name.n == 1 && flags->letter == name.p[0] : str_is(name, flags->name))
            return flags;
    return NULL;
}

/* Go's words for a truth. */
static bool parse_bool(struct str word, bool *out)
{
    static const char *const truths[] = { "1", "t", "T", "TRUE", "true", "True" }, *const lies[] = { "0",     "f",
                                                                                                     "F",     "FALSE",
                                                                                                     "false", "False" };

    for (size_t i = 0; i < COUNT(truths); i++) {
        *out = str_is(word, truths[i]);
        if (*out || str_is(word, lies[i]))
            return true;
    }
    return false;
}

static bool set_switch(const struct cli_flag *f, struct str value, struct err *e)
{
    char letter[8] = "";

    if (f->letter != 0)
        snprintf(letter, sizeof letter, "-%c, ", f->letter);
    return parse_bool(value, f->flag)
           || err_set(
               e, ERR_INVALID,
               "invalid argument \"%.*s\" for \"%s--%s\" flag: strconv.ParseBool: parsing \"%.*s\": invalid syntax",
               STR(value), letter, f->name, STR(value));
}

static bool is_one_of(struct str word, struct str words)
{
    struct str known;
    while (words.n > 0) {
        str_split(&words, S(" "), &known);
        if (str_eq(word, known))
            return true;
    }
    return false;
}

static bool set_text(const struct cli_flag *f, const char *value, struct err *e)
{
    if (f->words != NULL && !is_one_of(str_c(value), str_c(f->words)))
        return err_set(e, ERR_INVALID, "invalid argument \"%s\" for \"--%s\": one of these was expected: %s", value,
                       f->name, f->words);
    if (f->text != NULL) {
        *f->text = value;
        return true;
    }
    if (f->many->n == COUNT(f->many->v))
        return err_set(e, ERR_LIMIT, "\"--%s\" is given more than %zu times", f->name, COUNT(f->many->v));
    f->many->v[f->many->n++] = value;
    return true;
}

/* Letters behind one dash: switches, then perhaps one with a value: -gn5, -n=5. */
static bool take_letters(int argc, char **argv, int *i, const struct cli_flag *flags, struct err *e)
{
    struct str word = str_c(argv[*i] + 1);

    while (word.n > 0) {
        const struct cli_flag *f = find_flag(flags, str_slice(word, 0, 1), true);
        struct str whole = word;
        str_cut(&word, 1);
        bool has_value = word.n > 1 && word.p[0] == '=';
        if (f == NULL)
            return err_set(e, ERR_INVALID, "unknown shorthand flag: '%c' in -%.*s", whole.p[0], STR(whole));
        if (f->flag != NULL && has_value)
            return set_switch(f, str_slice(word, 1, word.n), e);
        if (f->flag != NULL) {
            *f->flag = true;
            continue;
        }
        if (word.n > 0)
            return set_text(f, word.p + has_value, e);
        if (*i + 1 == argc)
            return err_set(e, ERR_INVALID, "flag needs an argument: '%c' in -%.*s", whole.p[0], STR(whole));
        return set_text(f, argv[++*i], e);
    }
    return true;
}

/* One flag word; *i moves over a value that stands in the next word. */
static bool take_flag(int argc, char **argv, int *i, const struct cli_flag *flags, struct err *e)
{
    struct str word = str_c(argv[*i] + 2), name = word;

    if (argv[*i][1] != '-')
        return take_letters(argc, argv, i, flags, e);
    bool has_value = str_split(&word, S("="), &name);
    if (name.n == 0 || name.p[0] == '-')
        return err_set(e, ERR_INVALID, "bad flag syntax: %s", argv[*i]);
    const struct cli_flag *f = find_flag(flags, name, false);
    if (f == NULL)
        return err_set(e, ERR_INVALID, "unknown flag: --%.*s", STR(name));
    if (f->flag != NULL)
        return set_switch(f, has_value ? word : S("true"), e);
    if (has_value)
        return set_text(f, word.p, e);
    if (*i + 1 == argc)
        return err_set(e, ERR_INVALID, "flag needs an argument: --%s", f->name);
    return set_text(f, argv[++*i], e);
}

static void print_help(const char *usage, const struct cli_flag *flags)
{
    printf("Usage:\n  vitrine %s\n", usage);
    if (flags->name != NULL)
        printf("\nFlags:\n");
    for (; flags->name != NULL; flags++) {
        if (flags->help == NULL)
            continue;
        char letter[8] = "    ";
        if (flags->letter != 0)
            snprintf(letter, sizeof letter, "-%c, ", flags->letter);
        char name[64];
        snprintf(name, sizeof name, "--%s%s", flags->name, flags->flag != NULL ? "" : " VALUE");
        printf("  %s%-26s %s\n", letter, name, flags->help);
    }
}

bool cli_parse(int argc, char **argv, const char *usage, const struct cli_flag *flags, struct cli_words *rest,
               bool *helped, struct err *e)
{
    bool only_words = false;
    *helped = false;
    for (int i = 1; i < argc; i++) {
        const char *word = argv[i];
        if (!only_words && strcmp(word, "--") == 0) {
            only_words = true;
        } else if (!only_words && (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0)) {
            print_help(usage, flags);
            *helped = true;
            return true;
        } else if (!only_words && word[0] == '-' && word[1] != '\0') {
            if (!take_flag(argc, argv, &i, flags, e))
                return false;
        } else if (rest->n == COUNT(rest->v)) {
            return err_set(e, ERR_LIMIT, "more than %zu arguments", COUNT(rest->v));
        } else {
            rest->v[rest->n++] = word;
        }
    }
    return true;
}

void cli_explain_flag(const struct err *e, const struct cli_flag *flags)
{
    struct str names[64], word = str_c(e->text), head;
    size_t n = 0;

    if (!str_split(&word, S("unknown flag: --"), &head) || head.n > 0)
        return;
    for (; flags->name != NULL && n < COUNT(names); flags++)
        if (flags->help != NULL)
            names[n++] = str_c(flags->name);
    ptrdiff_t i = str_nearest(word, names, n);
    if (i >= 0)
        fprintf(stderr, "--%.*s\n  hint: did you mean --%.*s?\n", STR(word), STR(names[i]));
}

/* The words in lower case that a usage begins with: "chart repo add" of "chart repo add NAME URL [flags]". */
static size_t command_length(const char *usage)
{
    size_t n = 0, word;

    do {
        word = strspn(usage + n, "abcdefghijklmnopqrstuvwxyz-");
        if (word == 0 || (usage[n + word] != ' ' && usage[n + word] != '\0'))
            break;
        n += word + 1;
    } while (usage[n - 1] == ' ');
    return n > 0 ? n - 1 : strcspn(usage, " ");
}

bool cli_start(int argc, char **argv, const char *usage, const struct cli_flag *flags, struct cli_words *rest,
               int *status)
{
    struct err e = { 0 };
    bool helped;
    if (!cli_parse(argc, argv, usage, flags, rest, &helped, &e)) {
        char name[64];
        cli_explain_flag(&e, flags);
        snprintf(name, sizeof name, "%.*s", (int)command_length(usage), usage);
        *status = cli_usage(name, "%s", e.text);
        return false;
    }
    *status = CLI_OK;
    return !helped;
}

/* ---- tables ------------------------------------------------------------------------------- */

void cli_table_cell(struct cli_table *t, struct str cell)
{
    *vec_push(t->a, &t->cells) = cell;
}

void cli_table_row(struct cli_table *t, const char *const *cells)
{
    for (size_t i = 0; i < t->columns; i++)
        cli_table_cell(t, str_c(cells[i]));
}

void cli_table_print(const struct cli_table *t, FILE *to)
{
    size_t width[32] = { 0 };
    size_t columns = t->columns < COUNT(width) ? t->columns : COUNT(width);
    for (size_t i = 0; i < t->cells.n; i++) {
        size_t w = utf8_count(t->cells.v[i]);
        if (w > width[i % columns])
            width[i % columns] = w;
    }
    for (size_t i = 0; i < t->cells.n; i++) {
        struct str cell = t->cells.v[i];
        fprintf(to, "%.*s", STR(cell));
        if (i % columns == columns - 1)
            fputc('\n', to);
        else
            fprintf(to, "%*s", (int)(width[i % columns] - utf8_count(cell) + 2), "");
    }
}

bool cli_print_value(const char *format, const struct value *v)
{
    CLEANUP(arena_close) struct arena a = { 0 };
    if (format == NULL)
        return false;
    if (strcmp(format, "json") == 0)
        printf("%s\n", json_str(&a, v, JSON_SORT_KEYS | JSON_INDENT).p);
    else if (strcmp(format, "yaml") == 0)
        printf("%s", yaml_str(&a, v).p);
    else
        return false;
    return true;
}

const char *cli_program_dir(struct arena *a)
{
    const char *path = proc_sibling(a, "vitrine", "../../bin/vitrine");
    return path != NULL ? arena_c(a, str_slice(str_c(path), 0, (size_t)str_rfind(str_c(path), S("/")))) : NULL;
}
