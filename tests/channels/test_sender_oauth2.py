"""OAuth 2 by client credentials: RFC 6749, section 4.4, and what providers make of it."""

import asyncio
import json
from typing import Any
from urllib.parse import parse_qs

import pytest
import trustme

from notifiers import sender
from notifiers.fields import Secret
from notifiers.notification import Drop, Retry
from tests.channels.building import Findings
from tests.channels.tcp import Handler, Seen, answering, http, listening, proxying, server_context

TLS = sender.tls_context(None, "http")


def _token(text: str, **more: Any) -> bytes:
    body = {"access_token": text, "token_type": "bearer", "expires_in": 3600, **more}
    return http(200, json.dumps(body).encode())


def _oauth2(port: int, **more: Any) -> dict[str, Any]:
    return {
        "oauth2": {
            "client_id": "me & co", "client_secret": Secret("p@ss"), "scopes": ("a", "b"),
            "token_url": f"http://127.0.0.1:{port}/token", "endpoint_params": {"audience": "x"},
            **more,
        }
    }  # fmt: skip


async def _posts(http_config: Any, port: int, count: int = 1) -> Any:
    async with sender.http_client(http_config, TLS, 2_000) as client:
        url = f"http://127.0.0.1:{port}/"
        try:
            answers = await asyncio.gather(
                *(sender.post(client, url, {}, b"x") for _ in range(count))
            )
            return [answer.status for answer in answers]
        except sender.ERRORS as error:
            return sender.classify_error(error)


async def test_one_token_serves_many_requests() -> None:
    provider, target = Seen(), Seen()
    async with (
        listening(answering(provider, _token("t1"))) as token_port,
        listening(answering(target, http())) as port,
    ):
        assert await _posts(_oauth2(token_port), port, 5) == [200] * 5
    assert len(provider.requests) == 1
    assert {headers["authorization"] for _, headers, _ in target.requests} == {"Bearer t1"}
    line, headers, body = provider.requests[0]
    assert line == "POST /token HTTP/1.1"
    # RFC 6749, 2.3.1: each part form-encoded, then Basic.
    assert headers["authorization"] == "Basic bWUrJTI2K2NvOnAlNDBzcw=="
    assert headers["content-type"] == "application/x-www-form-urlencoded"
    assert parse_qs(body.decode()) == {
        "grant_type": ["client_credentials"], "scope": ["a b"], "audience": ["x"],
    }  # fmt: skip


async def test_a_provider_that_wants_the_secret_in_the_body() -> None:
    provider, target = Seen(), Seen()
    answers = (http(401, b'{"error": "invalid_client"}'), _token("t1", expires_in=1), _token("t2"))
    async with (
        listening(answering(provider, *answers)) as token_port,
        listening(answering(target, http())) as port,
    ):
        config = _oauth2(token_port)
        async with sender.http_client(config, TLS, 2_000) as client:
            for _ in range(2):  # the first token is over at once
                await sender.post(client, f"http://127.0.0.1:{port}/", {}, b"")
    forms = [parse_qs(body.decode()) for _, _, body in provider.requests]
    assert [("client_secret" in form) for form in forms] == [False, True, True]
    assert forms[1]["client_id"] == ["me & co"]
    assert [h["authorization"] for _, h, _ in target.requests] == ["Bearer t1", "Bearer t2"]


async def test_a_token_that_was_revoked_is_fetched_anew_once() -> None:
    provider, target = Seen(), Seen()
    answers = (http(), http(401), http(), http(401), http(401))
    async with (
        listening(answering(provider, _token("t1"), _token("t2"), _token("t3"))) as token_port,
        listening(answering(target, *answers)) as port,
        sender.http_client(_oauth2(token_port), TLS, 2_000) as client,
    ):
        got = [
            (await sender.post(client, f"http://127.0.0.1:{port}/", {}, b"x")).status
            for _ in range(3)
        ]
    assert got == [200, 200, 401], "a second 401 is the far side's word"
    tokens = [h["authorization"].split()[1] for _, h, _ in target.requests]
    assert tokens == ["t1", "t1", "t2", "t2", "t3"]
    assert {body for _, _, body in target.requests} == {b"x"}


async def test_a_new_secret_in_its_file_means_a_new_token(tmp_path: Any) -> None:
    path = tmp_path / "secret"
    path.write_text("one")
    provider, target = Seen(), Seen()
    async with (
        listening(answering(provider, _token("t1"), _token("t2"))) as token_port,
        listening(answering(target, http())) as port,
    ):
        config = _oauth2(token_port, client_secret=Secret(path=path))
        async with sender.http_client(config, TLS, 2_000) as client:
            for text in ("one", "two"):
                path.write_text(text)
                await sender.post(client, f"http://127.0.0.1:{port}/", {}, b"")
    assert [h["authorization"] for _, h, _ in target.requests] == ["Bearer t1", "Bearer t2"]


@pytest.mark.parametrize(
    ("answer", "kind", "says"),
    [
        (
            http(400, b'{"error": "invalid_scope", "error_description": "p@ss"}'),
            Drop,
            "invalid_scope",
        ),
        (http(401, b"p@ss"), Drop, "401"),
        (http(500, b"p@ss"), Retry, "500"),
        (http(429, b""), Retry, "429"),
        (http(200, b"p@ss"), Drop, "access_token"),
        (http(200, b'{"access_token": 7}'), Drop, "access_token"),
        (http(302, b"", Location="http://127.0.0.1:1/"), Drop, "302"),
    ],
)
async def test_a_provider_that_gives_none(answer: bytes, kind: Any, says: str) -> None:
    target = Seen()
    async with (
        listening(answering(Seen(), answer)) as token_port,
        listening(answering(target, http())) as port,
    ):
        outcome = await _posts(_oauth2(token_port), port)
    assert isinstance(outcome, kind)
    assert (outcome.reason, target.requests) == ("authError", [])
    assert says in outcome.text
    assert "p@ss" not in outcome.text


async def test_a_provider_that_is_gone_is_tried_again() -> None:
    async with listening(answering(Seen(), http())) as port:
        outcome = await _posts(_oauth2(1), port)
    assert isinstance(outcome, Retry)


async def test_the_provider_has_tls_and_a_proxy_of_its_own() -> None:
    ca, provider, proxy, target = trustme.CA(), Seen(), Seen(), Seen()
    handler: Handler = answering(provider, _token("t1"))
    async with (
        listening(handler, server_context(ca, "login.example.org")) as token_port,
        listening(proxying(proxy, token_port)) as proxy_port,
        listening(answering(target, http())) as port,
    ):
        config = _oauth2(
            1, token_url="https://login.example.org/token",
            tls_config={"ca": ca.cert_pem.bytes().decode()},
            proxy_url=Secret(f"http://127.0.0.1:{proxy_port}"),
        )  # fmt: skip
        assert await _posts(config, port) == [200]
    assert proxy.requests[0][0] == "CONNECT login.example.org:443 HTTP/1.1"
    assert target.requests[0][1]["authorization"] == "Bearer t1"


async def test_the_provider_is_no_metadata_service() -> None:
    async with listening(answering(Seen(), http())) as port:
        outcome = await _posts(_oauth2(1, token_url="http://169.254.169.254/token"), port)
    assert isinstance(outcome, Drop)


def test_other_grants_are_a_finding() -> None:
    findings = Findings()
    grant = "urn:ietf:params:oauth:grant-type:jwt-bearer"
    assert sender.checked_http({"oauth2": {"grant_type": grant}}, findings) is None
    assert findings.codes == ["unsupported"]
