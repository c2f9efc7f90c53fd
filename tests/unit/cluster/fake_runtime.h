/* A runtime without processes: what the controllers ask for is written down, and tests decide what ends, fails or
 * answers. */
#pragma once
#include "cluster/local/runtime.h"

/* Images whose reference contains "missing" cannot be pulled; a program named "/absent" cannot be started. */
void fake_end(const char *env, const char *container, int exit_code); /* every running container of that name ends */
size_t fake_running(const char *env);                                 /* containers */
size_t fake_started(const char *env, const char *container);          /* ever */
size_t fake_pods(const char *env);
void fake_kill_environment(const char *env); /* the holder dies with everything in it */
void fake_ignore_term(bool ignore);          /* containers live on after SIGTERM */
void fake_exec_exit(int exit_code);          /* what every command in a container answers from now on */
bool fake_env_var(struct arena *a, const char *container, const char *name, struct str *out); /* of its last start */
struct str fake_argv(struct arena *a, const char *container);                                 /* joined by blanks */
struct str fake_file(struct arena *a,
                     const char *path_end); /* content of the last file written with that end of its path */
struct str fake_services(struct arena *a, const char *env); /* "web 198.19.1.1 80>198.18.0.2:8080;" ... */
/* runtime_dial connects to this loopback port whatever is asked; 0: refused. */
void fake_dial_port(int port);
void fake_reset(void);
