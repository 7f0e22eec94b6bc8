"""Silences: what they match, and what becomes of one that is changed; all through API v2."""

import asyncio
from datetime import UTC, datetime
from typing import Any

import httpx

from notifiers.alert import fingerprint
from tests.api.client import client
from tests.conformance.alertmanager.scenes import Served, judged, one_part, push, scenario
from tests.conformance.corpora import Part, Tally
from tests.notifiers.world import T0

_FILE = "silences.yaml"
_LONG_S = 100_000_000


def parts(only: str = "") -> list[Part]:
    """Return the cases."""
    return one_part(run, _FILE, only)


def run(only: str = "") -> Tally:
    """Judge every case."""
    found = scenario(_FILE)
    cases: dict[str, Any] = {
        f"match {number}": (_match, case) for number, case in enumerate(found.get("match", ()))
    }
    for name, case in found.items():
        if isinstance(case, dict) and "steps" in case:
            cases[name] = (_lifecycle, case)
    return judged("silences", cases, only)


def _match(case: Any) -> str:
    return asyncio.run(_matching(case))


async def _matching(case: Any) -> str:
    deps = Served()
    push(deps.world, case["labels"], 0, _LONG_S)
    async with client(deps) as http:
        matchers = [_matcher(m["name"], m["op"], m["value"]) for m in case["matchers"]]
        await _set(http, matchers, 0, 3600)
    (view,) = deps.world.notifier.alerts(deps.world.now_ms)
    got = view.state == "suppressed" and bool(view.silenced_by)
    return "" if got == case["silenced"] else f"expected {case['silenced']}, got {view}"


def _lifecycle(case: Any) -> str:
    return asyncio.run(_steps(case))


async def _steps(case: Any) -> str:
    deps = Served()
    push(deps.world, case["alert"], 0, _LONG_S)
    mark = fingerprint(case["alert"])
    ids: dict[str, str] = {}
    async with client(deps) as http:
        for number, step in enumerate(case["steps"]):
            deps.world.now_ms = T0 + round(step["t_s"] * 1000)
            if "set" in step:
                asked = step["set"]
                known = ids.get(asked.get("id_of", ""), "")
                name = asked.get("ref") or asked.get("id_of", "")
                matchers = [_parsed(text) for text in asked["matchers"]]
                ids[name] = await _set(http, matchers, asked["starts"], asked["ends"], known)
            if "expire" in step:
                answer = await http.delete(f"/api/v2/silence/{ids[step['expire']]}")
                assert answer.status_code == 200, answer.text
            views = {v.fingerprint: v for v in deps.world.notifier.alerts(deps.world.now_ms)}
            got = bool(views[mark].silenced_by)
            if got != step["silenced"]:
                return f"step {number}: expected {step['silenced']}, got {views[mark].silenced_by}"
    return ""


async def _set(
    http: httpx.AsyncClient, matchers: list[dict[str, Any]], starts: float, ends: float,
    known: str = "",
) -> str:  # fmt: skip
    body = {"matchers": matchers, "startsAt": _at(starts), "endsAt": _at(ends),
            "createdBy": "test", "comment": "test", **({"id": known} if known else {})}  # fmt: skip
    answer = await http.post("/api/v2/silences", json=body)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["silenceID"])


def _matcher(name: str, operator: str, value: str) -> dict[str, Any]:
    return {"name": name, "value": value, "isRegex": "~" in operator,
            "isEqual": not operator.startswith("!")}  # fmt: skip


def _parsed(text: str) -> dict[str, Any]:
    """Read name, operator and a quoted value."""
    for operator in ("!~", "!=", "=~", "="):
        name, found, value = text.partition(operator)
        if found:
            return _matcher(name, operator, value.strip('"'))
    raise ValueError(text)


def _at(seconds: float) -> str:
    return datetime.fromtimestamp(T0 / 1000 + seconds, UTC).isoformat()
