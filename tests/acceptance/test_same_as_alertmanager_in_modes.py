"""The same requests to a real Alertmanager and to `tocsin run` where both run in another mode:
under a prefix, with the older grammar of matchers alone, with the newer alone."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from engine.clock import system_clock
from tests.acceptance.alertmanager import Ask, both, same
from tests.api.client import alert, silence
from tests.waiting import until

pytestmark = pytest.mark.slow

CONFIG = "route: {receiver: nobody, group_wait: 1s}\nreceivers: [{name: nobody}]\n"


@pytest.fixture(scope="module")
def under(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ask]:
    """Both under a prefix that is not the path of their external URL."""
    flags = ("--web.external-url=http://example.org/outside", "--web.route-prefix=/foo/bar/")
    extra = "external_url: http://example.org/outside\nroute_prefix: /foo/bar/\n"
    directory = tmp_path_factory.mktemp("prefix")
    with both(directory, CONFIG, flags, extra, prefix="/foo/bar") as ask:
        yield ask


@pytest.mark.parametrize(
    "path",
    ["/", "/foo", "/foo/", "/foo/bar", "/foo/barbar/", "/api/v2/status", "/metrics",
     "/foo/bar/api/v2/alerts", "/foo/bar/api/v2/alerts/", "/foo/bar/api/v2/receivers",
     "/foo/bar/api/v2/nothing", "/outside/api/v2/alerts"],
)  # fmt: skip
def test_paths_under_a_prefix(under: Ask, path: str) -> None:
    pair = under("GET", path)
    same(pair, words=pair[0].status_code == 200)


def test_posts_under_a_prefix(under: Ask) -> None:
    for answer in under("POST", "/foo/bar/api/v2/alerts", json=[alert("Disk")]):
        assert answer.status_code == 200
    until(lambda: all(len(a.json()) == 1 for a in under("GET", "/foo/bar/api/v2/alerts")))
    same(under("GET", "/foo/bar/api/v2/alerts"))
    same(under("POST", "/foo/bar/api/v2/silences", json=silence(system_clock())))
    theirs, ours = under("POST", "/foo/bar/-/reload")
    assert (theirs.status_code, ours.status_code) == (200, 200)


def test_the_external_url_is_the_prefix_where_nothing_else_is_said(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    flags = ("--web.external-url=https://example.org:1234/am/",)
    extra = "external_url: https://example.org:1234/am/\n"
    directory = tmp_path_factory.mktemp("external")
    with both(directory, CONFIG, flags, extra, prefix="/am") as ask:
        for path in ("/", "/am", "/am/api/v2/alerts", "/api/v2/alerts"):
            pair = ask("GET", path)
            same(pair, words=pair[0].status_code == 200)


MODES = {
    "classic": ("--enable-feature=classic-mode", "matcher_parsing: classic\n"),
    "utf8": ("--enable-feature=utf8-strict-mode", "matcher_parsing: utf8\n"),
}


@pytest.fixture(scope="module", params=MODES)
def mode(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ask]:
    flag, extra = MODES[request.param]
    with both(tmp_path_factory.mktemp(request.param), CONFIG, (flag,), extra) as ask:
        for answer in ask("POST", "/api/v2/alerts", json=[alert("Disk", host="db-1", a_b="x y")]):
            assert answer.status_code == 200
        until(lambda: all(len(a.json()) == 1 for a in ask("GET", "/api/v2/alerts")))
        yield ask


@pytest.mark.parametrize(
    "text",
    ["host=db-1", 'host="db-1"', "a_b=x y", 'a_b="x y"', '"a_b"="x y"', "{host=db-1}", "host=db-1,",
     'Σ="x"', "Σ!=x", '"a b"!=x', "a:b!=x", "00!=x", "host=~db-.*", 'host=~"db-.*"',
     "host=~(", "host=", 'host!=""', "host", "", "=x", 'host=\\"db-1\\"', "host='db-1'", "{}",
     "host=db-1,a_b=~x.y", ' host = "db-1" ', 'host="db\\u002d1"', "host={db-1}"],
)  # fmt: skip
def test_filters_in_another_mode(mode: Ask, text: str) -> None:
    """Names with dashes are left out: to them our older grammar is kinder than theirs."""
    for path in ("/api/v2/alerts", "/api/v2/alerts/groups", "/api/v2/silences"):
        pair = mode("GET", path, params={"filter": text})
        same(pair, words=pair[0].status_code == 200)


@pytest.mark.parametrize("name", ["ok", "Σ", "0x", "a.b", "a-b", "a b", "__name__", "a:b"])
def test_names_in_another_mode(mode: Ask, name: str) -> None:
    def statuses(pair: Any) -> tuple[int, ...]:
        return tuple(answer.status_code for answer in pair)

    bodies: list[tuple[str, Any]] = [
        ("/api/v2/alerts", [{"labels": {"alertname": "Disk", name: "x"}}]),
        ("/api/v2/alerts", [{**alert("Disk"), "annotations": {name: "x"}}]),
        ("/api/v2/silences", silence(system_clock(), matchers=[
            {"name": name, "value": "x", "isRegex": False}])),
    ]  # fmt: skip
    for path, body in bodies:
        pair: tuple[httpx.Response, httpx.Response] = mode("POST", path, json=body)
        theirs, ours = statuses(pair)
        assert theirs == ours, f"{path} {body}: {pair[0].text} {pair[1].text}"
