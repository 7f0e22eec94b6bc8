"""Expressions and templates of real projects, damaged: an error with a place in the text, or a tree."""

import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.promql import PromQLError, parse, to_text
from engine.template import go
from tests.fuzz.damage import damaged
from tests.promql.corpora import evaluated, rule_expressions
from tests.template.go_cases import context

OFTEN = settings(
    max_examples=400, deadline=None, suppress_health_check=list(HealthCheck)
)  # fmt: skip
EXPRESSIONS = [text for _, text in rule_expressions("rules-mixins-website")][:400]
EXPRESSIONS += evaluated("float_core")
TEMPLATES = [
    "{{ $labels.instance }} of {{ $labels.job }} has {{ printf \"%.2f\" $value }} since {{ $value | humanizeDuration }}",
    '{{ range query "up" }}{{ .Labels.job }} {{ .Value }}{{ else }}none{{ end }}',
    '{{ with query "up{job=\'a\'}" }}{{ . | first | value | humanizePercentage }}{{ end }}',
    '{{ define "x" }}{{ . }}{{ end }}{{ template "x" $value }}',
    '{{ if gt $value 1.0 }}{{ reReplaceAll "a(.*)" "$1" $labels.job }}{{ end }}',
    "{{ $x := 1 }}{{ range $i, $e := args 1 2 3 }}{{ $x = add $x 1 }}{{ end }}{{ $x }}",
]  # fmt: skip
SECONDS_MAX = 5.0


@pytest.mark.skipif(not EXPRESSIONS, reason="no corpora/rules-mixins-website and promqltest")
@OFTEN
@given(st.data())
def test_a_damaged_expression_is_an_error_with_a_place_or_a_tree(data: st.DataObject) -> None:
    text = data.draw(damaged(EXPRESSIONS))
    began_s = time.monotonic()
    place, tree = (0, 0), None
    try:
        tree = parse(text)
    except PromQLError as error:
        place = error.start, error.end
    assert 0 <= place[0] <= place[1] <= len(text) + 1, place
    assert tree is None or parse(to_text(tree)) == tree
    assert time.monotonic() - began_s < SECONDS_MAX


@OFTEN
@given(damaged(TEMPLATES))
def test_a_damaged_template_is_an_error_or_a_bounded_text(text: str) -> None:
    began_s = time.monotonic()
    problem = go.check(text)
    try:
        said = go.expand(text, context(), output_bytes_max=10_000)
    except go.TemplateError:
        pass
    else:
        assert problem is None, text
        assert len(said.encode("utf-8", "surrogatepass")) <= 10_000
        assert "<class" not in said
        assert "object at 0x" not in said
    if problem is None:
        go.references(text)
    assert time.monotonic() - began_s < SECONDS_MAX
