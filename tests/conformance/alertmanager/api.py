"""API v2: the flows of Alertmanager's acceptance tests, and the facts of its handlers' tests."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx

from tests.api.client import client
from tests.conformance.alertmanager import NAME, SCENARIOS
from tests.conformance.alertmanager.flows import flow
from tests.conformance.alertmanager.scenes import Served, judged, scenario
from tests.conformance.corpora import Part, Tally

_FLOWS, _FACTS = "api/acceptance.yaml", "api/handlers.yaml"
_SERVERS_AT_ONCE = 2
_DAY = timedelta(days=1)
_STATES = ("active", "pending", "expired")
Fact = Callable[[Served, httpx.AsyncClient, Any], Awaitable[str]]


def parts(only: str = "") -> list[Part]:
    """Return the cases."""
    both = ((run_flows, _FLOWS), (run_facts, _FACTS))
    return [(run, (only,)) for run, file in both if (SCENARIOS / file).exists()]


def run_flows(only: str = "") -> Tally:
    """Run every flow against a server of its own."""
    cases = [case for case in scenario(_FLOWS)["cases"] if only in f"api: {case['name']}"]
    tally = Tally(NAME)
    with ThreadPoolExecutor(_SERVERS_AT_ONCE) as pool:
        for case, problem in zip(cases, pool.map(_flow, cases), strict=True):
            tally.add(f"api: {case['name']}", problem)
    return tally


def _flow(case: Mapping[str, Any]) -> str:
    try:
        return flow(case)
    except Exception as error:  # noqa: BLE001 - counts as one failing case
        return f"raised {error!r}"


def run_facts(only: str = "") -> Tally:
    """Judge every fact; a kind of fact that is unknown here is a case that fails."""
    cases: dict[str, Any] = {}
    for kind, found in scenario(_FACTS).items():
        if kind in ("kind", "source"):
            continue
        judge = _FACT.get(kind)
        if judge is None:
            cases[kind] = (lambda kind: f"unknown kind of fact: {kind}", kind)
            continue
        each = found.items() if kind == "delete_silence_codes" else enumerate(_entries(found))
        cases |= {f"{kind} {name}": (_judge(judge), (name, fact)) for name, fact in each}
    return judged("api", cases, only)


def _entries(found: Any) -> Sequence[Any]:
    return found if isinstance(found, list) else [found]


def _judge(fact: Fact) -> Callable[[Any], str]:
    async def asked(case: Any) -> str:
        deps = Served()
        async with client(deps) as http:
            return await fact(deps, http, case)

    return lambda case: asyncio.run(asked(case))


async def _silence_sort(deps: Served, http: httpx.AsyncClient, case: Any) -> str:
    """Ends and starts are of different days, so that all of them can be at once."""
    wanted = case[1]["expected_order"]
    today = datetime.fromtimestamp(deps.now_ms() / 1000, UTC).replace(hour=0, minute=0) + 3 * _DAY
    for text in reversed(wanted):
        state, _, clock = text.split()
        hour, minute = map(int, clock.split(":"))
        at = today.replace(hour=hour, minute=minute)
        times = {
            "active": (at - 5 * _DAY, at),
            "pending": (at + _DAY, at + 2 * _DAY),
            "expired": (at - 5 * _DAY, at - _DAY),
        }[state]
        await _set(http, times, comment=text)
    deps.world.now_ms = round(today.timestamp() * 1000)
    got = [each["comment"] for each in (await http.get("/api/v2/silences")).json()]
    return _compared(wanted, got)


async def _silence_state_filter(deps: Served, http: httpx.AsyncClient, case: Any) -> str:
    now = datetime.fromtimestamp(deps.now_ms() / 1000, UTC)
    for start, end in ((0, 9), (5, 9), (0, 1)):
        await _set(http, (now + start * _DAY, now + end * _DAY))
    deps.world.now_ms += 2 * 86_400_000
    query = {name: str(value).lower() for name, value in case[1]["query"].items()}
    listed = (await http.get("/api/v2/silences", params=query)).json()
    return _compared(sorted(case[1]["states"]), sorted(each["status"]["state"] for each in listed))


async def _delete_silence_codes(deps: Served, http: httpx.AsyncClient, case: Any) -> str:
    what, code = case
    known = await _known(deps, http, what)
    answer = await http.delete(f"/api/v2/silence/{known}")
    return _compared(code, answer.status_code)


async def _post_silence_codes(deps: Served, http: httpx.AsyncClient, case: Any) -> str:
    fact = case[1]
    content = "content" in fact["id"]
    known = await _known(deps, http, "active silence" if content else fact["id"])
    now = datetime.fromtimestamp(deps.now_ms() / 1000, UTC)
    answer = await _set(http, (now, now + _DAY), **({} if content else {"id": known}))
    if answer.status_code != fact["code"] or answer.status_code != 200:
        return _compared(fact["code"], answer.status_code)
    effect, made = fact.get("effect", ""), answer.json()["silenceID"]
    if effect and ("new id" in effect or "another id" in effect) != (made != known):
        return f"expected {effect}, got {made} for {known}"
    return ""


async def _known(deps: Served, http: httpx.AsyncClient, what: str) -> str:
    """Return the id of a silence in the state that a text speaks of."""
    if "unknown" in what:
        return str(uuid4())
    now = datetime.fromtimestamp(deps.now_ms() / 1000, UTC)
    starts = now + _DAY if "pending" in what else now
    made = str((await _set(http, (starts, starts + _DAY))).json()["silenceID"])
    if "expired" in what:
        assert (await http.delete(f"/api/v2/silence/{made}")).status_code == 200
    elif not any(state in what for state in _STATES):
        raise ValueError(f"unknown: {what}")
    return made


async def _silence_filter_match(deps: Served, http: httpx.AsyncClient, case: Any) -> str:
    fact = case[1]
    now = datetime.fromtimestamp(deps.now_ms() / 1000, UTC)
    matchers = [*(_wire(m) for m in fact["silence"]), _wire({"name": "z", "op": "=", "value": "z"})]
    made = await _set(http, (now, now + _DAY), matchers=matchers)
    assert made.status_code == 200, made.text
    asked = [f'"{m["name"]}"{m["op"]}"{m["value"]}"' for m in fact["filter"]]
    listed = (await http.get("/api/v2/silences", params={"filter": asked})).json()
    return _compared(fact["matches"], bool(listed))


async def _label_filter_match(deps: Served, http: httpx.AsyncClient, case: Any) -> str:
    fact, matcher = case[1], case[1]["matcher"]
    posted = await http.post("/api/v2/alerts", json=[{"labels": fact["labels"]}])
    assert posted.status_code == 200, posted.text
    asked = f'"{matcher["name"]}"{matcher["op"]}"{matcher["value"]}"'
    for path in ("alerts", "alerts/groups"):
        answer = await http.get(f"/api/v2/{path}", params={"filter": asked})
        problem = _compared(fact["matches"], bool(answer.json()))
        if problem:
            return f"{path}: {problem}"
    return ""


async def _alert_json(deps: Served, http: httpx.AsyncClient, case: Any) -> str:
    fact = case[1]
    body = [{"labels": fact["labels"], "generatorURL": "http://prometheus/graph"}]
    assert (await http.post("/api/v2/alerts", json=body)).status_code == 200
    (alert,) = (await http.get("/api/v2/alerts")).json()
    status = {name: alert["status"][name] for name in fact["status_lists_when_empty"]}
    got = {
        "labels": alert["labels"], "fingerprint": alert["fingerprint"],
        "annotations_when_absent": alert["annotations"], "status_lists_when_empty": status,
        "keys": sorted(alert),
    }  # fmt: skip
    unknown = fact.keys() - got.keys()
    return (
        f"unknown: {unknown}" if unknown else _compared({**fact, "keys": sorted(fact["keys"])}, got)
    )


async def _set(
    http: httpx.AsyncClient, times: tuple[datetime, datetime], **fields: Any
) -> httpx.Response:
    body = {
        "matchers": [_wire({"name": "a", "op": "=", "value": "b"})], "createdBy": "test",
        "comment": "test", "startsAt": times[0].isoformat(), "endsAt": times[1].isoformat(),
    }  # fmt: skip
    return await http.post("/api/v2/silences", json={**body, **fields})


def _wire(matcher: Mapping[str, str]) -> dict[str, Any]:
    operator = matcher["op"]
    return {"name": matcher["name"], "value": matcher["value"], "isRegex": "~" in operator,
            "isEqual": not operator.startswith("!")}  # fmt: skip


def _compared(wanted: Any, got: Any) -> str:
    return "" if wanted == got else f"expected {wanted}, got {got}"


_FACT: Mapping[str, Fact] = {
    "silence_sort": _silence_sort,
    "silence_state_filter": _silence_state_filter,
    "delete_silence_codes": _delete_silence_codes,
    "post_silence_codes": _post_silence_codes,
    "silence_filter_match": _silence_filter_match,
    "label_filter_match": _label_filter_match,
    "alert_json": _alert_json,
}
