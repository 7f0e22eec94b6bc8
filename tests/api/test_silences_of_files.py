"""Silences that files keep: shown like all others, and changed by nobody here."""

import pytest

from engine.alerts import SilenceMatcher, SilenceRecord, encode
from engine.owner import Output
from tests.api.client import alert, client, silence
from tests.api.fake_deps import FakeDeps

ID = "2ad8a8b4-3cf0-5c1b-8a4b-0f3a7d5f7c11"


def deps_with(ends_in_ms: int = 3_600_000, starts_in_ms: int = -1_000) -> FakeDeps:
    deps = FakeDeps()
    record = SilenceRecord(
        tenant="default", id=ID, matchers=[SilenceMatcher("alertname", "Disk")],
        starts_at_ms=deps.now_ms() + starts_in_ms, ends_at_ms=deps.now_ms() + ends_in_ms,
        created_by="git", comment="why", updated_at_ms=deps.now_ms(),
        annotations={"tocsin.file": "silences/db.yaml"}, origin="file:silences/db.yaml",
    )  # fmt: skip
    deps.log.append([Output("alerts", 0, None, encode(record))])
    assert deps.fake_notifier is not None
    deps.fake_notifier.pump()
    return deps


async def test_it_is_shown_and_mutes() -> None:
    deps = deps_with()
    async with client(deps) as http:
        await http.post("/api/v2/alerts", json=[alert("Disk")])
        shown = (await http.get(f"/api/v2/silence/{ID}")).json()
        quiet = (await http.get("/api/v2/alerts", params={"active": "false"})).json()
    assert (shown["createdBy"], shown["comment"]) == ("git", "why")
    assert shown["annotations"] == {"tocsin.file": "silences/db.yaml"}
    assert "origin" not in shown, "a field that Alertmanager's clients do not know"
    assert quiet[0]["status"]["silencedBy"] == [ID]


@pytest.mark.parametrize("starts_in_ms", [-1_000, 60_000], ids=["active", "pending"])
async def test_it_is_read_only(starts_in_ms: int) -> None:
    deps = deps_with(starts_in_ms=starts_in_ms)
    known = len(deps.log.topics["alerts"])
    async with client(deps) as http:
        ended = await http.delete(f"/api/v2/silence/{ID}")
        changed = await http.post("/api/v2/silences", json=silence(deps.now_ms(), id=ID))
    for answer in (ended, changed):
        assert answer.status_code == 409
        assert "silences/db.yaml" in answer.json()
    assert len(deps.log.topics["alerts"]) == known


async def test_one_that_is_over_can_be_set_again_under_a_new_id() -> None:
    deps = deps_with(ends_in_ms=-1)
    async with client(deps) as http:
        assert (await http.delete(f"/api/v2/silence/{ID}")).status_code == 200
        made = await http.post("/api/v2/silences", json=silence(deps.now_ms(), id=ID))
        assert made.status_code == 200
        assert made.json()["silenceID"] != ID
        assert (await http.delete(f"/api/v2/silence/{made.json()['silenceID']}")).status_code == 200
