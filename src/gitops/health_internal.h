/* gitops/health_internal.h - rules of the kinds that are no workload sets. */
#pragma once
#include "gitops/health.h"

/* A verdict; the message is not copied. */
struct health health_say(enum health_status s, struct str message);
/* The first condition of that type, or value_nil. */
const struct value *health_condition(const struct value *object, const char *type);
bool health_has_hook_finalizer(const struct value *object);
/* The rules, one per kind; messages live in `a` or in the object. */
struct health health_pod(struct arena *a, const struct value *o);
struct health health_service(struct arena *a, const struct value *o);
struct health health_claim(struct arena *a, const struct value *o);
struct health health_ingress(struct arena *a, const struct value *o);
struct health health_autoscaler(struct arena *a, const struct value *o);
struct health health_api_service(struct arena *a, const struct value *o);
struct health health_workflow(struct arena *a, const struct value *o);
