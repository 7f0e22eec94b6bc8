"""`python -m tests.templating.record`: ask amtool for the answers in amtool_answers.json.

The file is what amtool 0.34 says, so that the quick tests need no amtool: cases written by hand
below, and made-up ones.
"""

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from random import Random

from tests.acceptance.peers import built
from tests.templating import inventing
from tests.templating.asking import INPUTS, theirs

ANSWERS = Path(__file__).with_name("amtool_answers.json")
MADE_UP = 150

NASTY = '{{ "a b+c&d<e>\'f\\"g`h$i{j}k\\\\l/m\\n=x:y;z%20?" }}'
TEXT = (
    '{{ toLower "ÀÉİ" }} {{ toUpper "straße ŉ" }} {{ title "it\'s ǆa 日本 mcDONALD a-b 3rd" }}',
    '{{ trimSpace "\\u0085\\v\\f x\\u200b " }}|', '{{ join ", " .CommonLabels.Values }}',
    '{{ .CommonLabels.Names.Join "/" }}', '{{ join "," (list "a") }}',
    '{{ .CommonLabels.Remove (stringSlice "job") }}', "{{ .CommonLabels.Remove .GroupLabels }}",
    "{{ .CommonLabels.Remove .GroupLabels.Names }}", "{{ .CommonLabels.nope }}|",
    "{{ .CommonLabels.nope.x }}", "{{ .Nope }}", "{{ .routeLabelsRendered }}", "{{ . }}",
    '{{ printf "%+v" . }}', '{{ printf "%T %T %T" . .Alerts .Alerts.Firing }}',
    '{{ printf "%T %#v" .CommonLabels .CommonLabels.SortedPairs }}', "{{ .Alerts.Firing | toJson }}",
    "{{ toJson . }}", '{{ toJson (dict "b" 1.5 "a" nil "c" (list 1 "<&>" true)) }}',
    "{{ toJson 1e21 }} {{ toJson 1e20 }} {{ toJson 1e-7 }} {{ toJson 0.000001 }} {{ toJson 1.0 }}",
    '{{ toJson "é\\u2028<>&\\u0001\\t\\n\\\\\\"\\xff" }}', "{{ toJson 1i }}",
    '{{ "search?q=test%20foo+x" | urlUnescape }}', '{{ "a%zz" | urlUnescape }}',
    '{{ base64encode "flush>>" }} {{ base64decode "Zmx1c2g-Pg==" }}', '{{ base64decode "Zm8" }}',
    '{{ base64decode "Zm9v\\n" }}', '{{ base64decode "Zm9+" }}', '{{ base64decode "Zm 9v" }}',
    '{{ list nil 1 }} {{ list }} {{ append (list 1) 2 3 }} {{ append (list) }}',
    '{{ append (stringSlice "a") "b" }}', '{{ dict "a" 1 "a" 2 }} {{ (dict "a" 1).zz }}',
    '{{ dict "a" }}', "{{ dict 1 2 }}", '{{ (dict "a" (dict "b" 2)).a.b }}',
    '{{ match "^(a|b)+$" "abba" }} {{ match "(" "a" }}', '{{ reReplaceAll "(a)(b)" "$2-$1" "xabx" }}',
    '{{ reReplaceAll "(" "a" "b" }}', '{{ (index .Alerts 0).StartsAt | date "Mon Jan _2 15:04:05.000 MST" }}',
    '{{ (index .Alerts 0).StartsAt | tz "America/New_York" | date "3:04PM -0700 MST" }}',
    '{{ (index .Alerts 1).StartsAt }}', '{{ tz "Nowhere/City" (index .Alerts 0).StartsAt }}',
    '{{ tz "../etc" (index .Alerts 0).StartsAt }}',
    '{{ toDate "Jan 2 2006 3:04PM MST" "Feb 3 2024 1:05AM CET" }} {{ toDate "2006" "x" }}',
    '{{ mustToDate "2006-01-02" "2024-02-30" }}', '{{ mustToDate "2006-01-02" "2024-13-06" }}',
    '{{ toDate "2006-01-02T15:04:05Z07:00" "2024-05-06T07:08:09.12+05:30" }}',
    "{{ humanizeDuration 95.5 }} {{ humanizeDuration \"3600\" }} {{ humanizeDuration 0.0012 }}",
    '{{ humanizeDuration "abc" }}', '{{ routeLabels "team" }} {{ routeLabels "tpl" }} {{ routeLabels "zz" }}',
    "{{ routeLabels 1 }}", '{{ template "nope" . }}', "{{ nope }}", "{{ ", "{{ if }}x{{ end }}",
    '{{ define "t" }}[{{ .Status }}]{{ end }}{{ template "t" . }}{{ template "t" . }}',
    '{{ define "slack.default.color" }}blue{{ end }}{{ template "slack.default.color" . }}',
    '{{ define "slack.default.color" }} {{ end }}{{ template "slack.default.color" . }}',
    '{{ define "__subject" }}S{{ end }}{{ template "slack.default.title" . }}',
    "{{ range $i, $a := .Alerts }}{{ $i }}{{ $a.Labels.instance }}{{ else }}none{{ end }}",
    "{{ range .Alerts }}{{ if .Annotations.summary }}{{ break }}{{ end }}x{{ end }}",
    '{{ with .CommonAnnotations.summary }}{{ . }}{{ else }}-{{ end }}', "{{ eq .CommonLabels .GroupLabels }}",
    '{{ if and (eq .Status "firing") (gt (len .Alerts.Firing) 0) }}yes{{ end }}', "{{ len .Alerts }}",
    '{{ $x := "" }}{{ range .Alerts }}{{ $x = print $x .Fingerprint }}{{ end }}{{ $x }}',
    "{{- /* gone */ -}} {{ .ExternalURL -}} x", '{{ slice .Alerts 0 1 | len }}', "{{ index .Alerts 9 }}",
    '{{ .ExternalURL }}/#/silences/new?filter=%7B{{ range .CommonLabels.SortedPairs }}{{ .Name }}%3D%22{{ .Value | urlquery }}%22%2C{{ end }}%7D',
)  # fmt: skip
HTML = (
    f'<a href="{NASTY}" title={NASTY} onclick="f({NASTY})" style="color: {NASTY}">{NASTY}</a>',
    f'<script>x = "{NASTY}"; y = \'{NASTY}\'; /re{NASTY}/; {NASTY}; `a{NASTY}${{ {NASTY} }}`</script>',
    f'<style>a {{ background: url({NASTY}); content: "{NASTY}"; color: {NASTY} }}</style>',
    f'<title>{NASTY}</title><textarea>{NASTY}</textarea><img srcset="{NASTY}"><p {NASTY}>',
    f'<meta http-equiv="refresh" content="0; url={NASTY}"><meta content="0;url={{{{ "javascript:x" }}}}; a {{{{ "javascript:x" }}}}">',
    '<a href="{{ "javascript:alert(1)" }}"><a href="{{ "JavaScript:x" }}"><a href="{{ "mailto:a@b" }}">',
    '<a href="/x{{ "javascript:x" }}"><a href="/x?{{ "a b&c" }}#{{ "a b" }}"><a href=\'{{ "HTTP://x" }}\'>',
    '<a href="{{ if .Status }}/a?{{ else }}/b{{ end }}{{ .Status }}">',
    '<a href="{{ if .Receiver }}/a?x={{ end }}y">', '{{ if .Status }}<a href="{{ end }}x', '<a href="x',
    '{{ if .Status }}<b>{{ else }}<i>{{ end }}', "<p {{ if .Status }}title=x{{ end }}>{{ .Status }}",
    "{{ range .Alerts }}<p title='{{ end }}", '{{ range .Alerts }}<b>{{ if .Status }}{{ break }}{{ end }}</b>{{ end }}',
    '<p title={{ "" }} x={{ "a b" }}>', '<p title=a{{ "\'" }}b>', '<p title=a"b{{ .Status }}>',
    '<!-- {{ .Status }} --><b>', '<script>/* {{ .Status }} */ 1 // {{ .Status }}\n</script>',
    '<script>x = "<!-- </script> <script>"; /</script>/</script>', '<script type="text/template"><p>{{ "<" }}</p></script>',
    '<script type="">{{ "<" }}</script><script type=module>{{ "<" }}</script>',
    '<script>{{ .CommonLabels }} {{ .Alerts }} {{ .Alerts | len }}{{ true }}</script>', "<script>x = {{ nil }}</script>",
    '<script>a{/re{{ "$" }}/}</script>', '<script>a / {{ 1 }} / 2</script>', "<script>{{ if .Status }}x{{ else }}={{ end }}/{{ 1 }}</script>",
    '{{ safeHtml "<b>&amp;</b>" }}<p title="{{ safeHtml "<b>x</b>&amp;\'" }}"><title>{{ safeHtml "<b>+" }}</title>',
    '<a href="{{ safeUrl "javascript:1&x" }}"><img srcset="{{ safeUrl "a,b c" }}"><p x="{{ safeUrl "a b" }}">',
    '{{ "a+b" | html }}<a title="{{ "a+b&" | html }}" href="{{ "a+b&" | html }}">', '<a b={{ "x" | html }}>',
    '{{ "a" | html | toUpper }}', '{{ html "a" 1 .CommonLabels }}', '<a href="/?{{ "a b&" | urlquery }}">',
    '<p class="{{ .Status }}{{ if eq .Status "firing" }} hot{{ end }}">', "<{{ .Status }}>", "<p{{ .Status }}>",
    '<p data-url="{{ "javascript:x" }}" xlink:href="{{ "javascript:x" }}" xmlns:a="{{ "javascript:x" }}" onx="{{ 1 }}">',
    '<p {{ "onclick" }}="x" {{ "title" }}="y" {{ "href" }}="z" {{ "A1" }}=b>', '1 < 2 & {{ "<" }} <br/> <!DOCTYPE html>',
    '{{ define "t" }}{{ . }}{{ end }}<b>{{ template "t" "<" }}</b><a href="{{ template "t" "a b" }}">{{ template "t" "<" }}',
    '{{ define "t" }}<b>{{ if . }}{{ template "t" "" }}{{ end }}</b>{{ end }}{{ template "t" "x" }}',
    '{{ template "slack.default.fallback" . }}', '<a href="{{ template "__alertmanagerURL" . }}">', '{{ routeLabels "tpl" }}',
    '{{ template "nope" . }}', '<style>a{color:{{ "expression(1)" }}}b{width:{{ "10px" }}}</style>',
    '<p style="background: url(\'{{ "javascript:x" }}\'); font: \'{{ "a\'b" }}\'">', '{{ .Nope }}', "<p onclick='{{ .CommonLabels }}'>",
)  # fmt: skip


def main() -> None:
    """Ask, and write the file."""
    random = Random(34)
    cases = [(text, False, name) for text in TEXT for name in INPUTS]
    cases += [(text, True, "both") for text in HTML]
    cases += [(inventing.text(random), False, "both") for _ in range(MADE_UP)]
    cases += [(inventing.html(random), True, "both") for _ in range(MADE_UP)]
    amtool = built("amtool")
    with ThreadPoolExecutor(2) as pool:
        answers = pool.map(lambda case: theirs(amtool, case[0], case[1], INPUTS[case[2]]), cases)
        found = [
            {"template": text, "html": is_html, "data": data, "answer": answer}
            for (text, is_html, data), answer in zip(cases, answers)
        ]
    ANSWERS.write_text(json.dumps(found, indent=0, ensure_ascii=True) + "\n", "utf-8")


if __name__ == "__main__":
    main()
