{{- define "common.capabilities.kubeVersion" -}}
{{- default (default .Capabilities.KubeVersion.Version .Values.kubeVersion) ((.Values.global).kubeVersion) -}}
{{- end -}}

{{- define "common.capabilities.ingress.apiVersion" -}}
{{- $version := include "common.capabilities.kubeVersion" . -}}
{{- if and (not (empty $version)) (semverCompare "<1.14-0" $version) -}}
{{- print "extensions/v1beta1" -}}
{{- else if and (not (empty $version)) (semverCompare "<1.19-0" $version) -}}
{{- print "networking.k8s.io/v1beta1" -}}
{{- else -}}
{{- print "networking.k8s.io/v1" -}}
{{- end }}
{{- end -}}

{{- define "common.capabilities.hpa.apiVersion" -}}
{{- $version := include "common.capabilities.kubeVersion" .context -}}
{{- if and (not (empty $version)) (semverCompare "<1.23-0" $version) -}}
{{- ternary "autoscaling/v2beta2" "autoscaling/v2beta1" (eq .beta2 true) -}}
{{- else -}}
{{- print "autoscaling/v2" -}}
{{- end -}}
{{- end -}}

{{- define "common.capabilities.policy.apiVersion" -}}
{{- ternary "policy/v1beta1" "policy/v1" (semverCompare "<1.21-0" (include "common.capabilities.kubeVersion" .)) -}}
{{- end -}}
