"""The page /demo/inbox: Slack messages and emails as their receivers would see them.

Routes for the worker's HTTP server. The page asks for its list once a second and shows it when it
has changed. An email's HTML is a page of its own in a sandboxed frame that runs no script.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from email.message import EmailMessage
from typing import Any

import jinja2
from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from engine.demo import mrkdwn
from engine.demo.slack_standin import Posted, SlackStandIn
from engine.demo.smtp_standin import Mail, SmtpStandIn

SHOWN_MAX = 40

_FRAME_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; img-src data:;"
    " sandbox allow-popups; frame-ancestors 'self'",
    "X-Frame-Options": "SAMEORIGIN",  # the server's own default forbids frames
}
_PAGE_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'self'; connect-src 'self';"
    " frame-src 'self'; base-uri 'none'; form-action 'none'"
)

_environment = jinja2.Environment(
    loader=jinja2.PackageLoader("engine.demo", "templates"),
    autoescape=True,
    undefined=jinja2.StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


@dataclass(frozen=True, slots=True)
class SlackView:
    """One message of a channel, ready to be shown."""

    key: str
    author: str
    posted_s: int
    header: Markup
    colour: str  # of the bar, "" without one
    blocks: tuple[Markup, ...]
    edited_s: int  # 0: never
    edits: int
    replies: tuple[tuple[int, Markup, bool], ...]  # (when, text, also sent to the channel)


@dataclass(frozen=True, slots=True)
class MailView:
    """One mail of a thread."""

    number: int
    at_s: int
    preview: str
    status: str  # "firing", "resolved"
    text: str
    encrypted: bool


@dataclass(frozen=True, slots=True)
class ThreadView:
    """Mails that a mail client shows together."""

    key: str
    subject: str
    sender: str
    to: str
    mails: tuple[MailView, ...]  # newest first


class Inbox:
    """Shows what two stand-ins have received."""

    def __init__(self, slack: SlackStandIn, smtp: SmtpStandIn) -> None:
        self._slack = slack
        self._smtp = smtp

    def routes(self, prefix: str = "/demo/inbox") -> list[BaseRoute]:
        """Return the page's routes."""
        return [
            Route(prefix, self._page, methods=["GET"]),
            Route(f"{prefix}/list", self._list, methods=["GET"]),
            Route(f"{prefix}/inbox.js", self._script, methods=["GET"]),
            Route(f"{prefix}/email/{{number:int}}", self._email, methods=["GET"]),
        ]

    async def _page(self, request: Request) -> Response:
        page = self._rendered("inbox.html", request.url.path)
        return HTMLResponse(page, headers={"Content-Security-Policy": _PAGE_POLICY})

    async def _list(self, request: Request) -> Response:
        version = f'"{self._slack.changes}-{self._smtp.count}"'
        headers = {"ETag": version, "Cache-Control": "no-cache"}
        if request.headers.get("if-none-match") == version:
            return Response(status_code=304, headers=headers)
        prefix = request.url.path.removesuffix("/list")
        return HTMLResponse(self._rendered("messages.html", prefix), headers=headers)

    async def _script(self, _request: Request) -> Response:
        source = _environment.get_template("inbox.js").render()
        return Response(source, media_type="text/javascript")

    async def _email(self, request: Request) -> Response:
        number = request.path_params["number"]
        mail = next((one for one in self._smtp.mails() if one.number == number), None)
        if mail is None:
            return PlainTextResponse("This mail is not kept any more.", status_code=404)
        html = _body(mail.message, "html").replace("<head>", '<head><base target="_blank">', 1)
        return HTMLResponse(html, headers=_FRAME_HEADERS)

    def _rendered(self, template: str, prefix: str) -> str:
        messages = self._slack.posted()[::-1][:SHOWN_MAX]
        names = {channel.id: channel.name for channel in self._slack.channels.values()}
        mails = self._smtp.mails()
        return _environment.get_template(template).render(
            prefix=prefix.rstrip("/"),
            channels=", ".join(f"#{name}" for name in names.values()),
            slack=[slack_view(one, self._slack.replies(one.ts)) for one in messages],
            slack_total=len(self._slack.posted()),
            threads=threads(mails)[:SHOWN_MAX],
            mail_total=self._smtp.count,
        )


def slack_view(message: Posted, replies: Sequence[Posted]) -> SlackView:
    """Return one Slack message as it is shown: its last version, and its thread."""
    body = message.body
    edited = len(message.versions) > 1
    bar = next((one for one in body.get("attachments") or () if isinstance(one, dict)), {})
    top = [_block(block) for block in body.get("blocks") or ()]
    return SlackView(
        key=message.ts,
        author=str(body.get("username") or "Tocsin"),
        posted_s=message.posted_ms // 1_000,
        header=Markup().join(top) if top else mrkdwn.to_html(str(body.get("text", ""))),
        colour=_colour(bar.get("color")),
        blocks=tuple(_block(block) for block in bar.get("blocks", ())),
        edited_s=message.versions[-1].at_ms // 1_000 if edited else 0,
        edits=len(message.versions) - 1,
        replies=tuple(
            (one.posted_ms // 1_000, mrkdwn.to_html(str(one.body.get("text", ""))),
             one.broadcast)
            for one in replies
        ),
    )  # fmt: skip


def threads(mails: Sequence[Mail]) -> list[ThreadView]:
    """Group mails as a mail client does, by the root that they refer to; the newest first."""
    found: dict[str, list[Mail]] = {}
    for mail in mails:
        message = mail.message
        root = str(message.get("References") or message.get("Message-ID") or mail.number)
        found.setdefault(root.split()[0], []).append(mail)
    ordered = sorted(found.items(), key=lambda pair: pair[1][-1].number, reverse=True)
    return [_thread(root, of_root) for root, of_root in ordered]


def _thread(root: str, mails: Sequence[Mail]) -> ThreadView:
    last = mails[-1].message
    return ThreadView(
        key=root,
        subject=str(last.get("Subject", "(no subject)")),
        sender=str(last.get("From", "")),
        to=str(last.get("To", "")),
        mails=tuple(_mail(mail) for mail in reversed(mails)),
    )


def _mail(mail: Mail) -> MailView:
    message = mail.message
    text = _body(message, "plain")
    return MailView(
        number=mail.number,
        at_s=mail.at_ms // 1_000,
        preview=text.strip().split("\n", 1)[0],
        status=str(message.get("X-Tocsin-Status", "firing")),
        text=text,
        encrypted=mail.encrypted,
    )


def _body(message: EmailMessage, kind: str) -> str:
    part = message.get_body((kind,))
    return str(part.get_content()) if isinstance(part, EmailMessage) else ""


def _block(block: Any) -> Markup:
    """Return HTML of one block; the stand-in has refused what Slack would not take."""
    kind = block["type"]
    if kind == "divider":
        return Markup("<hr>")
    if kind == "header":
        return Markup("<h3>{}</h3>").format(_text(block["text"]))
    if kind == "context":
        shown = Markup(" ").join(_text(one) for one in block["elements"] if "text" in one)
        return Markup('<div class="context">{}</div>').format(shown)
    parts = [Markup("<p>{}</p>").format(_text(block["text"]))] if "text" in block else []
    if fields := block.get("fields"):
        inside = Markup().join(Markup("<div>{}</div>").format(_text(one)) for one in fields)
        parts.append(Markup('<div class="fields">{}</div>').format(inside))
    return Markup().join(parts)


def _text(text: Any) -> Markup:
    to_html = mrkdwn.to_html if text["type"] == "mrkdwn" else mrkdwn.plain_to_html
    return to_html(text["text"])


def _colour(colour: object) -> str:
    """Return a colour that is one, as it goes into a style."""
    text = str(colour or "")
    digits = text.removeprefix("#")
    known = text.startswith("#") and len(digits) in (3, 6)
    return text if known and all(c in "0123456789abcdefABCDEF" for c in digits) else ""
