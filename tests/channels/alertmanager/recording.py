"""Run a real Alertmanager against recorders and keep what it sends for each case of cases.yml.

    .venv/bin/python -m tests.channels.alertmanager.recording     # rewrites the recordings

The alerts go through three stages: both fire, one has ended, all have ended.
"""

import json
import re
import tempfile
import threading
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from email import message_from_bytes
from email.policy import SMTP
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

import httpx
import yaml

from engine.clock import system_clock
from engine.demo.smtp_standin import Mail, SmtpStandIn
from tests.acceptance.peers import built
from tests.acceptance.server import Server
from tests.channels.alertmanager.slack_proxy import SlackProxy
from tests.channels.golden import ROOT
from tests.waiting import until

CASES = yaml.safe_load((Path(__file__).parent / "cases.yml").read_text(encoding="utf-8"))
STAGES = ("first", "update", "resolve")
KINDS = ("slack", "email", "webhook")
EXTERNAL_URL = "http://am.example:9093"
STARTS_AT = "2024-01-02T03:04:05.678Z"
ENDS_AT = "2024-01-02T03:04:05.679Z"
THREAD_DATE = "2024-01-02"
EDITED = "to_be_edited"
LATER = "2199-01-01T00:00:00Z"

_SHARED = {
    "alertname": "DiskFull", "job": "node", "severity": "critical", "team": "<db> & \"co\" 'ü'",
}  # fmt: skip
_NOTES = {"description": "It's filling > 1 GB/h.", "runbook_url": "https://run.example/?a=1&b=2"}

ALERTS: Sequence[Mapping[str, Any]] = (
    {
        "labels": {**_SHARED, "instance": "db-1:9100"},
        "annotations": {**_NOTES, "summary": "disk <b>90 %</b> full & rising", "long": "é" * 900},
        "generatorURL": "http://prom.example/graph?g0.expr=disk+%3E+1&g0.tab=1",
    },
    {
        "labels": {**_SHARED, "instance": "db-2:9100", "rack": "r1"},
        "annotations": {**_NOTES, "summary": "disk `full`", "long": "x" * 900},
        "generatorURL": "javascript:alert(1)",
    },
)

ENDED = {"first": (), "update": (1,), "resolve": (0, 1)}
"""Which of the alerts have ended at each stage."""


class Alertmanager(Server):
    """The real one, without a cluster; it names itself by EXTERNAL_URL."""

    name = "alertmanager"

    def _command(self) -> Sequence[str]:
        return [
            str(built("alertmanager")), "--config.file=am.yml", "--storage.path=data",
            "--cluster.listen-address=", f"--web.external-url={EXTERNAL_URL}",
            "--web.route-prefix=/", f"--web.listen-address=127.0.0.1:{self.port}",
        ]  # fmt: skip

    def _ready(self) -> bool:
        try:
            return httpx.get(f"http://127.0.0.1:{self.port}/-/ready").status_code == 200
        except httpx.HTTPError:
            return False


class Recorder(ThreadingHTTPServer):
    """Takes every POST and keeps (path, headers, body) by the receiver that its path names."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.hits: dict[str, list[dict[str, Any]]] = {}
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        assert isinstance(self.server, Recorder)
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        _, case, *rest = re.split(r"[/?]", self.path, maxsplit=2)
        case = unquote(case)
        hit = {"path": "/".join(rest), "type": self.headers["Content-Type"], "text": body.decode()}
        self.server.hits.setdefault(case, []).append(hit)
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, *_arguments: Any) -> None:
        """Say nothing."""


def configuration(
    cases: Mapping[str, Any], hook: str, mail: str, proxy: SlackProxy | None = None
) -> str:
    """Return an alertmanager.yml with one receiver a case; every receiver gets all alerts.

    What is to be edited goes to slack.com itself, through the proxy where there is one.
    """
    receivers = []
    for kind in KINDS:
        for name, entry in (cases.get(kind) or {}).items():
            receivers.append(
                {
                    "name": f"{kind}-{name}",
                    f"{kind}_configs": [_entry(kind, name, entry, hook, mail) | _way(entry, proxy)],
                }
            )
    routes = [{"receiver": one["name"], "continue": True} for one in receivers]
    route = {
        "receiver": "nobody", "group_by": ["alertname", "job"], "group_wait": "500ms",
        "group_interval": "1s", "repeat_interval": "1h", "routes": routes,
    }  # fmt: skip
    whole = {
        "templates": ["*.tmpl"],
        "route": route,
        "receivers": [*receivers, {"name": "nobody"}],
    }
    return yaml.safe_dump(whole, sort_keys=False, allow_unicode=True)


def _way(entry: Mapping[str, Any], proxy: SlackProxy | None) -> dict[str, Any]:
    if not entry.get("update_message"):
        return {}
    login = {"authorization": {"credentials": "xoxb-recorded"}}
    way = {} if proxy is None else {
        "proxy_url": proxy.url, "tls_config": {"ca_file": str(proxy.ca_file)},
    }  # fmt: skip
    return {"api_url": "https://slack.com/api/chat.postMessage", "http_config": {**login, **way}}


def _entry(kind: str, name: str, entry: Mapping[str, Any], hook: str, mail: str) -> Any:
    if kind == "slack":
        return {"api_url": f"{hook}/slack-{name}", "send_resolved": True, **entry}
    if kind == "webhook":
        url = f"{hook}/{quote(f'webhook-{name}')}"
        return {**entry, "url": entry["url"].replace("HOOK", url)}
    whole = {
        "from": "herald@example.org", "smarthost": mail, "require_tls": False,
        "send_resolved": True, **entry,
    }  # fmt: skip
    headers = {**(entry.get("headers") or {}), "X-Case": f"email-{name}"}
    return {**whole, "headers": headers}


def alerts_at(stage: str, begun_s: int) -> list[dict[str, Any]]:
    """Return what is posted at a stage.

    They begin as they are posted: a group of older ones would not wait for the second.
    """
    begun = _text_of(begun_s)
    return [
        {
            **alert,
            "startsAt": f"{begun}.678Z",
            "endsAt": f"{begun}.679Z" if index in ENDED[stage] else LATER,
        }
        for index, alert in enumerate(ALERTS)
    ]


def _text_of(time_s: int) -> str:
    return f"{datetime.fromtimestamp(time_s, UTC):%Y-%m-%dT%H:%M:%S}"


def variants() -> dict[str, tuple[dict[str, Any], str]]:
    """Return (cases by kind, templates) without and with the defaults defined anew."""
    plain = {kind: CASES[kind] for kind in KINDS}
    redefined = {kind: CASES.get(f"{kind}_redefined", {}) for kind in KINDS}
    return {
        "plain": (plain, CASES["templates"]),
        "redefined": (redefined, CASES["redefined"]),
        "edited": ({"slack": CASES["slack_edited"]}, CASES["templates"]),
    }


def record() -> dict[str, Any]:
    """Return {variant: {receiver: {stage: request}}} as a real Alertmanager sends them."""
    return {name: _record(*variant) for name, variant in variants().items()}


def _record(cases: Mapping[str, Any], templates: str) -> dict[str, Any]:
    recorder = Recorder()
    mailbox = SmtpStandIn(lambda: 0)
    mailbox.start()
    with tempfile.TemporaryDirectory() as scratch:
        server = Alertmanager(Path(scratch))
        proxy = SlackProxy(Path(scratch))
        smarthost = f"127.0.0.1:{mailbox.port}"
        text = configuration(cases, recorder.url, smarthost, proxy)
        (Path(scratch) / "am.yml").write_text(text)
        (Path(scratch) / "own.tmpl").write_text(templates)
        server.start()
        try:
            return _stages(server, cases, recorder, mailbox, proxy)
        finally:
            server.stop()
            mailbox.close()
            proxy.close()
            recorder.shutdown()
            recorder.server_close()


def _stages(
    server: Server,
    cases: Mapping[str, Any],
    recorder: Recorder,
    mailbox: SmtpStandIn,
    proxy: SlackProxy,
) -> dict[str, Any]:
    names = [f"{kind}-{name}" for kind in KINDS for name in cases.get(kind) or {}]

    def heard() -> dict[str, list[Any]]:
        mails: dict[str, list[Any]] = {}
        for mail in mailbox.mails():
            mails.setdefault(str(mail.message["X-Case"]), []).append(read_mail(mail))
        return {**recorder.hits, **mails, f"slack-{EDITED}": proxy.hits}

    begun_s = system_clock() // 1_000
    url = f"http://127.0.0.1:{server.port}/api/v2/alerts"
    for count, stage in enumerate(STAGES, 1):
        answer = httpx.post(url, json=alerts_at(stage, begun_s), timeout=10)
        assert answer.status_code == 200, answer.text
        until(
            lambda count=count: all(len(heard().get(name, ())) == count for name in names),
            30.0,
            lambda stage=stage: f"{stage}: {[n for n in names if n not in heard()]}",
        )
    found = heard()
    requests = {name: dict(zip(STAGES, found[name], strict=True)) for name in names}
    text = json.dumps(requests).replace(_text_of(begun_s), STARTS_AT[:19])
    today = f"{datetime.fromtimestamp(begun_s, UTC):%Y-%m-%d}"
    read: dict[str, Any] = json.loads(text.replace(f"-{today}@", f"-{THREAD_DATE}@"))
    return read


def read_mail(mail: Mail) -> dict[str, Any]:
    """Return what of an email can be compared: not what is drawn at random, not its date."""
    return read_email(mail.content, mail.sender, mail.recipients)


def read_email(content: bytes, sender: str, recipients: Sequence[str]) -> dict[str, Any]:
    """Return the same of an email by its bytes."""
    email = message_from_bytes(content, policy=SMTP)
    headers = {
        name.lower(): str(value)
        for name, value in email.items()
        if name.lower() not in ("date", "content-type", "mime-version", "x-case", "x-peer")
    }
    if "." in headers["message-id"].partition("@")[0]:
        headers["message-id"] = "(at random)"
    parts = {part.get_content_type(): part.get_content() for part in email.iter_parts()}
    return {
        "from": sender,
        "to": list(recipients),
        "headers": dict(sorted(headers.items())),
        "parts": parts,
    }


def main() -> None:
    """Rewrite the recordings."""
    path = ROOT / "alertmanager" / "requests.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(record(), indent=1, ensure_ascii=False, sort_keys=True)
    path.write_text(f"{text}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
