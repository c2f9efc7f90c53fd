{{- define "tree.print" -}}
{{- $pad := repeat (int .depth) "  " -}}
{{- if kindIs "map" .node }}
{{- range $k, $v := .node }}
{{ $pad }}{{ $k }}:{{ include "tree.print" (dict "node" $v "depth" (add1 $.depth)) }}
{{- end }}
{{- else if kindIs "slice" .node }}
{{- range $v := .node }}
{{ $pad }}-{{ include "tree.print" (dict "node" $v "depth" (add1 $.depth)) }}
{{- else }} []
{{- end }}
{{- else }} {{ .node | toJson }}
{{- end }}
{{- end -}}
{{- define "tree.fib" -}}
{{- if lt (int .) 2 }}{{ . }}{{ else }}{{ add (include "tree.fib" (sub . 1)) (include "tree.fib" (sub . 2)) }}{{ end -}}
{{- end -}}
{{- define "tree.nest" -}}
{{- if gt (int .n) 0 -}}
level{{ .n }}:
  {{- include "tree.nest" (dict "n" (sub .n 1)) | nindent 2 }}
{{- else -}}
leaf: true
{{- end -}}
{{- end -}}
{{- define "tree.hanoi" -}}
{{- if gt (int .n) 0 -}}
{{- template "tree.hanoi" (dict "n" (sub .n 1) "from" .from "to" .via "via" .to) }}
{{ .from }}>{{ .to }}
{{- template "tree.hanoi" (dict "n" (sub .n 1) "from" .via "to" .to "via" .from) }}
{{- end -}}
{{- end -}}
