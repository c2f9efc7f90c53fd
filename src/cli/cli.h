/*
 * cli/cli.h - what the commands share: the way of a command, messages, tables, the server's API.
 *
 * There are two programs. `vitrine` is small: it holds the commands that need no network (template, version,
 * completion) and the hidden subcommands of the local engine. For every other command it executes `vitrine-full`, which
 * stands beside it (or in
 * ../libexec/vitrine). A command is one file with one function; argv[0] is the command's name; the result is the exit
 * status.
 */
#pragma once
#include <stdio.h>

#include "data/value.h"

enum cli_exit {
    CLI_OK = 0,
    CLI_FAILED = 1,  /* the work failed */
    CLI_USAGE = 2,   /* the call itself was wrong */
    CLI_REFUSED = 20 /* `app` commands: not found, refused, waited in vain (as argocd) */
};

typedef int cli_command(int argc, char **argv);
struct cli_entry {
    const char *name;
    cli_command *run;    /* NULL in `vitrine`: the full program has it */
    const char *words;   /* that may follow the name, with blanks between; NULL: none */
    const char *summary; /* one line for `vitrine help`; NULL: hidden */
};
/* Every command with its summary; `run` is filled where this program holds it. Ends with a NULL name. */
extern const struct cli_entry cli_commands[];

/* "Error: TEXT" on standard error; returns CLI_FAILED. */
int cli_fail(const struct err *e);
int cli_fail_text(const char *fmt, ...) PRINTF(1, 2);
/* "Error: TEXT" and where to read more; returns CLI_USAGE. */
int cli_usage(const char *command, const char *fmt, ...) PRINTF(2, 3);
/* The status of a command that has ended; a failure when what it printed could not be written. */
int cli_end(int status);
bool cli_is_terminal(FILE *f);

/* Flags: `--name VALUE`, `--name=VALUE`, `-n VALUE`, `--switch`, in any order around the other words; `--` ends them.
 */
struct cli_flag {
    const char *name;       /* without dashes */
    char letter;            /* 0: none */
    bool *flag;             /* a switch (also --name=true|false) */
    const char **text;      /* a value; the last one wins */
    struct cli_words *many; /* a value that may come several times */
    const char *help;       /* "what it does"; NULL: hidden */
    const char *words;      /* the value must be one of these, with blanks between; NULL: any text */
};
struct cli_words {
    const char *v[256];
    size_t n;
};
/* Ends with a row whose name is NULL. Other words go to `rest`. With --help the usage goes to standard output and
 * *helped is set. */
bool cli_parse(int argc, char **argv, const char *usage, const struct cli_flag *flags, struct cli_words *rest,
               bool *helped, struct err *e);
/* After cli_parse failed: a line on standard error with the flag that was probably meant, if there is one. */
void cli_explain_flag(const struct err *e, const struct cli_flag *flags);
/* The common start of a command: parse, answer --help, complain. False: return *status. */
bool cli_start(int argc, char **argv, const char *usage, const struct cli_flag *flags, struct cli_words *rest,
               int *status);

/* Aligned columns as argocd prints them: two blanks between, the last one unpadded. Cells are arena strings. */
struct cli_table {
    struct arena *a;
    size_t columns;
    VEC(struct str) cells;
};
void cli_table_row(struct cli_table *t, const char *const *cells); /* t->columns of them; NULL is empty */
void cli_table_cell(struct cli_table *t, struct str cell);
void cli_table_print(const struct cli_table *t, FILE *to);

/* The folder of the small program, for the PATH of workflow steps; NULL when it is not found. */
const char *cli_program_dir(struct arena *a);

/* -o json|yaml: prints and returns true; false for other formats. */
bool cli_print_value(const char *format, const struct value *v);

/* ---- in the full program only --------------------------------------------------------------- */
/* The server's API: --server, else $VITRINE_SERVER, else http://127.0.0.1:8090; $VITRINE_TOKEN is sent when set. */
struct cli_api {
    struct str base, token;
};
struct cli_api cli_api_of(struct arena *a, const char *server_flag);
/* path "/api/v1/..."; body NULL: none. Errors in the server's words; ERR_UNAVAILABLE says how to start it. */
MUST_CHECK bool cli_api_call(struct arena *a, const struct cli_api *api, const char *method, struct str path,
                             const struct value *body, struct value *out, struct err *e);
