"""Alerts and silences that are damaged at random, posted to a real Alertmanager and to `tocsin run`:
both take them or both refuse them."""

import json
import random
import re
import secrets
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from engine.clock import system_clock
from tests.acceptance.alertmanager import Ask, both
from tests.api.client import at, silence

pytestmark = pytest.mark.slow

BODIES = 250
# Where Alertmanager says 422 we say what its OpenAPI file has, see test_same_as_alertmanager.py.
OURS = {422: {400, 404}}
VALUES: list[Any] = [
    "", None, 0, 1, -1, 1.5, True, False, [], {}, [{}], {"a": "b"}, {"a": 1}, {"": "x"}, {"a": ""},
    {"a": None}, "x", "soon", "Σ", "(", ".*", "a|", "\x00", "\n", "x" * 200, "true", "::",
    "http://x/y", "/rel", "no uri", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "2026-11-21",
    "2026-11-21T10:00:00Z", "2026-11-21 10:00:00", "2026-11-21T10:00:00+05:30",
    "2026-11-21T10:00Z", "2026-11-21T10:00:00.123456789Z", "2026-11-21T24:00:00Z",
    "2026-02-30T00:00:00Z",
]  # fmt: skip


@pytest.fixture(scope="module")
def ask(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ask]:
    with both(tmp_path_factory.mktemp("both")) as ask_both:
        yield ask_both


def test_both_take_it_or_both_refuse_it(ask: Ask) -> None:
    seed = secrets.randbelow(1_000_000)
    rnd, now = random.Random(seed), system_clock()
    sound: dict[str, Any] = {
        "/api/v2/alerts": [{
            "labels": {"alertname": "Disk", "host": "x"}, "annotations": {"summary": "s"},
            "startsAt": at(now - 1_000), "endsAt": at(now + 100_000), "generatorURL": "http://p/g",
        }],
        "/api/v2/silences": silence(now, annotations={"a": "b"}),
    }  # fmt: skip
    for _ in range(BODIES):
        path = rnd.choice(list(sound))
        body = damaged(sound[path], rnd)
        if rnd.random() < 0.3:
            body = damaged(body, rnd)
        if re.search(r'"(starts|ends)At": ""', json.dumps(body)):
            continue  # 1970 to Alertmanager; to us a time that was left out
        try:
            theirs, ours = ask("POST", path, json=body)
        except httpx.RemoteProtocolError:
            continue  # Alertmanager panics at a null in a list and hangs up
        told = f"seed={seed} {path} {json.dumps(body)}\n{theirs.text}\n{ours.text}"
        right = OURS.get(theirs.status_code, {theirs.status_code})
        assert ours.status_code in right, f"{theirs.status_code} {ours.status_code} {told}"


def damaged(value: Any, rnd: random.Random) -> Any:
    """Return a copy with one element left out, added, or made something else."""
    copy = json.loads(json.dumps(value))
    holder, key = rnd.choice(_places(copy))
    if rnd.random() < 0.2 and isinstance(holder, dict):
        del holder[key]
    elif rnd.random() < 0.1 and isinstance(holder, dict):
        holder[rnd.choice(["extra", "a b", "id"])] = rnd.choice(VALUES)
    else:
        holder[key] = rnd.choice(VALUES)
    return copy


def _places(value: Any) -> list[tuple[Any, Any]]:
    """Everything in a value that can be replaced; a list whose only element was, can be none."""
    keys = list(value) if isinstance(value, dict) else range(len(value))
    found = [(value, key) for key in keys]
    for key in keys:
        if isinstance(value[key], dict | list) and value[key]:
            found += _places(value[key])
    return found
