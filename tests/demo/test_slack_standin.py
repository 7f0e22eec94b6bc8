"""The Slack stand-in refuses what Slack refuses, by Slack's names, and helps with nothing.

Asked with plain HTTP: what our channel makes of it is the subject of tests/channels/test_slack.py.
"""

import httpx
import pytest
from starlette.responses import PlainTextResponse

from engine.demo import slack_standin
from engine.demo.slack_standin import SlackStandIn
from tests.channels.serving import Clock

NOW_MS = 1_795_269_785_120
HOOK = "/services/T0/B0/secret"


@pytest.fixture
def clock():
    return Clock(NOW_MS)


@pytest.fixture
def slack(clock):
    standin = SlackStandIn(clock)
    standin.tokens.add("xoxb-good")
    standin.revoked.add("xoxb-revoked")
    standin.hooks["T0/B0/secret"] = standin.add_channel("#alerts").id
    standin.add_channel("private", member=False)
    standin.add_channel("old", archived=True)
    return standin


@pytest.fixture
async def http(slack):
    transport = httpx.ASGITransport(app=slack.app())
    async with httpx.AsyncClient(transport=transport, base_url="http://slack") as client:
        yield client


async def call(http, method, token="xoxb-good", **body):
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    return await http.post(f"/api/{method}", json=body, headers=headers)


async def error(http, method="chat.postMessage", **body):
    answer = await call(http, method, **{"channel": "#alerts", **body})
    assert answer.status_code == 200
    assert answer.json()["ok"] is False
    return answer.json()["error"]


def text(kind, content):
    return {"type": kind, "text": content}


def section(content="x", **more):
    return {"type": "section", "text": text("mrkdwn", content), **more}


async def test_a_message_is_kept_with_its_edits(http, slack, clock):
    posted = (await call(http, "chat.postMessage", channel="alerts", text="one")).json()
    clock.advance(2_000)
    edited = await call(http, "chat.update", channel=posted["channel"], ts=posted["ts"], text="two")
    assert edited.json()["ok"]
    [message] = slack.posted()
    assert [version.body["text"] for version in message.versions] == ["one", "two"]
    assert [version.at_ms - NOW_MS for version in message.versions] == [0, 2_000]
    assert posted["ts"] == "1795269785.000001"


async def test_an_edit_leaves_what_it_does_not_name(http, slack):
    posted = (
        await call(http, "chat.postMessage", channel="alerts", text="one", blocks=[section()])
    ).json()
    await call(http, "chat.update", channel=posted["channel"], ts=posted["ts"], text="two")
    assert slack.posted()[0].body == {"text": "two", "blocks": [section()]}


async def test_the_same_twice_is_there_twice(http, slack):
    for _ in range(2):
        await call(http, "chat.postMessage", channel="alerts", text="one")
    assert len({message.ts for message in slack.posted()}) == 2


async def test_tokens(http):
    answers = [
        (await call(http, "auth.test", token=token)).json().get("error")
        for token in ("", "xoxb-wrong", "xoxb-revoked", "xoxb-good")
    ]
    assert answers == ["not_authed", "invalid_auth", "token_revoked", None]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({}, "no_text"),
        ({"text": ""}, "no_text"),
        ({"text": "x", "channel": "#nowhere"}, "channel_not_found"),
        ({"text": "x", "channel": "private"}, "not_in_channel"),
        ({"text": "x", "channel": "old"}, "is_archived"),
        ({"text": "x" * 40_001}, "msg_too_long"),
        ({"text": "x", "thread_ts": "1.000001"}, "thread_not_found"),
        ({"text": "x", "blocks": "no"}, "invalid_blocks"),
        ({"text": "x", "attachments": [{}] * 101}, "too_many_attachments"),
        ({"text": "x", "blocks": [section("y" * 2_900)] * 5}, "msg_blocks_too_long"),
        ({"text": "x", "attachments": [{"blocks": [section("")]}]}, "invalid_attachments"),
    ],
)
async def test_what_a_post_is_refused_for(http, slack, body, expected):
    assert await error(http, **body) == expected
    assert not slack.messages


@pytest.mark.parametrize(
    "block",
    [
        {"type": "header", "text": text("plain_text", "x" * 151)},
        {"type": "header", "text": text("mrkdwn", "x")},
        {"type": "header"},
        section("x" * 3_001),
        section(""),
        {"type": "section"},
        {"type": "section", "fields": []},
        {"type": "section", "fields": [text("mrkdwn", "x")] * 11},
        {"type": "section", "fields": [text("mrkdwn", "x" * 2_001)]},
        section(colour="red"),
        section(block_id="x" * 256),
        {"type": "context", "elements": []},
        {"type": "context", "elements": [text("mrkdwn", "x")] * 11},
        {"type": "actions", "elements": [{"type": "button", "text": text("plain_text", "x")}] * 26},
        {"type": "actions", "elements": [{"type": "button", "text": text("plain_text", "x" * 76)}]},
        {"type": "image", "image_url": "https://x/y.png"},
        {"type": "nothing"},
        "text",
    ],
)
async def test_blocks_that_slack_does_not_take(http, block):
    answer = await call(http, "chat.postMessage", channel="alerts", text="x", blocks=[block])
    assert answer.json()["error"] == "invalid_blocks"
    assert "json-pointer:/blocks/0" in answer.json()["response_metadata"]["messages"][0]


async def test_fifty_blocks_and_no_more(http):
    fits = await call(http, "chat.postMessage", channel="alerts", text="x", blocks=[section()] * 50)
    assert fits.json()["ok"]
    assert await error(http, text="x", blocks=[section()] * 51) == "invalid_blocks"


async def test_what_an_edit_is_refused_for(http, slack):
    posted = (await call(http, "chat.postMessage", channel="alerts", text="one")).json()
    await http.post(HOOK, json={"text": "by webhook"})
    here = {"channel": posted["channel"], "ts": posted["ts"]}
    of_hook = {**here, "ts": slack.posted()[1].ts}
    answers = [
        await error(http, "chat.update", **body)
        for body in (
            {**here, "ts": "1.000001", "text": "x"},
            {**here, "channel": "#alerts", "text": "x"},  # by id only
            {**of_hook, "text": "x"},
            here,
            {**here, "text": "x" * 4_001},
        )
    ]
    assert answers == [
        "message_not_found", "channel_not_found", "cant_update_message", "no_text", "msg_too_long",
    ]  # fmt: skip


async def test_a_message_a_second_and_channel_with_a_small_burst(http, clock, slack):
    burst = slack_standin.POSTS_BURST
    answers = [await call(http, "chat.postMessage", channel="alerts", text="x") for _ in range(9)]
    assert [answer.status_code for answer in answers] == [200] * burst + [429] * (9 - burst)
    assert answers[-1].headers["Retry-After"] == "1"
    assert answers[-1].json() == {"ok": False, "error": "ratelimited"}
    clock.advance(1_000)
    again = [await call(http, "chat.postMessage", channel="alerts", text="x") for _ in range(2)]
    assert [answer.status_code for answer in again] == [200, 429]
    other = slack.add_channel("other")
    elsewhere = await call(http, "chat.postMessage", channel=other.id, text="x")
    assert elsewhere.json()["ok"]


async def test_what_is_refused_costs_no_token(http):
    for _ in range(20):
        assert await error(http) == "no_text"
    assert (await call(http, "chat.postMessage", channel="alerts", text="x")).json()["ok"]


@pytest.mark.parametrize(
    ("path", "body", "status", "said"),
    [
        (HOOK, {"text": "x"}, 200, "ok"),
        (HOOK, {}, 400, "no_text"),
        (HOOK, {"text": "x", "blocks": [section("")]}, 400, "invalid_blocks"),
        ("/services/T0/B0/wrong", {"text": "x"}, 403, "invalid_token"),
        ("/services/T0/B1/secret", {"text": "x"}, 404, "no_service"),
    ],
)
async def test_webhooks_answer_in_plain_text(http, path, body, status, said):
    answer = await http.post(path, json=body)
    assert (answer.status_code, answer.text) == (status, said)


async def test_a_webhook_into_an_archived_channel_or_with_nonsense(http, slack):
    assert (await http.post(HOOK, content=b"{")).text == "invalid_payload"
    slack.channels[slack.hooks["T0/B0/secret"]].archived = True
    answer = await http.post(HOOK, json={"text": "x"})
    assert (answer.status_code, answer.text) == (410, "channel_is_archived")


async def test_a_webhook_returns_no_ts_and_is_paced(http):
    answers = [await http.post(HOOK, json={"text": "x"}) for _ in range(6)]
    assert (answers[-1].status_code, answers[-1].text) == (429, "rate_limited")
    assert answers[-1].headers["Retry-After"] == "1"


async def test_a_thread(http, slack):
    posted = (await call(http, "chat.postMessage", channel="alerts", text="one")).json()
    await call(
        http,
        "chat.postMessage",
        channel="alerts",
        text="two",
        thread_ts=posted["ts"],
        reply_broadcast=True,
    )
    [reply] = slack.replies(posted["ts"])
    assert reply.broadcast
    assert len(slack.posted()) == 1


async def test_an_answer_that_is_lost_after_the_message_was_taken(http, slack):
    async def lose(_method, _body):
        return PlainTextResponse("", 502)

    slack.after = lose
    answer = await call(http, "chat.postMessage", channel="alerts", text="x")
    assert answer.status_code == 502
    assert len(slack.posted()) == 1


async def test_what_is_kept_is_bounded(clock):
    slack = SlackStandIn(clock, messages_max=3, versions_max=3)
    slack.tokens.add("xoxb-good")
    slack.add_channel("alerts")
    transport = httpx.ASGITransport(app=slack.app())
    async with httpx.AsyncClient(transport=transport, base_url="http://slack") as http:
        for _ in range(5):
            clock.advance(2_000)
            last = (await call(http, "chat.postMessage", channel="alerts", text="x")).json()
        for number in range(9):
            clock.advance(2_000)
            await call(
                http, "chat.update", channel=last["channel"], ts=last["ts"], text=str(number)
            )
    assert len(slack.posted()) == 3
    texts = [version.body["text"] for version in slack.posted()[-1].versions]
    assert texts == ["x", "7", "8"]  # the first and the newest stay


async def test_unknown_methods_and_nonsense(http):
    assert await error(http, "chat.delete") == "unknown_method"
    headers = {"Authorization": "Bearer xoxb-good", "Content-Type": "application/json"}
    answers = [
        (await http.post("/api/chat.postMessage", content=body, headers=headers)).json()["error"]
        for body in (b"{", b"[]", b"\xff")
    ]
    assert answers == ["invalid_json", "json_not_object", "invalid_json"]
