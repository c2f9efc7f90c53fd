local={{ .Local }} name={{ .Chart.Name }}
{{- define "gateway.inner" }}inner {{ . }}{{ end }}
{{ template "gateway.inner" .Release.Name }}
