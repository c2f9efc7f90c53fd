{{- define "common.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" -}}
{{- end -}}
{{/* Render a value that may hold templates: {value, context} */}}
{{- define "common.render" -}}
{{- $value := typeIs "string" .value | ternary .value (.value | toYaml) }}
{{- if contains "{{" (toJson .value) }}
  {{- tpl $value .context }}
{{- else }}
  {{- $value }}
{{- end }}
{{- end -}}
{{- define "common.merge" -}}
{{- $dst := dict -}}
{{- range .values -}}
{{- $dst = include "common.render" (dict "value" . "context" $.context) | fromYaml | merge $dst -}}
{{- end -}}
{{ $dst | toYaml }}
{{- end -}}
{{- define "common.workload" -}}
apiVersion: apps/v1
kind: {{ .Values.workload.kind }}
metadata:
  name: {{ include "common.name" . }}
  labels: {{- include "common.merge" (dict "values" (list .Values.labels (dict "chart" .Chart.Name)) "context" $) | nindent 4 }}
spec:
  template:
    spec:
      containers:
      {{- range .Values.workload.containers }}
        - {{- include "common.render" (dict "value" . "context" $) | nindent 10 }}
      {{- end }}
{{- end -}}
