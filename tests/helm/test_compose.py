"""compose.yaml and the Dockerfile say what Tocsin takes; no Docker engine is needed to see that."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from engine import config
from notifiers import config as notifications

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text("utf-8"))
    return loaded


def test_its_configurations_have_no_finding(compose: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "rules").mkdir()
    notifiers = compose["configs"]["notifiers"]["content"]
    (tmp_path / "notifiers.yaml").write_text(notifiers)
    text = compose["configs"]["tocsin"]["content"]
    loaded, findings = config.parse(text, "tocsin.yaml", tmp_path, environ={}, hostname="a")
    assert loaded is not None, findings
    assert findings == []
    assert notifications.load(notifiers, "notifiers.yaml")[1] == []


def test_only_loopback_is_published(compose: dict[str, Any]) -> None:
    ports = [port for service in compose["services"].values() for port in service.get("ports", ())]
    assert ports
    assert all(port.startswith("127.0.0.1:") for port in ports)


def test_workers_differ_in_name_and_place(compose: dict[str, Any]) -> None:
    workers = {name: each for name, each in compose["services"].items() if "build" in each}
    assert len(workers) == 2
    for name, each in workers.items():
        assert each["environment"]["TOCSIN_INSTANCE_ID"] == name
        assert each["environment"]["TOCSIN_ADVERTISED_URL"] == f"http://{name}:9093"
        assert f"{name}:/data" in each["volumes"]
        assert name in compose["volumes"]
        assert each["read_only"] is True


def test_the_image_is_built_from_the_lock_and_runs_as_nobody() -> None:
    text = (ROOT / "Dockerfile").read_text("utf-8")
    assert "--require-hashes" in text
    assert re.search(r"^USER 65532:65532$", text, flags=re.MULTILINE)
    assert re.search(r"^STOPSIGNAL SIGTERM$", text, flags=re.MULTILINE)


def test_the_builder_gets_what_the_dockerfile_copies() -> None:
    """A file that .dockerignore holds back would fail the build, on somebody else's machine."""
    allowed = set(re.findall(r"^!(\S+)$", (ROOT / ".dockerignore").read_text(), re.MULTILINE))
    copies = re.findall(r"^COPY (?!--from)(.+) \S+$", (ROOT / "Dockerfile").read_text(), re.M)
    wanted = {name for line in copies for name in line.split()}
    assert wanted == allowed
