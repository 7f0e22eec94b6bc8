"""Webhooks: Alertmanager's body field by field, and what each answer means."""

import json

import httpx
import pytest
from starlette.responses import PlainTextResponse, RedirectResponse

from engine.demo.webhook_standin import WebhookStandIn
from notifiers.channels.webhook import Webhook, payload
from notifiers.notification import Drop, Global, Retry, Sent
from tests.channels import golden, samples
from tests.channels.building import build, findings
from tests.channels.serving import Clock, serving

TWO_LOGINS = {"bearer_token": "a", "basic_auth": {"username": "u"}}


@pytest.fixture
def standin():
    return WebhookStandIn(Clock(samples.T0_MS))


@pytest.fixture
async def url(standin):
    async with serving(standin.app()) as address:
        yield f"{address}/alerts"


async def notify(url, notification=None, **more):
    notification = notification or samples.first()
    channel = build(Webhook, {"url": url, **more})
    try:
        return await channel.notify(notification, notification.now_ms)
    finally:
        await channel.close()


@pytest.mark.parametrize(
    ("name", "notification"),
    [
        ("first", samples.first()),
        ("level_change", samples.level_change()),
        ("repeat", samples.repeat()),
        ("resolved", samples.resolved()),
    ],
)
async def test_golden_bodies(name, notification, standin, url):
    await notify(url, notification)
    [hit] = standin.hits
    golden.check_json(f"webhook/{name}.json", hit.json)


async def test_the_golden_body_over_every_limit():
    body = payload(samples.over_every_limit(), alerts_max=2)
    assert (len(body["alerts"]), body["truncatedAlerts"]) == (2, 98)
    golden.check_json("webhook/over_every_limit.json", body)


def test_the_body_is_alertmanagers():
    body = payload(samples.resolved())
    assert list(body) == [
        "receiver", "status", "alerts", "groupLabels", "commonLabels", "commonAnnotations",
        "externalURL", "routeLabels", "version", "groupKey", "truncatedAlerts",
        "notification_reason",
    ]  # fmt: skip
    assert list(body["alerts"][0]) == [
        "status", "labels", "annotations", "startsAt", "endsAt", "generatorURL", "fingerprint",
    ]  # fmt: skip
    assert body["version"] == "4"
    assert body["groupKey"] == '{}:{alertname="PaymentTimeouts"}'
    assert body["notification_reason"] == "all alerts resolved"


@pytest.mark.parametrize(
    ("time_ms", "text"),
    [
        (1_795_269_785_120, "2026-11-21T14:03:05.12Z"),  # Go leaves trailing zeros out
        (1_795_269_785_000, "2026-11-21T14:03:05Z"),
        (1_795_269_785_001, "2026-11-21T14:03:05.001Z"),
        (0, "0001-01-01T00:00:00Z"),
    ],
)
def test_times_are_as_go_prints_them(time_ms, text):
    alert = samples.alert(status="resolved", starts_at_ms=time_ms, ends_at_ms=time_ms)
    [told] = payload(samples.notification(alert))["alerts"]
    assert (told["startsAt"], told["endsAt"]) == (text, text)


def test_what_fires_has_no_end_even_if_its_sender_said_one():
    alert = samples.posted(1, ends_at_ms=samples.T0_MS + 300_000)
    [told] = payload(samples.notification(alert))["alerts"]
    assert told["endsAt"] == "0001-01-01T00:00:00Z"


def test_alerts_are_in_alertmanagers_order():
    def one(**labels):
        return samples.alert(labels={"alertname": "X", **labels})

    ordered = [
        one(job="a", instance="1"),
        one(job="a", instance="1", zone="z"),
        one(job="a", instance="2"),
        one(job="a"),
        one(job="b", instance="0"),
        one(instance="0"),
        one(),
        one(zone="a"),
        one(zone="b"),
    ]
    told = payload(samples.notification(*reversed(ordered)))["alerts"]
    assert [alert["labels"] for alert in told] == [dict(sorted(a.labels.items())) for a in ordered]


async def test_an_attempt_again_has_the_same_key(standin, url):
    await notify(url)
    await notify(url)
    await notify(url, samples.level_change())
    one, again, other = (hit.headers["idempotency-key"] for hit in standin.hits)
    assert one == again
    assert one != other
    assert len(one) == 64


@pytest.mark.parametrize(
    ("status", "kind", "reason"),
    [
        (200, Sent, None),
        (204, Sent, None),
        (400, Drop, "clientError"),
        (401, Drop, "authError"),
        (403, Drop, "authError"),
        (404, Drop, "clientError"),
        (413, Drop, "clientError"),
        (408, Retry, "serverError"),
        (429, Retry, "rateLimited"),
        (500, Retry, "serverError"),
        (503, Retry, "serverError"),
    ],
)
async def test_what_each_status_means(standin, url, status, kind, reason):
    standin.answer = _always(PlainTextResponse("why\x07", status))
    outcome = await notify(url)
    assert isinstance(outcome, kind)
    if reason:
        assert outcome.reason == reason
        assert f"HTTP {status}: why" in outcome.text
        assert outcome.text.isprintable()


@pytest.mark.parametrize(
    ("header", "after_ms"),
    [
        ("7", 7_000),
        ("0.5", 500),
        ("Sat, 21 Nov 2026 14:03:15 GMT", 9_850),  # the notification was decided at :05.150
        ("soon", None),
        ("-1", None),
        ("nan", None),
        ("1e300", None),
    ],
)
async def test_retry_after(standin, url, header, after_ms):
    standin.answer = _always(PlainTextResponse("", 429, {"Retry-After": header}))
    outcome = await notify(url)
    assert outcome.reason == "rateLimited"
    if after_ms is None:
        assert outcome.after_ms is None
    else:
        assert outcome.after_ms == pytest.approx(after_ms, abs=3_000 if "GMT" in header else 0)


async def test_a_redirect_is_not_followed(standin, url):
    elsewhere = f"{url}/elsewhere"
    standin.answer = _always(RedirectResponse(elsewhere, 307))
    outcome = await notify(url)
    assert isinstance(outcome, Drop)
    assert "redirect" in outcome.text
    assert [hit.path for hit in standin.hits] == ["/alerts"]


async def test_nobody_there():
    assert isinstance(await notify("http://127.0.0.1:1/x"), Retry)


async def test_an_endless_answer_is_not_read_to_its_end(standin, url):
    standin.answer = _always(PlainTextResponse("x" * 5_000_000, 500))
    outcome = await notify(url)
    assert len(outcome.text) < 400


@pytest.mark.parametrize(
    ("http", "header"),
    [
        ({"basic_auth": {"username": "u", "password": "p:ä"}}, "Basic dTpwOsOk"),
        ({"bearer_token": "t"}, "Bearer t"),
        ({"authorization": {"credentials": "t"}}, "Bearer t"),
        ({"authorization": {"type": "Token", "credentials": "t"}}, "Token t"),
    ],
)
async def test_credentials(standin, url, http, header):
    assert isinstance(await notify(url, http_config=http), Sent)
    assert standin.hits[0].headers["authorization"] == header


async def test_the_environment_names_no_proxy_and_no_netrc(standin, url, monkeypatch, tmp_path):
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login a password b\n")
    monkeypatch.setenv("NETRC", str(netrc))
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    assert isinstance(await notify(url), Sent)
    assert "authorization" not in standin.hits[0].headers


async def test_a_slow_receiver_is_given_up(monkeypatch):
    channel = build(Webhook, {"url": "http://hook.example/", "timeout": 50})
    assert channel._client.timeout == httpx.Timeout(0.05)
    await channel.close()


@pytest.mark.parametrize(
    ("entry", "code"),
    [
        ({}, "webhook-url"),
        ({"url": "https://h/{{ .X }}"}, "template"),
        ({"url": "https://h/", "http_config": {"follow_redirects": True}}, "http-redirects"),
        ({"url": "https://h/", "http_config": TWO_LOGINS}, "http-auth"),
        ({"url": "https://h/", "http_config": {"tls_config": {"ca_file": "/nowhere"}}}, "tls-file"),
    ],
)  # fmt: skip
def test_mistakes_in_the_file(entry, code):
    assert findings(Webhook, entry, Global()).codes == [code]


def test_the_destination_shows_no_path():
    channel = build(Webhook, {"url": "https://hook.example:8443/secret?token=1"})
    assert channel.destination.startswith("webhook:hook.example/")
    assert "secret" not in channel.destination
    assert "token" not in json.dumps(channel.destination)


def _always(response):
    async def answer(_hit):
        return response

    return answer
