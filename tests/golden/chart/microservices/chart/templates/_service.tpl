{{- define "fleet.merged" -}}
{{- mergeOverwrite (deepCopy .root.Values.defaults) (.own | default dict) | toJson -}}
{{- end -}}
{{- define "fleet.deployment" }}
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ .name }}
  labels: &labels
    app: {{ .name }}
    part-of: {{ .root.Chart.Name }}
spec:
  replicas: {{ .svc.replicas }}
  selector: {matchLabels: *labels}
  template:
    metadata:
      labels: *labels
      {{- if .svc.config }}
      annotations: {config: {{ .svc.config | toJson | sha256sum | trunc 12 | quote }}}
      {{- end }}
    spec:
      containers:
        - name: {{ .key }}
          image: {{ list .svc.image.registry .key | join "/" }}:{{ .svc.image.tag }}
          imagePullPolicy: {{ .svc.image.pullPolicy }}
          ports: [{containerPort: {{ .svc.port }}}]
          env:
          {{- range $k, $v := .svc.env }}
            - {name: {{ $k }}, value: {{ $v | quote }}}
          {{- end }}
          {{- range $kind, $path := .svc.probes }}
          {{- if $path }}
          {{ $kind }}Probe: {httpGet: {path: {{ $path }}, port: {{ $.svc.port }}}}
          {{- end }}
          {{- end }}
          resources: {{- .svc.resources | toYaml | nindent 12 }}
{{- end }}
