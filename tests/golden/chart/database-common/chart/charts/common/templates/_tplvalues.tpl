{{/* usage: include "common.tplvalues.render" (dict "value" .Values.x "scope" $s "context" $) */}}
{{- define "common.tplvalues.render" -}}
{{- $text := typeIs "string" .value | ternary .value (.value | toYaml) }}
{{- if contains "{{" (toJson .value) }}
  {{- if .scope }}
    {{- tpl (cat "{{- with $.RelativeScope -}}" $text "{{- end }}") (merge (dict "RelativeScope" .scope) .context) }}
  {{- else }}
    {{- tpl $text .context }}
  {{- end }}
{{- else }}
  {{- $text }}
{{- end }}
{{- end -}}

{{- define "common.tplvalues.merge" -}}
{{- $all := dict -}}
{{- range .values -}}
{{- $all = include "common.tplvalues.render" (dict "value" . "context" $.context) | fromYaml | merge $all -}}
{{- end -}}
{{ $all | toYaml }}
{{- end -}}
