{{- define "forge.host" -}}
{{- $own := dig .name (dict) .context.Values.global.hosts -}}
{{- $suffix := .context.Values.global.hosts.hostSuffix -}}
{{- coalesce $own.name (printf "%s%s.%s" .name (ternary "" (printf "-%s" $suffix) (empty $suffix)) .context.Values.global.hosts.domain) -}}
{{- end -}}
{{- define "forge.labels" -}}
{{- $labels := merge (dict "chart" (printf "%s-%s" .Chart.Name .Chart.Version) "release" .Release.Name) (dig "common" "labels" (dict) (omit .Values "global")) .Values.global.common.labels -}}
{{- range $k := keys $labels | sortAlpha }}
{{ $k }}: {{ get $labels $k | quote }}
{{- end }}
{{- end -}}
{{- define "forge.image" -}}
{{- $tag := coalesce .Values.image.tag .Values.global.image.tag (printf "v%s" (trimPrefix "v" .Chart.Version)) -}}
{{- printf "%s/%s/%s-%s:%s" .Values.global.image.registry "forge" .Chart.Name .Values.global.edition $tag -}}
{{- end -}}
{{- define "forge.psql" -}}
{{- $local := pluck "psql" $.Values | first -}}
{{- $merged := mergeOverwrite (deepCopy .Values.global.psql) ($local | default dict) -}}
{{- printf "%s:%d" (coalesce $merged.host (printf "%s-postgres.%s.svc" .Release.Name .Release.Namespace)) (int $merged.port) -}}
{{- end -}}
{{- define "forge.hpa" -}}
{{- with .Values.hpa }}
min: {{ .min }}
max: {{ .max | default (mul .min 4) }}
{{- end }}
{{- end -}}
