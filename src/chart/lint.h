/*
 * chart/lint.h - what the files of the linter share. Inside src/chart only.
 *
 * The rules, their order and their words are those of `helm lint`; the severities too. A rule that fails says so and
 * the next one runs, except where the next could not make sense of the same text.
 */
#pragma once
#include "chart/internal.h"
#include "data/semver.h"

struct linter {
    struct arena *a;
    const char *dir; /* the chart's folder, as it is shown: absolute */
    const struct chart_render *o;
    struct capabilities *caps;
    struct semver kube; /* for deprecated API versions */
    struct warnings w;
    VEC(struct chart_lint_message) messages;
};

/* Note what a rule found. */
void lint_say(struct linter *l, enum chart_lint_severity severity, struct str path, const char *fmt, ...) PRINTF(4, 5);

/* The rules of Chart.yaml over its text. */
void lint_chart_yaml(struct linter *l, struct str text);

/* The rules of one rendered template, or of a file in crds/. False when a document is no YAML: then nothing that
 * follows is looked at. */
bool lint_objects(struct linter *l, struct str path, struct str text, bool crds);
/* Why a name is not one that Kubernetes takes for this kind; empty when it is. */
struct str lint_object_name(struct arena *a, struct str kind, struct str name);
/* "GROUP/VERSION KIND is deprecated in ..."; empty when that Kubernetes does not say so. */
struct str lint_deprecation(struct arena *a, struct str api_version, struct str kind, const struct semver *kube);
