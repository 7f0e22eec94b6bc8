"""Where a message leads: what to do, where to look, how to silence."""

from collections.abc import Mapping, Sequence
from urllib.parse import quote, urlsplit

from notifiers import wording
from notifiers.message.model import Link
from notifiers.notification import Notification, NotifiedAlert, common

URL_CHARACTERS_MAX = 2_000
SILENCE_CHARACTERS_MAX = 60

_RUNBOOK = ("runbook_url", "runbook")
_DASHBOARD = ("dashboard_url", "dashboard")


def item_links(notes: Mapping[str, str], source: str) -> tuple[Link, ...]:
    """Return the links of annotations, then where the alert came from."""
    found = []
    for text, names in (("Runbook", _RUNBOOK), ("Dashboard", _DASHBOARD)):
        url = next((notes[name] for name in names if notes.get(name)), "")
        if is_link(url):
            found.append(Link(text, url, "runbook" if text == "Runbook" else ""))
    if is_link(source):
        found.append(Link("Source", source))
    return tuple(found)


def links_of(notification: Notification, alerts: Sequence[NotifiedAlert]) -> tuple[Link, ...]:
    """Return the links into Tocsin: a silence for what fires, and all alerts."""
    if not is_link(notification.external_url):
        return ()
    base = notification.external_url.rstrip("/")
    links = []
    firing = [alert for alert in alerts if alert.status == "firing"]
    if firing and (matchers := silence_matchers(firing)):
        url = f"{base}/?filter={quote(matchers, safe='')}#silence"
        links.append(Link(_silence_text(firing), url, "silence"))
    links.append(Link("All alerts", f"{base}/"))
    return tuple(link for link in links if is_link(link.url))


def is_link(url: str) -> bool:
    """Say whether a URL of an annotation may become a link: http(s), printable, not endless."""
    if not url or len(url) > URL_CHARACTERS_MAX or not url.isprintable():
        return False
    if any(character in url for character in ' <>"|`'):
        return False
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.netloc)


def silence_matchers(alerts: Sequence[NotifiedAlert]) -> str:
    """Return matchers for all of these alerts at every level: `{alertname="X",service="a"}`.

    "" where they share nothing but a severity: nobody means to silence all that is critical.
    """
    pairs = [f"{name}={_quoted(value)}" for name, value in _silenced(alerts).items()]
    return f"{{{','.join(pairs)}}}" if pairs else ""


def _silenced(alerts: Sequence[NotifiedAlert]) -> dict[str, str]:
    shared = common([alert.labels for alert in alerts])
    if not shared.keys() - {"severity"}:
        return {}
    if alerts[0].level:
        shared.pop("severity", None)  # a level comes and goes; the silence must cover it
    return dict(sorted(shared.items()))


def _silence_text(alerts: Sequence[NotifiedAlert]) -> str:
    """Say what would be silenced: `Silence DiskFull job=node`."""
    labels = _silenced(alerts)
    name = labels.pop("alertname", "")
    pairs = [f"{name}={value}" for name, value in labels.items()]
    what = wording.one_line(" ".join(part for part in (name, *pairs) if part))
    if "://" in what:  # some services make a link of it, inside of ours
        what = name if name and "://" not in name else "this"
    return wording.cut(f"Silence {what}", SILENCE_CHARACTERS_MAX)


def _quoted(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'
