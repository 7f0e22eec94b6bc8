"""Templates cannot reach, grow or last: annotations come from whoever may write a rule."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.template import check, render_all


def show(source: str, **context: object) -> str:
    return render_all({"a": source}, {"labels": {"a": "b"}, "x": 3.0, **context})["a"]


@pytest.mark.parametrize(
    "source",
    [
        "{{ ''.__class__ }}",
        "{{ ''['__class__'] }}",
        "{{ labels.__class__.__mro__ }}",
        "{{ labels.get.__globals__ }}",
        "{{ x.__init__ }}",
        "{{ (1).__add__ }}",
        "{{ self.__init__.__globals__ }}",
        "{{ labels.items.__self__ }}",
        "{{ range.__module__ }}",
        "{{ loop }}",
        "{% for a in [1] %}{{ loop }}{% endfor %}",
        "{{ labels.get }}",
        "{{ range }}",
        "{{ '%s' % labels }}",
        "{{ '{0.__class__}'.format(labels) }}",
        "{{ ''.format_map(labels) }}",
        "{{ labels | attr('__class__') }}",
        "{{ labels | map(attribute='__class__') | list }}",
        "{{ cycler }}{{ joiner }}{{ namespace }}{{ lipsum }}{{ dict }}",
        "{{ config }}{{ request }}{{ open('/etc/passwd') }}",
        "{% include '/etc/passwd' %}",
        "{% import 'os' as os %}{{ os }}",
        "{% extends 'x' %}",
        "{% macro m() %}{% endmacro %}{{ m }}",
    ],
)
def test_nothing_of_python_is_reached(source: str) -> None:
    shown = show(source)
    assert shown.startswith("<error: "), shown
    assert "root:" not in shown
    assert " at 0x" not in shown


DOUBLING = "{% set a = 'xxxxxxxx' %}" + "{% set a = a OP a %}" * 60 + "{{ a }}"


@pytest.mark.parametrize(
    "source",
    [
        "{{ 'a' * 10**9 }}",
        "{{ 10**9 * 'a' }}",
        "{{ [1] * 10**9 }}",
        "{{ '%1000000000d' % 1 }}",
        "{{ '{:1000000000}'.format(1) }}",
        "{{ 'a'.ljust(10**9) }}",
        "{{ 'a'.zfill(10**9) }}",
        "{{ 'a' | center(10**9) }}",
        "{{ 'a' | indent(10**9) }}",
        "{{ 'aaaaaaaa' | replace('a', 'b' * 9) }}",
        "{{ 10 ** 10 ** 10 }}",
        "{{ range(10**9) | list }}",
        DOUBLING.replace("OP", "~"),
        DOUBLING.replace("OP", "+"),
        "{% set a = 9 %}" + "{% set a = a * a %}" * 60 + "{{ a }}",
        "{% set a = 'x' %}" + "{% set a = a | replace('x', 'xxxxxxxxxx') %}" * 20 + "{{ a }}",
        "{% set a = 'xy' %}" + "{% set a = a | join(a) %}" * 20 + "{{ a }}",
        "{% set a = [1] %}" + "{% set a = [a, a] %}" * 60 + "{{ a }}",
        "{% set a = [1] %}" + "{% set a = {'k': (a, a)} %}" * 60 + "{{ a == a }}",
        "{% set a %}xxxxxxxx{% endset %}{{ a }}",
        "{% filter upper %}{% endfilter %}",
        "{% for a in range(1000) %}{% for b in range(1000) %}{% for c in range(1000) %}"
        "{% if a == b %}{% endif %}{% endfor %}{% endfor %}{% endfor %}",
        "{% for a in range(3) recursive %}{{ loop(range(3)) }}{% endfor %}",
        "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
        "{{ " + "(" * 3_000 + "1" + ")" * 3_000 + " }}",
        "{{ " + "-" * 3_000 + "1 }}",
        "{{ 1" + " + 1" * 4_000 + " }}",
        "x{{ x }}" * 4_000,
    ],
)
def test_nothing_grows_or_lasts(source: str) -> None:
    start = time.process_time()
    shown = show(source)
    assert time.process_time() - start < 2.0
    assert shown.startswith("<error: "), shown[:100]


def test_output_is_cut_at_its_limit() -> None:
    source = (
        "{% for a in range(1000) %}{% for b in range(1000) %}0123456789{% endfor %}{% endfor %}"
    )
    shown = show(source)
    assert len(shown.encode()) <= 16_384
    assert shown.endswith("… (cut)")
    assert shown.startswith("0123456789")
    assert render_all({"a": "ü" * 20}, {}, output_bytes_max=20)["a"] == "üüüüü… (cut)"


def test_the_budget_is_of_one_rendering() -> None:
    source = "{% for a in range(900) %}{{ a }}{% endfor %}"
    assert len({show(source) for _ in range(100)}) == 1
    shown = render_all({"bomb": "{{ 'a' * 10**9 }}", "good": source}, {})
    assert shown["good"].startswith("0123")


@given(st.text(alphabet="{}%|~+*-()[]'\"abelsx.0129 _ifforinend,=<>", max_size=60))
def test_no_source_raises(text: str) -> None:
    for source in (text, "{{ " + text + " }}", "{% " + text + " %}"):
        shown = show(source)
        if (problem := check(source)) is not None:
            assert shown.startswith("<error: ")
            assert problem.line >= 1
