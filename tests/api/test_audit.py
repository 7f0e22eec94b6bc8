"""The audit log: who changed what, with what result; and that a GET has nothing to write there."""

import asyncio
import hashlib
import logging
import shlex

import httpx
import pytest

from engine.api import ROUTES, ApiSettings, RouteSpec, Token, build
from engine.api.proxy import Proxy
from tests.api.client import client, silence
from tests.api.fake_deps import START_MS, FakeDeps

SECRET = "the-token-of-ann-0123456789"
CHANGING = [spec for spec in ROUTES if spec.need in ("silence", "admin")]


def secured(role: str = "admin") -> FakeDeps:
    token = Token("ann", hashlib.sha256(SECRET.encode()).digest(), role)  # type: ignore[arg-type]
    return FakeDeps(ApiSettings(version="1", started_ms=START_MS, tokens=(token,)))


BEARER = {"Authorization": f"Bearer {SECRET}"}


@pytest.fixture
def lines(caplog: pytest.LogCaptureFixture) -> list[dict[str, str]]:
    """What the audit log says, read as it is meant to be read: words of name=value."""
    caplog.set_level(logging.INFO, "tocsin.audit")
    told: list[dict[str, str]] = []

    class Reader(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            text = record.getMessage()
            assert "\n" not in text
            told.append(dict(word.split("=", 1) for word in shlex.split(text)))

    handler = Reader()
    logging.getLogger("tocsin.audit").addHandler(handler)
    yield told  # type: ignore[misc]
    logging.getLogger("tocsin.audit").removeHandler(handler)


def test_what_changes_something_is_named_in_the_audit_log() -> None:
    for spec in ROUTES:
        changes = spec.need in ("silence", "admin")
        assert bool(spec.audit) is changes, f"{spec.method} {spec.path}"
        assert not (changes and spec.method == "GET"), f"{spec.path}: a GET changes nothing"
    names = [spec.audit for spec in ROUTES if spec.audit]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("spec", CHANGING, ids=lambda spec: f"{spec.method} {spec.path}")
@pytest.mark.parametrize(("role", "who"), [("", "anonymous"), ("ingest", "ann"), ("admin", "ann")])
async def test_every_change_leaves_a_line_refused_ones_too(
    spec: RouteSpec, role: str, who: str, lines: list[dict[str, str]]
) -> None:
    path = spec.path.replace("{silence_id}", "x")
    async with client(secured(role or "read"), BEARER if role else {}) as http:
        answer = await http.request(spec.method, path, content=b"{}")
    assert len(lines) == 1
    (told,) = lines
    assert (told["who"], told["what"], told["result"]) == (
        who, spec.audit, str(answer.status_code)
    )  # fmt: skip
    assert told["from"] == "127.0.0.1"
    assert answer.status_code == {"": 401, "ingest": 403}.get(role, answer.status_code)


async def test_a_silence_is_named_and_its_words_cannot_forge_a_line(
    lines: list[dict[str, str]],
) -> None:
    deps = secured()
    author = 'eve" result=200\nwho=root what="reload' + "x" * 999
    async with client(deps, BEARER) as http:
        body = silence(deps.now_ms(), createdBy=author, comment="the secret plan")
        made = (await http.post("/api/v2/silences", json=body)).json()["silenceID"]
        await http.delete(f"/api/v2/silence/{made}")
    assert [(each["what"], each["silence"]) for each in lines] == [
        ("silence.set", made), ("silence.expire", made),
    ]  # fmt: skip
    assert {each["who"] for each in lines} == {"ann"}
    assert len(lines[0]["created_by"]) < 250
    assert "secret plan" not in str(lines)


async def test_a_change_that_was_cut_off_is_written_too(lines: list[dict[str, str]]) -> None:
    """The log may have it, so the audit log must."""
    deps = secured()
    deps.append_waits = asyncio.Event()
    async with client(deps, BEARER) as http:
        asked = asyncio.create_task(http.post("/api/v2/silences", json=silence(deps.now_ms())))
        await asyncio.wait([asked], timeout=0.05)
        asked.cancel()
        await asyncio.wait([asked])
    assert [(each["what"], each["result"]) for each in lines] == [("silence.set", "499")]


async def test_reads_and_ingest_leave_none(lines: list[dict[str, str]]) -> None:
    async with client(secured(), BEARER) as http:
        for spec in ROUTES:
            if spec.need not in ("silence", "admin"):
                await http.request(spec.method, spec.path.replace("{silence_id}", "x"))
    assert lines == []


async def test_a_change_that_is_handed_on_is_written_once_where_it_is_made(
    lines: list[dict[str, str]],
) -> None:
    owner = secured()
    settings = ApiSettings(
        version="1", started_ms=START_MS, tokens=owner.settings.tokens, instance_id="other"
    )
    other = FakeDeps(settings, log=owner.log, owner=False, url="http://owner:9093")
    proxy = Proxy(httpx.ASGITransport(app=build(owner)))
    async with client(other, BEARER, proxy=proxy) as http:
        made = (await http.post("/api/v2/silences", json=silence(owner.now_ms()))).json()
        lines.clear()
        await http.delete(f"/api/v2/silence/{made['silenceID']}")
        assert [(each["who"], each["via"], each["result"]) for each in lines] == [
            ("ann", "other", "200")
        ]
        lines.clear()
        other.url = None  # the owner is gone: this worker is the one that refuses
        await http.delete(f"/api/v2/silence/{made['silenceID']}")
        assert [(each["result"], "via" in each) for each in lines] == [("503", False)]
