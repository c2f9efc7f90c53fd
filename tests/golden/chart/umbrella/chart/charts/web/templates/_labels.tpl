{{- define "web.labels" }}
owner: web
{{- end }}
