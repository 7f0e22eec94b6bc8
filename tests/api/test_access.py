"""Who may do what: every route with every role, and what holds for every answer."""

import asyncio
import base64
import hashlib
from typing import Any

import httpx
import pytest

from engine.api import ROUTES, ApiSettings, RouteSpec, Token, load_tokens
from tests.api.client import alert, at, client, silence
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
    ("POST", "/api/v1/deliveries/retry"): "silence",
    ("POST", "/api/v1/ingest/metrics"): "ingest",
    ("POST", "/api/v1/ingest/logs"): "ingest",
    ("POST", "/api/v1/write"): "ingest",
    ("POST", "/api/v1/rules/inspect"): "read",
    ("POST", "/api/v1/silences/preview"): "read",
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
    need = NEEDS.get((spec.method, spec.path), "read" if spec.method == "GET" else "")
    assert need, f"say in NEEDS who may do {spec.method} {spec.path}"
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
        assert (deps.bodies, deps.reloads) == ([], 0)
        assert deps.log.topics == FakeDeps().log.topics


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize(
    "path", [spec.path for spec in ROUTES if spec.method == "GET"]
)  # fmt: skip
async def test_a_get_changes_nothing_and_a_head_has_its_headers(path: str, method: str) -> None:
    """The ends of all topics do not move, nothing is loaded, and the answer stays the same."""
    deps = FakeDeps()
    async with client(deps) as http:
        body = silence(deps.now_ms(), endsAt=at(deps.now_ms() + 1_000))
        made = (await http.post("/api/v2/silences", json=body)).json()["silenceID"]
        await http.post("/api/v2/alerts", json=[alert("Disk"), alert("Cpu")])
        deps.clock_ms += 400_000  # the silence is over, the alerts are: nobody may write that now
        before = {topic: list(log) for topic, log in deps.log.topics.items()}
        asked = path.replace("{silence_id}", made)
        answers = [
            await http.request(method, asked, params=params)
            for params in ({}, {"filter": 'a="b"'}, {"offset": "0"}, {"receiver": "("})
        ]
        got = await http.get(asked)
    assert {topic: list(log) for topic, log in deps.log.topics.items()} == before
    assert (deps.bodies, deps.reloads) == ([], 0)
    assert {answer.status_code for answer in answers} <= {200, 400}
    if method == "HEAD" and path not in ("/metrics", "/-/applied"):
        for name in ("content-type", "content-length", "etag"):
            assert answers[0].headers.get(name) == got.headers.get(name), name


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
    """In go-swagger's words, with every method that the path has."""
    async with client(FakeDeps()) as http:
        for path in ("/nothing", "/api/v2/", "/api/v2/silence/", "/api/v3/alerts"):
            answer = await http.get(path)
            assert answer.status_code == 404, path
            if path.startswith("/api/v2"):
                told = {"code": 404, "message": f"path {path} was not found"}
                assert answer.json() == told
        for method in ("PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "FOO"):
            answer = await http.request(method, "/api/v2/silences")
            assert (answer.status_code, answer.headers["allow"]) == (405, "GET,POST")
            assert answer.json() == {
                "code": 405, "message": f"method {method} is not allowed, but [GET,POST] are",
            }  # fmt: skip


@pytest.mark.parametrize(
    ("accept", "status"),
    [
        ("application/json", 200), ("*/*", 200), ("application/*;q=0.3", 200), ("", 200),
        ("text/html, application/json;q=0.9", 200), ("text/html", 406),
        ("application/json;q=0", 406), ("application/json;q=0.001", 200), ("image/*", 406),
    ],
)  # fmt: skip
async def test_who_cannot_read_json_is_told(accept: str, status: int) -> None:
    async with client(FakeDeps()) as http:
        answer = await http.get("/api/v2/alerts", headers={"Accept": accept})
        assert answer.status_code == status
        assert (await http.get("/", headers={"Accept": "text/html"})).status_code == 200


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
