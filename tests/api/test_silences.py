"""Silences by HTTP: Alertmanager's answers, and the client sees what it has written."""

import uuid
from typing import Any

import httpx
import pytest

from tests.api.client import alert, at, client, silence
from tests.api.fake_deps import FakeDeps

HOUR_MS = 3_600_000


async def post(http: httpx.AsyncClient, body: dict[str, Any], status: int = 200) -> str:
    answer = await http.post("/api/v2/silences", json=body)
    assert answer.status_code == status, answer.text
    return str(answer.json()["silenceID"]) if status == 200 else str(answer.json())


async def state(http: httpx.AsyncClient, silence_id: str) -> str:
    return str((await http.get(f"/api/v2/silence/{silence_id}")).json()["status"]["state"])


async def test_a_silence_is_seen_as_soon_as_it_is_posted() -> None:
    deps = FakeDeps()
    async with client(deps) as http:
        made = await post(http, silence(deps.now_ms()))
        assert str(uuid.UUID(made)) == made
        got = (await http.get(f"/api/v2/silence/{made}")).json()
    assert got == {
        "id": made,
        "status": {"state": "active"},
        "updatedAt": "2026-01-01T00:01:00.000Z",
        "annotations": {},
        "comment": "replacing it",
        "createdBy": "ann",
        "endsAt": "2026-01-01T01:01:00.000Z",
        "matchers": [{"name": "alertname", "value": "Disk", "isRegex": False, "isEqual": True}],
        "startsAt": "2026-01-01T00:01:00.000Z",
    }


async def test_it_quiets_alerts_and_expiring_it_brings_them_back() -> None:
    deps = FakeDeps()
    async with client(deps) as http:
        await http.post("/api/v2/alerts", json=[alert("Disk"), alert("Cpu")])
        made = await post(http, silence(deps.now_ms()))
        listed = (await http.get("/api/v2/alerts", params={"silenced": "false"})).json()
        assert [a["labels"]["alertname"] for a in listed] == ["Cpu"]
        listed = (await http.get("/api/v2/alerts", params={"active": "false"})).json()
        assert listed[0]["status"] == {
            "state": "suppressed", "silencedBy": [made], "inhibitedBy": [], "mutedBy": [],
        }  # fmt: skip
        answer = await http.delete(f"/api/v2/silence/{made}")
        assert (answer.status_code, answer.content) == (200, b"")
        assert await state(http, made) == "expired"
        listed = (await http.get("/api/v2/alerts", params={"silenced": "false"})).json()
        assert len(listed) == 2


async def test_expiring_twice_is_no_error_and_an_unknown_one_is() -> None:
    deps = FakeDeps()
    async with client(deps) as http:
        made = await post(http, silence(deps.now_ms()))
        for _ in range(2):
            assert (await http.delete(f"/api/v2/silence/{made}")).status_code == 200
        for unknown in (str(uuid.uuid4()), "no-uuid"):
            assert (await http.delete(f"/api/v2/silence/{unknown}")).status_code == 404
            assert (await http.get(f"/api/v2/silence/{unknown}")).status_code == 404
    assert len(deps.log.topics["alerts"]) == 2  # the second expiry wrote nothing


async def test_an_active_silence_is_changed_in_place_while_its_matchers_stay() -> None:
    deps = FakeDeps()
    async with client(deps) as http:
        body = silence(deps.now_ms())
        made = await post(http, body)
        deps.clock_ms += 60_000
        longer = {**body, "id": made, "endsAt": at(deps.now_ms() + 9 * HOUR_MS), "comment": "more"}
        assert await post(http, longer) == made
        got = (await http.get(f"/api/v2/silence/{made}")).json()
        assert (got["comment"], got["endsAt"]) == ("more", "2026-01-01T09:02:00.000Z")


async def test_other_matchers_make_a_successor_and_end_the_old_one() -> None:
    deps = FakeDeps()
    async with client(deps) as http:
        body = silence(deps.now_ms())
        made = await post(http, body)
        deps.clock_ms += 60_000
        other = [{"name": "alertname", "value": "Cpu", "isRegex": False}]
        successor = await post(http, {**body, "id": made, "matchers": other})
        assert successor != made
        assert await state(http, made) == "expired"
        assert await state(http, successor) == "active"
        got = (await http.get(f"/api/v2/silence/{successor}")).json()
        assert got["startsAt"] == at(deps.now_ms())  # a new one never starts in the past


async def test_an_expired_one_comes_back_under_a_new_id() -> None:
    deps = FakeDeps()
    async with client(deps) as http:
        made = await post(http, silence(deps.now_ms()))
        await http.delete(f"/api/v2/silence/{made}")
        again = await post(http, silence(deps.now_ms(), id=made))
        assert again != made
        assert await state(http, made) == "expired"


async def test_equal_content_without_the_id_is_a_second_silence() -> None:
    deps = FakeDeps()
    async with client(deps) as http:
        body = silence(deps.now_ms())
        assert await post(http, body) != await post(http, body)


async def test_an_unknown_id_is_not_found() -> None:
    deps = FakeDeps()
    async with client(deps) as http:
        told = await post(http, silence(deps.now_ms(), id=str(uuid.uuid4())), 404)
    assert told == "silence not found"


async def test_a_pending_one_waits_and_can_be_ended_before_it_began() -> None:
    deps = FakeDeps()
    async with client(deps) as http:
        later = deps.now_ms() + HOUR_MS
        made = await post(http, silence(later))
        assert await state(http, made) == "pending"
        await http.delete(f"/api/v2/silence/{made}")
        assert await state(http, made) == "expired"


async def test_the_list_is_in_alertmanagers_order() -> None:
    """Active by soonest end, pending by soonest start, expired by latest end."""
    deps = FakeDeps()
    now = deps.now_ms()
    wanted = {}
    async with client(deps) as http:
        for name, start, end in (
            ("expired-1", 0, 1), ("pending-2", 7, 9), ("active-2", 0, 9), ("expired-2", 0, 2),
            ("pending-1", 6, 10), ("active-1", 0, 8),
        ):  # fmt: skip
            body = silence(now, comment=name, startsAt=at(now + start * HOUR_MS),
                           endsAt=at(now + end * HOUR_MS))  # fmt: skip
            wanted[await post(http, body)] = name
        deps.clock_ms = now + 3 * HOUR_MS
        listed = (await http.get("/api/v2/silences")).json()
        only = await http.get("/api/v2/silences", params={"active": "false", "pending": "false"})
    order = ["active-1", "active-2", "pending-1", "pending-2", "expired-2", "expired-1"]
    assert [wanted[s["id"]] for s in listed] == order
    assert [wanted[s["id"]] for s in only.json()] == ["expired-2", "expired-1"]


@pytest.mark.parametrize(
    ("have", "asked", "found"),
    [
        ([("label", "foo", True, True)], ['label=~"(foo|bar)"'], False),
        ([("label", "value", False, False)], ['label!="value"'], True),
        ([("label", "value", False, False)], ['label!~"value"'], False),
        ([("label", "a|b", True, True), ("x", "y", False, True)], ['label=~"a|b"'], True),
        ([("label", "a|b", True, True)], ['label=~"a|b"', "x=y"], False),
    ],
)
async def test_a_filter_finds_silences_that_hold_equal_matchers(
    have: list[tuple[str, str, bool, bool]], asked: list[str], found: bool
) -> None:
    deps = FakeDeps()
    names = ("name", "value", "isRegex", "isEqual")
    async with client(deps) as http:
        wanted = [dict(zip(names, m, strict=True)) for m in have]
        wanted.append({"name": "z", "value": "z", "isRegex": False})
        await post(http, silence(deps.now_ms(), matchers=wanted))
        listed = (await http.get("/api/v2/silences", params={"filter": asked})).json()
    assert bool(listed) is found


def _matcher(name: str, value: str, is_regex: bool = False) -> dict[str, Any]:
    return {"name": name, "value": value, "isRegex": is_regex}


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"matchers": []}, "at least one matcher"),
        ({"matchers": [_matcher("a", "")]}, "at least one matcher must not match the empty"),
        ({"matchers": [_matcher("a", ".*", True)]}, "at least one matcher must not match"),
        ({"matchers": [_matcher("a", "(", True)]}, "invalid regular expression"),
        ({"matchers": [_matcher("", "x")]}, "invalid label name"),
        ({"matchers": [{"name": "a", "value": "b"}]}, "isRegex"),
        ({"endsAt": "2026-01-01T00:01:00Z"}, "start time must be before end time"),
        ({"startsAt": "2025-01-01T00:00:00Z", "endsAt": "2025-01-02T00:00:00Z"},
         "end time can't be in the past"),
        ({"startsAt": "soon"}, "RFC 3339"),
        ({"comment": None}, "comment"),
        ({"createdBy": 7}, "createdBy"),
    ],
)  # fmt: skip
async def test_a_wrong_silence_is_refused_and_nothing_is_written(
    change: dict[str, Any], told: str
) -> None:
    deps = FakeDeps()
    async with client(deps) as http:
        assert told in await post(http, silence(deps.now_ms(), **change), 400)
    assert deps.log.topics["alerts"] == []


async def test_an_annotation_that_is_null_is_an_empty_one() -> None:
    deps = FakeDeps()
    async with client(deps) as http:
        made = await post(http, silence(deps.now_ms(), annotations={"a": None, "b": "c"}))
        got = (await http.get(f"/api/v2/silence/{made}")).json()
    assert got["annotations"] == {"a": "", "b": "c"}


async def test_a_missing_field_is_named() -> None:
    deps = FakeDeps()
    async with client(deps) as http:
        for name in ("matchers", "startsAt", "endsAt", "createdBy", "comment"):
            body = silence(deps.now_ms())
            del body[name]
            assert name in await post(http, body, 400)


async def test_a_form_of_a_web_page_is_refused() -> None:
    deps = FakeDeps()
    async with client(deps) as http:
        answer = await http.post(
            "/api/v2/silences", content=b"{}", headers={"Content-Type": "text/plain"}
        )
    assert answer.status_code == 415


async def test_a_log_that_is_down_asks_to_come_again() -> None:
    deps = FakeDeps()
    deps.log.down = True
    async with client(deps) as http:
        answer = await http.post("/api/v2/silences", json=silence(deps.now_ms()))
    assert answer.status_code == 503
    assert int(answer.headers["retry-after"]) > 0
