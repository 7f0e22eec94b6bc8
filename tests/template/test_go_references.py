"""What a template reads, as loaders and lints see it."""

import pytest

from engine.template import go


@pytest.mark.parametrize(
    ("text", "labels"),
    [
        ("plain", []),
        ("{{ $labels.a }} {{ .Labels.b }} {{ $.Labels.c }}", ["a", "b", "c"]),
        ('{{ index $labels "d.e" }}{{ index .Labels "f" }}', ["d.e", "f"]),
        ("{{ if $labels.a }}{{ else if eq .Labels.b $labels.c }}{{ end }}", ["a", "b", "c"]),
        ('{{ printf "%s" ($labels.a | toUpper) }}', ["a"]),
        ("{{ $externalLabels.a }}{{ $value.b }}", []),
        ('{{ define "t" }}{{ .Labels.a }}{{ end }}', ["a"]),
        ('{{ range query "up" }}{{ .Labels.b }}{{ $.Labels.c }}{{ end }}', ["c"]),
        ('{{ with query "up" | first }}{{ .Labels.b }}{{ else }}{{ .Labels.d }}{{ end }}', ["d"]),
    ],
)
def test_labels(text: str, labels: list[str]) -> None:
    found = go.references(text)
    assert [use.name for use in found.labels] == labels
    assert not found.all_labels
    for use in found.labels:
        assert use.name in text[use.start : use.end] or use.name in text[use.end :]


@pytest.mark.parametrize(
    ("text", "whole"),
    [("{{ $labels }}", True), ("{{ range $k, $v := .Labels }}{{ end }}", True),
     ("{{ index $labels $labels.x }}", True), ("{{ $labels.x }}", False)],
)  # fmt: skip
def test_labels_as_a_whole(text: str, whole: bool) -> None:
    assert go.references(text).all_labels is whole


@pytest.mark.parametrize(
    ("text", "query", "literal"),
    [
        ('{{ query "up" | first | value }}', "up", True),
        ("{{ with `sum(x)` | query }}{{ end }}", "sum(x)", True),
        ('{{ query (printf "x{a=%q}" $labels.a) }}', "x{a=%q}", False),
        ("{{ printf \"up{i='%s'}\" $labels.i | query | first | value }}", "up{i='%s'}", False),
        ("{{ query $labels.q }}", None, False),
        ('{{ range query "a" }}{{ end }}', "a", True),
    ],
)
def test_queries(text: str, query: str | None, literal: bool) -> None:
    (found,) = go.references(text).queries
    assert (found.text, found.is_literal) == (query, literal)
    assert "query" in text[found.start : found.end]
    assert go.references(text).has_query


@pytest.mark.parametrize(
    ("text", "labels"),
    [
        ('{{ query "a" | first | label "x" }}', ["x"]),
        (
            '{{ range query "a" }}{{ .Labels.x }}{{ if .Value }}{{ .Labels.y }}{{ end }}{{ end }}',
            ["x", "y"],
        ),
        ('{{ with query "a" }}{{ . | first | label "x" }}{{ end }}{{ .Labels.z }}', ["x"]),
        ('{{ (query "a" | first).Labels.x }}', ["x"]),
        ('{{ range query "a" }}{{ range .Labels }}{{ .Labels.y }}{{ end }}{{ end }}', []),
    ],
)
def test_labels_of_a_query(text: str, labels: list[str]) -> None:
    (found,) = go.references(text).queries
    assert [use.name for use in found.labels] == labels


def test_value_and_functions() -> None:
    found = go.references("{{ $value | humanize }} {{ .Value }} {{ $externalLabels.region }}")
    assert len(found.value) == 2
    assert [use.name for use in found.functions] == ["humanize"]
    assert [use.name for use in found.external_labels] == ["region"]


def test_what_cannot_be_read_reads_nothing() -> None:
    assert go.references("{{ $labels.a") == go.References()
