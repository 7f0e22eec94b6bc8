"""What the file says about an email, and what that is for one notification.

Where the file sets `html` or `text`, or its templates define Alertmanager's default of them anew,
the email has what Alertmanager's would have. Otherwise both parts are Tocsin's own.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from email.errors import HeaderParseError, NonASCIILocalPartDefect
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from typing import Literal, cast

from notifiers.channels.texts import SUBJECT, Defaults, FieldError, Texts, chosen
from notifiers.fields import Templated, Templating
from notifiers.notification import Notification

Threading = Literal["episode", "daily", "none", "off"]
"""Tocsin's own threads, Alertmanager's two, or no threads."""

PARSE_ERRORS = (ValueError, IndexError, AttributeError, TypeError, HeaderParseError)
"""What Python's parser of headers raises for texts that are none."""

OURS = ("content-type", "content-transfer-encoding", "mime-version")
"""Headers that say how the rest is to be read: a file cannot set them."""

_LAYOUT: Defaults = {"html": ("email.default.html",), "text": ()}
_SUBJECT_TEMPLATES = ("email.default.subject", SUBJECT)
_SUBJECT = '{{ template "email.default.subject" . }}'
_HEADER_NAME = re.compile(r"[!-9;-~]{1,100}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Envelope:
    """What the file says, for one notification."""

    sender: Address
    recipients: tuple[Address, ...]
    headers: Mapping[str, str]  # of the file; they replace ours
    subject: str | None  # None: Tocsin's
    parts: Mapping[str, str | None]  # "text" and "html", as far as there are; None: Tocsin's
    threading: Threading


@dataclass(frozen=True, slots=True)
class Letter:
    """One entry of email_configs without the way it is sent."""

    sender: Templated
    to: Templated
    headers: Mapping[str, Templated]
    subject: Templated | None
    parts: Mapping[str, Templated | None]
    threading: Threading

    @classmethod
    def of(cls, values: Mapping[str, object], sender: Templated, templates: Templating) -> "Letter":
        """Understand an entry. What is not there is Tocsin's own."""
        given = cast("Mapping[str, Templated]", values.get("headers") or {})
        headers = {name: text for name, text in given.items() if not header_problem(name)}
        subject = next((headers.pop(n) for n in list(headers) if n.lower() == "subject"), None)
        layout = chosen(values, _LAYOUT, templates)
        if "html" in layout and values.get("html") is None:
            layout["html"] = templates.html(layout["html"].source)
        anew = not templates.redefined.isdisjoint(_SUBJECT_TEMPLATES)
        if subject is None and (layout or anew):
            subject = templates.text(_SUBJECT)
        threading = cast("Mapping[str, object] | None", values.get("threading"))
        return cls(
            sender=sender,
            to=cast("Templated", values["to"]),
            headers=headers,
            subject=subject,
            parts=_parts(layout),
            threading=_threading(threading),
        )

    def envelope(self, notification: Notification, now_ms: int) -> Envelope:
        """Expand it. Raises FieldError, for addresses that are none too."""
        texts = Texts({}, notification, now_ms)
        [sender, *others] = _addresses("from", texts.expand("from", self.sender))
        if others:
            raise FieldError("from", "there is more than one address")
        parts: dict[str, str | None] = {
            name: None if part is None else texts.expand(name, part)
            for name, part in self.parts.items()
        }
        return Envelope(
            sender=sender,
            recipients=_addresses("to", texts.expand("to", self.to)),
            headers={name: texts.expand(name, text) for name, text in self.headers.items()},
            subject=None if self.subject is None else texts.expand("Subject", self.subject),
            parts=parts,
            threading=self.threading,
        )


def header_problem(name: str) -> str:
    """Say why the file cannot set a header; "" where it can."""
    if name.lower() in OURS:
        return f"the header {name} is Tocsin's to write"
    return "" if _HEADER_NAME.fullmatch(name) else f"{name!r} cannot be a header's name"


def addresses(text: str) -> tuple[Address, ...]:
    """Read a comma separated list of addresses. Raises ValueError, which names the wrong part."""
    probe = EmailMessage(policy=SMTP)
    try:
        probe["To"] = text
        found = tuple(probe["To"].addresses)
    except PARSE_ERRORS as error:
        raise ValueError(f"{text!r} is not a list of addresses") from error
    wrong = [one for one in found if not (one.username and one.domain)]
    defects = [one for one in probe["To"].defects if not isinstance(one, NonASCIILocalPartDefect)]
    if defects or wrong or not found:
        raise ValueError(f"{text!r} is not a list of addresses like oncall@example.org")
    return tuple(map(_in_ascii, found))


def _in_ascii(address: Address) -> Address:
    """Return an address with its domain as the DNS has it; only the name before it may stay."""
    try:
        domain = address.domain.encode("idna").decode()
    except UnicodeError as error:
        raise ValueError(f"{address.domain!r} is no domain") from error
    return Address(address.display_name, address.username, domain)


def _parts(layout: Mapping[str, Templated]) -> Mapping[str, Templated | None]:
    """Choose the parts, text first: an empty text in the file means that there is no such part."""
    said = {name: text for name, text in layout.items() if text.source}
    if "html" in said:
        return {name: said[name] for name in ("text", "html") if name in said}
    if "html" in layout:  # no HTML
        return {"text": said.get("text")}
    return {"text": said.get("text"), "html": None}


def _threading(given: Mapping[str, object] | None) -> Threading:
    if given is None:
        return "episode"
    if not given.get("enabled"):
        return "off"
    return "none" if given.get("thread_by_date") == "none" else "daily"


def _addresses(field: str, text: str) -> tuple[Address, ...]:
    try:
        return addresses(text)
    except ValueError as error:
        raise FieldError(field, error) from error
