{{/* usage: include "common.images.image" (dict "imageRoot" .Values.image "global" .Values.global "chart" .Chart) */}}
{{- define "common.images.image" -}}
{{- $registry := default .imageRoot.registry ((.global).imageRegistry) -}}
{{- $repository := .imageRoot.repository -}}
{{- $separator := ":" -}}
{{- $last := .imageRoot.tag | toString -}}
{{- if not .imageRoot.tag -}}
{{- if .chart -}}{{- $last = .chart.AppVersion | toString -}}{{- end -}}
{{- end -}}
{{- if .imageRoot.digest -}}
{{- $separator = "@" -}}{{- $last = .imageRoot.digest | toString -}}
{{- end -}}
{{- if $registry -}}
{{- printf "%s/%s%s%s" $registry $repository $separator $last -}}
{{- else -}}
{{- printf "%s%s%s" $repository $separator $last -}}
{{- end -}}
{{- end -}}

{{- define "common.images.pullSecrets" -}}
{{- $secrets := list -}}
{{- range (default (list) ((.global).imagePullSecrets)) -}}
{{- if kindIs "map" . -}}{{- $secrets = append $secrets .name -}}{{- else -}}{{- $secrets = append $secrets . -}}{{- end -}}
{{- end -}}
{{- range .images -}}
{{- range .pullSecrets -}}
{{- if kindIs "map" . -}}{{- $secrets = append $secrets (tpl .name $.context) -}}{{- else -}}{{- $secrets = append $secrets . -}}{{- end -}}
{{- end -}}
{{- end -}}
{{- if $secrets }}
imagePullSecrets:
{{- range $secrets | uniq }}
  - name: {{ . }}
{{- end }}
{{- end }}
{{- end -}}
