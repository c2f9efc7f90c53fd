{{- define "batch.spec" -}}
{{- with .job.ttl }}ttlSecondsAfterFinished: {{ . }}
{{ end -}}
backoffLimit: {{ if hasKey .job "backoffLimit" }}{{ .job.backoffLimit }}{{ else }}6{{ end }}
template:
  spec:
    restartPolicy: {{ .job.restartPolicy | default "OnFailure" }}
    containers:
      - name: {{ .name }}
        image: {{ .job.image | default .root.Values.image | quote }}
        {{- with .job.command }}
        command:
          {{- range . }}
          - {{ . | quote }}
          {{- end }}
        {{- end }}
        {{- with .job.env }}
        env:
          {{- range $k, $v := . }}
          - name: {{ $k }}
            value: {{ $v | quote }}
          {{- end }}
        {{- end }}
    {{- with .root.Values.volumes }}
    volumes: {{- tpl (toYaml .) $.root | nindent 6 }}
    {{- end }}
{{- end -}}
