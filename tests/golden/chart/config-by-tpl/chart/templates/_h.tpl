{{- define "gateway.host" -}}{{ tpl (tpl .Values.domain .) . }}{{- end -}}
