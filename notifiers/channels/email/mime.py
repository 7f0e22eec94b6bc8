"""A message as an email: headers that mail clients thread by and robots leave alone.

Every message of a group's life refers to one root that was never sent, so that a client shows one
thread even if the first message is gone; the subject stays the same, or Gmail splits the thread.
What an alert carries cannot add a header: control characters are removed, and EmailMessage refuses
what is left of them.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from email.message import EmailMessage
from email.policy import SMTP, SMTPUTF8, EmailPolicy
from email.utils import format_datetime
from typing import Any

from notifiers import message as reading
from notifiers import sender, wording
from notifiers.channels.email import html
from notifiers.channels.email.letter import PARSE_ERRORS, Envelope, Threading
from notifiers.channels.texts import FieldError
from notifiers.message import Item, Message
from notifiers.notification import Notification

_SUBTYPES = {"text": "plain", "html": "html"}

ITEMS_TRIED = (50, 20, 8, 3, 1)
HTML_BYTES_MAX = 90_000
"""Gmail cuts an email's HTML at 102 kB and hides what comes after it, the footer too."""


@dataclass(frozen=True, slots=True)
class Thread:
    """What all emails of a group's life share; it comes back as far_id."""

    root: str  # "<...@host>", never sent itself
    subject: str

    @classmethod
    def of(cls, notification: Notification, host: str) -> "Thread":
        """Continue the thread of the last notification, or begin one."""
        far = notification.previous or {}
        if far.get("root") and far.get("subject"):
            return cls(far["root"], far["subject"])
        begun = hashlib.sha256(notification.key.encode()).hexdigest()[:16]
        episode = notification.episodes[0] if notification.episodes else "group"
        subject = reading.subject(notification)
        return cls(f"<{wording.one_line(episode)}.{begun}@{host}>", subject)


def build(
    notification: Notification, message: Message, envelope: Envelope, sent_ms: int
) -> EmailMessage:
    """Return the email of a notification. Raises FieldError for a header that cannot be one."""
    host = envelope.sender.domain or "localhost"
    thread = Thread.of(notification, host)
    headers: dict[str, Any] = {
        "From": envelope.sender,
        "To": envelope.recipients,
        "Subject": thread.subject if envelope.subject is None else envelope.subject,
        "Date": format_datetime(wording.utc(notification.now_ms)),
        "Message-ID": message_id(notification, host),
        **_threading(thread, notification, envelope.threading, sent_ms),
        **_for_robots(notification, message, host),
    }
    replaced = {name.lower() for name in envelope.headers}
    kept = {name: value for name, value in headers.items() if name.lower() not in replaced}
    email = EmailMessage(policy=_policy(envelope))
    for name, value in {**kept, **envelope.headers}.items():
        _set(email, name, value)
    _fill(email, _bodies(message, envelope))
    # A boundary at random would make each attempt another message.
    email.set_boundary(f"tocsin-{hashlib.sha256(notification.key.encode()).hexdigest()[:24]}")
    return email


def _policy(envelope: Envelope) -> "EmailPolicy[Any]":
    """Write headers in ASCII, except where an address is not: a server must know SMTPUTF8 then."""
    plain = all(one.addr_spec.isascii() for one in (envelope.sender, *envelope.recipients))
    return SMTP if plain else SMTPUTF8


def _set(email: EmailMessage, name: str, value: Any) -> None:
    try:
        email[name] = wording.one_line(value) if isinstance(value, str) else value
        # What cannot be written is found here, where its name is known.
        email.policy.fold_binary(name, email[name])
    except PARSE_ERRORS as error:
        raise FieldError(name, f"this cannot be a header: {sender.excerpt(str(error))}") from error


def _bodies(message: Message, envelope: Envelope) -> dict[str, str]:
    """Return the parts, text first: clients show the last one that they understand."""
    rendered, items_max = _fitting(message)
    own = {"text": lambda: text_body(message, items_max), "html": lambda: rendered}
    return {name: own[name]() if given is None else given for name, given in envelope.parts.items()}


def _fill(email: EmailMessage, bodies: Mapping[str, str]) -> None:
    (first, body), *others = bodies.items()
    email.set_content(body, _SUBTYPES[first], cte="quoted-printable")
    email.make_alternative()
    for name, text in others:
        email.add_alternative(text, _SUBTYPES[name], cte="quoted-printable")


def message_id(notification: Notification, host: str) -> str:
    """Return `<episode.n.hash@host>`, equal for every attempt: some servers then show it once."""
    key = hashlib.sha256(notification.key.encode()).hexdigest()[:12]
    episode = notification.episodes[0] if notification.episodes else "group"
    return f"<{wording.one_line(episode)}.{notification.n}.{key}@{host}>"


def _fitting(message: Message) -> tuple[str, int]:
    """Return the HTML with as many alerts as fit, and how many those are at most."""
    rendered, items_max = "", 0
    for items_max in ITEMS_TRIED:
        rendered = html.render(message, items_max)
        if len(rendered.encode()) <= HTML_BYTES_MAX:
            break
    return rendered, items_max


def text_body(message: Message, items_max: int = ITEMS_TRIED[0]) -> str:
    """Return the part for people and clients that read plain text."""
    lines = [f"{message.verdict}: {message.title}"]
    if change := reading.change_line(message):
        lines.append(change)
    if message.counts:
        lines.append(message.counts)
    lines += [f"Alert: {message.name}"] if message.name else []
    lines += _labels(message.scope)
    lines += message.description.splitlines()
    for item in message.items[:items_max]:
        lines += ["", *_item_lines(message, item)]
    if message.total > items_max:
        lines += ["", wording.more(message.total - items_max, "alert")]
    if message.links:
        lines += ["", *(f"{link.text}: {link.url}" for link in message.links)]
    lines += ["", *(f"! {warning}" for warning in message.warnings), message.footer]
    return "\n".join(lines) + "\n"


def _item_lines(message: Message, item: Item) -> list[str]:
    level = f" {item.level.upper()}" if item.level and item.status == "firing" else ""
    several = len(message.items) > 1
    lines = [f"{item.status.upper()}{level}: {item.summary}"] if several else []
    lines += [reading.reading_text(one) for one in item.readings]
    if item.since_ms > 0:
        end = f" to {wording.date_time(item.until_ms)}" if item.until_ms else ""
        age = reading.age(item, message.now_ms)
        lines.append(f"since {wording.date_time(item.since_ms)}{end}, {age}")
    lines += _labels(item.scope)
    lines += item.description.splitlines()
    lines += [f"  | {line}" for line in item.lines]
    lines += [f"{link.text}: {link.url}" for link in item.links]
    return [*lines, f"Rule: {item.rule}"] if item.rule else lines


def _labels(scope: Sequence[tuple[str, str]]) -> list[str]:
    lines = [f"  {name} = {value}" for name, value in scope[: html.LABELS_MAX]]
    if len(scope) > html.LABELS_MAX:
        lines.append(f"  {wording.more(len(scope) - html.LABELS_MAX, 'label')}")
    return lines


def _threading(
    thread: Thread, notification: Notification, kind: Threading, sent_ms: int
) -> dict[str, str]:
    if kind == "off":
        return {}
    root = thread.root
    if kind != "episode":
        # Alertmanager's: a thread stays whole when its sender is replaced by Tocsin.
        group = hashlib.sha256(notification.group_key.encode()).hexdigest()[:16]
        day = f"{wording.utc(sent_ms):%Y-%m-%d}" if kind == "daily" else ""
        root = f"<alert-{group}-{day}@alertmanager>"
    return {"References": root, "In-Reply-To": root}


def _for_robots(notification: Notification, message: Message, host: str) -> dict[str, str]:
    """Keep out-of-office answers away, and let filters and lists recognise it."""
    receiver = wording.one_line(notification.receiver)
    safe = "".join(c if c.isascii() and (c.isalnum() or c in "-_.") else "-" for c in receiver)
    headers = {
        "Auto-Submitted": "auto-generated",
        "X-Auto-Response-Suppress": "All",
        "Precedence": "bulk",
        "List-Id": f"{_ascii(receiver)} <{safe[:60] or 'alerts'}.tocsin.{host}>",
        "X-Tocsin-Status": message.status,
    }
    if message.status == "firing" and reading.rank(message.level) < reading.rank("error"):
        headers["X-Priority"] = "1 (Highest)"
    return headers


def _ascii(text: str) -> str:
    kept = "".join(c for c in text if c.isascii() and (c.isalnum() or c in " -_."))
    return kept.strip()[:60] or "alerts"
