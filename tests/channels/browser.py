"""Emails in a real browser: how they are laid out, and pictures of them.

.venv/bin/python -m tests.channels.browser     # rewrites the pictures in tests/golden/pictures
"""

import json
import re
import shutil
import subprocess
import tempfile
from email import message_from_bytes
from email.policy import default
from html import escape, unescape
from pathlib import Path
from typing import Any, Literal

from notifiers.channels.email import Email
from notifiers.notification import Global, Notification
from tests.channels import samples
from tests.channels.building import build
from tests.channels.golden import ROOT

Scheme = Literal["light", "dark"]

_SCHEMES = {"light": 1, "dark": 0}
_TIMEOUT_S = 90.0

# Walks all texts: its colour, what is behind it, and whether it leaves the page.
_MEASURE = """
<script>
function rgb(text) { return text.match(/[0-9.]+/g).map(Number); }
function light(c) {
  const [r, g, b] = c.map(v => { v /= 255; return v <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4; });
  return .2126 * r + .7152 * g + .0722 * b;
}
function behind(node) {
  for (; node; node = node.parentElement) {
    const c = rgb(getComputedStyle(node).backgroundColor);
    if (c.length < 4 || c[3] > 0) return c.slice(0, 3);
  }
  return [255, 255, 255];
}
const found = [];
const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
while (walk.nextNode()) {
  const text = walk.currentNode.textContent.trim(), at = walk.currentNode.parentElement;
  const range = document.createRange();
  range.selectNodeContents(walk.currentNode);
  const box = range.getBoundingClientRect();
  if (!text || !box.width || at.tagName === 'SCRIPT') continue;
  const a = light(rgb(getComputedStyle(at).color).slice(0, 3)), b = light(behind(at));
  found.push({text: text.slice(0, 60), right: box.right, size: parseFloat(getComputedStyle(at).fontSize),
    contrast: (Math.max(a, b) + .05) / (Math.min(a, b) + .05)});
}
const told = document.createElement('pre');
told.id = 'measured';
told.textContent = JSON.stringify({width: innerWidth, scroll: document.documentElement.scrollWidth, texts: found});
parent.document.body.appendChild(told);
</script>
"""


def html_of(notification: Notification) -> str:
    """Return the HTML of a notification's email."""
    global_ = Global(smtp_smarthost="mail.example:587", smtp_from="tocsin@alerts.example")
    channel = build(Email, {"to": "oncall@example.org"}, global_)
    request = channel.render(notification, notification.now_ms + 212)
    mail = message_from_bytes(request.content, policy=default)
    part = mail.get_body(("html",))
    assert part is not None, "an email without HTML"
    text: str = part.get_content()
    return text


def measure(html: str, scheme: Scheme, width: int) -> dict[str, Any]:
    """Return the width of the page, how wide it scrolls, and every text with its contrast."""
    page = _framed(html + _MEASURE, width, 3_000)
    dom = _run(page, scheme, "--dump-dom", "--allow-file-access-from-files").decode()
    found = re.search(r'<pre id="measured">(.*?)</pre>', dom, re.DOTALL)
    assert found is not None, "the page has not measured itself"
    measured: dict[str, Any] = json.loads(unescape(found[1]))
    return measured


def picture(html: str, scheme: Scheme, width: int, height: int, path: Path) -> None:
    """Take a picture of a page."""
    page = _framed(html, width, height)
    _run(page, scheme, f"--screenshot={path}", f"--window-size={width},{height}")


def _framed(html: str, width: int, height: int) -> str:
    """Put a page into a frame: a window of its own is never narrower than a browser likes."""
    style = f"width:{width}px;height:{height}px;border:0;display:block"
    return (
        f'<!doctype html><body style="margin:0"><iframe style="{style}" srcdoc="{escape(html)}">'
        "</iframe></body>"
    )


def _run(page: str, scheme: Scheme, *options: str) -> bytes:
    browser = shutil.which("chromium")
    assert browser is not None, "no chromium on PATH"
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / "page.html"
        path.write_text(page, encoding="utf-8")
        return subprocess.run(
            [browser, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars",
             f"--user-data-dir={scratch}/profile", "--virtual-time-budget=2000",
             f"--blink-settings=preferredColorScheme={_SCHEMES[scheme]}", *options, str(path)],
            check=True, capture_output=True, timeout=_TIMEOUT_S,
        ).stdout  # fmt: skip


EMAILS: dict[str, Notification] = {
    "first": samples.first(),
    "update": samples.level_change({"told": samples.TOLD_WARNING}),
    "resolve": samples.resolved({"told": samples.TOLD_CRITICAL}),
    "several": samples.notification(
        samples.posted(1),
        samples.posted(2, labels={**samples.posted(2).labels, "severity": "warning"}),
        samples.posted(3, status="resolved", ends_at_ms=samples.T0_MS),
        redis_degraded=True,
    ),
    "over_limits": samples.over_every_limit(),
}


def main() -> None:
    """Rewrite the pictures."""
    folder = ROOT / "pictures"
    folder.mkdir(exist_ok=True)
    for name in ("update", "several"):
        for scheme in ("light", "dark"):
            picture(html_of(EMAILS[name]), scheme, 700, 620, folder / f"{name}_{scheme}.png")
    picture(html_of(EMAILS["first"]), "dark", 400, 740, folder / "first_phone_dark.png")


if __name__ == "__main__":
    main()
