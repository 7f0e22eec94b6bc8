"""GET /api/v1/deliveries, and sending dead letters again."""

import hashlib
from typing import Any

import httpx
import pytest

from engine.api import ApiSettings, DestinationView, LetterView, Role, Token, build
from engine.api.proxy import Proxy
from tests.api.client import client
from tests.api.fake_deps import START_MS, FakeDeps, FakeLog

PATH = "/api/v1/deliveries"


def _letter(name: str, state: str = "waiting", **more: Any) -> LetterView:
    return LetterView(
        id=name, receiver="oncall", integration="webhook/0", group_key='{}:{alertname="A"}',
        first_ms=START_MS, last_ms=START_MS + 60_000, times=2, reason="serverError",
        text="HTTP 503", firing=3, resolved=1, state=state, **more,
    )  # fmt: skip


def _deps(*letters: LetterView, **more: Any) -> FakeDeps:
    deps = FakeDeps(**more)
    assert deps.fake_notifier is not None
    deps.fake_notifier.letters = {letter.id: letter for letter in letters}
    return deps


async def test_what_was_given_up_and_where_it_stuck() -> None:
    deps = _deps(_letter("aa", next_ms=START_MS + 90_000), _letter("bb", "over"))
    assert deps.fake_notifier is not None
    deps.fake_notifier.destinations = (
        DestinationView(
            destination="webhook:h/1", breaker="open", failures=5, queued=4, wait_ms=2_500,
            last_error="HTTP 503",
        ),
    )  # fmt: skip
    async with client(deps) as http:
        answer = (await http.get(PATH)).json()
    assert answer["status"] == "success"
    first, second = answer["data"]["deadLetters"]
    assert first == {
        "id": "aa", "receiver": "oncall", "integration": "webhook/0",
        "groupKey": '{}:{alertname="A"}', "firstAt": "2026-01-01T00:00:00.000Z",
        "lastAt": "2026-01-01T00:01:00.000Z", "times": 2, "reason": "serverError",
        "text": "HTTP 503", "firing": 3, "resolved": 1, "state": "waiting",
        "nextAt": "2026-01-01T00:01:30.000Z",
    }  # fmt: skip
    assert "nextAt" not in second
    assert answer["data"]["destinations"] == [
        {"destination": "webhook:h/1", "breaker": "open", "failures": 5, "queued": 4,
         "waitSeconds": 2.5, "lastError": "HTTP 503"}
    ]  # fmt: skip
    assert answer["data"]["inFlight"] == 2


async def test_each_wish_has_an_outcome_and_the_log_has_it() -> None:
    deps = _deps(_letter("aa"), _letter("bb", "over"), _letter("cc", "on its way"))
    async with client(deps) as http:
        ids = ["aa", "bb", "cc", "dd", "aa"]
        answer = await http.post(f"{PATH}/retry", json={"ids": ids})
        left = (await http.get(PATH)).json()["data"]["deadLetters"]
    outcomes = {each["id"]: each["outcome"] for each in answer.json()["data"]["deliveries"]}
    assert outcomes == {"aa": "retried", "bb": "over", "cc": "on its way", "dd": "unknown"}
    assert deps.fake_notifier is not None
    told = [(r.letter_id, r.over, r.by) for r in deps.fake_notifier.retried]
    assert told == [("aa", False, "anonymous"), ("bb", True, "anonymous")]
    assert deps.fake_notifier.hurried == 1
    assert [letter["id"] for letter in left] == ["aa", "cc"], "who asked has learnt that bb is over"


async def test_all_of_them() -> None:
    deps = _deps(_letter("aa"), _letter("bb"))
    async with client(deps) as http:
        answer = await http.post(f"{PATH}/retry", json={"all": True})
    async with client(_deps()) as http:
        none = await http.post(f"{PATH}/retry", json={"all": True})
    assert [each["id"] for each in answer.json()["data"]["deliveries"]] == ["aa", "bb"]
    assert none.json()["data"]["deliveries"] == []


@pytest.mark.parametrize(
    "body", [{}, {"ids": []}, {"all": True, "ids": ["a"]}, {"id": "a"}, {"ids": "a"}, [],
             {"ids": ["x"] * 1_001}],
)  # fmt: skip
async def test_a_wish_that_says_nothing_is_refused(body: Any) -> None:
    deps = _deps(_letter("aa"))
    async with client(deps) as http:
        answer = await http.post(f"{PATH}/retry", json=body)
    assert answer.status_code == 400
    assert deps.log.topics["alerts"] == []


@pytest.mark.parametrize(
    ("role", "reads", "retries"),
    [("read", 200, 403), ("silence", 200, 200), ("admin", 200, 200), ("ingest", 403, 403)],
)
async def test_roles(role: Role, reads: int, retries: int) -> None:
    token = Token("someone", hashlib.sha256(b"s3cret").digest(), role)
    settings = ApiSettings(version="0", started_ms=START_MS, tokens=(token,))
    deps = _deps(_letter("aa"), settings=settings)
    headers = {"Authorization": "Bearer s3cret"}
    async with client(deps, headers) as http:
        assert (await http.get(PATH)).status_code == reads
        retried = await http.post(f"{PATH}/retry", json={"ids": ["aa"]})
    assert retried.status_code == retries
    assert deps.fake_notifier is not None
    assert [r.by for r in deps.fake_notifier.retried] == (["someone"] if retries == 200 else [])


async def test_without_a_notifier_somewhere_it_comes_again() -> None:
    deps = FakeDeps(log=FakeLog(FakeDeps().settings.limits), owner=False)
    async with client(deps) as http:
        assert (await http.get(PATH)).status_code == 503
        assert (await http.post(f"{PATH}/retry", json={"all": True})).status_code == 503


async def test_any_worker_answers() -> None:
    owner = _deps(_letter("aa"))
    settings = ApiSettings(version="0", started_ms=START_MS, instance_id="other")
    other = FakeDeps(settings, log=owner.log, owner=False, url="http://owner:9093")
    way = Proxy(httpx.ASGITransport(app=build(owner)))
    async with client(other, proxy=way) as http:
        (letter,) = (await http.get(PATH)).json()["data"]["deadLetters"]
        assert letter["id"] == "aa"
        retried = await http.post(f"{PATH}/retry", json={"ids": ["aa"]})
    assert retried.json()["data"]["deliveries"][0]["outcome"] == "retried"
    assert owner.fake_notifier is not None
    assert len(owner.fake_notifier.retried) == 1
