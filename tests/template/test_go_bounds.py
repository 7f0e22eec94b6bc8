"""Whatever a template says: it ends soon, stays small, and fails only by TemplateError."""

import time

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from engine.template import go
from tests.template.go_cases import context, error, expand

_WORDS = (
    "{{", "}}", "{{-", "-}}", "{{/*", "*/}}", " ", "\n", ".", "$", "$x", ":=", "=", ",", "|", "(",
    ")", "if", "else", "end", "range", "with", "define", "template", "block", "break", "continue",
    "nil", "true", '"t"', '"%*d%s%v"', "`(a*)*`", "'a'", "1", "-2.5", "9e99", "1i", "0x", "text",
    ".Labels", "$labels", "$value", ".job", ".__class__", "printf", "index", "slice", "len", "eq",
    "lt", "and", "or", "not", "html", "js", "print", "query", "first", "value", "humanize", "toTime",
    "toDuration", ".Format", ".Add", "args", "match", "reReplaceAll", "tmpl", "\ud800", "\udcff", "é",
    "\0", "\\",
)  # fmt: skip
_SOUP = st.lists(st.sampled_from(_WORDS), max_size=40).map("".join)
_ACTIONS = st.lists(
    st.lists(st.sampled_from(_WORDS[6:]), min_size=1, max_size=6).map(
        lambda words: "{{ " + " ".join(words) + " }}"
    ),
    max_size=6,
).map("".join)
_OFTEN = settings(max_examples=400, suppress_health_check=list(HealthCheck))


def _tried(text: str) -> tuple[str, str]:
    try:
        return expand(text), ""
    except go.TemplateError as failed:
        return "", failed.message


@_OFTEN
@given(st.one_of(st.text(max_size=60), _SOUP, _ACTIONS))
@example("{{\udcff}}")
@example('{{ "\ud800" }}{{ len "\ud800" }}{{ printf "%q%x" "\ud800" "\udc80" }}')
def test_only_template_errors_come_out(text: str) -> None:
    problem = go.check(text)
    assert problem is None or 0 <= problem.start < problem.end
    go.references(text)
    shown, failed = _tried(text)
    assert "cannot be expanded" not in failed  # what nothing foresaw
    shown.encode("utf-8")


@pytest.mark.parametrize(
    "text",
    [
        "{{ range 1000000000 }}{{ end }}",
        "{{ range 1000 }}{{ range 1000 }}{{ range 1000 }}{{ end }}{{ end }}{{ end }}",
        '{{ define "t" }}{{ template "t" }}{{ end }}{{ template "t" }}',
        '{{ define "t" }}{{ template "t" . }}{{ template "t" . }}{{ end }}{{ template "t" 1 }}',
        '{{ $x := "ab" }}' + "{{ $x = print $x $x }}" * 40,
        '{{ $x := "ab" }}' + '{{ $x = printf "%s%s" $x $x }}' * 40,
        '{{ $x := "ab" }}' + '{{ $x = reReplaceAll "." "$0$0$0" $x }}' * 40,
        '{{ $x := args 1 }}' + "{{ $x = args $x $x $x }}" * 40 + "{{ $x }}",
        '{{ printf "%900000d" 1 }}',
        '{{ printf "%.900000f" $value }}',
        '{{ printf "%*d" 900000 1 }}',
        '{{ $x := printf "%060000d" 1 }}{{ range 100000 }}{{ $y := html $x }}{{ end }}',
    ],
)  # fmt: skip
def test_nothing_grows_without_end(text: str) -> None:
    before = time.perf_counter()
    error(text)
    assert time.perf_counter() - before < 5.0


@pytest.mark.parametrize(
    "text",
    [
        '{{ $x := printf "%060000d" 1 }}{{ match "(0|0)*(0|0)*x" $x }}',
        '{{ $x := printf "%05000d" 1 }}{{ match "(0*)*(0*)*(0*)*x" $x }}',
        '{{ $x := printf "%05000d" 1 }}{{ match "0*0*0*0*0*0*x" $x }}',
        '{{ match "((0{30}){30})" "x" }}',
        '{{ $x := printf "%060000d" 1 }}{{ reReplaceAll "0*0*0*x" "" $x }}',
    ],
)
def test_an_expression_cannot_hold_an_evaluation_up(text: str) -> None:
    before = time.perf_counter()
    _, failed = _tried(text)
    assert not failed or "too" in failed
    assert time.perf_counter() - before < 5.0


def test_a_long_output_is_cut() -> None:
    shown = go.expand("{{ range 500 }}é{{ end }}", context(), output_bytes_max=100)
    assert shown.endswith("… (cut)")
    assert len(shown.encode()) <= 100
    assert go.expand("é" * 100, context(), output_bytes_max=100).endswith("… (cut)")


def test_deep_nesting_is_refused_when_read() -> None:
    assert go.check("{{ if 1 }}" * 30 + "x" + "{{ end }}" * 30) is None
    deep = go.check("{{ if 1 }}" * 60 + "{{ end }}" * 60)
    assert deep is not None
    assert "deeper" in deep.message
    assert go.check("{{ " + "(" * 500 + "1" + ")" * 500 + " }}") is not None
    assert go.check("{{ if 0 }}" + "{{ else if 0 }}" * 300 + "{{ end }}") is None


@pytest.mark.parametrize(
    "text",
    ["{{ .__class__ }}", "{{ $labels.__class__ }}", "{{ .Labels.data.keys }}", "{{ $value.real }}",
     "{{ (toTime 0).zone }}", "{{ (toTime 0).__init__ 1 }}", "{{ (query \"up\").append 1 }}",
     "{{ (query \"up\" | first).labels }}", "{{ print.__globals__ }}", "{{ .go_methods }}",
     "{{ (toDuration 1).numerator }}", "{{ (toDuration 1).real }}", "{{ .parts }}"],
)  # fmt: skip
def test_no_python_is_reached(text: str) -> None:
    try:
        shown = expand(text)
    except go.TemplateError:
        return
    assert shown in ("", "<no value>")


@pytest.mark.parametrize(
    ("text", "said", "place"),
    [
        ("a {{ $labels.x | nosuch }}", "there is no function 'nosuch'", "nosuch"),
        ("{{ $lables.x }}", "there is no variable $lables", "$lables"),
        ("{{ if $value }}x", "has no {{ end }}", "if"),
        ("{{ .Foo }}", "there are Labels, ExternalLabels, ExternalURL, Value", ".Foo"),
        ("a\n{{ gt $value 1 }}", "write the whole number with a point", "gt $value 1"),
        ("{{ eq $labels.x 1 }}", "a label is a string", "eq $labels.x 1"),
        ('{{ query "none" | first }}', "the query found nothing", "first"),
        ("{{ humanize }}", "1 wanted, 0 given", "humanize"),
        ("{{ toUpper $value }}", "string wanted, float64 given", "$value"),
        ("{{ $value | toUpper }}", "string wanted, float64 given", "toUpper"),
        ('{{ match "(" "a" }}', "bad regular expression", 'match "(" "a"'),
        ("{{ $value", "not closed", "{{"),
        ("{{ 1 + 1 }}", "no arithmetic", "+"),
        ("{{ $value / 2 }}", "unexpected", "/"),
        ("{{ $labels.9x }}", "bad number", ".9x"),
    ],
)
def test_errors_say_what_and_where(text: str, said: str, place: str) -> None:
    found = go.check(text) or error(text)
    assert said in found.message
    assert text[found.start : found.end].strip() == place
    assert f"column {found.start - (text.rfind(chr(10), 0, found.start))}" in str(found)
