"""A message as an email: headers that mail clients thread by and robots leave alone.

Every message of a group's life refers to one root that was never sent, so that a client shows one
thread even if the first message is gone; the subject stays the same, or Gmail splits the thread.
What an alert carries cannot add a header: control characters are removed, and EmailMessage refuses
what is left of them.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime

from notifiers import message as reading
from notifiers import wording
from notifiers.channels.email import html
from notifiers.message import Item, Message
from notifiers.notification import Notification

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


@dataclass(frozen=True, slots=True)
class Envelope:
    """Who writes to whom."""

    sender: Address
    recipients: tuple[Address, ...]
    headers: Mapping[str, str]  # of the file; they replace ours
    threading: bool


def build(notification: Notification, message: Message, envelope: Envelope) -> EmailMessage:
    """Return the email of a notification."""
    host = envelope.sender.domain or "localhost"
    thread = Thread.of(notification, host)
    email = EmailMessage(policy=SMTP)
    headers = {
        "From": envelope.sender,
        "To": envelope.recipients,
        "Subject": thread.subject,
        "Date": format_datetime(wording.utc(notification.now_ms)),
        "Message-ID": message_id(notification, host),
        **(_threading(thread) if envelope.threading else {}),
        **_for_robots(notification, message, host),
    }
    replaced = {name.lower() for name in envelope.headers}
    for name, value in headers.items():
        if name.lower() not in replaced:
            email[name] = value
    for name, value in envelope.headers.items():
        email[name] = wording.one_line(value)
    rendered, items_max = _fitting(message)
    email.set_content(text_body(message, items_max), cte="quoted-printable")
    email.add_alternative(rendered, subtype="html", cte="quoted-printable")
    # A boundary at random would make each attempt another message.
    email.set_boundary(f"tocsin-{hashlib.sha256(notification.key.encode()).hexdigest()[:24]}")
    return email


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
    if message.change and message.status == "firing":
        lines.append(f"Changed: {message.change}")
    if message.counts:
        lines.append(message.counts)
    lines += _labels(message.scope)
    for item in message.items[:items_max]:
        lines += ["", *_item_lines(message, item)]
    if len(message.items) > items_max:
        lines += ["", wording.more(len(message.items) - items_max, "alert")]
    lines.append("")
    lines += [f"{link.text}: {link.url}" for link in message.links]
    lines += ["", *(f"! {warning}" for warning in message.warnings), message.footer]
    return "\n".join(lines) + "\n"


def _item_lines(message: Message, item: Item) -> list[str]:
    level = f" {item.level.upper()}" if item.level and item.status == "firing" else ""
    several = len(message.items) > 1
    lines = [f"{item.status.upper()}{level}: {item.summary}"] if several else []
    lines += [reading.reading_text(one) for one in item.readings]
    if item.since_ms > 0:
        lasted = reading.lasted(item, message.now_ms)
        end = f" to {wording.date_time(item.until_ms)}, lasted" if item.until_ms else ", for"
        lines.append(f"since {wording.date_time(item.since_ms)}{end} {lasted}")
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


def _threading(thread: Thread) -> dict[str, str]:
    return {"References": thread.root, "In-Reply-To": thread.root}


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


def addresses(text: str) -> tuple[Address, ...]:
    """Read a comma separated list of addresses. Raises ValueError, which names the wrong part."""
    probe = EmailMessage(policy=SMTP)
    try:
        probe["To"] = text
    except (ValueError, IndexError) as error:
        raise ValueError(f"{text!r} is not a list of addresses") from error
    found: Sequence[Address] = probe["To"].addresses
    wrong = [address for address in found if not (address.username and address.domain)]
    if probe["To"].defects or wrong or not found:
        raise ValueError(f"{text!r} is not a list of addresses like oncall@example.org")
    return tuple(found)
