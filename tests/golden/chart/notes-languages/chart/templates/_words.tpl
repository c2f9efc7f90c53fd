{{- define "greeter.words" -}}
{{- $file := printf "words/%s.yaml" .Values.language -}}
{{- $text := .Files.Get $file -}}
{{- if not $text -}}{{- fail (printf "no words for language %q" .Values.language) -}}{{- end -}}
{{ $text }}
{{- end -}}
