{{- define "formats.flatten" -}}
{{- $prefix := .prefix -}}
{{- if kindIs "map" .value -}}
{{- range $k, $v := .value -}}
{{- include "formats.flatten" (dict "prefix" (ternary $k (printf "%s.%s" $prefix $k) (eq $prefix "")) "value" $v) -}}
{{- end -}}
{{- else if kindIs "slice" .value -}}
{{- range $i, $v := .value -}}
{{- include "formats.flatten" (dict "prefix" (printf "%s[%d]" $prefix $i) "value" $v) -}}
{{- end -}}
{{- else -}}
{{ printf "%s=%v\n" $prefix .value }}
{{- end -}}
{{- end -}}
