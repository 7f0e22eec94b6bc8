"""Under a path: what Alertmanager answers with `--web.route-prefix`."""

import httpx
import pytest

from engine.api import ROUTES, ApiSettings, build
from engine.api.proxy import Proxy
from tests.api.client import alert, client
from tests.api.fake_deps import START_MS, FakeDeps


def under(prefix: str, **settings: object) -> FakeDeps:
    return FakeDeps(
        ApiSettings(version="1", started_ms=START_MS, route_prefix=prefix, **settings)  # type: ignore[arg-type]
    )


@pytest.mark.parametrize(
    ("path", "status", "location"),
    [
        ("/", 302, "/foo/bar"),
        ("/foo/bar", 301, "/foo/bar/"),
        ("/foo/bar/", 200, None),
        ("/foo/bar/api/v2/status", 200, None),
        ("/foo/bar/api/v2/alerts/", 200, None),
        ("/foo/bar/-/healthy", 200, None),
        ("/foo/bar/-/ready", 200, None),
        ("/api/v2/status", 404, None),
        ("/metrics", 404, None),
        ("/foo", 404, None),
        ("/foo/barbar/api/v2/status", 404, None),
        ("/-/healthy", 200, None),  # Alertmanager: 404; who probes does not know the prefix
        ("/-/ready", 200, None),
    ],
)
async def test_paths_under_a_prefix(path: str, status: int, location: str | None) -> None:
    async with client(under("/foo/bar")) as http:
        answer = await http.get(path)
    assert (answer.status_code, answer.headers.get("location")) == (status, location)
    assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("spec", ROUTES, ids=lambda spec: f"{spec.method} {spec.path}")
async def test_every_route_is_there_under_the_prefix_and_only_there(spec: object) -> None:
    method, path = spec.method, spec.path.replace("{silence_id}", "x")  # type: ignore[attr-defined]
    deps = under("/foo")
    async with client(deps) as http:
        plain = await http.request(method, path)
        prefixed = await http.request(method, "/foo" + path)
    async with client(FakeDeps()) as http:
        without = await http.request(method, path)
    assert prefixed.status_code == without.status_code
    if path not in ("/", "/-/healthy", "/-/ready"):
        assert plain.status_code == 404


@pytest.mark.parametrize("owner_url", ["http://owner:9093", "http://owner:9093/foo/"])
async def test_workers_find_each_other_under_the_prefix(owner_url: str) -> None:
    owner = under("/foo")
    other = FakeDeps(owner.settings, log=owner.log, owner=False, url=owner_url)
    other.peer_urls = {"owner": owner_url}
    proxy = Proxy(httpx.ASGITransport(app=build(owner)))
    async with client(other, proxy=proxy) as http:
        assert (await http.post("/foo/api/v2/alerts", json=[alert("Disk")])).status_code == 200
        listed = (await http.get("/foo/api/v2/alerts")).json()
        assert [a["labels"]["alertname"] for a in listed] == ["Disk"]
        rules = (await http.get("/foo/api/v1/rules")).json()
        assert "warnings" not in rules
        body = {"selectors": ["up"], "expressions": []}
        found = (await http.post("/foo/api/v1/rules/inspect", json=body)).json()
    assert found["status"] == "success"


async def test_the_way_in_is_guarded_under_the_prefix_too() -> None:
    deps = under("/foo", hosts=("localhost",))
    async with client(deps) as http:
        for path, status in (
            ("/foo/api/v2/alerts", 421), ("/foo/metrics", 200), ("/foo/-/ready", 200),
            ("/", 421),
        ):  # fmt: skip
            assert (await http.get(path)).status_code == status, path
