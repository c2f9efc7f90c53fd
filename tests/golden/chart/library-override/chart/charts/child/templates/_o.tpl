{{- define "base.hello" -}}hello from child{{- end -}}
{{- define "shared.say" -}}child says {{ . }}{{- end -}}
