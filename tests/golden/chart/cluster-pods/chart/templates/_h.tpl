{{- define "quorum.servers" -}}
{{- $servers := list -}}
{{- range $i := until (int .Values.replicas) -}}
{{- $servers = append $servers (printf "server.%d=%s-%d.%s-headless.%s.svc:%v:%v;%v" (add1 $i) $.Release.Name $i $.Release.Name $.Release.Namespace $.Values.ports.peer $.Values.ports.election $.Values.ports.client) -}}
{{- end -}}
{{- join "\n" $servers -}}
{{- end -}}
{{- define "quorum.pod" -}}
{{- $own := index .root.Values.pods (toString .index) | default dict -}}
{{- mustMergeOverwrite (deepCopy .root.Values.defaults) $own | toYaml -}}
{{- end -}}
