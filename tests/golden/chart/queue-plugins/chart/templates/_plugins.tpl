{{- define "queue.plugin.metrics" -}}
prometheus.tcp.port = {{ .port | default 15692 }}
{{- end -}}
{{- define "queue.plugin.federation" -}}
federation.upstream = {{ .root.Release.Name }}
{{- range $i := until (int .root.Values.cluster.nodes) }}
federation.node.{{ add1 $i }} = {{ $.root.Release.Name }}-{{ $i }}
{{- end }}
{{- end -}}
{{- define "queue.bytes" -}}
{{- $v := . | toString -}}
{{- if hasSuffix "Gi" $v -}}{{ mul (trimSuffix "Gi" $v | int64) 1024 1024 1024 }}
{{- else if hasSuffix "Mi" $v -}}{{ mul (trimSuffix "Mi" $v | int64) 1048576 }}
{{- else -}}{{ int64 . }}{{- end -}}
{{- end -}}
