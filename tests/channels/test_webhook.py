"""Webhooks: Alertmanager's body field by field, and what each answer means."""

import asyncio
import json
from dataclasses import replace

import pytest
from starlette.responses import PlainTextResponse, RedirectResponse

from engine.demo.webhook_standin import WebhookStandIn
from notifiers.alert import order_key
from notifiers.channels.webhook import Webhook, body, fewer
from notifiers.fields import TemplatedSecret
from notifiers.notification import Drop, Global, Retry, Sent
from notifiers.templating import EMPTY
from tests.channels import golden, samples
from tests.channels.building import build, findings
from tests.channels.serving import Clock, serving


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


def ordered(notification):
    """Return it with its alerts as the notifier orders them."""
    alerts = sorted(notification.alerts, key=lambda alert: order_key(alert.labels))
    return replace(notification, alerts=tuple(alerts))


@pytest.mark.parametrize(
    ("name", "notification"),
    [
        ("first", samples.first()),
        ("update", samples.level_change()),
        ("repeat", samples.repeat()),
        ("resolve", samples.resolved()),
    ],
)
async def test_golden_bodies(name, notification, standin, url):
    await notify(url, ordered(notification))
    [hit] = standin.hits
    golden.check_json(f"webhook/{name}.json", hit.json)


async def test_the_golden_body_over_every_limit(standin, url):
    await notify(url, ordered(samples.over_every_limit()), max_alerts=2)
    [hit] = standin.hits
    assert (len(hit.json["alerts"]), hit.json["truncatedAlerts"]) == (2, 98)
    golden.check_json("webhook/over_limits.json", hit.json)


def test_the_alerts_that_are_left_out_do_not_say_what_is_common():
    one, other = samples.posted(1), samples.posted(2, status="resolved")
    shown, omitted = fewer(samples.notification(other, one), 1)
    assert omitted == 1
    assert shown.status == "resolved"
    assert shown.common_labels == other.labels
    assert shown.common_annotations == other.annotations


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
    [told] = body(samples.notification(alert)).alerts
    assert (told.starts_at, told.ends_at) == (text, text)


def test_what_fires_has_no_end_even_if_its_sender_said_one():
    alert = samples.posted(1, ends_at_ms=samples.T0_MS + 300_000)
    [told] = body(samples.notification(alert)).alerts
    assert told.ends_at == "0001-01-01T00:00:00Z"


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


async def test_a_slow_receiver_is_given_up(standin, url):
    async def never(_hit):
        await asyncio.Event().wait()

    standin.answer = never
    outcome = await notify(url, timeout=50)
    assert outcome.reason == "contextDeadlineExceeded"


# What the file may say


@pytest.mark.parametrize(
    ("entry", "code"),
    [
        ({}, "webhook-url"),
        ({"url": "https://h/", "http_config": {"tls_config": {"ca_file": "/nowhere"}}}, "tls-file"),
    ],
)  # fmt: skip
def test_mistakes_in_the_file(entry, code):
    assert findings(Webhook, entry, Global()).codes == [code]


async def test_a_template_in_the_url(standin, url):
    path = "{{ .GroupLabels.alertname | toLower }}?n={{ len .Alerts }}"
    assert isinstance(await notify(f"{url}/{path}"), Sent)
    assert standin.hits[0].path == "/alerts/paymenttimeouts"


async def test_a_url_in_a_file_is_read_and_expanded_each_time(standin, url, tmp_path):
    path = tmp_path / "url"
    secret = TemplatedSecret(EMPTY.text, path=path)
    assert (await notify(secret)).reason == "authError"
    path.write_text(f"{url}/{{{{ .Status }}}}\n")
    assert isinstance(await notify(secret), Sent)
    path.write_text(f"{url}/other\n")
    assert isinstance(await notify(secret), Sent)
    assert [hit.path for hit in standin.hits] == ["/alerts/firing", "/alerts/other"]


@pytest.mark.parametrize(
    ("template", "why"),
    [
        ("{{ .CommonLabels.nothing }}", "nothing left"),
        ("https://h/{{ template `secret-path` . }}", "url: "),
        ("ftp://{{ .Status }}/", "cannot be sent"),
    ],
)
async def test_a_url_that_is_none_is_dropped_and_not_shown(template, why):
    outcome = await notify(template)
    assert isinstance(outcome, Drop)
    assert outcome.reason == "clientError"
    assert why in outcome.text
    assert "secret-path" not in outcome.text


async def test_a_host_that_a_template_makes_is_none_of_ours(standin, url):
    """An alert's sender must not choose which of our own hosts is talked to."""
    outcome = await notify(url.replace("127.0.0.1", '{{ "127.0.0.1" }}'))
    assert isinstance(outcome, Drop)
    assert "template" in outcome.text
    assert not standin.hits


async def test_a_payload_of_ones_own(standin, url):
    payload = {"text": "{{ .Status }} <{{ .ExternalURL }}>", "count": "{{ len .Alerts }}"}
    await notify(url, payload=payload)
    [hit] = standin.hits
    assert hit.body == b'{"count":1,"text":"firing \\u003chttps://tocsin.example\\u003e"}\n'


async def test_a_payload_that_cannot_be_expanded_is_dropped(standin, url):
    outcome = await notify(url, payload={"a": ["{{ template `nowhere` . }}"]})
    assert isinstance(outcome, Drop)
    assert outcome.text.startswith("payload: ")
    assert not standin.hits


def test_the_destination_shows_no_path():
    channel = build(Webhook, {"url": "https://hook.example:8443/secret?token=1"})
    assert channel.destination.startswith("webhook:hook.example/")
    assert "secret" not in channel.destination
    assert "token" not in json.dumps(channel.destination)


def _always(response):
    async def answer(_hit):
        return response

    return answer
