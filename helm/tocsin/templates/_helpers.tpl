{{- define "tocsin.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 52 | trimSuffix "-" }}
{{- end }}

{{- define "tocsin.fullname" -}}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 52 | trimSuffix "-" }}
{{- else if contains (include "tocsin.name" .) .Release.Name }}
{{- .Release.Name | trunc 52 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name (include "tocsin.name" .) | trunc 52 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{- define "tocsin.selectorLabels" -}}
app.kubernetes.io/name: {{ include "tocsin.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "tocsin.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 }}
{{ include "tocsin.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end }}

{{- define "tocsin.serviceAccountName" -}}
{{- if .Values.serviceAccount.create }}
{{- default (include "tocsin.fullname" .) .Values.serviceAccount.name }}
{{- else }}
{{- default "default" .Values.serviceAccount.name }}
{{- end }}
{{- end }}

{{- define "tocsin.image" -}}
{{- $image := .Values.image }}
{{- if $image.digest }}
{{- printf "%s@%s" $image.repository $image.digest }}
{{- else }}
{{- printf "%s:%s" $image.repository (default .Chart.AppVersion $image.tag) }}
{{- end }}
{{- end }}

{{- define "tocsin.authSecret" -}}
{{- default (printf "%s-tokens" (include "tocsin.fullname" .)) .Values.auth.existingSecret }}
{{- end }}

{{- define "tocsin.notificationsSecret" -}}
{{- default (printf "%s-notifications" (include "tocsin.fullname" .)) .Values.notifications.existingSecret }}
{{- end }}

{{/* What cannot work is refused here, with the value to change. */}}
{{- define "tocsin.validate" -}}
{{- if gt (int .Values.replicaCount) 1 }}
{{- if not .Values.kafka.url }}
{{- fail (printf "replicaCount %d needs a shared log: set kafka.url, or replicaCount 1" (int .Values.replicaCount)) }}
{{- end }}
{{- if not .Values.redis.url }}
{{- fail (printf "replicaCount %d needs the fence against sending twice: set redis.url, or replicaCount 1" (int .Values.replicaCount)) }}
{{- end }}
{{- end }}
{{- if and .Values.redis.existingSecret (not .Values.redis.url) }}
{{- fail "redis.existingSecret is a password without a server: set redis.url" }}
{{- end }}
{{- range $key := list "broker" "dedup" "dedup_password_file" "data_dir" "rules" "notifications" "silences" "listen" "auth" "instance_id" "advertised_url" }}
{{- if hasKey $.Values.config $key }}
{{- fail (printf "config.%s is set by the chart: see the values kafka, redis, persistence, rules, notifications, silences, service and auth" $key) }}
{{- end }}
{{- end }}
{{- end }}

{{- define "tocsin.config" -}}
{{- $config := deepCopy .Values.config }}
{{- $_ := set $config "broker" (default "embedded:///data/log" .Values.kafka.url) }}
{{- if .Values.redis.url }}
{{- $_ := set $config "dedup" .Values.redis.url }}
{{- if .Values.redis.existingSecret }}
{{- $_ := set $config "dedup_password_file" (printf "/etc/tocsin/redis/%s" .Values.redis.key) }}
{{- end }}
{{- end }}
{{- $_ := set $config "data_dir" "/data" }}
{{- $rules := list "/etc/tocsin/rules/" }}
{{- range .Values.rules.existingConfigMaps }}
{{- $rules = append $rules (printf "/etc/tocsin/rules-of/%s/" .) }}
{{- end }}
{{- $_ := set $config "rules" $rules }}
{{- $_ := set $config "notifications" "/etc/tocsin/notifications/notifiers.yaml" }}
{{- if .Values.silences.files }}
{{- $_ := set $config "silences" (list "/etc/tocsin/silences/") }}
{{- end }}
{{- $_ := set $config "listen" "0.0.0.0:9093" }}
{{- $_ := set $config "auth" (dict "tokens_file" "/etc/tocsin/auth/tokens.yaml") }}
{{- toYaml $config }}
{{- end }}

{{/* What stands before every path of HTTP, as Tocsin works it out: "" or "/tocsin". */}}
{{- define "tocsin.prefix" -}}
{{- $config := .Values.config }}
{{- $path := (urlParse (default "" $config.external_url)).path }}
{{- if hasKey $config "route_prefix" }}
{{- $path = $config.route_prefix }}
{{- end }}
{{- with trimAll "/" (default "" $path) }}{{ printf "/%s" . }}{{ end }}
{{- end }}

{{- define "tocsin.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end }}
