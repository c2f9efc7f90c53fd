"""Charts of any size, made of one template that looks like most: helpers, values, conditions, ranges, toYaml."""
import os

HELPERS = '''{{- define "grown.name" -}}
{{- printf "%s-%s" .Release.Name .Chart.Name | trunc 63 | trimSuffix "-" }}
{{- end }}
{{- define "grown.labels" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- with .Values.labels }}
{{ toYaml . }}
{{- end }}
{{- end }}
'''
TEMPLATE = '''{{- $part := "part-@" }}
{{- if .Values.enabled }}
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ include "grown.name" . }}-{{ $part }}
  labels:
    {{- include "grown.labels" . | nindent 4 }}
spec:
  replicas: {{ .Values.replicaCount | default 1 }}
  selector:
    matchLabels:
      {{- include "grown.labels" . | nindent 6 }}
  template:
    metadata:
      annotations:
        checksum/values: {{ toJson .Values.settings | sha256sum }}
    spec:
      containers:
        - name: main
          image: "{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}"
          env:
            {{- range $key, $value := .Values.settings }}
            - name: {{ $key | upper | replace "-" "_" }}
              value: {{ tpl $value $ | quote }}
            {{- end }}
          resources:
            {{- toYaml .Values.resources | nindent 12 }}
          {{- if and .Values.probe.enabled (not (empty .Values.probe.path)) }}
          livenessProbe:
            httpGet: { path: {{ .Values.probe.path | quote }}, port: {{ .Values.probe.port }} }
          {{- end }}
---
apiVersion: v1
kind: ConfigMap
metadata:
  name: {{ include "grown.name" . }}-{{ $part }}
  labels: {{- include "grown.labels" . | nindent 4 }}
data:
  {{- range $i := until 5 }}
  line-{{ $i }}: {{ printf "%s %03d" $part $i | b64enc | quote }}
  {{- end }}
{{- end }}
'''
VALUES = '''enabled: true
replicaCount: 2
image: { repository: registry.example/app, tag: "" }
labels: { team: platform }
settings:
  log-level: info
  greeting: "hello {{ .Release.Name }}"
  endpoint: "http://{{ .Chart.Name }}.{{ .Release.Namespace }}.svc"
resources:
  limits: { cpu: 500m, memory: 128Mi }
  requests: { cpu: 100m, memory: 64Mi }
probe: { enabled: true, path: /healthz, port: 8080 }
'''


def _write(path, text):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, 'w', encoding='utf-8') as f:
        f.write(text)


def write_chart(folder, templates):
    _write(folder + '/Chart.yaml', 'apiVersion: v2\nname: %s\nversion: 1.0.0\nappVersion: "2.0"\n' % os.path.basename(folder))
    _write(folder + '/values.yaml', VALUES)
    _write(folder + '/templates/_helpers.tpl', HELPERS)
    for i in range(templates):
        _write(folder + '/templates/part-%04d.yaml' % i, TEMPLATE.replace('@', str(i)))


def charts(work):
    """(name, folder) of charts with 10, 100 and 1000 templates, and of an umbrella of a hundred charts."""
    for n in (10, 100, 1000):
        write_chart('%s/grown-%d' % (work, n), n)
        yield '%d templates' % n, '%s/grown-%d' % (work, n)
    write_chart(work + '/umbrella', 1)
    for i in range(100):
        write_chart('%s/umbrella/charts/sub-%03d' % (work, i), 10)
    yield 'umbrella of 100 charts', work + '/umbrella'
