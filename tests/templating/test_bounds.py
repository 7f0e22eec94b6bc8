"""Whatever is put together: templates fail by TemplateError only, and soon."""

import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.template.go import TemplateError
from notifiers.templating import EMPTY
from tests.templating import inventing
from tests.templating.test_sets import T0, alert, notification

GIVEN = notification(
    alert(1), alert(2, "resolved"), route_labels={"team": "db", "tpl": '{{ routeLabels "tpl" }}'}
)
_PIECES = (
    *inventing.TEXTS, *inventing.VALUES, *inventing.CONTROLS, '{{ define "t" }}', '{{ block "t" . }}',
    "{{", "}}", "{{/*", "*/}}", "\0", "\ud800", "\u2028", "<script", "</", "<!", "-->", "\\", "${",
    "{{ continue }}", "{{ $x := .Status }}", "{{ html }}", "{{ urlquery | html }}", "{{ .Alerts.Nope }}",
    '{{ template "t" }}', '{{ template "" . }}', "url(", "&#x6a;avascript:", "&", "%zz",
)  # fmt: skip
_FUNCTIONS = (*inventing.FUNCTIONS, *inventing.ARGUMENTS, "|", "(", ")", '"\\x00"', '"[\\"', "9e99",
              "1i", "$", "=", ",", '"%*d%s%!"', "since", "now", "call")  # fmt: skip
_OFTEN = settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))


def _failed(text: str, is_html: bool) -> TemplateError | None:
    try:
        shown = (EMPTY.html if is_html else EMPTY.text)(text).expand(GIVEN, T0)
    except TemplateError as error:
        return error
    shown.encode("utf-8")
    return None


def _tried(text: str) -> None:
    for is_html in (False, True):
        failed = _failed(text, is_html)
        if failed is not None:
            assert "cannot be expanded" not in failed.message, "nothing foresaw it"
            assert "cannot be read" not in failed.message, "nothing foresaw it"
            assert 0 <= failed.start < failed.end


@_OFTEN
@given(
    st.one_of(st.text(max_size=80), st.lists(st.sampled_from(_PIECES), max_size=24).map("".join))
)
def test_html_of_any_kind(text: str) -> None:
    _tried(text)


@_OFTEN
@given(
    st.lists(
        st.lists(st.sampled_from(_FUNCTIONS), min_size=1, max_size=6).map(
            lambda words: "{{ " + " ".join(words) + " }}"
        ),
        max_size=4,
    ).map("".join)
)
def test_functions_with_anything(text: str) -> None:
    _tried(text)


@pytest.mark.parametrize(
    "start", ["", '<p onclick="', "<script>", "<style>", '<a href="', "<p x='"]
)
def test_long_texts_take_time_by_their_length(start: str) -> None:
    for piece in ("<", "<a ", "<!--", "&lt", "/", "</script", "{ ", "url((", "`", "\\a", "?"):
        before = time.perf_counter()
        _tried(start + piece * 10_000)
        assert time.perf_counter() - before < 5.0, piece
