"""The guide "Moving from Alertmanager in ten minutes", walked with three real configurations.

Everything is compared with the real Alertmanager and the real amtool on the same file.
"""

import contextlib
import io
import json
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest
import yaml

from engine.cli import main
from tests.acceptance.alertmanager import Alertmanager
from tests.acceptance.peers import peer
from tests.acceptance.server import Server
from tests.notifiers import corpora
from tests.waiting import until

pytestmark = [pytest.mark.slow]

HOME = Path(__file__).resolve().parents[2]
FILES = ("doc/examples/simple.yml", "config/conf.good.yml", "examples/ha/alertmanager.yml")
LABELS = (
    {"alertname": "Up", "service": "foo1"},
    {"alertname": "Up", "service": "foo1", "severity": "critical"},
    {"alertname": "Up", "service": "files", "severity": "warning", "cluster": "a"},
    {"alertname": "Up", "service": "files", "severity": "critical", "cluster": "a"},
    {"alertname": "Slow", "service": "database", "owner": "team-X"},
    {"alertname": "Slow", "service": "database", "owner": "team-Y", "database": "orders"},
    {"alertname": "Slow", "service": "database", "owner2": "team-X"},
    {"alertname": "Disk", "dev": "sda", "instance": "a", "severity": "critical"},
    {"alertname": "Disk", "dev": "sda", "instance": "a", "severity": "warning"},
)
SILENCES = (("service=~foo.",), ("alertname=Slow", "owner!=team-X"))


class Ours(Server):
    """`tocsin run` on what the guide says."""

    name = "tocsin"

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def _command(self) -> Sequence[str]:
        code = (
            f"import sys; sys.path.insert(0, {str(HOME)!r}); "
            "from engine.cli import main; sys.exit(main(['run']))"
        )
        return [sys.executable, "-c", code]

    def _ready(self) -> bool:
        try:
            return httpx.get(f"{self.url}/-/ready", timeout=2).status_code == 200
        except httpx.HTTPError:
            return False


def verb(directory: Path, *words: str, code: int = 0) -> str:
    """Run a verb of ours in a directory, and return what it prints."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.chdir(directory), redirect_stdout(out), redirect_stderr(err):
        assert main(words) == code, out.getvalue() + err.getvalue()
    return out.getvalue()


def run(directory: Path, *command: str, code: int = 0) -> str:
    done = subprocess.run(
        command, cwd=directory, check=False, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout


def guide() -> str:
    """The tocsin.yaml that the guide shows."""
    text = (HOME / "notifiers/README.md").read_text("utf-8")
    found = re.search(r"```yaml\n# tocsin\.yaml\n(.*?)```", text, re.DOTALL)
    assert found, "the guide shows a tocsin.yaml"
    return found[1]


class Both(NamedTuple):
    """The old one with the file as it is, the new one with the file as it was moved."""

    old: str
    new: str

    def get(self, path: str) -> tuple[Any, Any]:
        old, new = (httpx.get(url + path).json() for url in self)
        return old, new


@pytest.fixture(params=FILES)
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A directory with a copy of a configuration; nobody is ever told anything for real."""
    (tmp_path / "am.yml").write_text(corpora.file(request.param))
    return tmp_path


def moved(place: Path) -> None:
    """Step 1: check it, and do what the findings say."""
    text = (place / "am.yml").read_text()
    (place / "alertmanager.yml").write_text(text)
    wanted = {"victorops", "pushover"} & set(re.findall(r"(\w+)_configs:", text))
    words = ("check", "alertmanager.yml", "--output", "json")
    findings = json.loads(verb(place, *words, code=1 if wanted else 0))
    errors = [f for f in findings if f["severity"] == "error"]
    assert [f["code"] for f in errors] == ["receiver-unsupported"] * len(wanted)
    assert all(f["help"] for f in findings)
    tree = yaml.safe_load(text)
    tree["receivers"] = [
        r for r in tree["receivers"] if not {f"{w}_configs" for w in wanted} & set(r)
    ]
    (place / "alertmanager.yml").write_text(yaml.safe_dump(tree, sort_keys=False))
    again = json.loads(verb(place, *words))
    assert [f for f in again if f["severity"] == "error"] == []


@pytest.fixture
def both(place: Path) -> Iterator[Both]:
    moved(place)
    (place / "old").mkdir()
    (place / "old/am.yml").write_text((place / "am.yml").read_text())
    with ExitStack() as stack:
        old = Alertmanager(place / "old")
        ours = Ours(place)
        text = guide().replace("127.0.0.1:9193", f"127.0.0.1:{ours.port}")
        assert str(ours.port) in text
        (place / "tocsin.yaml").write_text(text)
        for server in (old, ours):
            stack.callback(server.stop)
            server.start()
        yield Both(f"http://127.0.0.1:{old.port}", ours.url)


def test_routes_are_the_same(place: Path) -> None:
    """Step 2."""
    moved(place)
    for labels in LABELS:
        said = [f"{name}={value}" for name, value in labels.items()]
        theirs = run(place, str(peer("amtool")), "config", "routes", "test",
                     "--config.file=am.yml", *said).strip()  # fmt: skip
        words = ("route", "test", "--config", "alertmanager.yml", "--output", "names", *said)
        assert verb(place, *words).strip() == theirs, labels


def test_what_it_sends_can_be_seen_before(place: Path) -> None:
    """Step 3: of every receiver, without a connection to anybody."""
    moved(place)
    for receiver in yaml.safe_load((place / "alertmanager.yml").read_text())["receivers"]:
        words = ("receiver", "test", receiver["name"], "--config", "alertmanager.yml", "--dry-run")
        shown = verb(place, *words)
        assert all(entry["to"] in shown for entry in receiver.get("email_configs", ()))
        for entry in receiver.get("webhook_configs", ()):
            assert '"version": "4"' in shown
            assert entry["url"] not in shown, "a webhook's URL is a secret"


def test_side_by_side_they_say_the_same(both: Both, tmp_path: Path) -> None:
    """Steps 3 to 5: silences move, alerts come, and both know the same of them."""
    amtool = str(peer("amtool"))
    for matchers in SILENCES:
        run(tmp_path, amtool, f"--alertmanager.url={both.old}", "silence", "add", "--author=ann",
            "--comment=moving", "--duration=2h", *matchers)  # fmt: skip
    saved = run(
        tmp_path, amtool, f"--alertmanager.url={both.old}", "-o", "json", "silence", "query"
    )
    (tmp_path / "silences.json").write_text(saved)
    run(tmp_path, amtool, f"--alertmanager.url={both.new}", "silence", "import", "silences.json")
    old, new = (sorted(map(essence, each)) for each in both.get("/api/v2/silences"))
    assert old == new
    assert len(old) == len(SILENCES)
    body = [{"labels": labels, "endsAt": "2099-01-01T00:00:00Z"} for labels in LABELS]
    for url in both:
        assert httpx.post(f"{url}/api/v2/alerts", json=body).status_code == 200
    quiet = {each["id"]: essence(each) for side in both.get("/api/v2/silences") for each in side}

    def same() -> bool:
        old, new = ([known(alert, quiet) for alert in side] for side in both.get("/api/v2/alerts"))
        return sorted(old) == sorted(new) and len(old) == len(LABELS)

    until(same, 20, lambda: json.dumps(both.get("/api/v2/alerts"), indent=1))
    old, new = both.get("/api/v2/alerts/groups")
    assert sorted(map(grouped, old)) == sorted(map(grouped, new))
    old, new = (sorted(r["name"] for r in side) for side in both.get("/api/v2/receivers"))
    assert set(new) <= set(old)


def essence(silence: Any) -> str:
    kept = ("matchers", "endsAt", "createdBy", "comment")
    return json.dumps({key: silence[key] for key in kept}, sort_keys=True)


def known(alert: Any, quiet: dict[str, str]) -> str:
    """What both must know of an alert; ids of silences are each side's own."""
    status = alert["status"]
    return json.dumps([
        alert["labels"], alert["fingerprint"], [r["name"] for r in alert["receivers"]],
        status["state"], [quiet[each] for each in status["silencedBy"]], status["inhibitedBy"],
    ], sort_keys=True)  # fmt: skip


def grouped(group: Any) -> str:
    marks = sorted(alert["fingerprint"] for alert in group["alerts"])
    return json.dumps([group["labels"], group["receiver"]["name"], marks], sort_keys=True)
