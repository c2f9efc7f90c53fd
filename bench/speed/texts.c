/*
 * What charts and clusters really hold: each kind is one piece, written over and over with other names and numbers.
 * Three quarters of a CRD are descriptions, half of a dashboard is queries, a values.yaml is mostly comments.
 */
#include "texts.h"

/* A cheap mixed number that depends on nothing but `i`. */
static unsigned mixed(unsigned i, unsigned below)
{
    uint32_t x = (i + 1) * 0x9e3779b1u;
    x ^= x >> 15;
    x *= 0x85ebca77u;
    x ^= x >> 13;
    return x % below;
}

static const char *word(unsigned i)
{
    static const char *const words[] = { "api",     "worker",    "cache",   "gateway", "metrics",
                                         "proxy",   "auth",      "billing", "search",  "queue",
                                         "indexer", "scheduler", "web",     "mailer",  "ledger" };
    return words[mixed(i, COUNT(words))];
}

/* ---- YAML ----------------------------------------------------------------------------------------- */

static void add_manifest(struct buf *out, unsigned i)
{
    buf_fmt(out,
            "---\n# Source: shop/templates/%s.yaml\napiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: %s-%u\n"
            "  namespace: shop\n  labels:\n    app.kubernetes.io/name: %s\n    app.kubernetes.io/instance: release-%u\n"
            "    app.kubernetes.io/managed-by: Helm\n    helm.sh/chart: shop-1.%u.%u\n"
            "  annotations:\n    checksum/config: %08x%08x%08x%08x\n    prometheus.io/scrape: \"true\"\n",
            word(i), word(i), i, word(i), i, mixed(i, 40), mixed(i + 1, 9), mixed(i, ~0u), mixed(i + 1, ~0u),
            mixed(i + 2, ~0u), mixed(i + 3, ~0u));
    buf_fmt(out,
            "spec:\n  replicas: %u\n  revisionHistoryLimit: 10\n  selector:\n    matchLabels:\n      app: %s\n"
            "  template:\n    metadata:\n      labels:\n        app: %s\n    spec:\n      serviceAccountName: %s\n"
            "      # the node pool with local disks\n      nodeSelector:\n        kubernetes.io/os: linux\n"
            "      securityContext:\n        runAsNonRoot: true\n        runAsUser: 1001\n        fsGroup: 1001\n"
            "      containers:\n        - name: %s\n          image: \"registry.example.com/shop/%s:v1.%u.0\"\n"
            "          imagePullPolicy: IfNotPresent\n          args:\n            - --config=/etc/%s/config.yaml\n"
            "            - --log-level=info\n            - --listen=:8080\n",
            1 + mixed(i, 5), word(i), word(i), word(i), word(i), word(i), mixed(i, 60), word(i));
    buf_fmt(
        out,
        "          env:\n            - name: POD_NAME\n              valueFrom:\n                fieldRef:\n"
        "                  fieldPath: metadata.name\n            - name: DATABASE_URL\n"
        "              value: postgres://%s:5432/shop?sslmode=disable\n            - name: WORKERS\n"
        "              value: \"%u\"\n          ports:\n            - name: http\n              containerPort: 8080\n"
        "              protocol: TCP\n          livenessProbe:\n            httpGet:\n              path: /healthz\n"
        "              port: http\n            initialDelaySeconds: 10\n            periodSeconds: %u\n"
        "          resources:\n            limits: {cpu: \"1\", memory: 512Mi}\n            requests:\n"
        "              cpu: 100m\n              memory: %uMi\n          volumeMounts:\n            - name: config\n"
        "              mountPath: /etc/%s\n              readOnly: true\n      volumes:\n        - name: config\n"
        "          configMap:\n            name: %s-config\n        - name: tmp\n          emptyDir: {}\n",
        word(i), mixed(i, 32), 5 + mixed(i, 20), 64 + mixed(i, 900), word(i), word(i));
}

static void add_values(struct buf *out, unsigned i)
{
    buf_fmt(
        out,
        "## @section %s parameters\n\n## Bitnami %s image\n## ref: https://hub.example.com/r/shop/%s/tags/\n"
        "## @param %s%u.image.registry %s image registry\n## @param %s%u.image.tag %s image tag (immutable tags are "
        "recommended)\n##\n%s%u:\n  image:\n    registry: docker.io\n    repository: shop/%s\n    tag: 1.%u.%u-r0\n"
        "    digest: \"\"\n    ## Specify a imagePullPolicy\n    ##\n    pullPolicy: IfNotPresent\n"
        "    pullSecrets: []\n",
        word(i), word(i), word(i), word(i), i, word(i), word(i), i, word(i), word(i), i, word(i), mixed(i, 30),
        mixed(i + 1, 30));
    buf_c(out,
          "  # -- Number of replicas; ignored when autoscaling is on\n  replicaCount: 1\n  enabled: true\n"
          "  service:\n    type: ClusterIP\n    ## @param service.ports.http HTTP port\n    ports:\n      http: 80\n"
          "      https: 443\n    annotations: {}\n  livenessProbe:\n    enabled: true\n    initialDelaySeconds: 30\n"
          "    timeoutSeconds: 5\n    failureThreshold: 6\n  ## e.g:\n  ## resources:\n  ##   limits:\n"
          "  ##     cpu: 500m\n  ##\n  resources:\n    limits: {}\n    requests: {}\n  tolerations: []\n"
          "  podSecurityContext:\n    enabled: true\n    fsGroup: 1001\n  extraEnvVars:\n    - name: FOO\n"
          "      value: 'bar'\n  affinity: {}\n\n");
}

static void add_crd(struct buf *out, unsigned i)
{
    buf_fmt(
        out,
        "                  %s%u:\n                    description: |-\n"
        "                      The maximum number of %s that can be scheduled above the desired number.\n"
        "                      Value can be an absolute number (ex: %u) or a percentage of desired %s.\n\n"
        "                      This field is optional: when it is not set, the operator's default applies.\n"
        "                    type: object\n                    properties:\n                      key:\n"
        "                        description: 'The key of the secret to select from. Must be a valid\n"
        "                          secret key: it''s read once.'\n                        type: string\n"
        "                      optional:\n                        description: Specify whether the Secret or its key\n"
        "                          must be defined\n                        type: boolean\n",
        word(i), i, word(i), mixed(i, 90), word(i));
    buf_c(out,
          "                      limits:\n                        additionalProperties:\n"
          "                          anyOf:\n                          - type: integer\n"
          "                          - type: string\n"
          "                          pattern: ^(\\+|-)?(([0-9]+(\\.[0-9]*)?)|(\\.[0-9]+))(([KMGTPE]i)|[numkMGTPE])?$\n"
          "                          x-kubernetes-int-or-string: true\n                        type: object\n"
          "                    required:\n                    - key\n                    - optional\n"
          "                    x-kubernetes-map-type: atomic\n");
}

static void add_blocks(struct buf *out, unsigned i)
{
    buf_fmt(out,
            "- apiVersion: v1\n  kind: ConfigMap\n  metadata:\n    name: %s-%u\n  data:\n    run.sh: |\n"
            "      #!/bin/bash\n      set -euo pipefail\n      # Wait for the database: \"%s\"\n"
            "      until nc -z %s 5432; do\n        echo \"waiting for %s\"\n        sleep 1\n      done\n\n"
            "      exec /usr/bin/%s --port=%u \\\n        --data=/var/lib/%s\n    nginx.conf: |-\n      server {\n"
            "        listen 8080;\n        location / {\n          proxy_pass http://%s:8080;\n"
            "          proxy_set_header Host $host;\n        }\n      }\n    note: >-\n"
            "      Folded text is one long line for the reader\n      and several short ones for the writer of\n"
            "      release %u.\n",
            word(i), i, word(i), word(i), word(i), word(i), 1024 + mixed(i, 9000), word(i), word(i), i);
}

static void add_flow(struct buf *out, unsigned i)
{
    buf_fmt(out,
            "- {name: %s-%u, image: \"shop/%s:1.%u\", ports: [80, 443, %u], env: {LEVEL: info, MODE: 'fast', N: %u}}\n"
            "- [\"%s\", %s, true, %u.5, null, {a: [1, 2, {b: c}]}]\n"
            "- resources: {limits: {cpu: 500m, memory: 1Gi},\n    requests: {cpu: %um, memory: 128Mi}}\n",
            word(i), i, word(i), mixed(i, 90), mixed(i, 9999), mixed(i, 64), word(i), word(i + 1), mixed(i, 100),
            mixed(i, 900));
}

static void add_nested_yaml(struct buf *out, unsigned i)
{
    buf_fmt(out, "- %s:\n", word(i));
    for (unsigned depth = 1; depth <= 24; depth++) {
        buf_fill(out, ' ', 2 + 2 * depth);
        buf_fmt(out, "%s%u:\n", word(i + depth), depth);
    }
    buf_fill(out, ' ', 54);
    buf_fmt(out, "- leaf: %u\n", i);
}

static void add_strings_yaml(struct buf *out, unsigned i)
{
    buf_fmt(
        out,
        "message%u: \"Line one of %s\\nline two: \\\"%s\\\" at 100%% \\u2014 done\"\nquery%u: 'sum(rate(%s_total"
        "{code=~\"5..\"}[5m])) by (job) > 0'\nplain%u: the quick brown fox jumps over the lazy %s, again and again\n"
        "url%u: https://example.com/%s/%u?q=1#top\nname%u: Größe und Übergänge für %s\n",
        i, word(i), word(i + 1), i, word(i), i, word(i), i, word(i), i, i, word(i));
}

static void add_numbers_yaml(struct buf *out, unsigned i)
{
    buf_fmt(out, "- id: %u\n  ratio: %u.%02u\n  at: %u\n  values: [%u, %u, %u, -%u, 0.%u]\n", i, mixed(i, 1000),
            mixed(i, 100), 1700000000 + i, mixed(i, 10), mixed(i, 1000), mixed(i, 100000), mixed(i, 77),
            mixed(i, 9999));
}

/* ---- JSON ----------------------------------------------------------------------------------------- */

static void add_panel(struct buf *out, unsigned i)
{
    buf_fmt(
        out,
        "    {\n      \"datasource\": {\n        \"type\": \"prometheus\",\n        \"uid\": \"$datasource\"\n      "
        "},\n"
        "      \"description\": \"Requests per second of %s, by status code\",\n      \"fieldConfig\": {\n"
        "        \"defaults\": {\n          \"color\": {\n            \"mode\": \"palette-classic\"\n          },\n"
        "          \"custom\": {\n            \"axisPlacement\": \"auto\",\n            \"drawStyle\": \"line\",\n"
        "            \"fillOpacity\": %u,\n            \"lineWidth\": 1,\n            \"showPoints\": \"never\",\n"
        "            \"spanNulls\": false\n          },\n          \"mappings\": [],\n          \"unit\": \"reqps\"\n"
        "        },\n        \"overrides\": []\n      },\n",
        word(i), mixed(i, 100));
    buf_fmt(
        out,
        "      \"gridPos\": {\n        \"h\": 8,\n        \"w\": 12,\n        \"x\": %u,\n        \"y\": %u\n      },\n"
        "      \"id\": %u,\n      \"targets\": [\n        {\n          \"expr\": \"sum by (code) "
        "(rate(http_requests_total"
        "{job=~\\\"$job\\\", service=\\\"%s\\\", namespace=\\\"$namespace\\\"}[$__rate_interval]))\",\n"
        "          \"interval\": \"\",\n          \"legendFormat\": \"{{code}}\",\n          \"refId\": \"A\"\n        "
        "}\n"
        "      ],\n      \"title\": \"%s / requests\",\n      \"type\": \"timeseries\"\n    }",
        mixed(i, 2) * 12, i * 8, i, word(i), word(i));
}

static void add_object(struct buf *out, unsigned i)
{
    buf_fmt(
        out,
        "{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"metadata\":{\"name\":\"%s-%08x-%04x\",\"namespace\":\"shop\","
        "\"uid\":"
        "\"%08x-%04x-4%03x-a%03x-%08x%04x\",\"resourceVersion\":\"%u\",\"creationTimestamp\":\"2026-01-%02uT10:20:"
        "30Z\","
        "\"labels\":{\"app\":\"%s\",\"pod-template-hash\":\"%08x\"},\"ownerReferences\":[{\"apiVersion\":\"apps/v1\","
        "\"kind\":\"ReplicaSet\",\"name\":\"%s\",\"controller\":true}]},",
        word(i), mixed(i, ~0u), mixed(i, 65536), mixed(i + 1, ~0u), mixed(i, 65536), mixed(i, 4096), mixed(i, 4096),
        mixed(i + 2, ~0u), mixed(i, 65536), 100000 + i, 1 + mixed(i, 28), word(i), mixed(i, ~0u), word(i));
    buf_fmt(out,
            "\"spec\":{\"containers\":[{\"name\":\"%s\",\"image\":\"shop/%s:1.%u\",\"ports\":[{\"containerPort\":8080,"
            "\"protocol\":\"TCP\"}],\"resources\":{\"limits\":{\"memory\":\"512Mi\"}}}],\"nodeName\":\"node-%u\","
            "\"restartPolicy\":\"Always\",\"terminationGracePeriodSeconds\":30},\"status\":{\"phase\":\"Running\","
            "\"podIP\":\"10.1.%u.%u\",\"conditions\":[{\"type\":\"Ready\",\"status\":\"True\"}]}}",
            word(i), word(i), mixed(i, 99), mixed(i, 50), mixed(i, 255), mixed(i + 1, 255));
}

static void add_strings_json(struct buf *out, unsigned i)
{
    buf_fmt(out,
            "\"%s: the quick brown fox jumps over the lazy dog while the rain in Spain stays mainly in the plain, %u "
            "times\","
            "\"Größe %u: schöne Grüße aus Köln, наконец-то\",\"%s\"",
            word(i), i, i, word(i));
}

static void add_escapes(struct buf *out, unsigned i)
{
    buf_fmt(out,
            "\"#!/bin/sh\\nset -e\\necho \\\"%s\\\" > /tmp/%u\\n\\tif [ -f C:\\\\%s ]; then\\n\\t\\texit 1\\nfi\\n\","
            "\"a \\u003c b \\u0026\\u0026 c \\u003e %u \\u2014 ok\"",
            word(i), i, word(i), i);
}

static void add_integers(struct buf *out, unsigned i)
{
    buf_fmt(out, "[%u,%u,-%u,%u,%u]", mixed(i, 10), mixed(i, 1000), mixed(i, 100000), 1700000000 + i, mixed(i, 100));
}

static void add_floats(struct buf *out, unsigned i)
{
    buf_fmt(out, "[%u.%u,0.%05u,%u.%03u,%.16g,%.16g]", mixed(i, 100), mixed(i, 10), mixed(i, 100000), 1700000000 + i,
            mixed(i, 1000), mixed(i, ~0u) / 3.0, mixed(i, ~0u) / 7e9);
}

static void add_nested_json(struct buf *out, unsigned i)
{
    for (unsigned depth = 0; depth < 50; depth++)
        buf_c(out, depth % 2 == 0 ? "{\"a\":" : "[1,");
    buf_fmt(out, "%u", i);
    for (unsigned depth = 50; depth-- > 0;)
        buf_byte(out, depth % 2 == 0 ? '}' : ']');
}

const struct text_kind text_kinds[] = {
    { "manifests with comments", false, add_manifest, "", "", "" },
    { "values.yaml", false, add_values, "", "", "" },
    { "CRD", false, add_crd,
      "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nspec:\n  versions:\n  - name: v1\n    "
      "schema:\n"
      "      openAPIV3Schema:\n        properties:\n          spec:\n            properties:\n              template:\n"
      "                properties:\n",
      "", "" },
    { "block scalars", false, add_blocks, "", "", "" },
    { "flow style", false, add_flow, "", "", "" },
    { "deeply nested", false, add_nested_yaml, "", "", "" },
    { "string-heavy", false, add_strings_yaml, "", "", "" },
    { "number-heavy", false, add_numbers_yaml, "", "", "" },
    { "dashboards, indented", true, add_panel, "{\n  \"panels\": [\n", "\n  ]\n}\n", ",\n" },
    { "list of objects", true, add_object, "{\"items\":[", "]}", "," },
    { "string-heavy", true, add_strings_json, "[", "]", "," },
    { "escape-heavy", true, add_escapes, "[", "]", "," },
    { "integers", true, add_integers, "[", "]", "," },
    { "floats", true, add_floats, "[", "]", "," },
    { "deeply nested", true, add_nested_json, "[", "]", "," },
};
const size_t text_kind_count = COUNT(text_kinds);

struct str text_make(struct arena *a, const struct text_kind *kind, size_t least)
{
    struct buf b = { .a = a };

    buf_c(&b, kind->open);
    for (unsigned i = 0; b.n < least; i++) {
        buf_c(&b, i > 0 ? kind->between : "");
        kind->add(&b, i);
    }
    buf_c(&b, kind->close);
    return buf_str(&b);
}
