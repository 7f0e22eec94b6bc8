"""The whole product on real parts: workers, far sides that refuse, a paced load, what came of it."""

import asyncio
import json
import re
import ssl
import sys
import threading
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import trustme
import uvicorn
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from starlette.applications import Starlette
from starlette.routing import Mount

from engine.clock import system_clock
from engine.demo.slack_standin import SlackStandIn
from engine.demo.smtp_standin import SmtpStandIn
from engine.demo.webhook_standin import WebhookStandIn
from tests.acceptance.elsewhere import Elsewhere, says_so
from tests.acceptance.fleet import Key, Load
from tests.acceptance.server import Server
from tests.waiting import until

NOTIFIERS = """\
global:
  slack_app_url: {slack}/slack/api/chat.postMessage
  slack_app_token: xoxb-acceptance
  smtp_smarthost: localhost:{smtp}
  smtp_from: tocsin@example.org
  smtp_tls_config: {{ca_file: {ca}}}
route:
  receiver: everybody
  group_by: [alertname, service]
  group_wait: 0s
  group_interval: 1s
  repeat_interval: 4h
receivers:
  - name: everybody
    slack_configs: [{{channel: '#alerts', send_resolved: true}}]
    email_configs: [{{to: on-call@example.org, send_resolved: true}}]
    webhook_configs: [{{url: '{slack}/hook/on-call', send_resolved: true}}]
"""
CONFIG = """\
app_id: {app}
broker: {broker}
{dedup}
data_dir: {directory}/data
rules: [{shared}/rules]
notifications: {shared}/notifiers.yaml
listen: 127.0.0.1:{port}
instance_id: {name}
session_timeout: 6s
checkpoint_every: 2s
sources:
  - {{topic: metrics, format: json, lateness: 4s, partitions: 4}}
  - {{topic: logs, format: json, lateness: 4s, partitions: 3}}
"""


class FarSides:
    """Slack, a mail server that wants STARTTLS, a webhook, and the services of `Elsewhere`.

    None of them removes doubles, but for those whose events have keys.
    """

    def __init__(self, directory: Path) -> None:
        authority = trustme.CA()
        self.ca = directory / "ca.pem"
        authority.cert_pem.write_to_path(str(self.ca))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert("localhost", "127.0.0.1").configure_cert(context)
        self.mail = SmtpStandIn(system_clock, tls=context, require_starttls=True, mails_max=5_000)
        self.slack = SlackStandIn(system_clock)
        self.slack.tokens.add("xoxb-acceptance")
        self.slack.add_channel("#alerts")
        self.hook = WebhookStandIn(system_clock)
        self.elsewhere = Elsewhere()
        app = Starlette(
            routes=[
                Mount("/slack", routes=self.slack.routes()),
                Mount("/hook", self.hook.app()),
                *self.elsewhere.mounts(),
            ]
        )
        config = uvicorn.Config(app, host="127.0.0.1", port=0, log_level="critical", lifespan="off")
        self.server = uvicorn.Server(config)
        self.thread = threading.Thread(target=self.server.run, daemon=True)

    def start(self) -> None:
        self.mail.start()
        self.thread.start()
        until(lambda: self.server.started, 10)
        self.port = self.server.servers[0].sockets[0].getsockname()[1]

    def stop(self) -> None:
        self.server.should_exit = True
        self.thread.join(10)
        self.mail.close()

    def hooks(self) -> Counter[tuple[str, str, str]]:
        """How often each (alert, service, status:startsAt) came by webhook."""
        found: Counter[tuple[str, str, str]] = Counter()
        for hit in tuple(self.hook.hits):
            for alert in hit.json["alerts"]:
                labels = alert["labels"]
                what = f"{alert['status']}:{alert['startsAt']}"
                found[labels["alertname"], labels["service"], what] += 1
        return found

    def mails(self) -> Counter[tuple[str, str]]:
        """How often each (subject's thread, status) came by mail."""
        messages = [mail.message for mail in self.mail.mails()]
        return Counter(
            (str(m.get("References", m.get("In-Reply-To"))), str(m.get("X-Tocsin-Status")))
            for m in messages
        )

    def warned(self) -> Counter[str]:
        """How many first messages and mails say themselves that they may have come twice."""
        posts = [call for call in tuple(self.slack.calls) if call.method == "chat.postMessage"]
        first = [post.body for post in posts if not post.error and "thread_ts" not in post.body]
        texts = [" ".join(str(mail.message.get_body(("plain",))).split())
                 for mail in self.mail.mails()]  # fmt: skip
        return Counter(
            slack=sum(says_so(json.dumps(body)) for body in first),
            email=sum(map(says_so, texts)),
        )

    def roots(self) -> list[str]:
        """The text of each Slack message that is no reply in a thread, as people see it now."""
        return [json.dumps(post.body) for post in self.slack.posted() if post.thread_ts is None]


class Worker(Server):
    """One `tocsin run`."""

    def __init__(self, directory: Path, name: str, config: str) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        super().__init__(directory)
        self.name, self.fault = name, ""
        text = config.replace("@port@", str(self.port)).replace("@name@", name)
        (directory / "tocsin.yaml").write_text(text.replace("@directory@", str(directory)))

    def _command(self) -> Sequence[str]:
        home = Path(__file__).resolve().parents[2]
        code = (
            f"import sys; sys.path.insert(0, {str(home)!r}); "
            "from engine.cli import main; sys.exit(main(['run']))"
        )
        return ["env", f"TOCSIN_FAULT={self.fault}", sys.executable, "-c", code]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def _ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/-/ready", timeout=2) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False

    def answers(self) -> bool:
        """Whether it is ready now."""
        return self._ready()

    def end_now(self) -> None:
        """SIGKILL the process itself and nothing else; who keeps it notices."""
        if self._process is not None:
            self._process.kill()

    def metrics(self) -> str:
        with urllib.request.urlopen(f"{self.url}/metrics", timeout=5) as answer:
            return answer.read().decode()

    def dropped(self) -> dict[str, float]:
        """Rows dropped by reason, as its metrics say."""
        pattern = r'tocsin_rows_dropped_total\{reason="(\w+)"\} ([\d.]+)'
        return {name: float(n) for name, n in re.findall(pattern, self.metrics()) if float(n)}


class Whole:
    """Far sides, shared files and workers of one application."""

    def __init__(self, directory: Path, broker: str, dedup: str, app: str, load_rules: str) -> None:
        self.directory, self.broker, self.app = directory, broker, app
        self.far = FarSides(directory)
        self.far.start()
        shared = directory / "shared"
        (shared / "rules").mkdir(parents=True)
        (shared / "rules" / "acceptance.yml").write_text(load_rules)
        (shared / "notifiers.yaml").write_text(
            NOTIFIERS.format(
                slack=f"http://127.0.0.1:{self.far.port}", smtp=self.far.mail.port, ca=self.far.ca
            )
        )
        self.config = CONFIG.format(
            app=app, broker=broker, dedup=f"dedup: {dedup}" if dedup else "",
            directory="@directory@", shared=shared, port="@port@", name="@name@",
        )  # fmt: skip
        self.workers: dict[str, Worker] = {}

    def worker(self, name: str) -> Worker:
        if name not in self.workers:
            self.workers[name] = Worker(self.directory / name, name, self.config)
        return self.workers[name]

    def stop(self) -> None:
        for worker in self.workers.values():
            worker.stop()
        self.far.stop()

    def state(self) -> str:
        """What the workers say of themselves, for a failure's text."""
        words = (
            "batches",
            "dropped",
            "hole",
            "lag",
            "watermark",
            "skips",
            "source",
            "outbox",
            "notifications",
            "tick",
        )
        said = [
            f"{name}: {line}"
            for name, worker in self.workers.items()
            if worker.running
            for line in worker.metrics().splitlines()
            if not line.startswith("#") and any(word in line for word in words)
            and "_created" not in line and "_bucket" not in line and not line.endswith(" 0.0")
        ]  # fmt: skip
        return "\n".join(said) + "\n" + self.logs()

    def logs(self) -> str:
        return "\n".join(
            f"--- {name}\n" + worker.log.read_text(errors="replace")[-6000:]
            for name, worker in self.workers.items()
            if worker.log.exists()
        )


@contextmanager
def whole(directory: Path, broker: str, dedup: str, app: str, rules: str) -> Iterator[Whole]:
    """Yield the product's surroundings; nothing of it is left afterwards."""
    found = Whole(directory, broker, dedup, app, rules)
    try:
        yield found
    finally:
        found.stop()


class Producer(threading.Thread):
    """Sends a load to Kafka in its own time; a record's Kafka timestamp is its own."""

    def __init__(self, bootstrap: str, load: Load) -> None:
        super().__init__(daemon=True)
        self.bootstrap, self.load = bootstrap, load
        self.sent: Counter[str] = Counter()
        self.failed: BaseException | None = None

    def run(self) -> None:
        try:
            asyncio.run(self._produce())
        except Exception as error:  # noqa: BLE001
            self.failed = error

    async def _produce(self) -> None:
        producer = AIOKafkaProducer(
            bootstrap_servers=self.bootstrap, linger_ms=20, max_batch_size=1 << 18
        )
        async with producer:
            waiting = []
            for at_ms, topic, partition, record in self.load.records():
                ahead_s = at_ms / 1000 - time.time()
                if ahead_s > 0:
                    await asyncio.sleep(ahead_s)  # not a wait: the load's own pace
                waiting.append(
                    await producer.send(topic, record, partition=partition, timestamp_ms=at_ms)
                )
                self.sent[topic] += 1
                if len(waiting) > 5_000:
                    await asyncio.gather(*waiting)
                    waiting.clear()
            await asyncio.gather(*waiting)


def alert_log(bootstrap: str, app: str) -> list[dict]:
    """All records of topic `alerts`, with their epochs."""

    async def read() -> list[dict]:
        tp = TopicPartition(f"{app}.alerts", 0)
        consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, auto_offset_reset="earliest")
        async with consumer:
            consumer.assign([tp])
            end = (await consumer.end_offsets([tp]))[tp]
            out: list[dict] = []
            await consumer.seek_to_beginning(tp)
            while (await consumer.position(tp)) < end:
                got = await consumer.getmany(tp, timeout_ms=500)
                for records in got.values():
                    out += [json.loads(record.value) for record in records]
            return out

    return asyncio.run(read())


def keys(entries: list[dict]) -> list[Key]:
    """Alert records as the truth names them, each once; pending ones are not in it."""
    column = {"LoadHigh": "total", "Timeouts": "matches", "PromHigh": "value", "PromHeld": "value"}
    found = {
        (e["rule"], e["labels"]["service"], e["state"], e["event_ms"],
         e["values"][column[e["rule"]]])
        for e in entries
        if e["kind"] == "alert" and e["state"] in ("firing", "resolved")
    }  # fmt: skip
    return sorted(found)
