"""Telegram: its words for errors, pauses, moved groups, markup that it cannot read."""

import pytest

from notifiers.notification import Drop, Retry, Sent
from tests.channels import configured, samples, standins
from tests.channels.configured import notify
from tests.channels.serving import Clock, serving


@pytest.fixture
def service():
    return standins.Telegram(Clock(samples.T0_MS))


@pytest.fixture
async def url(service):
    async with serving(service.app()) as address:
        yield address


async def send(base, url, notification=None, **entry):
    whole = {"bot_token": "1:a", "chat_id": -100123, "api_url": url, **entry}
    made = configured.channel("telegram", whole, base)
    try:
        return await notify(made, notification or samples.first())
    finally:
        await made.close()


async def test_a_pause_is_read_from_the_body(service, url, tmp_path):
    service.limit(11)
    assert await send(tmp_path, url) == Retry("rateLimited", 11_000, "Telegram: HTTP 429")


@pytest.mark.parametrize(
    ("entry", "reason", "text"),
    [
        ({"bot_token": "2:b"}, "authError", "bot_token"),
        ({"chat_id": 8}, "clientError", "chat not found"),
        ({"chat_id": 7}, "authError", "unblock"),
        ({"message": "{{ .CommonLabels.nothing }} "}, "clientError", "message"),
    ],
)
async def test_what_it_refuses(service, url, entry, reason, text, tmp_path):
    service.blocked.add(7)
    outcome = await send(tmp_path, url, **entry)
    assert isinstance(outcome, Drop)
    assert outcome.reason == reason
    assert text in outcome.text


async def test_a_group_that_has_moved_is_followed(service, url, tmp_path):
    service.moved[-100123] = -100999
    service.chats.add(-100999)
    outcome = await send(tmp_path, url)
    assert isinstance(outcome, Sent)
    assert (-100999, int(outcome.far_id["message_id"])) in service.messages


@pytest.mark.parametrize(
    ("entry", "text"),
    [
        ({"message": "<h1>{{ .CommonLabels.service }} &amp; co</h1>"}, "payments & co"),
        ({"message": "{{ .Status }}!", "parse_mode": "MarkdownV2"}, "firing!"),
    ],
)
async def test_markup_that_is_refused_arrives_as_text(service, url, entry, text, tmp_path):
    assert isinstance(await send(tmp_path, url, **entry), Sent)
    assert len(service.hits) == 2
    [versions] = service.messages.values()
    assert versions[0]["text"] == text
    assert "parse_mode" not in versions[0]


async def test_a_text_that_is_too_long_is_cut_as_telegram_counts(service, url, tmp_path):
    entry = {"message": "{{ .CommonAnnotations.summary }}", "parse_mode": ""}
    told = samples.notification(samples.alert(annotations={"summary": "😀" * 4_000}))
    assert isinstance(await send(tmp_path, url, told, **entry), Sent)
    [versions] = service.messages.values()
    assert versions[0]["text"] == "😀" * 2_047 + "…"


async def test_html_that_is_too_long_arrives_as_text(service, url, tmp_path):
    long = "<b>{{ range .Alerts }}{{ .Annotations.description }} & {{ end }}</b>"
    outcome = await send(tmp_path, url, samples.over_every_limit(), message=long)
    assert isinstance(outcome, Sent)
    [versions] = service.messages.values()
    assert versions[0]["text"].endswith("…")
    assert "<b>" not in versions[0]["text"]


async def test_what_says_the_same_already_is_sent(service, url, tmp_path):
    first = await send(tmp_path, url)
    again = samples.notification(samples.alert(), previous=first.far_id, reason="new alerts added")
    outcome = await send(tmp_path, url, again)
    assert isinstance(outcome, Sent)
    assert outcome.edited
    assert outcome.far_id["message_id"] == first.far_id["message_id"]


async def test_what_calms_is_said_silently(service, url, tmp_path):
    first = await send(tmp_path, url)
    raised = await send(tmp_path, url, samples.level_change(first.far_id))
    await send(tmp_path, url, samples.resolved(raised.far_id))
    aloud, silent = (versions[0] for versions in list(service.messages.values())[1:])
    assert "disable_notification" not in aloud
    assert silent["disable_notification"] is True
    number = int(first.far_id["message_id"])
    assert aloud["reply_parameters"]["message_id"] == number


async def test_a_topic_and_silence_for_all(service, url, tmp_path):
    await send(tmp_path, url, message_thread_id=4, disable_notifications=True)
    [versions] = service.messages.values()
    assert versions[0]["message_thread_id"] == 4
    assert versions[0]["disable_notification"] is True


async def test_a_chat_and_a_token_by_file(service, url, tmp_path):
    (tmp_path / "chat").write_text("7\n")
    (tmp_path / "token").write_text("1:a\n")
    entry = {"bot_token_file": "token", "chat_id_file": "chat", "api_url": url}
    made = configured.channel("telegram", entry, tmp_path)
    assert isinstance(await notify(made, samples.first()), Sent)
    (tmp_path / "chat").write_text("nobody")
    outcome = await notify(made, samples.first())
    await made.close()
    assert isinstance(outcome, Drop)
    assert "chat_id_file" in outcome.text


async def test_token_and_address_of_global(service, url, tmp_path):
    made = configured.channel(
        "telegram", {"chat_id": 7}, tmp_path, telegram_bot_token="1:a", telegram_api_url=url
    )
    assert isinstance(await notify(made, samples.first()), Sent)
    await made.close()


def test_one_person_is_paced_faster_than_a_group(tmp_path):
    entry = {"bot_token": "1:a"}
    one, group = (
        configured.channel("telegram", {**entry, "chat_id": chat}, tmp_path).pace
        for chat in (7, -100123)
    )
    assert one.per_second > group.per_second
