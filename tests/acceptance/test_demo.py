"""`tocsin demo` as a user starts it: a process of its own, in an empty directory and home."""

import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from tests.acceptance.services import free_port
from tests.waiting import until

TOCSIN = Path(sys.executable).parent / "tocsin"
DEMO = ".tocsin-demo"


class Demo:
    """A running demo, its output and what it serves."""

    def __init__(self, place: Path, *options: str) -> None:
        self.place, self.port = place, free_port()
        home = place / "home"
        self.work = place / "work"
        home.mkdir()
        self.work.mkdir()
        (place / "tmp").mkdir()
        self.out = place / "out"
        keep = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
        with self.out.open("wb") as out:
            self.process = subprocess.Popen(
                [TOCSIN, "demo", "--plain", "--port", str(self.port), *options],
                cwd=self.work,
                env=keep | {"HOME": str(home), "TMPDIR": str(place / "tmp")},
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def text(self) -> str:
        return self.out.read_text(errors="replace")

    def get(self, path: str) -> httpx.Response | None:
        try:
            return httpx.get(f"http://127.0.0.1:{self.port}{path}", timeout=2, trust_env=False)
        except httpx.TransportError:
            return None

    def ended(self) -> bool:
        return self.process.poll() is not None

    def survivors(self) -> list[str]:
        """Processes of the demo's session that are still there."""
        found = subprocess.run(
            ["ps", "-o", "pid=,args=", "-s", str(self.process.pid)],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        return [line for line in found.stdout.splitlines() if "<defunct>" not in line]

    def strays(self) -> list[str]:
        """Files that it left anywhere but in its own directory."""
        found = [
            path
            for root in (self.place / "home", self.place / "tmp", self.work)
            for path in root.rglob("*")
            if path.is_file() and (self.work / DEMO) not in path.parents
        ]
        return [str(path) for path in found]

    def kill(self) -> None:
        if not self.ended():
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()


@pytest.mark.slow
def test_once_exits_0_when_slack_and_the_mailbox_have_seen_an_alert_and_its_end(tmp_path):
    demo = Demo(tmp_path, "--once")
    try:
        inbox = ""

        def finished() -> bool:
            nonlocal inbox
            page = demo.get("/demo/inbox")
            if page is not None and page.status_code == 200:
                inbox = page.text
            return demo.ended()

        until(finished, 185, demo.text)
        assert demo.process.returncode == 0, demo.text()
        assert "RESOLVED" in inbox
        assert re.search(r"rules/[\w.-]+\.ya?ml:\d+", inbox)
        told = demo.text()
        assert re.search(r"firing +\w+", told)
        assert re.search(r"record -> [\d,]+ ms -> decision -> [\d,]+ ms -> Slack", told)
        assert re.search(r"record -> [\d,]+ ms -> decision -> [\d,]+ ms -> email", told)
        assert demo.survivors() == []
        assert demo.strays() == []
    finally:
        demo.kill()


@pytest.mark.slow
def test_it_is_up_early_fires_early_is_silenced_by_its_own_curl_line_and_ends_by_ctrl_c(tmp_path):
    demo = Demo(tmp_path)
    try:
        until(lambda: "start " in demo.text() or demo.ended(), 5, demo.text)
        until(lambda: demo.get("/-/healthy"), 20, demo.text)
        until(lambda: re.search(r"s  firing ", demo.text()) or demo.ended(), 30, demo.text)
        assert not demo.ended(), demo.text()
        line = until(lambda: re.search(r"^ +(curl .+)$", demo.text(), re.MULTILINE), 5, demo.text)
        subprocess.run(line[1], shell=True, check=True, capture_output=True)
        until(lambda: "SILENCED" in demo.text(), 10, demo.text)
        os.kill(demo.process.pid, signal.SIGINT)
        until(demo.ended, 20, demo.text)
        assert demo.process.returncode == 0, demo.text()
        assert "Traceback" not in demo.text()
        assert demo.survivors() == []
        assert demo.strays() == []
    finally:
        demo.kill()


def test_a_taken_port_is_one_sentence_with_the_remedy(tmp_path):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        demo = Demo(tmp_path, "--port", str(other.getsockname()[1]))
        until(demo.ended, 20, demo.text)
    assert demo.process.returncode == 1
    assert re.fullmatch(r"Port \d+ .* `tocsin demo --port \d+`\.\n", demo.text())
    assert not (demo.work / DEMO).exists()


def test_dump_writes_what_check_accepts(tmp_path):
    demo = Demo(tmp_path, "--dump", "mine")
    until(demo.ended, 20, demo.text)
    assert demo.process.returncode == 0, demo.text()
    mine = demo.work / "mine"
    checked = subprocess.run(
        [TOCSIN, "check", "config", mine / "tocsin.yaml"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert checked.returncode == 0, checked.stdout + checked.stderr
