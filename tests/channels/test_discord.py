"""Discord: addresses, pauses, who may be pinged, and markup."""

import pytest
from starlette.responses import Response

from notifiers.channels.discord.channel import address
from notifiers.channels.discord.embed import escape
from notifiers.notification import Drop, Retry, Sent
from tests.channels import configured, samples, standins
from tests.channels.configured import notify
from tests.channels.serving import Clock, serving


@pytest.fixture
def service():
    return standins.Discord(Clock(samples.T0_MS))


@pytest.fixture
async def url(service):
    async with serving(service.app()) as address:
        yield address


async def send(base, url, notification=None, **entry):
    made = configured.channel("discord", {"webhook_url": url, **entry}, base)
    try:
        return await notify(made, notification or samples.first())
    finally:
        await made.close()


def body(base, notification=None, **entry):
    made = configured.channel("discord", {"webhook_url": "https://d.example/1/t", **entry}, base)
    notification = notification or samples.first()
    return made.render(notification, notification.now_ms)[0].body


@pytest.mark.parametrize(
    ("url", "message", "asked"),
    [
        ("https://d/api/webhooks/1/t", "", "https://d/api/webhooks/1/t?wait=true"),
        ("https://d/api/webhooks/1/t", "9", "https://d/api/webhooks/1/t/messages/9"),
        ("https://d/w/1/t/?thread_id=5", "", "https://d/w/1/t?thread_id=5&wait=true"),
        ("https://d/w/1/t?thread_id=5&wait=false", "9", "https://d/w/1/t/messages/9?thread_id=5"),
    ],
)
def test_addresses(url, message, asked):
    assert address(url, message) == asked


async def test_a_pause_is_read_from_the_body(service, url, tmp_path):
    service.limit(0.65)
    outcome = await send(tmp_path, f"{url}/api/webhooks/1/t")
    assert outcome == Retry("rateLimited", 650, "Discord: HTTP 429: too many messages")


@pytest.mark.parametrize(("webhook", "text"), [("2/t", "create a new one"), ("1/x", "token")])
async def test_a_webhook_that_is_wrong(service, url, webhook, text, tmp_path):
    outcome = await send(tmp_path, f"{url}/api/webhooks/{webhook}")
    assert isinstance(outcome, Drop)
    assert outcome.reason == "authError"
    assert text in outcome.text


async def test_a_far_side_that_tells_no_id_is_never_edited(service, url, tmp_path):
    service.judge = lambda _hit: Response(status_code=204)
    outcome = await send(tmp_path, f"{url}/api/webhooks/1/t")
    assert isinstance(outcome, Sent)
    made = configured.channel("discord", {"webhook_url": url}, tmp_path)
    [request] = made.render(samples.level_change(outcome.far_id), samples.T0_MS)
    assert request.method == "POST"


@pytest.mark.parametrize(
    ("content", "mentions"),
    [
        (None, {"parse": []}),
        ("{{ .CommonLabels.service }}", {"parse": []}),
        ("<@&123456> and <@!987654>", {"parse": [], "roles": ["123456"], "users": ["987654"]}),
        ("@here {{ .Status }}", {"parse": ["everyone"]}),
        ('{{ template "own.content" . }}', {"parse": ["roles", "users"]}),
    ],
)
def test_only_whom_the_file_names_may_be_pinged(content, mentions, tmp_path):
    entry = {} if content is None else {"content": content}
    entry["webhook_url"] = "https://d.example/1/t"
    own = '{{ define "own.content" }}<@&1>{{ end }}'
    made = configured.channel("discord", entry, tmp_path, templates=own)
    [request] = made.render(samples.first(), samples.T0_MS)
    assert request.body["allowed_mentions"] == mentions


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("payments_api", r"payments\_api"),
        ("**bold** `x` ~~y~~ ||z||", r"\*\*bold\*\* \`x\` \~\~y\~\~ \|\|z\|\|"),
        ("# title\n> quote\n- item", "\\# title\n\\> quote\n\\- item"),
        ("[a](https://evil.example)", r"\[a\](https://evil.example)"),
        ("see https://x.example/a_b_c", "see https://x.example/a_b_c"),
        ("<@123>", r"\<@123\>"),
    ],
)
def test_escaping(text, shown):
    assert escape(text) == shown


def test_who_is_named_is_pinged_by_what_must_be_heard_and_not_by_what_calms(tmp_path):
    entry = {"webhook_url": "https://d.example/1/t", "content": "<@&123456>"}
    made = configured.channel("discord", entry, tmp_path)
    far = {"id": "9", "told": samples.TOLD_WARNING}
    _, aloud = made.render(samples.level_change(far), samples.T0_MS)
    _, silent = made.render(samples.resolved(far), samples.T0_MS)
    assert (aloud.body["content"], aloud.body.get("flags")) == ("<@&123456>", None)
    assert (silent.body["content"], silent.body["flags"]) == ("", 1 << 12)
    assert silent.body["allowed_mentions"] == {"parse": []}


def test_a_name_and_a_picture_of_the_file(tmp_path):
    told = body(tmp_path, username="Herald", avatar_url="https://a.example/x.png")
    assert (told["username"], told["avatar_url"]) == ("Herald", "https://a.example/x.png")


def test_content_of_the_file_stands_over_tocsins_embed(tmp_path):
    told = body(tmp_path, content="look: {{ .Status }}")
    assert told["content"] == "look: firing"
    assert told["embeds"][0]["fields"]
