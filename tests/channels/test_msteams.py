"""Teams: what a flow says, size, colours, and whose proxy is used."""

import pytest
from starlette.responses import PlainTextResponse

from notifiers import sender
from notifiers.notification import Drop, Retry, Sent
from tests.channels import configured, samples, standins
from tests.channels.configured import notify
from tests.channels.serving import Clock, serving


@pytest.fixture
def service():
    return standins.Teams(Clock(samples.T0_MS))


@pytest.fixture
async def url(service):
    async with serving(service.app()) as address:
        yield f"{address}/workflows/1?sig=s"


async def send(kind, base, notification, **entry):
    made = configured.channel(kind, entry, base)
    try:
        return await notify(made, notification)
    finally:
        await made.close()


def card(base, notification, kind="msteamsv2", **entry):
    made = configured.channel(kind, {"webhook_url": "https://x.example/", **entry}, base)
    [attachment] = made.render(notification, notification.now_ms)["attachments"]
    return attachment["content"]


@pytest.mark.parametrize(
    ("status", "text", "outcome", "reason"),
    [
        (404, "", Drop, "clientError"),
        (410, "", Drop, "clientError"),
        (200, "Webhook message delivery failed with error: Microsoft Teams endpoint returned HTTP"
              " error 413", Drop, "clientError"),
        (200, "Webhook message delivery failed with error: Microsoft Teams endpoint returned HTTP"
              " error 429", Retry, "rateLimited"),
        (200, "1", Sent, None),
        (202, "", Sent, None),
    ],
)  # fmt: skip
async def test_what_teams_says(service, url, status, text, outcome, reason, tmp_path):
    service.judge = lambda _hit: PlainTextResponse(text, status)
    found = await send("msteamsv2", tmp_path, samples.first(), webhook_url=url)
    assert isinstance(found, outcome)
    assert getattr(found, "reason", None) == reason


async def test_a_flow_that_is_gone_says_why(service, url, tmp_path):
    service.say(404)
    found = await send("msteamsv2", tmp_path, samples.first(), webhook_url=url)
    assert "switched off" in found.text


@pytest.mark.parametrize("kind", ["msteams", "msteamsv2"])
async def test_a_text_of_the_file_that_is_too_long_is_cut(service, url, kind, tmp_path):
    long = "{{ range .Alerts }}{{ .Annotations.description }}{{ end }}"
    entry = {"webhook_url": url, "title": long, "text": long}
    assert isinstance(await send(kind, tmp_path, samples.over_every_limit(), **entry), Sent)
    title, text = service.cards[0]["body"]
    assert title["text"].endswith("…")
    assert text["text"].endswith("…")


@pytest.mark.parametrize(
    ("notification", "colour"),
    [
        (samples.level_change(), "Attention"),
        (samples.first(), "Warning"),
        (samples.resolved(), "Good"),
        (samples.notification(samples.alert(level="", labels={"alertname": "X"})), "Attention"),
    ],
)
def test_colours(notification, colour, tmp_path):
    [head] = card(tmp_path, notification)["body"][0]["inlines"]
    assert head["color"] == colour


def test_a_title_of_the_file_stands_over_tocsins_text(tmp_path):
    made = card(tmp_path, samples.first(), title="**{{ .Status }}**")
    assert made["body"][0]["text"] == "**firing**"
    assert made["body"][0]["type"] == "TextBlock"
    assert len(made["body"]) > 5
    assert made["actions"]


@pytest.mark.parametrize(
    ("kind", "own", "proxy"),
    [
        ("msteamsv2", {"enable_http2": True}, "http://shared.example:8080"),
        ("msteamsv2", {"proxy_url": "http://own.example:1"}, "http://own.example:1"),
        ("msteamsv2", None, "http://shared.example:8080"),
        ("msteams", {"enable_http2": True}, ""),
        ("msteams", None, "http://shared.example:8080"),
    ],
)
def test_a_proxy_of_global_reaches_a_config_of_its_own_as_in_alertmanager(
    kind, own, proxy, tmp_path, monkeypatch
):
    seen = []
    real = sender.http_client

    def looking(http, *rest, **more):
        seen.append(http)
        return real(http, *rest, **more)

    monkeypatch.setattr("notifiers.sender.http_client", looking)
    entry = {"webhook_url": "https://x.example/", **({"http_config": own} if own else {})}
    shared = {"http_config": {"proxy_url": "http://shared.example:8080"}}
    configured.channel(kind, entry, tmp_path, **shared)
    found = seen[-1].get("proxy_url")
    assert (found.read() if found else "") == proxy
