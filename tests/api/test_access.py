"""Who may do what: every route with every role, and what holds for every answer."""

import asyncio
import base64
import hashlib
from typing import Any

import httpx
import pytest

from engine.api import ROUTES, ApiSettings, RouteSpec, Token, load_tokens
from tests.api.client import client, silence
from tests.api.fake_deps import FakeDeps

# Who may use a route, written down by hand: role -> what it may need.
MAY: dict[str, set[str]] = {
    "read": {"open", "any", "read"},
    "silence": {"open", "any", "read", "silence"},
    "ingest": {"open", "any", "ingest"},
    "admin": {"open", "any", "read", "silence", "ingest", "admin"},
    "": {"open"},
}
NEEDS = {
    ("GET", "/-/healthy"): "open",
    ("GET", "/-/ready"): "open",
    ("GET", "/page.css"): "open",
    ("GET", "/-/applied"): "any",
    ("POST", "/-/reload"): "admin",
    ("POST", "/api/v1/ingest/metrics"): "ingest",
    ("POST", "/api/v1/ingest/logs"): "ingest",
    ("POST", "/api/v1/write"): "ingest",
    ("POST", "/api/v2/alerts"): "ingest",
    ("POST", "/api/v2/silences"): "silence",
    ("DELETE", "/api/v2/silence/{silence_id}"): "silence",
}


def secret(role: str) -> str:
    return f"the-token-of-{role}-0123456789"


def secured(**settings: Any) -> FakeDeps:
    tokens = tuple(
        Token(role, hashlib.sha256(secret(role).encode()).digest(), role)  # type: ignore[arg-type]
        for role in MAY
        if role
    )
    return FakeDeps(ApiSettings(version="1", started_ms=0, tokens=tokens, **settings))


def bearer(role: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {secret(role)}"} if role else {}


@pytest.mark.parametrize("role", MAY)
@pytest.mark.parametrize("spec", ROUTES, ids=lambda spec: f"{spec.method} {spec.path}")
async def test_every_route_with_every_role(spec: RouteSpec, role: str) -> None:
    need = NEEDS.get((spec.method, spec.path), "read")
    if spec.method == "GET":
        assert need in ("open", "any", "read"), "a GET changes nothing"
    deps = secured()
    path = spec.path.replace("{silence_id}", "x")
    async with client(deps) as http:
        answer = await http.request(spec.method, path, headers=bearer(role), content=b"")
    if need in MAY[role]:
        assert answer.status_code not in (401, 403)
    else:
        assert answer.status_code == (403 if role else 401)
        assert deps.bodies == []
        assert deps.reloads == 0


@pytest.mark.parametrize(
    "header",
    [
        "", "Bearer", "Bearer ", "Bearer nonsense", "Basic !!!", f"Digest {secret('read')}",
        f"Bearer {secret('read')}x", "Bearer " + "x" * 9_999, "Bearer \xff",
    ],
)  # fmt: skip
async def test_a_wrong_token_is_a_401_that_says_how(header: str) -> None:
    async with client(secured()) as http:
        answer = await http.get(
            "/api/v2/alerts", headers={"Authorization": header.encode("latin-1")}
        )  # type: ignore[dict-item]
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Bearer")


async def test_a_browser_may_send_the_token_as_a_password() -> None:
    basic = base64.b64encode(f"anybody:{secret('read')}".encode()).decode()
    async with client(secured()) as http:
        answer = await http.get("/", headers={"Authorization": f"Basic {basic}"})
    assert answer.status_code == 200


async def test_without_tokens_everybody_may() -> None:
    async with client(FakeDeps()) as http:
        assert (await http.post("/-/reload")).status_code == 200


@pytest.mark.parametrize("path", ["/", "/metrics", "/api/v2/alerts", "/nothing", "/-/healthy"])
async def test_every_answer_has_the_security_headers(path: str) -> None:
    for deps in (FakeDeps(), secured()):
        async with client(deps) as http:
            headers = (await http.get(path)).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["x-frame-options"] == "DENY"
        assert headers["referrer-policy"] == "no-referrer"
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
        assert "script" not in headers["content-security-policy"]
        assert headers["cache-control"] in ("no-store", "no-cache")


async def test_the_wrong_method_and_the_unknown_path() -> None:
    async with client(FakeDeps()) as http:
        assert (await http.get("/nothing")).status_code == 404
        answer = await http.put("/api/v2/silences")
    assert answer.status_code == 405
    assert answer.json()["code"] == 405


async def test_pages_of_other_sites_may_not_change_anything() -> None:
    deps = FakeDeps()
    body = silence(deps.now_ms())
    async with client(deps) as http:

        async def post(**headers: str) -> int:
            answer = await http.post("/api/v2/silences", json=body, headers=headers)
            return answer.status_code

        for site in ("cross-site", "same-site"):
            assert await post(**{"Sec-Fetch-Site": site}) == 403
        for site in ("same-origin", "none"):
            assert await post(**{"Sec-Fetch-Site": site}) == 200
        assert (await http.get("/", headers={"Sec-Fetch-Site": "cross-site"})).status_code == 200


async def test_a_name_that_is_not_ours_is_not_answered() -> None:
    deps = FakeDeps(ApiSettings(version="1", started_ms=0, hosts=("localhost", "127.0.0.1")))
    async with client(deps) as http:
        for host, status in (
            ("127.0.0.1:9093", 200), ("localhost", 200), ("evil.example:9093", 421), ("[", 421),
        ):  # fmt: skip
            assert (await http.get("/api/v2/alerts", headers={"Host": host})).status_code == status
        answer = await http.get("/-/healthy", headers={"Host": "10.1.2.3:9093"})
    assert answer.status_code == 200  # a kubelet asks by address


async def test_only_so_many_requests_at_once() -> None:
    deps = FakeDeps()
    deps.append_waits = asyncio.Event()
    async with client(deps) as http:
        posts = [
            asyncio.create_task(http.post("/api/v1/ingest/logs", content=b"{}")) for _ in range(256)
        ]
        await asyncio.wait(posts, timeout=0.2)
        refused = await http.get("/api/v2/alerts")
        assert (refused.status_code, refused.headers["retry-after"]) == (503, "1")
        assert (await http.get("/-/healthy")).status_code == 200
        deps.append_waits.set()
        answers: list[httpx.Response] = await asyncio.gather(*posts)
        assert {answer.status_code for answer in answers} == {200}
        assert (await http.get("/api/v2/alerts")).status_code == 200


def test_tokens_are_read_from_a_file() -> None:
    digest = hashlib.sha256(b"b" * 20).hexdigest()
    text = (
        f"tokens:\n- {{name: a, token: {'a' * 20}, role: read}}\n"
        f"- {{name: b, token_sha256: '{digest}', role: silence}}\n"
    )
    tokens, findings = load_tokens(text, "tokens.yaml")
    assert findings == []
    assert tokens is not None
    assert [(token.name, token.role) for token in tokens] == [("a", "read"), ("b", "silence")]
    assert tokens[0].sha256 == hashlib.sha256(b"a" * 20).digest()
    assert tokens[1].sha256 == hashlib.sha256(b"b" * 20).digest()


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "token-none"),
        ("tokens: []", "token-none"),
        ("- {name: a, token: short, role: read}", "token-short"),
        ("- {name: a, token: aaaaaaaaaaaaaaaaaaaa, role: king}", "value-choice"),
        ("- {name: a, role: read}", "token-missing"),
        ("- {name: a, role: read, token_sha256: xyz}", "token-hash"),
        ("- {name: a, role: read, token: aaaaaaaaaaaaaaaaaaaa, tokn: b}", "key-unknown"),
        ("- {name: a, role: read, token: aaaaaaaaaaaaaaaaaaaa}\n"
         "- {name: b, role: read, token: aaaaaaaaaaaaaaaaaaaa}", "token-repeated"),
        ("just text", "value-type"),
        ("tokens: [", "yaml-syntax"),
    ],
)  # fmt: skip
def test_what_is_wrong_in_a_tokens_file(text: str, code: str) -> None:
    tokens, findings = load_tokens(text, "tokens.yaml")
    assert tokens is None
    assert code in [finding.code for finding in findings]
    assert "aaaaaaaaaaaaaaaaaaaa" not in str(findings)
