"""Alerts by HTTP: post, list, filter, group, as Alertmanager answers."""

from typing import Any

import pytest

from engine.alerts import PostedAlert, decode
from engine.api import ApiSettings
from tests.api.client import alert, at, client
from tests.api.fake_deps import START_MS, FakeDeps


def names(listed: list[dict[str, Any]]) -> list[str]:
    return sorted(a["labels"]["alertname"] for a in listed)


async def test_the_json_of_an_alert() -> None:
    deps = FakeDeps()
    async with client(deps) as http:
        posted = {"labels": {"alertname": "alert1", "severity": "critical"}}
        assert (await http.post("/api/v2/alerts", json=[posted])).status_code == 200
        listed = (await http.get("/api/v2/alerts")).json()
    assert listed == [
        {
            "annotations": {},
            "endsAt": "2026-01-01T00:06:00.000Z",  # now + resolve_timeout
            "fingerprint": "0223b772b51c29e1",
            "receivers": [{"name": "team-a"}],
            "startsAt": "2026-01-01T00:01:00.000Z",
            "status": {"state": "active", "silencedBy": [], "inhibitedBy": [], "mutedBy": []},
            "updatedAt": "2026-01-01T00:01:00.000Z",
            "labels": {"alertname": "alert1", "severity": "critical"},
        }
    ]


@pytest.mark.parametrize(
    ("times", "starts", "ends", "by_timeout"),
    [
        ({}, 60_000, 360_000, True),
        ({"endsAt": "0001-01-01T00:00:00Z"}, 60_000, 360_000, True),
        ({"startsAt": at(START_MS + 5)}, 5, 360_000, True),
        ({"endsAt": at(START_MS + 90_000)}, 90_000, 90_000, False),
        ({"startsAt": "2026-01-01T01:00:00.123456789+01:00", "endsAt": "2026-01-01T00:00:09Z"},
         123, 9_000, False),
    ],
)  # fmt: skip
async def test_times_that_are_missing_are_filled_in(
    times: dict[str, str], starts: int, ends: int, by_timeout: bool
) -> None:
    deps = FakeDeps()
    async with client(deps) as http:
        await http.post("/api/v2/alerts", json=[alert("Disk") | times])
    entry = decode(deps.log.topics["alerts"][0])
    assert isinstance(entry, PostedAlert)
    got = (entry.starts_at_ms - START_MS, entry.ends_at_ms - START_MS, entry.timeout)
    assert got == (starts, ends, by_timeout)


async def test_valid_alerts_are_taken_where_others_are_not() -> None:
    deps = FakeDeps()
    backwards = alert("Late") | {"startsAt": at(START_MS + 9), "endsAt": at(START_MS + 8)}
    body = [alert("Disk", empty=""), {"labels": {}}, {"labels": {"a": ""}}, backwards]
    async with client(deps) as http:
        answer = await http.post("/api/v2/alerts", json=body)
        listed = (await http.get("/api/v2/alerts")).json()
    assert answer.status_code == 400
    assert answer.json() == (
        "at least one label pair required\nat least one label pair required\n"
        "start time must be before end time"
    )
    assert [a["labels"] for a in listed] == [{"alertname": "Disk"}]


async def test_utf8_names_are_labels_except_in_classic_mode() -> None:
    labels = {"a": "a", "00": "b", "Σ": "c", "🙂": "dΘ"}
    deps = FakeDeps()
    async with client(deps) as http:
        assert (await http.post("/api/v2/alerts", json=[{"labels": labels}])).status_code == 200
        asked = ["00=b", "Σ=c", r'"\xf0\x9f\x99\x82"=dΘ']
        listed = (await http.get("/api/v2/alerts", params={"filter": asked})).json()
        assert [a["labels"] for a in listed] == [labels]
    classic = FakeDeps(ApiSettings(version="1", started_ms=0, matcher_parsing="classic"))
    async with client(classic) as http:
        answer = await http.post("/api/v2/alerts", json=[{"labels": labels}])
    assert answer.status_code == 400
    assert "invalid label set" in answer.json()


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ({}, ["Cpu", "Disk", "Net"]),
        ({"filter": 'alertname="Disk"'}, ["Disk"]),
        ({"filter": ["alertname=~'Disk|Cpu'"]}, []),
        ({"filter": ['alertname=~"Disk|Cpu"', "disk!=sda"]}, ["Cpu"]),
        ({"filter": "disk="}, ["Cpu", "Net"]),
        ({"filter": 'disk!=""'}, ["Disk"]),
        ({"filter": 'missing=~"|x"'}, ["Cpu", "Disk", "Net"]),
        ({"receiver": "team-b"}, ["Net"]),
        ({"receiver": "team"}, []),
        ({"receiver": "team-.*"}, ["Cpu", "Disk", "Net"]),
        ({"receiver": ""}, ["Cpu", "Disk", "Net"]),
        ({"receiver": "("}, 400),
        ({"receiver_matchers": "owner=ann"}, ["Cpu", "Disk"]),
        ({"active": "false"}, ["Cpu"]),
        ({"inhibited": "false"}, ["Disk", "Net"]),
        ({"filter": "{alertname=Disk}"}, 400),
        ({"filter": "nothing"}, 400),
    ],
)
async def test_lists_and_groups_are_filtered_alike(
    asked: dict[str, Any], found: list[str] | int
) -> None:
    deps = FakeDeps()
    assert deps.fake_notifier is not None
    deps.fake_notifier.inhibited["Cpu"] = ("0223b772b51c29e1",)
    async with client(deps) as http:
        body = [alert("Disk", disk="sda"), alert("Cpu"), alert("Net", team="b")]
        await http.post("/api/v2/alerts", json=body)
        listed = await http.get("/api/v2/alerts", params=asked)
        grouped = await http.get("/api/v2/alerts/groups", params=asked)
    if isinstance(found, int):
        assert (listed.status_code, grouped.status_code) == (found, found)
        assert isinstance(listed.json(), str)
        return
    assert names(listed.json()) == found
    assert names([a for group in grouped.json() for a in group["alerts"]]) == found


async def test_alerts_come_by_fingerprint_and_groups_by_labels() -> None:
    deps = FakeDeps()
    async with client(deps) as http:
        await http.post("/api/v2/alerts", json=[alert(f"A{n}", n=str(n)) for n in range(9)])
        listed = [a["fingerprint"] for a in (await http.get("/api/v2/alerts")).json()]
        groups = (await http.get("/api/v2/alerts/groups")).json()
    assert listed == sorted(listed)
    assert [group["labels"]["alertname"] for group in groups] == [f"A{n}" for n in range(9)]
    assert groups[0]["receiver"] == {"name": "team-a"}
    assert groups[0]["routeLabels"] == {}


async def test_muted_groups_can_be_left_out() -> None:
    deps = FakeDeps()
    assert deps.fake_notifier is not None
    deps.fake_notifier.muted.add("Disk")
    async with client(deps) as http:
        await http.post("/api/v2/alerts", json=[alert("Disk"), alert("Cpu")])
        both = (await http.get("/api/v2/alerts/groups")).json()
        groups = (await http.get("/api/v2/alerts/groups", params={"muted": "false"})).json()
    status = {g["labels"]["alertname"]: g["alerts"][0]["status"] for g in both}
    assert (status["Disk"]["state"], status["Disk"]["mutedBy"]) == ("suppressed", ["night"])
    assert (status["Cpu"]["state"], status["Cpu"]["mutedBy"]) == ("active", [])
    assert [group["labels"] for group in groups] == [{"alertname": "Cpu"}]


async def test_what_did_not_change_is_not_sent_again() -> None:
    deps = FakeDeps()
    async with client(deps) as http:
        await http.post("/api/v2/alerts", json=[alert("Disk")])
        first = await http.get("/api/v2/alerts")
        known = {"If-None-Match": first.headers["etag"]}
        again = await http.get("/api/v2/alerts", headers=known)
        assert (again.status_code, again.content) == (304, b"")
        await http.post("/api/v2/alerts", json=[alert("Cpu")])
        assert (await http.get("/api/v2/alerts", headers=known)).status_code == 200


@pytest.mark.parametrize("body", [b"", b"{}", b"[1]", b'[{"labels":{"a":1}}]', b"[" * 9999])
async def test_a_body_of_the_wrong_form_is_a_400(body: bytes) -> None:
    deps = FakeDeps()
    async with client(deps) as http:
        answer = await http.post(
            "/api/v2/alerts", content=body, headers={"Content-Type": "application/json"}
        )
    assert answer.status_code == 400
    assert isinstance(answer.json(), str)


async def test_a_value_that_is_null_is_an_empty_one() -> None:
    deps = FakeDeps()
    async with client(deps) as http:
        body = [{"labels": {"a": "b", "c": None}, "annotations": {"d": None}}]
        assert (await http.post("/api/v2/alerts", json=body)).status_code == 200
        (listed,) = (await http.get("/api/v2/alerts")).json()
        assert (listed["labels"], listed["annotations"]) == ({"a": "b"}, {"d": ""})
        answer = await http.post("/api/v2/alerts", json=[{"labels": {"a": None}}])
    assert (answer.status_code, answer.json()) == (400, "at least one label pair required")


async def test_no_alerts_are_no_mistake() -> None:
    """As Alertmanager says 200 to both."""
    deps = FakeDeps()
    async with client(deps) as http:
        for body in (b"null", b"[]"):
            headers = {"Content-Type": "application/json; charset=utf-8"}
            answer = await http.post("/api/v2/alerts", content=body, headers=headers)
            assert (answer.status_code, answer.content) == (200, b"")
    assert deps.log.topics["alerts"] == []


async def test_labels_and_annotations_are_bounded() -> None:
    deps = FakeDeps()
    many = {f"n{n}": "x" for n in range(100)}
    async with client(deps) as http:
        for bad in (
            {"labels": many},
            {"labels": {"a": "x" * 5_000}},
            {"labels": {"a" * 300: "x"}},
            {"labels": {"a": "b"}, "annotations": {"text": "x" * 70_000}},
        ):
            assert (await http.post("/api/v2/alerts", json=[bad])).status_code == 400
    assert deps.log.topics["alerts"] == []
