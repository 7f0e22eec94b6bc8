"""Every answer of API v2 is what Alertmanager's own OpenAPI file says."""

import os
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from engine.api import ROUTES
from tests.api.client import alert, at, client, silence
from tests.api.fake_deps import FakeDeps
from tests.api.schema import check

CORPORA = Path(os.environ.get("TOCSIN_CORPORA") or Path(__file__).parents[3] / "shared/corpora")
FILE = CORPORA / "alertmanager-configs/api/v2/openapi.yaml"

JSON = {"Content-Type": "application/json"}

pytestmark = pytest.mark.skipif(
    not FILE.exists(), reason="no corpora with Alertmanager's openapi.yaml: set TOCSIN_CORPORA"
)


@pytest.fixture(scope="module")
def spec() -> Any:
    return yaml.safe_load(FILE.read_text())


def resolved(spec: Any, node: Any) -> Any:
    while isinstance(node, dict) and "$ref" in node:
        target = spec
        for part in node["$ref"].removeprefix("#/").split("/"):
            target = target[part]
        node = target
    return node


def validate(spec: Any, path: str, method: str, answer: httpx.Response) -> None:
    responses = spec["paths"][path][method]["responses"]
    assert str(answer.status_code) in responses, f"{method} {path}: {answer.status_code}"
    described = resolved(spec, responses[str(answer.status_code)])
    if "schema" in described and answer.content:
        check(spec, described["schema"], answer.json(), f"{method} {path}")
    elif answer.status_code == 200:
        assert not answer.content


def test_every_operation_of_the_file_is_a_route(spec: Any) -> None:
    routes = {(route.method, route.path) for route in ROUTES}
    for path, operations in spec["paths"].items():
        for method in operations.keys() & {"get", "post", "delete", "put", "patch"}:
            ours = "/api/v2" + path.replace("{silenceID}", "{silence_id}")
            assert (method.upper(), ours) in routes


async def test_answers_are_valid(spec: Any) -> None:
    deps = FakeDeps()
    assert deps.fake_notifier is not None
    deps.fake_notifier.inhibited["Cpu"] = ("0223b772b51c29e1",)
    now = deps.now_ms()
    async with client(deps) as http:
        body = [alert("Disk") | {"generatorURL": "http://p/graph?g0=1"}, alert("Cpu"), alert("Net")]
        validate(spec, "/alerts", "post", await http.post("/api/v2/alerts", json=body))
        made = await http.post("/api/v2/silences", json=silence(now, annotations={"a": "b"}))
        validate(spec, "/silences", "post", made)
        later = silence(now, startsAt=at(now + 9_000))
        validate(spec, "/silences", "post", await http.post("/api/v2/silences", json=later))
        for path in ("/alerts", "/alerts/groups", "/silences", "/status", "/receivers"):
            answer = await http.get(f"/api/v2{path}")
            assert answer.status_code == 200
            assert answer.json()
            validate(spec, path, "get", answer)
        one = f"/api/v2/silence/{made.json()['silenceID']}"
        validate(spec, "/silence/{silenceID}", "get", await http.get(one))
        validate(spec, "/silence/{silenceID}", "delete", await http.delete(one))


async def test_refusals_are_valid(spec: Any) -> None:
    deps = FakeDeps()
    missing = "00000000-0000-4000-8000-000000000000"
    async with client(deps) as http:
        for text in (b'[{"labels":{}}]', b"[{}]", b'{"a":1}', b"", b"{"):
            answer = await http.post("/api/v2/alerts", content=text, headers=JSON)
            assert answer.status_code == 400
            validate(spec, "/alerts", "post", answer)
        for body in (silence(deps.now_ms(), matchers=[]), silence(deps.now_ms(), id=missing), {}):
            validate(spec, "/silences", "post", await http.post("/api/v2/silences", json=body))
        for path in ("/alerts", "/alerts/groups", "/silences"):
            answer = await http.get(f"/api/v2{path}", params={"filter": "?"})
            assert answer.status_code == 400
            validate(spec, path, "get", answer)
        answer = await http.get("/api/v2/receivers", params={"receiver_matchers": "?"})
        validate(spec, "/receivers", "get", answer)
        for method in ("get", "delete"):
            for name in (missing, "no-uuid"):
                answer = await http.request(method, f"/api/v2/silence/{name}")
                assert answer.status_code == 404
                validate(spec, "/silence/{silenceID}", method, answer)


def test_the_check_itself_refuses_what_is_wrong(spec: Any) -> None:
    """Without this a check that passes everything would not be noticed."""
    good = {
        "matchers": [{"name": "a", "value": "b", "isRegex": False}], "startsAt": at(0),
        "endsAt": at(1), "createdBy": "", "comment": "", "id": "", "annotations": {},
        "status": {"state": "active"}, "updatedAt": at(0),
    }  # fmt: skip
    schema = {"$ref": "#/definitions/gettableSilence"}
    check(spec, schema, good, "good")
    for change in (
        {"matchers": []}, {"status": {"state": "gone"}}, {"startsAt": "soon"}, {"comment": 1},
        {"annotations": {"a": 1}}, {"annotations": None},
    ):  # fmt: skip
        with pytest.raises(AssertionError):
            check(spec, schema, good | change, "bad")
    for name in ("id", "status", "updatedAt", "annotations", "comment", "matchers"):
        with pytest.raises(AssertionError):
            check(spec, schema, {k: v for k, v in good.items() if k != name}, "bad")
