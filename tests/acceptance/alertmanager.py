"""A real Alertmanager and `tocsin run` on the same configuration, and how their answers compare."""

import json
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from tests.acceptance.peers import peer
from tests.acceptance.product import NOTIFIERS, product
from tests.acceptance.server import Server

Pair = tuple[httpx.Response, httpx.Response]
"""Theirs and ours."""
Ask = Callable[..., Pair]
"""Ask both: method, path, and what `httpx.request` takes."""

_HEADERS = ("content-type", "location")
_LINK = re.compile(r"text/html; charset=utf-8")  # of a redirect; nobody reads that page


class Alertmanager(Server):
    """The real one, without a cluster; its directory holds am.yml."""

    name = "alertmanager"

    def __init__(self, directory: Path, flags: Sequence[str] = (), prefix: str = "") -> None:
        super().__init__(directory)
        self._flags, self._prefix = flags, prefix

    def _command(self) -> Sequence[str]:
        return [
            str(peer("alertmanager")), f"--config.file={self.directory}/am.yml",
            f"--storage.path={self.directory}/data", "--cluster.listen-address=",
            f"--web.listen-address=127.0.0.1:{self.port}", *self._flags,
        ]  # fmt: skip

    def _ready(self) -> bool:
        try:
            url = f"http://127.0.0.1:{self.port}{self._prefix}/-/ready"
            return httpx.get(url).status_code == 200
        except httpx.HTTPError:
            return False


@contextmanager
def both(
    directory: Path, config: str = NOTIFIERS, flags: Sequence[str] = (), extra: str = "",
    prefix: str = "",
) -> Iterator[Ask]:  # fmt: skip
    """Run both, Alertmanager with flags and Tocsin with what says the same in tocsin.yaml."""
    for name in ("am", "tocsin"):
        (directory / name).mkdir()
    (directory / "am/am.yml").write_text(config)
    theirs = Alertmanager(directory / "am", flags, prefix)
    theirs.start()
    try:
        with (
            product(directory / "tocsin", notifiers=config, extra=extra) as ours,
            httpx.Client(timeout=30) as http,
        ):
            urls = (f"http://127.0.0.1:{theirs.port}", ours.url)

            def ask(method: str, path: str, **options: Any) -> Any:
                return tuple(http.request(method, url + path, **options) for url in urls)

            yield ask
    finally:
        theirs.stop()


def masked(text: str) -> Any:
    """Return an answer's value without ids and times."""
    text = re.sub(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "UUID", text)
    text = re.sub(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z", "TIME", text)
    try:
        return json.loads(text)
    except ValueError:
        return text


def same(pair: Pair, *, words: bool = True) -> None:
    """Compare status, headers that mean something, and what is said, `words` or not."""
    theirs, ours = pair
    told = (
        f"{theirs.request.method} {theirs.request.url}\n"
        f"theirs {theirs.status_code} {dict(theirs.headers)} {theirs.text}\n"
        f"ours {ours.status_code} {dict(ours.headers)} {ours.text}"
    )
    assert theirs.status_code == ours.status_code, told
    for name in _HEADERS:
        value = theirs.headers.get(name)
        if value is not None and not _LINK.fullmatch(value):
            assert value == ours.headers.get(name), f"{name}: {told}"
    assert allowed(theirs) <= allowed(ours), told
    if words:
        assert masked(theirs.text) == masked(ours.text), told


def allowed(answer: httpx.Response) -> set[str]:
    """Return the methods that a 405 names."""
    return {word.strip() for word in answer.headers.get("allow", "").split(",")} - {""}
