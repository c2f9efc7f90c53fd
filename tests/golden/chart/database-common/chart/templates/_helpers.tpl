{{- define "ledgerdb.database" -}}
{{- coalesce (((.Values.global).ledgerdb).auth).database .Values.auth.database | default "postgres" -}}
{{- end -}}

{{- define "ledgerdb.secretName" -}}
{{- if (((.Values.global).ledgerdb).auth).existingSecret -}}
{{- tpl .Values.global.ledgerdb.auth.existingSecret $ -}}
{{- else if .Values.auth.existingSecret -}}
{{- tpl .Values.auth.existingSecret $ -}}
{{- else -}}
{{- include "common.names.fullname" . -}}
{{- end -}}
{{- end -}}

{{- define "ledgerdb.createSecret" -}}
{{- if not (or (((.Values.global).ledgerdb).auth).existingSecret .Values.auth.existingSecret) -}}true{{- end -}}
{{- end -}}

{{- define "ledgerdb.storage.class" -}}
{{- $class := .persistence.storageClass -}}
{{- if .global -}}{{- if .global.storageClass -}}{{- $class = .global.storageClass -}}{{- end -}}{{- end -}}
{{- if $class -}}
  {{- if (eq "-" $class) -}}
      {{- printf "storageClassName: \"\"" -}}
  {{- else }}
      {{- printf "storageClassName: %s" $class -}}
  {{- end -}}
{{- end -}}
{{- end -}}

{{/* One stateful set per role: the two differ in names and counts only. */}}
{{- define "ledgerdb.role" -}}
{{- $ctx := .context -}}{{- $role := .role -}}
apiVersion: apps/v1
kind: StatefulSet
metadata:
  name: {{ printf "%s-%s" (include "common.names.fullname" $ctx) $role.name | trunc 63 | trimSuffix "-" }}
  labels: {{- include "common.labels.standard" $ctx | nindent 4 }}
    app.kubernetes.io/component: {{ $role.name }}
spec:
  replicas: {{ $role.replicaCount | default 1 }}
  serviceName: {{ include "common.names.fullname" $ctx }}-hl
  updateStrategy: {{- toYaml $role.updateStrategy | nindent 4 }}
  selector:
    matchLabels: {{- include "common.labels.match" $ctx | nindent 6 }}
      app.kubernetes.io/component: {{ $role.name }}
  template:
    metadata:
      labels: {{- include "common.labels.standard" $ctx | nindent 8 }}
        app.kubernetes.io/component: {{ $role.name }}
      {{- if or $role.configuration $role.extendedConfiguration }}
      annotations:
        checksum/configuration: {{ include (print $ctx.Template.BasePath "/configmap.yaml") $ctx | sha256sum }}
      {{- end }}
    spec:
      containers:
        - name: ledgerdb
          image: {{ include "common.images.image" (dict "imageRoot" $ctx.Values.image "global" $ctx.Values.global) }}
          env:
            - {name: LEDGER_DATABASE, value: {{ include "ledgerdb.database" $ctx | quote }}}
            {{- if $ctx.Values.auth.enabled }}
            - name: LEDGER_PASSWORD
              valueFrom:
                secretKeyRef:
                  name: {{ include "ledgerdb.secretName" $ctx }}
                  key: {{ $ctx.Values.auth.secretKeys.user }}
            {{- end }}
            {{- if eq $role.name "read" }}
            - {name: LEDGER_MASTER, value: "{{ include "common.names.fullname" $ctx }}-{{ $ctx.Values.primary.name }}"}
            {{- end }}
          {{- with $role.resources }}
          resources: {{- toYaml . | nindent 12 }}
          {{- end }}
          volumeMounts:
            {{- if and (eq $role.name "primary") (or $role.initdb.scripts $role.initdb.scriptsSecret) }}
            - {name: init, mountPath: /docker-entrypoint-initdb.d}
            {{- end }}
            - {name: data, mountPath: /var/lib/ledger}
        {{- if $ctx.Values.metrics.enabled }}
        - name: metrics
          image: {{ printf "%s/exporter:%v" $ctx.Values.image.registry $ctx.Chart.AppVersion }}
          ports: [{containerPort: {{ $ctx.Values.metrics.port }}, name: metrics}]
          {{- if $ctx.Values.metrics.customMetrics }}
          args: ["--extend", "/conf/custom-metrics.yaml"]
          {{- end }}
        {{- end }}
  {{- if $role.persistence.enabled }}
  volumeClaimTemplates:
    - metadata:
        name: data
        {{- with $role.persistence.annotations }}
        annotations: {{- toYaml . | nindent 10 }}
        {{- end }}
      spec:
        accessModes: {{ $role.persistence.accessModes | toJson }}
        resources: {requests: {storage: {{ $role.persistence.size | quote }}}}
        {{ include "ledgerdb.storage.class" (dict "persistence" $role.persistence "global" $ctx.Values.global) }}
  {{- end }}
{{- end -}}
