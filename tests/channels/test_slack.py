"""Slack over HTTP: each of its errors, edits in place, threads, what is not sent."""

import pytest
from starlette.responses import PlainTextResponse, RedirectResponse, Response

from engine.demo.slack_standin import SlackStandIn
from notifiers.channels.slack import Slack
from notifiers.fields import Secret
from notifiers.notification import Drop, Retry, Sent
from tests.channels import samples
from tests.channels.building import build
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
        "🔴 Now critical, was warning · payments: 73 requests timed out in the last minute",
        "🔴 Reminder: still firing for 4 h 1 min; values as of 14:04 UTC"
        " · payments: 73 requests timed out in the last minute",
        "🟢 Resolved after 5 min 3 s · payments: 3 requests timed out in the last minute",
    ]
    where = "PaymentTimeouts · pod=payments-7d9f  service=payments"
    since = " · since 2026-11-21 14:03:05 UTC"
    assert [reply.body["text"].splitlines()[1] for reply in replies] == [
        f"{where}{since}, for 1 min", f"{where}{since}", where,
    ]  # fmt: skip
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
    assert isinstance(outcome, Retry)
    assert (outcome.reason, outcome.after_ms) == ("other", None)
    assert outcome.text.startswith("ConnectError: ")


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


async def test_what_takes_the_place_of_the_web_api_is_posted_to_as_it_is(slack, url):
    """`app_url` may be a proxy of Slack; then only the hook's answer is known."""
    channel = build(Slack, {"app_token": "t", "app_url": f"{url}/services/{HOOK}", "channel": "a"})
    assert isinstance(await notify(channel, samples.first()), Sent)
    assert [call.method for call in slack.calls] == ["webhook"]
    await channel.close()


# Alertmanager's layout; field by field it is compared in tests/channels/alertmanager.


CLASSIC = {"title": "{{ .Status }}: {{ .GroupLabels.alertname }}", "text": "{{ len .Alerts }}"}


async def classic(url, *notifications, **more):
    channel = build(Slack, entry(url, **CLASSIC, **more))
    try:
        return [await notify(channel, one) for one in notifications]
    finally:
        await channel.close()


async def test_alertmanagers_layout_posts_anew_unless_it_is_to_be_edited(slack, url, clock):
    [first] = await classic(url, samples.first())
    clock.advance(5_000)
    [again] = await classic(url, samples.resolved(first.far_id))
    assert (len(slack.posted()), again.edited) == (2, False)


async def test_alertmanagers_layout_is_edited_where_the_file_says_so(slack, url, clock):
    [first] = await classic(url, samples.first(), update_message=True)
    clock.advance(5_000)
    [again] = await classic(url, samples.resolved(first.far_id), update_message=True)
    [message] = slack.posted()
    assert again.edited
    assert not slack.replies(message.ts)  # Alertmanager edits and says no more
    assert [version.body["attachments"][0]["title"] for version in message.versions] == [
        "firing: PaymentTimeouts",
        "resolved: PaymentTimeouts",
    ]


async def test_alertmanagers_layout_as_plain_text_where_it_is_refused(slack, bot, url):
    async def refuse(_method, body):
        refused = _json({"ok": False, "error": "invalid_attachments"})
        return refused if body.get("attachments") else None

    slack.before = refuse
    [outcome] = await classic(url, samples.first())
    assert isinstance(outcome, Sent)
    assert slack.posted()[0].body["text"] == "firing: PaymentTimeouts\n1"


@pytest.mark.parametrize(
    ("more", "field"),
    [
        ({"text": "{{ template `nowhere` . }}"}, "text"),
        ({"channel": "{{ template `nowhere` . }}"}, "channel"),
        ({"fields": [{"title": "a", "value": "{{ template `nowhere` . }}"}]}, "fields.value"),
        ({"actions": [{"type": "button", "text": "{{ template `nowhere` . }}", "url": "https://h"}]},
         "actions.text"),
    ],
)  # fmt: skip
async def test_a_template_that_fails_is_dropped_by_the_name_of_its_field(slack, url, more, field):
    outcome = await once(url, **more)
    assert isinstance(outcome, Drop)
    assert outcome.text.startswith(f"{field}: ")
    assert not slack.calls


async def test_the_channel_may_come_from_a_label(slack, url):
    named = slack.add_channel("team-payments")
    assert isinstance(await once(url, channel="#team-{{ .CommonLabels.service }}"), Sent)
    assert slack.posted()[0].channel == named.id


async def test_a_name_and_a_face(slack, url):
    await once(url, username="{{ .Receiver }}", icon_emoji=":bell:", icon_url="{{ `` }}")
    [call] = slack.calls
    assert call.body["username"] == "on-call"
    assert call.body["icon_emoji"] == ":bell:"
    assert "icon_url" not in call.body


def _always(response):
    async def answer(_method, _body):
        return response

    return answer


def _json(body):
    from starlette.responses import JSONResponse

    return JSONResponse(body)
