"""A GET changes nothing: after every GET and HEAD of the route table the log of a real worker holds
what it held before."""

from pathlib import Path
from typing import Any

import httpx
import pytest

from engine.api import ROUTES
from engine.clock import system_clock
from tests.acceptance.product import Product, product
from tests.acceptance.talking import embedded_log
from tests.api.client import alert, at, silence

pytestmark = pytest.mark.slow

PARAMS: tuple[dict[str, str], ...] = (
    {}, {"filter": 'alertname="Disk"'}, {"receiver": "team-.*", "refresh": "5"},
    {"offset": "1", "active": "false"},
)  # fmt: skip


def test_no_read_writes(tmp_path: Path) -> None:
    with product(tmp_path) as server:
        body = [alert("Disk"), alert("Cpu", team="b"), alert("Over") | {
            "startsAt": at(system_clock() - 9_000), "endsAt": at(system_clock() - 1_000)}]  # fmt: skip
        assert httpx.post(f"{server.url}/api/v2/alerts", json=body).status_code == 200
        made = httpx.post(f"{server.url}/api/v2/silences", json=silence(system_clock()))
        server.kill()
        before = written(tmp_path)
        assert len(before) == len(body) + 1
        server.start()
        answered = {read(server, made.json()["silenceID"], params) for params in PARAMS}
        assert answered == {frozenset({200})}
        server.kill()
        assert written(tmp_path) == before


def read(server: Product, silence_id: str, params: dict[str, str]) -> frozenset[int]:
    """Ask everything that can be asked; return the statuses."""
    found = set()
    with httpx.Client(timeout=30) as http:
        for spec in ROUTES:
            if spec.method == "GET":
                url = server.url + spec.path.replace("{silence_id}", silence_id)
                asked = {"offset": "0"} | params
                found |= {http.request(m, url, params=asked).status_code for m in ("GET", "HEAD")}
    return frozenset(found)


def written(directory: Path) -> list[dict[str, Any]]:
    """What the log of alerts holds, without what shards write when they are taken over."""
    records = embedded_log(directory / "data/log", "tocsin")
    return [record for record in records if record["kind"] != "hello"]
