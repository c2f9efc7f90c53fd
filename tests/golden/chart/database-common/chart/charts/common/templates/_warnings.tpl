{{- define "common.warnings.rollingTag" -}}
{{- if and (contains "example/" .repository) (not (.tag | toString | regexFind "-r\\d+$|sha256:")) }}
NOTE: the tag {{ .tag }} of {{ .repository }} moves. Name a digest for production.
{{- end }}
{{- end -}}

{{- define "common.warnings.resources" -}}
{{- $missing := list -}}
{{- range .sections -}}
  {{- $section := index $.context.Values . -}}
  {{- if and $section (not $section.resources) -}}
    {{- $missing = append $missing (printf "%s.resources" .) -}}
  {{- end -}}
{{- end -}}
{{- if $missing }}
NOTE: no resources are set for: {{ join ", " $missing }}
{{- end -}}
{{- end -}}

{{- define "common.errors.validate" -}}
{{- $messages := without .messages "" -}}
{{- if $messages -}}
{{- printf "\nVALUES ARE WRONG:\n%s" (join "\n" $messages) | fail -}}
{{- end -}}
{{- end -}}
