{{- define "shared.say" -}}app says {{ . }}{{- end -}}
{{- define "app.service" -}}
metadata: {labels: {app: {{ .Chart.Name }}}, annotations: {a: "1"}}
spec:
  ports: [{port: {{ .Values.port }}, name: web}]
{{- end -}}
{{- define "app.empty" -}}{{- end -}}
