"""PagerDuty, Opsgenie, Teams, Discord and Telegram: what their answers mean, and edits in place."""

import socket

import pytest
from starlette.responses import PlainTextResponse

from notifiers.notification import Drop, Retry, Sent
from tests.channels import samples, standins
from tests.channels.configured import KEY, KINDS, STEP_MS, build, notify
from tests.channels.serving import Clock, serving


def standin(kind, clock):
    services = {
        "pagerduty": standins.PagerDuty,
        "opsgenie": standins.Opsgenie,
        "msteams": standins.Teams,
        "msteamsv2": standins.Teams,
        "discord": standins.Discord,
        "telegram": standins.Telegram,
    }
    return standins.Opsgenie(clock, jsm=True) if kind == "jsm" else services[kind](clock)


@pytest.fixture(params=KINDS)
def kind(request):
    return request.param


@pytest.fixture
def service(kind):
    return standin(kind, Clock(samples.T0_MS))


@pytest.fixture
async def url(service):
    async with serving(service.app()) as address:
        yield address


@pytest.fixture
async def channel(kind, url, tmp_path):
    made = build(kind, tmp_path, url)
    yield made
    await made.close()


async def test_the_service_takes_what_is_over_every_limit(service, channel):
    outcome = await notify(channel, samples.over_every_limit())
    assert isinstance(outcome, Sent), outcome
    [first, *_] = service.accepted
    assert "more" in first.raw.decode()  # what was left out is a number


async def test_the_life_of_a_group(service, channel):
    first = await notify(channel, samples.first())
    raised = await notify(channel, samples.level_change(first.far_id))
    again = await notify(channel, samples.repeat(raised.far_id))
    over = await notify(channel, samples.resolved(again.far_id))
    assert [type(one) for one in (first, raised, again, over)] == [Sent] * 4
    assert len(service.accepted) == len(service.hits)
    told = " ".join(hit.raw.decode().lower() for hit in service.accepted)
    assert "now critical, was warning" in told
    assert first.sent_ms >= samples.first().now_ms + STEP_MS


ANSWERS = [
    (400, Drop, "clientError"),
    (401, Drop, "authError"),
    (403, Drop, "authError"),
    (408, Retry, "serverError"),
    (422, Drop, "clientError"),
    (429, Retry, "rateLimited"),
    (500, Retry, "serverError"),
    (502, Retry, "serverError"),
    (503, Retry, "serverError"),
    (302, Drop, "clientError"),
]


async def test_what_an_answer_means_and_that_it_shows_no_secret(service, channel, kind):
    for status, kind_of_outcome, reason in ANSWERS:
        service.hits.clear()
        service.say(status, {}, {"Retry-After": "7", "Location": "https://elsewhere.example/"})
        found = await notify(channel, samples.first())
        assert isinstance(found, kind_of_outcome), (status, found)
        assert (status, found.reason) == (status, reason)
        if status == 429:
            assert found.after_ms == 7_000
        assert len(service.hits) == 1, "a channel tries once; delivery tries again"
        _shows_no_secret(found.text)
    service.say(502, ["<html>"])  # a proxy's page
    assert isinstance(await notify(channel, samples.first()), Retry)
    _shows_no_secret(channel.destination)
    assert channel.destination.startswith(f"{kind}:".replace("jsm", "opsgenie").replace("v2", ""))


def _shows_no_secret(text):
    for secret in (KEY, "1:a", "sig=s", "/webhooks/1/t"):
        assert secret not in text


async def test_nobody_answers(kind, tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        made = build(kind, tmp_path, f"http://127.0.0.1:{taken.getsockname()[1]}")
        outcome = await notify(made, samples.first())
        await made.close()
    assert isinstance(outcome, Retry)
    assert outcome.reason == "other"


@pytest.mark.parametrize("kind", ["discord", "telegram"])
async def test_an_episode_is_one_message_that_is_edited(kind, service, channel):
    first = await notify(channel, samples.first())
    raised = await notify(channel, samples.level_change(first.far_id))
    again = await notify(channel, samples.repeat(raised.far_id))
    over = await notify(channel, samples.resolved(again.far_id))
    assert [one.edited for one in (first, raised, again, over)] == [False, True, True, True]
    [message] = {str(one.far_id.get("id") or one.far_id["message_id"]) for one in (first, over)}
    key = message if kind == "discord" else (-100123, int(message))
    assert len(service.messages[key]) == 4
    lines = [versions[0] for versions in service.messages.values()][1:]
    silent = [bool(one.get("flags") == 4096 or one.get("disable_notification")) for one in lines]
    assert silent == [False, False, True]  # raised, reminded, over


@pytest.mark.parametrize("kind", ["discord", "telegram"])
async def test_an_edited_message_that_is_gone_is_said_anew(kind, service, channel):
    first = await notify(channel, samples.first())
    service.messages.clear()
    again = await notify(channel, samples.level_change(first.far_id))
    assert isinstance(again, Sent)
    assert not again.edited
    assert len(service.messages) == 1


@pytest.mark.parametrize("kind", ["discord", "telegram"])
async def test_nothing_new_is_an_edit_alone(kind, service, channel):
    first = await notify(channel, samples.first())
    same = samples.notification(
        samples.alert(timeouts=15), previous=first.far_id, n=2, reason="new alerts added"
    )
    await notify(channel, same)
    assert len(service.messages) == 1


@pytest.mark.parametrize("kind", ["discord", "telegram"])
async def test_a_refused_line_sends_both_again(kind, service, channel):
    first = await notify(channel, samples.first())
    raised = samples.level_change(first.far_id)
    edits = iter([None])
    judge = service.judge

    def refusing(hit):
        if b"Now critical" in hit.raw and next(edits, "over") is None:
            return PlainTextResponse("later", 503)
        return judge(hit)

    service.judge = refusing
    assert isinstance(await notify(channel, raised), Retry)
    assert isinstance(await notify(channel, raised), Sent)
    assert len(service.messages) == 2
