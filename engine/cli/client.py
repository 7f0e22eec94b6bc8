"""Ask a worker by HTTP: what the verbs `silence`, `alert` and `status` share."""

import argparse
import json
import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

from engine.errors import TocsinError

URL = "http://127.0.0.1:9093"
_TIMEOUT_S = 30.0


class ApiError(TocsinError):
    """A worker did not answer, or refused; the text says what to do."""


class Subparsers(Protocol):
    """What argparse's `add_subparsers()` returns."""

    def add_parser(self, name: str, **options: Any) -> argparse.ArgumentParser:
        """Add the parser of a verb."""
        ...


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add where to ask and how to show the answer."""
    parser.add_argument(
        "--url",
        default=os.environ.get("TOCSIN_URL", URL),
        help=f"a worker (default $TOCSIN_URL, else {URL})",
    )
    parser.add_argument(
        "--token-file", metavar="FILE", help="holds a bearer token (default $TOCSIN_TOKEN)"
    )
    parser.add_argument("--output", choices=("text", "json"), default="text")


def ask(
    args: argparse.Namespace,
    method: str,
    path: str,
    *,
    params: Mapping[str, Any] | None = None,
    body: Any = None,
    allowed: Sequence[int] = (200,),
) -> Any:
    """Send a request and return the decoded answer. Raises ApiError."""
    import httpx  # slow to import, and most verbs do not need it

    headers = _headers(args)
    url = args.url.rstrip("/") + path
    try:
        answer = httpx.request(
            method, url, params=params, json=body, headers=headers, timeout=_TIMEOUT_S
        )
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise ApiError(
            f"no answer from {args.url} ({str(error) or type(error).__name__}); "
            "is a worker running there? Name another with --url"
        ) from error
    content = _decoded(answer.content)
    if answer.status_code not in allowed:
        raise ApiError(_refusal(answer.status_code, content))
    return content


def _headers(args: argparse.Namespace) -> dict[str, str]:
    # Ours is for our own workers: who else is asked must not learn it.
    token = "" if getattr(args, "stranger", False) else os.environ.get("TOCSIN_TOKEN", "")
    if args.token_file:
        try:
            with open(args.token_file, encoding="utf-8") as file:
                token = file.read()
        except OSError as error:
            raise ApiError(f"cannot read the token: {error}") from error
    return {"Authorization": f"Bearer {token.strip()}"} if token.strip() else {}


def _decoded(content: bytes) -> Any:
    try:
        return json.loads(content) if content else None
    except ValueError:
        return content.decode(errors="replace")


def _refusal(status: int, content: Any) -> str:
    said = content if isinstance(content, str) else json.dumps(content)
    match status:
        case 401:
            return "a token is needed: set TOCSIN_TOKEN or --token-file"
        case 403:
            return f"not allowed: {said}"
        case 404:
            return "not found" if content is None else f"not found: {said}"
        case 503:
            return f"not available at the moment, try again: {said}"
    return f"refused ({status}): {said}"


def print_json(value: Any) -> None:
    """Print an answer for programs."""
    print(json.dumps(value, indent=2, ensure_ascii=False))


def print_table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print columns. What would steer a terminal is shown, not sent."""
    table = [[*head], *([plain(cell) for cell in row] for row in rows)]
    widths = [max(len(row[column]) for row in table) for column in range(len(head))]
    for row in table:
        cells = (f"{cell:{width}}" for cell, width in zip(row, widths, strict=True))
        print("  ".join(cells).rstrip())


def plain(text: str) -> str:
    """Return text without anything that moves a cursor."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def filters(texts: Sequence[str]) -> list[str]:
    """Return matchers; a first word without an operator is an alert name, as amtool has it."""
    from engine.api import MatcherTextError, parse_matcher  # see ask

    found = list(texts)
    if found:
        try:
            parse_matcher(found[0])
        except MatcherTextError as error:
            if any(sign in found[0] for sign in "=~!"):
                raise ApiError(f"{error}; a matcher is NAME=VALUE, !=, =~ or !~") from error
            found[0] = f"alertname={json.dumps(found[0], ensure_ascii=False)}"
    for text in found:
        try:
            parse_matcher(text)
        except MatcherTextError as error:
            raise ApiError(f"{error}; a matcher is NAME=VALUE, !=, =~ or !~") from error
    return found


def note(text: str) -> None:
    """Say something that is not the answer."""
    print(text, file=sys.stderr)
