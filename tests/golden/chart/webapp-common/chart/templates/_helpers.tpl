{{- define "storefront.image" -}}
{{- include "common.images.image" (dict "imageRoot" .Values.image "global" .Values.global "chart" .Chart) -}}
{{- end -}}

{{- define "storefront.validate" -}}
{{- $messages := list -}}
{{- $messages = append $messages (include "storefront.validate.ports" .) -}}
{{- $messages = append $messages (include "storefront.validate.scale" .) -}}
{{- include "common.errors.validate" (dict "messages" $messages) -}}
{{- end -}}

{{- define "storefront.validate.ports" -}}
{{- if eq (int .Values.containerPorts.http) (int .Values.containerPorts.https) -}}
storefront: containerPorts
    http and https share port {{ .Values.containerPorts.http }}
{{- end -}}
{{- end -}}

{{- define "storefront.validate.scale" -}}
{{- if and .Values.autoscaling.enabled (gt (int .Values.autoscaling.minReplicas) (int .Values.autoscaling.maxReplicas)) -}}
storefront: autoscaling
    minReplicas is above maxReplicas
{{- end -}}
{{- end -}}
