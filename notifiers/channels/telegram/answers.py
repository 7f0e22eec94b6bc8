"""What Telegram's answers mean. It says errors in words, with the number of HTTP."""

from typing import Any

from notifiers import sender
from notifiers.channels.wire import decode
from notifiers.notification import Drop, Retry

_GONE = ("message to edit not found", "message can't be edited", "MESSAGE_ID_INVALID")
_UNCHANGED = "message is not modified"
_MARKUP = ("can't parse entities", "ENTITIES_TOO_LONG", "ENTITY_BOUNDS_INVALID")

_REMEDIES = (
    ("bot was blocked", "authError", "somebody has blocked the bot; unblock it"),
    ("bot was kicked", "authError", "the bot was removed from the chat; add it again"),
    ("not a member", "authError", "add the bot to the chat"),
    ("can't initiate conversation", "authError", "write to the bot once, then it may answer"),
    ("not enough rights", "authError", "let the bot send messages in the chat"),
    ("user is deactivated", "clientError", "this account is gone; choose another chat"),
    ("chat not found", "clientError", "no such chat for this bot; check chat_id and its minus"),
    ("message thread not found", "clientError", "no such topic; check message_thread_id"),
    ("TOPIC_CLOSED", "clientError", "the topic is closed; open it, or choose another"),
    ("message is too long", "clientError", "the message was too long"),
    ("message text is empty", "clientError", "the template says nothing for this group"),
)  # fmt: skip


def classify(answer: sender.Answer, now_ms: int) -> Retry | Drop | None:
    """Say what an answer means; None where it was taken, or says already what it shall."""
    said = description(answer)
    if 200 <= answer.status < 300 or _UNCHANGED in said:
        return None
    if answer.status == 429:
        return Retry("rateLimited", _after_ms(answer, now_ms), "Telegram: HTTP 429")
    for words, reason, remedy in _REMEDIES:
        if words in said:
            text = f"Telegram: {sender.excerpt(said)}: {remedy}"
            return Drop("authError" if reason == "authError" else "clientError", text)
    if answer.status in (401, 404):
        # A wrong token makes a path that does not exist.
        return Drop("authError", f"Telegram: HTTP {answer.status}: bot_token is wrong or revoked")
    return sender.classify_status(answer.status, answer.headers, said, now_ms)


def is_gone(answer: sender.Answer) -> bool:
    """Say whether a message cannot be edited (any more): say it in a new one."""
    said = description(answer)
    return any(words in said for words in _GONE)


def is_markup(answer: sender.Answer) -> bool:
    """Say whether the markup is refused: plain text gets through."""
    said = description(answer)
    return answer.status == 400 and any(words in said for words in _MARKUP)


def moved_to(answer: sender.Answer) -> int | None:
    """Return the new id of a group that has become a supergroup."""
    found = _parameters(answer).get("migrate_to_chat_id")
    return found if isinstance(found, int) else None


def message_id(answer: sender.Answer) -> str:
    """Return the number of the message that was sent; "" where there is none."""
    result = decode(answer.text).get("result")
    found = result.get("message_id") if isinstance(result, dict) else None
    return str(found) if isinstance(found, int) else ""


def description(answer: sender.Answer) -> str:
    """Return Telegram's words for an error."""
    said = decode(answer.text).get("description")
    return said if isinstance(said, str) else ""


def _after_ms(answer: sender.Answer, now_ms: int) -> int | None:
    after = _parameters(answer).get("retry_after")
    if isinstance(after, int) and 0 <= after < 10**9:
        return after * 1_000
    return sender.retry_after_ms(answer.headers, now_ms)


def _parameters(answer: sender.Answer) -> dict[str, Any]:
    found = decode(answer.text).get("parameters")
    return found if isinstance(found, dict) else {}
