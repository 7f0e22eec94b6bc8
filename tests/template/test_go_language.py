"""Templates and what Go 1.26 with Prometheus 3.15's functions makes of each.

Answers were taken from those programs once; `UNREADABLE` fails when parsed, `FAILS` when expanded.
"""

import pytest

from engine.template import go
from tests.template.go_cases import expand

UNREADABLE, FAILS = "<unreadable>", "<fails>"

LANGUAGE = [
    ("a {{- 3 -}} b", "a3b"),
    ("a {{3 -}} \n b", "a 3b"),
    ("{{/* c */}}x", "x"),
    ("a {{- /* c */ -}} b", "ab"),
    ("{{ $x := 1 }}{{ if true }}{{ $x := 2 }}{{ $x = 3 }}{{ end }}{{ $x }}", "1"),
    ("{{ $x := 1 }}{{ if true }}{{ $x = 3 }}{{ $x := 2 }}{{ end }}{{ $x }}", "3"),
    ('{{ range $i, $e := args "a" "b" }}{{ $i }}={{ $e }};{{ end }}', "arg0=a;arg1=b;"),
    ('{{ range query "up" }}{{ .Labels.instance }}{{ break }}{{ end }}', "b"),
    (
        '{{ range $i, $e := query "up" }}{{ if eq $i 0 }}{{ continue }}{{ end }}{{ $e.Value }}{{ end }}',
        "11.5",
    ),
    ('{{ range query "none" }}x{{ else }}none{{ end }}', "none"),
    ("{{ range 3 }}{{ . }}{{ end }}", "012"),
    ("{{ range $i := 2 }}{{ $i }}{{ else }}z{{ end }}", "01"),
    ("{{ with $labels.job }}{{ . }}{{ else }}no{{ end }}", "node"),
    ('{{ with "" }}a{{ else with $value }}{{ . }}{{ else }}c{{ end }}', "0.1234567"),
    ('{{ if 0 }}a{{ else if 0.0 }}b{{ else if "x" }}c{{ else }}d{{ end }}', "c"),
    ('{{ if and 1 "" }}a{{ end }}{{ or 0 "z" "y" }}{{ and 1 0 2 }}{{ not "" }}', "z0true"),
    (
        '{{ define "t" }}[{{ . }}]{{ end }}{{ template "t" $value }}{{ template "t" }}',
        "[0.1234567][<no value>]",
    ),
    ('{{ block "b" 5 }}<{{ . }}>{{ end }}{{ template "b" 6 }}', "<5><6>"),
    ('{{ template "none" }}', FAILS),
    ('{{ define "t" }}{{ $labels.x }}{{ end }}', UNREADABLE),
    ('{{ ("a" | printf "%s%s" "b") }}', "ba"),
    ('{{ (query "up" | first).Labels.instance }}', "b"),
    ("{{ $labels.none }}|{{ .Labels.none }}|{{ $v := $labels }}{{ $v.job }}", "||node"),
    ("{{ (args 1).arg7 }}", "<no value>"),
    ("{{ (args 1).arg7.x }}", FAILS),
    ("{{ nil }}", FAILS),
    ("{{ eq 1 nil }}{{ eq nil nil }}", "falsetrue"),
    ("{{ 1 | }}", "1"),
    ("{{ | 1 }}", UNREADABLE),
    ("{{ . | 1 }}", UNREADABLE),
    ("{{ }}", UNREADABLE),
    ("{{ if }}x{{ end }}", UNREADABLE),
    ("{{ end }}", UNREADABLE),
    ("{{ if 1 }}", UNREADABLE),
    ("{{ $y }}", UNREADABLE),
    ("{{ 1 2 }}", FAILS),
    ('{{ "a" "b" }}', FAILS),
    ('{{"a""b"}}', UNREADABLE),
    ("{{ .Value.x }}", FAILS),
    ("{{ break }}", UNREADABLE),
    ("{{ range 2 }}{{ else }}{{ break }}{{ end }}", UNREADABLE),
    ('{{ "a\nb" }}', UNREADABLE),
    ("{{ `a\nb` }}", "a\nb"),
    ("{{ (1 }}", UNREADABLE),
    ("{{ 1) }}", UNREADABLE),
    ("{{/* x }}", UNREADABLE),
    ("{{ /* x */ }}", UNREADABLE),
    ("{{$x:=1}}{{$x=2.5}}{{$x}}", UNREADABLE),
    ("{{ range $x, $y := $labels }}{{ $x }};{{ end }}", "empty;instance;job;u;x;"),
    ("{{ if $x := 5 }}{{ $x }}{{ end }}{{ if $x := 0 }}{{ else }}{{ $x }}{{ end }}", "50"),
    ('{{ define "a" }}1{{ end }}{{ define "a" }}2{{ end }}', UNREADABLE),
    ("{{ or true ($z := 1) }}{{ $z }}", FAILS),
    ("{{ call 1 }}", FAILS),
    ("{{ $labels | len }}", "5"),
    ('{{ len "é" }}{{ index "abc" 1 }}{{ slice "abcde" 1 3 }}{{ slice "abc" 2 }}', "298bcc"),
    ('{{ index $labels "job" }}{{ index (args 1) "arg0" }}', "node1"),
    ('{{ index "abc" 3 }}', FAILS),
    ('{{ slice "abc" 4 }}', FAILS),
    ("{{ len 3 }}", FAILS),
    ("{{ index 3 1 }}", FAILS),
    ('{{ eq "a" "b" "a" }}{{ ne 1 2 }}{{ lt 1.5 2.5 }}{{ ge "b" "a" }}', "truetruetruetrue"),
    ("{{ gt $value 1 }}", FAILS),
    ("{{ eq $labels.x 1.5 }}", FAILS),
    ("{{ lt true false }}", FAILS),
    ("{{ eq (args 1) (args 1) }}", FAILS),
    ('{{ html "<a href=\'x\'>&\\"" }}', "&lt;a href=&#39;x&#39;&gt;&amp;&#34;"),
    (
        '{{ js "it\'s <b> \\n =" }}{{ urlquery "a b&c/é~" }}',
        "it\\'s \\u003Cb\\u003E \\u000A \\u003Da+b%26c%2F%C3%A9~",
    ),
    ('{{ print 1 2 "a" "b" 3 }}{{ println "a" 1 }}', "1 2ab3a 1\n"),
    ("{{ html $labels.none nil }}", "&lt;no value&gt;"),
]
CONSTANTS = [
    (
        "{{ 0x1F }} {{ 0b11 }} {{ 0o17 }} {{ 017 }} {{ 1_000 }} {{ 'a' }} {{ '\\n' }} {{ 0x1p4 }} {{ 1i }} {{ 1+2i }} {{ 1e3 }} {{ -0 }} {{ 1. }} {{ .5 }}",
        "31 3 15 15 1000 97 10 16 (0+1i) (1+2i) 1000 0 1 0.5",
    ),
    ("{{ 9223372036854775807 }}", "9223372036854775807"),
    ("{{ 9223372036854775808 }}", FAILS),
    ("{{ 1e400 }}", UNREADABLE),
    ("{{ 089 }}", UNREADABLE),
    ("{{ 1x }}", UNREADABLE),
    ("{{ 1+2 }}", UNREADABLE),
    ('{{ "\\x41\\u00e9\\U0001F600\\101\\t" }}', "Aé😀A\t"),
    ('{{ "\\q" }}', UNREADABLE),
    ('{{ "\\\'" }}', UNREADABLE),
    ("{{ 'ab' }}", UNREADABLE),
    ("{{ `\\n` }}", "\\n"),
    ("{{ true }}{{ false }}", "truefalse"),
    (
        "{{ 1e21 }} {{ 1e20 }} {{ 123456.0 }} {{ 1234567.0 }} {{ 0.0001 }} {{ 0.00001 }} {{ -0.0 }} {{ 100000.0 }} {{ 1000000.0 }}",
        "1e+21 1e+20 123456 1.234567e+06 0.0001 1e-05 -0 100000 1e+06",
    ),
]
FUNCTIONS = [
    ('{{ "1.5" | humanize }} {{ humanize 1 }} {{ humanize 999999 }} {{ humanize "x" }}', FAILS),
    ("{{ humanize true }}", FAILS),
    ("{{ humanize $labels }}", FAILS),
    ("{{ humanize nil }}", FAILS),
    (
        '{{ humanizeDuration "-90061.5" }} {{ humanizeDuration 59.9999 }} {{ humanizeDuration -0.5 }} {{ humanizeDuration 1e20 }}',
        "-1d 1h 1m 1s 60s -500ms -106751991167300d -15h -30m -8s",
    ),
    ("{{ humanizeTimestamp -0.5 }}", "1969-12-31 23:59:59.5 +0000 UTC"),
    ("{{ humanizeTimestamp 1e20 }}", FAILS),
    (
        "{{ humanizePercentage 0.00012345 }} {{ humanize1024 1e30 }} {{ humanize1024 -1025 }}",
        "0.01234% 8.272e+05Yi -1.001ki",
    ),
    (
        '{{ title "aa-bb c_d e.f don\'t x1y 3d ärger ﬂy ǆ" }}',
        "Aa-Bb C_d E.f Don't X1y 3D Ärger Fly ǅ",
    ),
    ('{{ toUpper "straße ﬁ ŉ" }} {{ toLower "ΑΣ İ" }}', "STRAßE ﬁ ŉ ασ i"),
    (
        '{{ parseDuration "1h30m" }} {{ parseDuration "-5ms" }} {{ parseDuration "0" }} {{ parseDuration "1y2w3d" }}',
        "5400 -0.005 0 3.30048e+07",
    ),
    ('{{ parseDuration "1m1h" }}', FAILS),
    ('{{ parseDuration "" }}', FAILS),
    (
        '{{ stripPort "a:b:c" }} {{ stripPort ":80" }} {{ stripDomain ":80" }} {{ stripDomain "a.b%c:80" }} {{ stripPort "[::1]" }}',
        "a:b:c  :80 a:80 [::1]",
    ),
    (
        '{{ label "instance" (query "up" | first) }}{{ query "up" | first | value }}{{ query "none" | first }}',
        FAILS,
    ),
    ('{{ query "bad" }}', FAILS),
    ("{{ query 1 }}", FAILS),
    ("{{ first $labels }}", FAILS),
    ("{{ value 1 }}", FAILS),
    ('{{ range sortByLabel "instance" (query "up") }}{{ .Value }},{{ end }}', "11.5,21,"),
    (
        '{{ match "^a.c$" "abc" }}{{ match "a.c" "a\\nc" }}{{ match "(?i)ABC" "xabcx" }}',
        "truefalsetrue",
    ),
    ('{{ match "(" "a" }}', FAILS),
    ('{{ reReplaceAll "(a)(?P<n>b)?" "<$1$n${2}$$$3$x>" "abac" }}', "<abb$><a$>c"),
    ('{{ reReplaceAll "a*" "x" "baaac" }}', "xbxcx"),
    ('{{ reReplaceAll "" "-" "abé" }}', "-a-b-é-"),
    ('{{ reReplaceAll "(.*):.*" "${1}0" $labels.instance }}', "web1.example.com0"),
    (
        "{{ externalURL }} {{ pathPrefix }} {{ $externalURL }} {{ .ExternalURL }}",
        "http://testhost:9090/path/prefix /path/prefix http://testhost:9090/path/prefix http://testhost:9090/path/prefix",
    ),
    (
        '{{ now }} {{ (now | toTime).Format "2006-01-02T15:04:05.000Z07:00 Mon Jan _2 3:04PM MST 002 __2 .999" }}',
        "1.353755652e+09 2012-11-24T11:14:12.000Z Sat Nov 24 11:14AM UTC 329 329 ",
    ),
    (
        '{{ $t := toTime 86399.999 }}{{ $t }} {{ $t.Year }} {{ $t.Month }} {{ $t.Weekday }} {{ $t.YearDay }} {{ $t.Unix }} {{ ($t.AddDate 0 1 31).Format "Jan 2" }} {{ $t.Add (toDuration 1) }}',
        "1970-01-01 23:59:59.999 +0000 UTC 1970 January Thursday 1 86399 Mar 4 1970-01-02 00:00:00.999 +0000 UTC",
    ),
    (
        '{{ (toDuration 3661.5).String }} {{ toDuration 0 }} {{ toDuration 0.0000015 }} {{ toDuration "0.25" }} {{ (toDuration 90).Minutes }} {{ (toDuration 90.6).Round (toDuration 1) }}',
        "1h1m1.5s 0s 1.5µs 250ms 1.5 1m31s",
    ),
    (
        '{{ printf "%02d %v %s" (toTime 0).Month (toTime 0).Month (toTime 0).Weekday }}',
        "01 January Thursday",
    ),
    ('{{ safeHtml "<b>" }}{{ toUpper (safeHtml "<b>") }}', FAILS),
    (
        '{{ graphLink "a b{c=\\"d\\"}" }} {{ tableLink "up" }}',
        "/graph?g0.expr=a+b%7Bc%3D%22d%22%7D&g0.tab=0 /graph?g0.expr=up&g0.tab=1",
    ),
    ('{{ strvalue (query "up" | first) }}|{{ args 1 "x" }}', "|map[arg0:1 arg1:x]"),
    ('{{ printf "%.2f" "1" }}{{ printf 1 }}', FAILS),
    (
        '{{ printf "%s" }}{{ printf "%d%%" 5 6 }}{{ printf "%[2]d %[1]d %*d" 1 2 }}{{ printf "%!" }}{{ printf "%" }}',
        "%!s(MISSING)5%%!(EXTRA int=6)2 1 %!d(MISSING)%!!(MISSING)%!(NOVERB)",
    ),
]


@pytest.mark.parametrize(("text", "expected"), [*LANGUAGE, *CONSTANTS, *FUNCTIONS])
def test_expands_as_go_does(text: str, expected: str) -> None:
    if expected is UNREADABLE:
        assert go.check(text) is not None
        return
    assert go.check(text) is None
    if expected is FAILS:
        with pytest.raises(go.TemplateError):
            expand(text)
    else:
        assert expand(text) == expected
