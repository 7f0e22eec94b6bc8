"""What goes to Slack for which notification, and that it fits whatever an alert carries."""

import json
from dataclasses import replace

import pytest
from slack_sdk.models.blocks import Block

from engine.demo import slack_rules
from notifiers.channels.slack import Slack
from tests.channels import golden, samples
from tests.channels.building import build

BOT = {"app_token": "xoxb-1", "channel": "#alerts"}
HOOK = {"api_url": "https://hooks.example/services/T0/B0/secret"}
FAR = {"channel": "C0000000001", "ts": "1795269785.000001"}
STEP_MS = 212


def requests(entry, notification):
    sent_ms = notification.now_ms + STEP_MS
    return [
        {"method": one.method, **one.body}
        for one in build(Slack, entry).render(notification, sent_ms)
    ]


@pytest.mark.parametrize(
    ("name", "notification"),
    [
        ("first", samples.first()),
        ("update", samples.level_change({**FAR, "told": samples.TOLD_WARNING})),
        ("repeat", samples.repeat({**FAR, "told": samples.TOLD_CRITICAL})),
        ("resolve", samples.resolved({**FAR, "told": samples.TOLD_CRITICAL})),
        ("over_limits", samples.over_every_limit()),
    ],
)
def test_golden_requests_of_a_bot(name, notification):
    golden.check_json(f"slack/{name}.json", requests(BOT, notification))


def test_golden_request_of_a_webhook():
    golden.check_json("slack/webhook_first.json", requests(HOOK, samples.first()))


LONG = "{{ range .Alerts }}{{ .Annotations.summary }}{{ end }}"
CLASSIC = {
    **BOT,
    **dict.fromkeys(
        ("title", "text", "pretext", "fallback", "footer", "message_text", "title_link"), LONG
    ),
    "update_message": True,
    "fields": [{"title": LONG, "value": LONG}],
    "actions": [{"type": "button", "text": LONG, "name": LONG, "value": LONG}],
}


@pytest.mark.parametrize("far", [None, FAR], ids=["post", "edit"])
def test_alertmanagers_layout_is_bounded(far):
    huge = replace(samples.over_every_limit(), previous=far)
    [body] = requests(CLASSIC, huge)
    text_max = slack_rules.UPDATE_TEXT_MAX if far else slack_rules.POST_TEXT_MAX
    assert len(body["text"]) == text_max
    [attachment] = body["attachments"]
    assert len(attachment["title"]) == 1_024  # Alertmanager's
    assert len(attachment["text"]) == 8_000  # where Slack itself cuts
    assert attachment["text"].endswith("…")
    assert max(
        len(text) for field in attachment["fields"] for text in map(str, field.values())
    ) <= (8_000)


def blocks_of(body):
    yield from body.get("blocks", ())
    for attachment in body.get("attachments", ()):
        yield from attachment.get("blocks", ())


GROUP = [samples.posted(index) for index in range(100)]


@pytest.mark.parametrize(
    "notification",
    [samples.over_every_limit(), samples.first(), samples.notification(*GROUP),
     samples.resolved({**FAR, "told": samples.TOLD_CRITICAL})],
    ids=["huge", "first", "group", "resolved"],
)  # fmt: skip
def test_slacks_own_library_finds_every_block_sound(notification):
    """Its models know the published limits of each block and of each text in it."""
    for body in requests(BOT, notification):
        found = Block.parse_all(list(blocks_of(body)))
        assert len(found) == len(list(blocks_of(body)))
        for block in found:
            block.validate_json()
        assert len(found) <= 50


@pytest.mark.parametrize("notification", [samples.over_every_limit(), samples.first()])
def test_slack_would_take_it(notification):
    for body in requests(BOT, notification):
        assert slack_rules.refuse(body, slack_rules.UPDATE_TEXT_MAX) is None


def test_a_long_list_says_how_many_are_left_out():
    alerts = [samples.posted(index) for index in range(300)]
    body = requests(BOT, samples.notification(*alerts))[0]
    assert "+285 more alerts" in json.dumps(body)
    assert "300 firing" in json.dumps(body)


def test_what_an_alert_carries_is_no_markup():
    hostile = samples.alert(
        labels={"alertname": "X", "service": "`a` <!channel>"},
        annotations={"summary": "<!here> <https://evil.example|click> & more"},
        lines=("``` <@U123> ```",),
    )
    text = json.dumps(requests(BOT, samples.notification(hostile)), ensure_ascii=False)
    header = "<!here> <https://evil.example|click> & more"  # plain text: Slack reads no markup
    text = text.replace(json.dumps(header)[1:-1], "")
    assert "<!here>" not in text
    assert "<!channel>" not in text
    assert "<@U123>" not in text
    assert "<https://evil" not in text
    assert "&lt;!here&gt; &lt;https://evil.example|click&gt; &amp; more" in text
    assert "````" not in text  # the code block stays closed


def test_names_in_an_alert_are_no_mentions():
    """Slack makes mentions of plain names too, unless a text is verbatim."""
    hostile = samples.alert(annotations={"summary": "s", "description": "@here #general"})
    for block in blocks_of(requests(BOT, samples.notification(hostile))[0]):
        texts = [block["text"]] if "text" in block else block.get("fields") or block["elements"]
        assert all(text["type"] == "plain_text" or text["verbatim"] for text in texts)


def test_addresses_in_a_description_are_links():
    text = "See (https://wiki.example/a?b=1&c=2), or <http://x>. No: javascript:alert(1)"
    told = samples.alert(annotations={"summary": "s", "description": text})
    written = json.dumps(requests(BOT, samples.notification(told)))
    assert "(<https://wiki.example/a?b=1&amp;c=2>), or &lt;<http://x>&gt;." in written
    assert "No: javascript:alert(1)" in written


@pytest.mark.parametrize("url", ["javascript:alert(1)", "https://x/|<y>", "ftp://x/", "//x", "h"])
def test_only_web_addresses_become_links(url):
    linked = samples.alert(annotations={"summary": "s", "runbook_url": url}, generator_url=url)
    text = json.dumps(requests(BOT, samples.notification(linked)))
    assert "|Runbook" not in text
    assert "|Source" not in text


def test_an_edit_that_changes_nothing_says_nothing_in_the_thread():
    far = {**FAR, "told": samples.TOLD_WARNING}
    again = samples.notification(samples.alert(), previous=far, n=2, reason="new alerts added")
    assert [one["method"] for one in requests(BOT, again)] == ["chat.update"]


@pytest.mark.parametrize(
    ("notification", "broadcast"),
    [
        (samples.level_change({**FAR, "told": samples.TOLD_WARNING}), True),
        (samples.repeat({**FAR, "told": samples.TOLD_CRITICAL}), True),
        (samples.resolved({**FAR, "told": samples.TOLD_CRITICAL}), False),
    ],
)
def test_an_edit_notifies_nobody_so_what_matters_is_broadcast(notification, broadcast):
    _, reply = requests(BOT, notification)
    assert reply["reply_broadcast"] is broadcast
    assert reply["thread_ts"] == FAR["ts"]


def test_update_message_false_posts_anew():
    entry = {**BOT, "update_message": False}
    methods = [one["method"] for one in requests(entry, samples.resolved(FAR))]
    assert methods == ["chat.postMessage"]
