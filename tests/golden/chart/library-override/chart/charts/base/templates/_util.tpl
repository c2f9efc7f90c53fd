{{- define "base.merge" -}}
{{- $top := first . -}}
{{- $overrides := fromYaml (include (index . 1) $top) | default (dict) -}}
{{- $tpl := fromYaml (include (index . 2) $top) | default (dict) -}}
{{- toYaml (merge $overrides $tpl) -}}
{{- end -}}
{{- define "base.name" -}}base-{{ .Release.Name }}{{- end -}}
{{- define "base.hello" -}}hello from base{{- end -}}
