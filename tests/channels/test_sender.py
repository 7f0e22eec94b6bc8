"""The shared sender: bounded answers, bounded time, nothing followed, every failure classified."""

import asyncio
from typing import Any

import httpx
import pytest

from notifiers import sender
from notifiers.egress import Egress
from notifiers.fields import Secret
from notifiers.notification import Drop, Retry
from notifiers.sender import ANSWER_BYTES_MAX
from tests.channels.tcp import Seen, answering, http, listening, read_request

TLS = sender.tls_context(None, "http")


def _client(http_config: Any = None, timeout_ms: int = 2_000, **more: Any) -> httpx.AsyncClient:
    return sender.http_client(http_config, TLS, timeout_ms, **more)


async def _post(port: int, http_config: Any = None, **more: Any) -> sender.Answer:
    async with _client(http_config, **more) as client:
        return await sender.post(client, f"http://127.0.0.1:{port}/x?y=1", {"A": "b"}, b"body")


async def test_a_post_and_its_answer() -> None:
    seen = Seen()
    async with listening(answering(seen, http(202, b"taken", X_Id="7"))) as port:
        answer = await _post(port)
    assert (answer.status, answer.text, answer.headers["x-id"]) == (202, "taken", "7")
    line, headers, body = seen.requests[0]
    assert (line, body, headers["a"]) == ("POST /x?y=1 HTTP/1.1", b"body", "b")
    assert headers["user-agent"] == "Tocsin"
    assert headers["accept-encoding"] == "identity"


async def test_another_method() -> None:
    seen = Seen()
    async with listening(answering(seen, http())) as port, _client() as client:
        await sender.post(client, f"http://127.0.0.1:{port}/m/1", {}, b"{}", method="PATCH")
    assert seen.requests[0][0] == "PATCH /m/1 HTTP/1.1"


async def test_an_endless_answer_is_read_to_its_bound() -> None:
    async def endless(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            writer.write(b"x" * 65_536)
            await writer.drain()

    async with listening(endless) as port:
        answer = await _post(port)
    assert (answer.status, len(answer.text)) == (200, ANSWER_BYTES_MAX)


async def test_an_answer_whose_body_never_ends_is_still_an_answer() -> None:
    async def stuck(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nbegin")
        await writer.drain()
        await asyncio.Event().wait()

    async with listening(stuck) as port:
        answer = await _post(port, timeout_ms=200)
    assert (answer.status, answer.text) == (200, "begin")


async def test_a_body_that_breaks_off_is_still_an_answer() -> None:
    async def broken(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nbegin")

    async with listening(broken) as port:
        assert (await _post(port)).text == "begin"


async def test_the_time_is_bounded_as_a_whole() -> None:
    async def dripping(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        for byte in b"HTTP/1.1 200 OK\r\nX: " + b"y" * 1_000:
            writer.write(bytes((byte,)))
            await writer.drain()
            await asyncio.sleep(0.05)  # not a wait: a far side that is this slow

    started = asyncio.get_running_loop().time()
    async with listening(dripping) as port:
        with pytest.raises(sender.ERRORS) as raised:
            await _post(port, timeout_ms=300)
    assert asyncio.get_running_loop().time() - started < 1.5
    outcome = sender.classify_error(raised.value)
    assert outcome == Retry("contextDeadlineExceeded", None, outcome.text)


async def test_redirects_are_not_followed() -> None:
    seen, other = Seen(), Seen()
    async with listening(answering(other, http())) as elsewhere:
        answer = http(302, b"", Location=f"http://127.0.0.1:{elsewhere}/")
        async with listening(answering(seen, answer)) as port:
            status, headers, text = await _post(port, {"follow_redirects": True})
    assert other.requests == []
    outcome = sender.classify_status(status, headers, text, 0)
    assert isinstance(outcome, Drop)
    assert outcome.reason == "clientError"


@pytest.mark.parametrize(
    ("status", "kind", "reason"),
    [
        (200, None, ""), (202, None, ""), (204, None, ""),
        (400, Drop, "clientError"), (401, Drop, "authError"), (403, Drop, "authError"),
        (404, Drop, "clientError"), (407, Drop, "authError"), (408, Retry, "serverError"),
        (413, Drop, "clientError"), (429, Retry, "rateLimited"), (500, Retry, "serverError"),
        (502, Retry, "serverError"), (503, Retry, "serverError"),
    ],
)  # fmt: skip
def test_what_a_status_means(status: int, kind: Any, reason: str) -> None:
    outcome = sender.classify_status(status, {}, "why", 0)
    if kind is None:
        assert outcome is None
    else:
        assert isinstance(outcome, kind)
        assert (outcome.reason, f"HTTP {status}" in outcome.text) == (reason, True)


@pytest.mark.parametrize(
    ("header", "after_ms"),
    [
        ("7", 7_000), ("0.5", 500), ("0", 0), ("-3", None), ("soon", None), ("1e400", None),
        ("Thu, 01 Jan 1970 00:01:00 GMT", 50_000), ("Thu, 01 Jan 1970 00:00:01 GMT", 0),
    ],
)  # fmt: skip
@pytest.mark.parametrize("status", [429, 503])
def test_retry_after(header: str, after_ms: int | None, status: int) -> None:
    outcome = sender.classify_status(status, {"retry-AFTER": header}, "", 10_000)
    assert isinstance(outcome, Retry)
    assert outcome.after_ms == after_ms


async def _failing(url: str, headers: dict[str, str] | None = None, **more: Any) -> Retry | Drop:
    async with _client(**more) as client:
        with pytest.raises(sender.ERRORS) as raised:
            await sender.post(client, url, headers or {}, b"")
    assert isinstance(raised.value, Exception)
    return sender.classify_error(raised.value)


SECRET = "hunter" * 2


@pytest.mark.parametrize(
    ("url", "headers", "kind"),
    [
        (f"http://127.0.0.1:1/{SECRET}", {}, Retry),  # nobody listens
        (f"http://name.invalid/{SECRET}", {}, Retry),  # nobody has that name: RFC 6761
        (f"{SECRET}", {}, Drop),
        (f"ftp://host/{SECRET}", {}, Drop),
        (f"http:///{SECRET}", {}, Drop),
        (f"http://host:{SECRET}/", {}, Drop),
    ],
)
async def test_what_cannot_be_sent_says_no_secret(url: str, headers: Any, kind: Any) -> None:
    outcome = await _failing(url, headers)
    assert isinstance(outcome, kind), outcome
    assert SECRET not in outcome.text


async def test_what_the_system_said_is_said() -> None:
    refused = await _failing("http://127.0.0.1:1/")
    assert "refused" in refused.text
    unknown = await _failing("http://name.invalid/")
    assert "does not resolve" in unknown.text


async def test_a_header_is_never_two() -> None:
    """What h11 refuses on a connection that is there: nothing of it leaves."""
    seen = Seen()
    async with listening(answering(seen, http())) as port:
        outcome = await _failing(f"http://127.0.0.1:{port}/", {"X": "a\r\nEvil: 1"})
    assert isinstance(outcome, Drop)
    assert seen.requests == []


async def test_a_header_beyond_latin_is_refused_not_raised() -> None:
    assert isinstance(await _failing("http://127.0.0.1:1/", {"X": "☃"}), Drop)


async def test_credentials_and_headers_of_an_http_config(tmp_path: Any) -> None:
    (tmp_path / "more").write_text("from a file\n")
    http_config = {
        "authorization": {"type": " Token ", "credentials": Secret("s3cret")},
        "http_headers": {
            "X-One": {"values": ("1", "2"), "secrets": (Secret("3"),), "files": ()},
            "X-File": {"files": (Secret(path=tmp_path / "more"),)},
        },
    }
    seen = Seen()
    async with listening(answering(seen, http())) as port:
        await _post(port, http_config)
    assert seen.headers["authorization"] == "Token s3cret"
    assert (seen.headers["x-one"], seen.headers["x-file"]) == ("1, 2, 3", "from a file")


@pytest.mark.parametrize(
    ("http_config", "header"),
    [
        ({"basic_auth": {"username": "u", "password": Secret("p:q")}}, "Basic dTpwOnE="),
        ({"basic_auth": {"username": "", "username_file": Secret("u"), "password": Secret("p:q")}},
         "Basic dTpwOnE="),
        ({"bearer_token": Secret("t")}, "Bearer t"),
        ({"authorization": {"credentials": Secret("t")}}, "Bearer t"),
        ({}, None),
    ],
)  # fmt: skip
async def test_ways_to_log_in(http_config: Any, header: str | None) -> None:
    seen = Seen()
    async with listening(answering(seen, http())) as port:
        await _post(port, http_config)
    assert seen.headers.get("authorization") == header


async def test_what_a_request_brings_and_what_its_url_says_come_first() -> None:
    http_config = {"bearer_token": Secret("config")}
    seen = Seen()
    async with listening(answering(seen, http())) as port, _client(http_config) as client:
        await sender.post(client, f"http://127.0.0.1:{port}/", {"Authorization": "mine"}, b"")
        await sender.post(client, f"http://u:p@127.0.0.1:{port}/", {}, b"")
    assert [headers["authorization"] for _, headers, _ in seen.requests] == ["mine", "Basic dTpw"]


async def test_a_secret_file_is_read_each_time_and_may_be_missing_for_a_while(
    tmp_path: Any,
) -> None:
    path = tmp_path / "token"
    path.write_text("one")
    seen = Seen()
    http_config = {"bearer_token": Secret(path=path)}
    async with listening(answering(seen, http())) as port, _client(http_config) as client:
        url = f"http://127.0.0.1:{port}/"
        await sender.post(client, url, {}, b"")
        path.write_text("two")
        await sender.post(client, url, {}, b"")
        path.unlink()
        with pytest.raises(OSError) as raised:
            await sender.post(client, url, {}, b"")
    assert [headers["authorization"] for _, headers, _ in seen.requests] == [
        "Bearer one",
        "Bearer two",
    ]
    outcome = sender.classify_error(raised.value)
    assert isinstance(outcome, Retry)
    assert outcome.reason == "authError"


@pytest.mark.parametrize(
    ("source", "templated"),
    [
        ("https://hooks.example.org/{{ .GroupLabels.team }}", False),
        ("https://hooks.example.org?x={{ .X }}", False),
        ("https://hooks.example.org#{{ .X }}", False),
        ("https://{{ .GroupLabels.host }}/x", True),
        ("https://hooks.example.org{{ .X }}/x", True),
        ("https://u:{{ .X }}@hooks.example.org/x", True),
        ("https://a\\{{ .X }}@hooks.example.org/x", True),
        ("{{ .X }}", True),
        ("{{ .X }}://host/x", True),
        ("https:/{{ .X }}", True),
        ("https://host/x", False),
    ],
)
def test_whether_a_template_makes_the_host(source: str, templated: bool) -> None:
    assert sender.host_is_templated(source) is templated


async def test_an_open_network_is_used_by_the_client() -> None:
    from ipaddress import ip_network

    seen = Seen()
    async with listening(answering(seen, http())) as port:
        outcome = await _failing(f"http://127.0.0.1:{port}/", templated_host=True)
        assert isinstance(outcome, Drop)
        assert "egress.allow" in outcome.text
        opened = Egress(allow=(ip_network("127.0.0.0/8"),))
        await _post(port, egress=opened, templated_host=True)
    assert len(seen.requests) == 1
