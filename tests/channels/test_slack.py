"""Slack through its own client: each of its errors, edits in place, threads, what is not sent."""

import pytest
from starlette.responses import PlainTextResponse, RedirectResponse, Response

from engine.demo.slack_standin import SlackStandIn
from notifiers.channels.slack import Slack
from notifiers.fields import Secret
from notifiers.notification import Drop, Global, Retry, Sent
from tests.channels import samples
from tests.channels.building import build, findings
from tests.channels.serving import Clock, serving

NOW_MS = samples.T0_MS
HOOK = "T00000000/B00000000/XXXXXXXXXXXXXXXXXXXXXXXX"


@pytest.fixture
def clock():
    return Clock(NOW_MS)


@pytest.fixture
def slack(clock):
    standin = SlackStandIn(clock)
    standin.tokens.add("xoxb-good")
    standin.revoked.add("xoxb-revoked")
    channel = standin.add_channel("alerts")
    standin.add_channel("private", member=False)
    standin.add_channel("old", archived=True)
    standin.hooks[HOOK] = channel.id
    return standin


@pytest.fixture
async def url(slack):
    async with serving(slack.app()) as address:
        yield address


@pytest.fixture
async def bot(url):
    channel = build(Slack, entry(url))
    yield channel
    await channel.close()


@pytest.fixture
async def hook(url):
    channel = build(Slack, {"api_url": f"{url}/services/{HOOK}"})
    yield channel
    await channel.close()


def entry(url, token="xoxb-good", channel="#alerts", **more):
    return {
        "app_url": f"{url}/api/chat.postMessage",
        "app_token": token,
        "channel": channel,
        **more,
    }


async def notify(channel, notification):
    return await channel.notify(notification, notification.now_ms)


async def once(url, **changes):
    channel = build(Slack, entry(url, **changes))
    try:
        return await notify(channel, samples.first())
    finally:
        await channel.close()


async def test_the_life_of_an_episode_is_one_message_and_its_thread(slack, bot, clock):
    first = await notify(bot, samples.first())
    clock.advance(5_000)
    raised = await notify(bot, samples.level_change(first.far_id))
    clock.advance(5_000)
    await notify(bot, samples.repeat(raised.far_id))
    clock.advance(5_000)
    ended = await notify(bot, samples.resolved(raised.far_id))

    [message] = slack.posted()
    assert [first.edited, raised.edited, ended.edited] == [False, True, True]
    assert {one["ts"] for one in (first.far_id, raised.far_id, ended.far_id)} == {message.ts}
    assert [version.body["blocks"][0]["text"]["text"] for version in message.versions] == [
        "🟡 WARNING · payments: 14 requests timed out in the last minute",
        "🔴 CRITICAL · payments: 73 requests timed out in the last minute",
        "🔴 CRITICAL · payments: 73 requests timed out in the last minute",
        "🟢 RESOLVED · payments: 3 requests timed out in the last minute",
    ]
    replies = slack.replies(message.ts)
    assert [reply.body["text"].splitlines()[0] for reply in replies] == [
        "🔴 Now critical, was warning",
        "🔴 Reminder: still firing, nothing has changed",
        "🟢 Resolved after 5 min 3 s",
    ]
    assert [reply.broadcast for reply in replies] == [True, True, False]


async def test_value_and_threshold_at_firing_and_at_the_end(slack, bot):
    first = await notify(bot, samples.first())
    await notify(bot, samples.resolved(first.far_id))
    before, after = (str(version.body["attachments"]) for version in slack.posted()[0].versions)
    assert "14  (threshold &gt; 10)" in before
    assert "3  (threshold &gt; 50)" in after
    assert "14 when it fired" in after


async def test_sent_says_when_the_far_side_confirmed(bot):
    outcome = await notify(bot, samples.first())
    assert outcome.sent_ms >= samples.first().now_ms


async def test_a_webhook_posts_each_anew(slack, hook, clock):
    first = await notify(hook, samples.first())
    clock.advance(5_000)
    ended = await notify(hook, samples.resolved(first.far_id))
    assert isinstance(ended, Sent)
    assert not ended.edited
    assert len(slack.posted()) == 2


async def test_an_edited_message_that_is_gone_is_posted_anew(slack, bot):
    first = await notify(bot, samples.first())
    slack.messages.clear()
    again = await notify(bot, samples.level_change(first.far_id))
    [message] = slack.posted()
    assert again.far_id["ts"] == message.ts
    assert not again.edited
    assert [call.error for call in slack.calls] == ["", "message_not_found", ""]


async def test_a_message_that_a_webhook_wrote_is_not_edited(slack, bot, hook, clock):
    await notify(hook, samples.first())
    clock.advance(5_000)
    [message] = slack.posted()
    far = {"channel": message.channel, "ts": message.ts, "told": samples.TOLD_WARNING}
    await notify(bot, samples.level_change(far))
    assert slack.calls[-2].error == "cant_update_message"
    assert len(slack.posted()) == 2


@pytest.mark.parametrize(
    ("changes", "reason", "text"),
    [
        ({"token": "xoxb-wrong"}, "authError", "invalid_auth"),
        ({"token": "xoxb-revoked"}, "authError", "token_revoked"),
        ({"channel": "#nowhere"}, "clientError", "channel_not_found"),
        ({"channel": "#private"}, "clientError", "not_in_channel"),
        ({"channel": "#old"}, "clientError", "is_archived"),
    ],
)
async def test_what_will_never_work_is_dropped_with_the_remedy(url, changes, reason, text):
    outcome = await once(url, **changes)
    assert isinstance(outcome, Drop)
    assert outcome.reason == reason
    assert text in outcome.text
    assert "xoxb" not in outcome.text


async def test_a_message_a_second_then_429_with_retry_after(bot, slack):
    outcomes = [await notify(bot, samples.first()) for _ in range(6)]
    limited = [one for one in outcomes if isinstance(one, Retry)]
    assert limited
    assert {(one.reason, one.after_ms) for one in limited} == {("rateLimited", 1_000)}
    assert len(slack.posted()) == 6 - len(limited)


async def test_a_webhook_is_paced_too(hook):
    outcomes = [await notify(hook, samples.first()) for _ in range(6)]
    assert outcomes[-1] == Retry("rateLimited", 1_000, "Slack: rate_limited")


async def test_the_line_that_a_limit_stopped_comes_with_the_next_attempt(bot, slack, clock):
    first = await notify(bot, samples.first())
    while isinstance(await notify(bot, samples.first()), Sent):
        pass
    change = samples.level_change(first.far_id)
    assert isinstance(await notify(bot, change), Retry)
    clock.advance(1_000)
    assert isinstance(await notify(bot, change), Sent)
    assert len(slack.replies(first.far_id["ts"])) == 1


@pytest.mark.parametrize("error", ["invalid_blocks", "msg_blocks_too_long", "invalid_attachments"])
async def test_a_refused_layout_goes_as_plain_text(bot, slack, error):
    async def refuse(_method, body):
        layout = body.get("blocks") or body.get("attachments")
        return _json({"ok": False, "error": error}) if layout else None

    slack.before = refuse
    assert isinstance(await notify(bot, samples.first()), Sent)
    assert slack.posted()[0].body.keys() == {"text"}
    assert "timeouts 14 (threshold &gt; 10)" in slack.posted()[0].body["text"]


@pytest.mark.parametrize("error", ["no_text", "msg_too_long", "invalid_blocks"])
async def test_what_is_refused_as_text_too_is_dropped(bot, slack, error):
    slack.before = _always(_json({"ok": False, "error": error}))
    outcome = await notify(bot, samples.first())
    assert isinstance(outcome, Drop)
    assert error in outcome.text


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (lambda: _json({"ok": False, "error": "internal_error"}), "serverError"),
        (lambda: _json({"ok": False, "error": "fatal_error"}), "serverError"),
        (lambda: _json({"ok": False, "error": "something_new"}), "other"),
        (lambda: PlainTextResponse("<html>bad gateway", 502), "serverError"),
        (lambda: PlainTextResponse("<html>fine", 200), "other"),
        (lambda: PlainTextResponse("<html>", 200, media_type="text/html"), "other"),
        (lambda: Response(b"\xff\xfe{", 200, media_type="application/json"), "other"),
        (lambda: _json({"ok": False, "error": "ratelimited"}), "rateLimited"),
    ],
)
async def test_what_may_pass_is_tried_again(bot, slack, answer, reason):
    slack.before = _always(answer())
    outcome = await notify(bot, samples.first())
    assert isinstance(outcome, Retry), outcome
    assert outcome.reason == reason


async def test_no_answer_is_tried_again():
    channel = build(Slack, entry("http://127.0.0.1:1"))
    outcome = await notify(channel, samples.first())
    await channel.close()
    assert outcome == Retry("other", None, "ClientConnectorError: no answer")


async def test_a_redirect_is_not_followed(slack, url, bot, hook):
    slack.before = _always(RedirectResponse(f"{url}/api/auth.test", 307))
    for channel in (bot, hook):
        outcome = await notify(channel, samples.first())
        assert isinstance(outcome, Drop)
        assert "redirect" in outcome.text
    assert not slack.calls


async def test_a_webhook_that_is_gone_is_dropped(url):
    for path, error in ((HOOK[:-1], "invalid_token"), ("T/B/X", "no_service")):
        channel = build(Slack, {"api_url": f"{url}/services/{path}"})
        outcome = await notify(channel, samples.first())
        await channel.close()
        assert isinstance(outcome, Drop)
        assert outcome.reason == "authError"
        assert error in outcome.text
        assert path not in outcome.text


async def test_a_token_in_a_file_is_read_each_time(url, slack, tmp_path):
    path = tmp_path / "token"
    channel = build(Slack, entry(url, token=Secret(path=path)))
    missing = await notify(channel, samples.first())
    path.write_text("xoxb-good\n")
    assert isinstance(missing, Retry)
    assert missing.reason == "authError"
    assert isinstance(await notify(channel, samples.first()), Sent)
    await channel.close()


async def test_the_environment_names_no_proxy(url, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")
    assert isinstance(await once(url), Sent)


async def test_alertmanagers_older_way_of_giving_a_token(url, slack):
    old = {
        "api_url": f"{url}/api/chat.postMessage",
        "channel": "alerts",
        "http_config": {"authorization": {"credentials": "xoxb-good"}},
    }
    channel = build(Slack, old)
    assert isinstance(await notify(channel, samples.first()), Sent)
    await channel.close()


@pytest.mark.parametrize(
    ("entry_", "global_", "code"),
    [
        ({"channel": "#a"}, Global(), "slack-door"),
        ({"api_url": "https://h/x", "app_token": "t", "channel": "#a"}, Global(), "slack-door"),
        ({"app_token": "t"}, Global(), "slack-channel"),
        ({"api_url": "https://h/x", "update_message": True}, Global(), "slack-update"),
        ({"api_url": "https://slack.com/api/chat.postMessage"}, Global(), "slack-token"),
        ({"app_token": "t", "channel": "{{ .X }}"}, Global(), "template"),
        ({"app_token": "t", "channel": "#a", "http_config": {"follow_redirects": True}}, Global(),
         "http-redirects"),
        ({"channel": "#a", "http_config": {"tls_config": {"ca_file": "/nowhere"}}},
         Global(slack_app_token=Secret("t")), "tls-file"),
    ],
)  # fmt: skip
def test_mistakes_in_the_file(entry_, global_, code):
    found = findings(Slack, entry_, global_)
    assert found.codes == [code]


def test_all_mistakes_are_told_at_once():
    found = findings(
        Slack,
        {"app_token": "t", "username": "{{ .X }}", "http_config": {"follow_redirects": True}},
    )
    assert sorted(found.codes) == ["http-redirects", "slack-channel", "template"]


def test_the_destination_names_the_paced_channel_and_no_secret():
    bot = build(Slack, {"app_token": "xoxb-1", "channel": "#alerts"})
    one = build(Slack, {"api_url": "https://hooks.example/services/T/B/secret"})
    other = build(Slack, {"api_url": "https://hooks.example/services/T/B/other"})
    assert bot.destination == "slack:slack.com/#alerts"
    assert "secret" not in one.destination
    assert one.destination.startswith("slack:hooks.example/")
    assert one.destination != other.destination


def _always(response):
    async def answer(_method, _body):
        return response

    return answer


def _json(body):
    from starlette.responses import JSONResponse

    return JSONResponse(body)
