"""Proxies: which requests go through one, and what the proxy is told."""

from typing import Any

import httpx
import pytest
import trustme

from notifiers import sender
from notifiers.fields import Secret
from notifiers.notification import Drop, Retry
from notifiers.sender.proxies import proxies_of
from tests.channels.tcp import Seen, answering, http, listening, proxying, server_context, socks


async def _post(url: str, http_config: Any, tls: Any = None, **more: Any) -> Any:
    context = sender.tls_context(tls, "http")
    async with sender.http_client(http_config, context, 3_000, **more) as client:
        try:
            return (await sender.post(client, url, {}, b"x")).status
        except sender.ERRORS as error:
            return sender.classify_error(error)


async def test_https_goes_by_connect_with_its_headers() -> None:
    ca, proxy, target = trustme.CA(), Seen(), Seen()
    context = server_context(ca, "hooks.example.org")
    async with (
        listening(answering(target, http()), context) as port,
        listening(proxying(proxy, port)) as proxy_port,
    ):
        config = {
            "proxy_url": Secret(f"http://u:p@127.0.0.1:{proxy_port}"),
            "proxy_connect_header": {"X-Way": (Secret("in"), "out")},
            "bearer_token": Secret("t"),
        }
        tls = {"ca": ca.cert_pem.bytes().decode()}
        assert await _post("https://hooks.example.org/a", config, tls) == 200
    line, headers, _ = proxy.requests[0]
    assert line == "CONNECT hooks.example.org:443 HTTP/1.1"
    assert (headers["x-way"], headers["proxy-authorization"]) == ("in, out", "Basic dTpw")
    assert "authorization" not in headers, "the proxy is not who the token is for"
    assert target.requests[0][0] == "POST /a HTTP/1.1"
    assert "x-way" not in target.requests[0][1]


async def test_plain_http_goes_by_its_whole_url_without_the_headers_of_connect() -> None:
    proxy, target = Seen(), Seen()
    async with (
        listening(answering(target, http(201))) as port,
        listening(proxying(proxy, port)) as proxy_port,
    ):
        config = {
            "proxy_url": f"http://127.0.0.1:{proxy_port}",
            "proxy_connect_header": {"X-Way": ("in",)},
        }
        assert await _post("http://hooks.example.org/a", config) == 201
    line, headers, body = proxy.requests[0]
    assert (line, body) == ("POST http://hooks.example.org/a HTTP/1.1", b"x")
    assert "x-way" not in headers


@pytest.mark.parametrize(("login", "seen"), [("", ""), ("u:p@", "u:p")])
async def test_socks(login: str, seen: str) -> None:
    asked: list[tuple[str, int, str]] = []
    async with (
        listening(answering(Seen(), http(202))) as port,
        listening(socks(asked, port)) as proxy_port,
    ):
        config = {"proxy_url": f"socks5://{login}127.0.0.1:{proxy_port}"}
        assert await _post("http://hooks.example.org:81/a", config) == 202
    assert asked == [("hooks.example.org", 81, seen)]


async def test_a_proxy_that_refuses() -> None:
    proxy = Seen()
    async with listening(answering(proxy, http(407, b"no"))) as port:
        outcome = await _post(
            "https://hooks.example.org/", {"proxy_url": f"http://127.0.0.1:{port}"}
        )
    assert isinstance(outcome, Retry)
    assert "407" in outcome.text


@pytest.mark.parametrize("url", ["foo", "ftp://proxy:1", "http://", "http://h:99999"])
async def test_a_text_that_is_no_proxy_stops_the_message(url: str) -> None:
    assert isinstance(await _post("http://127.0.0.1:1/", {"proxy_url": url}), Drop)


async def test_what_a_proxy_is_asked_for_is_judged_too() -> None:
    proxy = Seen()
    async with listening(answering(proxy, http())) as port:
        config = {"proxy_url": f"http://127.0.0.1:{port}"}
        assert isinstance(await _post("http://169.254.169.254/latest", config), Drop)
        assert isinstance(await _post("http://localhost/", config, templated_host=True), Drop)
        assert await _post("http://localhost/", config) == 200
    assert len(proxy.requests) == 1


async def test_a_proxy_is_judged_itself() -> None:
    config = {"proxy_url": "http://169.254.169.254:3128"}
    assert isinstance(await _post("http://hooks.example.org/", config), Drop)


@pytest.mark.parametrize(
    ("no_proxy", "url", "direct"),
    [
        # Source: the documentation of golang.org/x/net/http/httpproxy, Config.NoProxy.
        ("example.com", "http://example.com/", True),
        ("example.com", "http://sub.example.com/", True),
        ("example.com", "http://notexample.com/", False),
        (".example.com", "http://sub.example.com/", True),
        (".example.com", "http://example.com/", False),
        ("*.example.com", "http://a.b.example.com/", True),
        ("*.example.com", "http://example.com/", False),
        ("EXAMPLE.com", "http://Example.COM./", True),
        ("example.com:80", "http://example.com/", True),
        ("example.com:443", "http://example.com/", False),
        ("example.com:443", "https://example.com/", True),
        ("example.com:8080", "http://example.com:8080/", True),
        ("1.2.3.4", "http://1.2.3.4/", True),
        ("1.2.3.4:81", "http://1.2.3.4/", False),
        ("1.2.3.4:81", "http://1.2.3.4:81/", True),
        ("10.0.0.0/8", "http://10.1.2.3/", True),
        ("10.0.0.0/8", "http://11.1.2.3/", False),
        ("fd00::/8", "http://[fd00::1]/", True),
        ("[::2]:80", "http://[::2]/", True),
        ("::2", "http://[::2]:9/", True),
        ("*", "http://anything/", True),
        ("a,*", "http://anything/", True),
        (" a , example.com ,", "http://example.com/", True),
        (":80", "http://example.com/", False),
        ("other", "http://localhost/", True),  # loopback never, where there are exceptions
        ("other", "http://127.0.0.1:9/", True),
        ("other", "http://[::1]/", True),
        ("", "http://localhost/", False),  # and always, where there are none
    ],
)
def test_no_proxy(no_proxy: str, url: str, direct: bool) -> None:
    made = proxies_of({"proxy_url": "http://proxy", "no_proxy": no_proxy})
    assert made.for_url(httpx.URL(url)) == ("" if direct else "http://proxy")


def test_the_environment_where_the_file_says_so() -> None:
    environment = {"HTTP_PROXY": "plain:3128", "https_proxy": "http://secure", "NO_PROXY": "a.b"}
    made = proxies_of({"proxy_from_environment": True}, environment)
    urls = ("http://x/", "https://x/", "https://c.a.b/", "http://localhost/")
    assert [made.for_url(httpx.URL(url)) for url in urls] == [
        "http://plain:3128", "http://secure", "", "",
    ]  # fmt: skip
    assert proxies_of({}, environment).for_url(httpx.URL("http://x/")) == ""
    assert proxies_of(None, environment).for_url(httpx.URL("http://x/")) == ""


async def test_nothing_else_is_taken_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:1")
    async with listening(answering(Seen(), http())) as port:
        assert await _post(f"http://127.0.0.1:{port}/", None) == 200
