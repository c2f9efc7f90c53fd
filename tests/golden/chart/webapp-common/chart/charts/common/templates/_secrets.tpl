{{/* A password that survives upgrades: given, else read from the cluster, else made. */}}
{{- define "common.secrets.passwords.manage" -}}
{{- $password := "" -}}
{{- $given := "" -}}
{{- range $path := .providedValues -}}
  {{- $value := $.context.Values -}}
  {{- range splitList "." $path -}}
    {{- if kindIs "map" $value -}}{{- $value = index $value . -}}{{- else -}}{{- $value = "" -}}{{- end -}}
  {{- end -}}
  {{- $given = coalesce $given $value -}}
{{- end -}}
{{- $length := default 10 .length -}}
{{- $found := (lookup "v1" "Secret" (include "common.names.namespace" .context) .secret).data -}}
{{- if $found -}}
  {{- if hasKey $found .key -}}{{- $password = index $found .key | b64dec -}}{{- end -}}
{{- else if $given -}}
  {{- $password = $given | toString -}}
{{- else if .strong -}}
  {{- $password = printf "%s%s" (randAlphaNum (int (sub $length 2))) (randNumeric 2) -}}
{{- else -}}
  {{- $password = printf "%s/%s" .secret .key | sha256sum | trunc (int $length) -}}
{{- end -}}
{{- $password | b64enc | quote -}}
{{- end -}}

{{- define "common.secrets.name" -}}
{{- $name := include "common.names.fullname" .context -}}
{{- with .defaultNameSuffix -}}
{{- $name = printf "%s-%s" $name . | trunc 63 | trimSuffix "-" -}}
{{- end -}}
{{- with .existingSecret -}}
{{- if not (typeIs "string" .) -}}
{{- with .name -}}{{- $name = . -}}{{- end -}}
{{- else -}}
{{- $name = . -}}
{{- end -}}
{{- end -}}
{{- printf "%s" $name -}}
{{- end -}}
