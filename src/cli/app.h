/* cli/app.h - printing Applications as argocd does. */
#pragma once
#include "cli/cli.h"

/* The seed's layout: header lines, conditions, operation, parameters, resources. */
void app_print(const struct value *app, struct str server_url, bool show_operation, bool show_params);
void app_print_list(const struct value *apps);
/* ids_only: the numbers alone, one per line */
void app_print_history(const struct value *app, bool ids_only);
/* "2024-03-24 17:02:22 +0100 CET" of an RFC 3339 text; "<nil>" when empty. */
struct str app_local_time(struct arena *a, struct str rfc3339);
