"""Records by HTTP: what is promised by which answer."""

import asyncio
import gzip
import tracemalloc

import cramjam
import httpx
import pytest

from engine.api import ApiSettings
from engine.limits import Limits
from tests.api.client import client
from tests.api.fake_deps import FakeDeps

WRITE_HEADERS = {
    "Content-Type": "application/x-protobuf",
    "Content-Encoding": "snappy",
    "X-Prometheus-Remote-Write-Version": "0.1.0",
}


def limited(**limits: int) -> FakeDeps:
    return FakeDeps(ApiSettings(version="1", started_ms=0, limits=Limits(**limits)))


def snappy(body: bytes) -> bytes:
    return bytes(cramjam.snappy.compress_raw(body))


async def write(http: httpx.AsyncClient, body: bytes, **headers: str) -> httpx.Response:
    return await http.post("/api/v1/write", content=body, headers=WRITE_HEADERS | headers)


@pytest.mark.parametrize("endpoint", ["metrics", "logs"])
async def test_lines_are_accepted_and_bad_ones_named(endpoint: str) -> None:
    deps = FakeDeps()
    async with client(deps) as http:
        answer = await http.post(f"/api/v1/ingest/{endpoint}", content=b"{}\n\nbad\n{}")
    assert answer.status_code == 200
    assert answer.json() == {
        "accepted": 2,
        "rejected": [{"line": 3, "reason": "malformed_json", "text": "expected {"}],
    }
    assert deps.bodies[0][0] == endpoint
    assert (len(deps.log.topics["shards"]), len(deps.log.topics["rejects"])) == (1, 1)


async def test_only_bad_lines_are_a_400_that_says_so_and_keeps_them() -> None:
    deps = FakeDeps()
    async with client(deps) as http:
        answer = await http.post("/api/v1/ingest/metrics", content=b"bad\nworse")
        empty = await http.post("/api/v1/ingest/metrics", content=b" \n ")
    assert answer.status_code == 400
    assert [reject["line"] for reject in answer.json()["rejected"]] == [1, 2]
    assert len(deps.log.topics["rejects"]) == 2
    assert empty.status_code == 400


async def test_lines_keep_their_numbers_where_a_body_is_cut() -> None:
    deps = FakeDeps()
    lines = [b'{"a": "' + b"x" * 40_000 + b'"}'] * 60
    lines[50] = b"bad"
    async with client(deps) as http:
        answer = await http.post("/api/v1/ingest/logs", content=b"\n".join(lines))
    assert answer.json()["accepted"] == 59
    assert [reject["line"] for reject in answer.json()["rejected"]] == [51]
    assert len(deps.bodies) > 1  # decoded in pieces, others are served in between
    assert max(len(body) for _, body in deps.bodies) <= 1_000_000


async def test_nothing_is_answered_before_the_append() -> None:
    deps = FakeDeps()
    deps.append_waits = asyncio.Event()
    async with client(deps) as http:
        posted = asyncio.create_task(http.post("/api/v1/ingest/metrics", content=b"{}"))
        written = asyncio.create_task(write(http, snappy(b"x")))
        done, _ = await asyncio.wait({posted, written}, timeout=0.05)
        assert not done
        deps.append_waits.set()
        assert (await posted).status_code == 200
        assert (await written).status_code == 204


async def test_a_log_that_is_down_is_a_503() -> None:
    deps = FakeDeps()
    deps.log.down = True
    async with client(deps) as http:
        for answer in (
            await http.post("/api/v1/ingest/metrics", content=b"{}"),
            await write(http, snappy(b"x")),
        ):
            assert answer.status_code == 503
            assert answer.headers["retry-after"].isdecimal()


async def test_gzip_is_undone_within_the_limit() -> None:
    deps = limited(request_bytes_max=1_000)
    gzipped = {"Content-Encoding": "gzip"}
    async with client(deps) as http:

        async def post(content: bytes) -> int:
            answer = await http.post("/api/v1/ingest/logs", content=content, headers=gzipped)
            return answer.status_code

        assert await post(gzip.compress(b"{}\n{}")) == 200
        assert await post(gzip.compress(b"{}\n") + gzip.compress(b"{}")) == 200
        assert await post(gzip.compress(b"{}\n" * 500)) == 413  # small as sent
        assert await post(gzip.compress(b"{}\n")[:-4]) == 400
        assert await post(b"{}\n") == 400
    assert [body for _, body in deps.bodies] == [b"{}\n{}", b"{}\n{}"]


async def test_a_gzip_bomb_takes_no_more_memory_than_the_limit() -> None:
    deps = limited(request_bytes_max=1_000_000)
    bomb = gzip.compress(b"\n" * 200_000_000, 1)
    assert len(bomb) < 1_000_000
    tracemalloc.start()
    try:
        async with client(deps) as http:
            answer = await http.post(
                "/api/v1/ingest/logs", content=bomb, headers={"Content-Encoding": "gzip"}
            )
        peak_bytes = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert answer.status_code == 413
    assert peak_bytes < 12_000_000


async def test_a_body_of_a_thousand_empty_gzip_members_is_refused() -> None:
    async with client(FakeDeps()) as http:
        answer = await http.post(
            "/api/v1/ingest/logs",
            content=gzip.compress(b"") * 1_000,
            headers={"Content-Encoding": "gzip"},
        )
    assert answer.status_code == 400


async def test_bodies_are_bounded_with_and_without_an_announced_length() -> None:
    deps = limited(request_bytes_max=1_000)

    async def pieces() -> object:
        for _ in range(200):
            yield b"{}\n" * 10

    async with client(deps) as http:
        for content in (b"{}\n" * 500, pieces()):
            answer = await http.post("/api/v1/ingest/logs", content=content)  # type: ignore[arg-type]
            assert answer.status_code == 413
    assert deps.bodies == []


async def test_an_unknown_encoding_is_refused() -> None:
    async with client(FakeDeps()) as http:
        answer = await http.post(
            "/api/v1/ingest/logs", content=b"{}", headers={"Content-Encoding": "br"}
        )
    assert answer.status_code == 415


async def test_remote_write_is_taken() -> None:
    deps = FakeDeps()
    async with client(deps) as http:
        answer = await write(http, snappy(b"x" * 100))
    assert (answer.status_code, answer.content) == (204, b"")
    assert deps.bodies[0][0] == "write"
    assert len(deps.log.topics["shards"]) == 1


async def test_an_empty_remote_write_is_fine_and_writes_nothing() -> None:
    deps = FakeDeps()
    async with client(deps) as http:
        assert (await write(http, snappy(b""))).status_code == 204
    assert deps.log.topics["shards"] == []


async def test_invalid_samples_are_a_400_and_the_valid_ones_are_kept() -> None:
    deps = FakeDeps()
    async with client(deps) as http:
        answer = await write(http, snappy(b"x!"))
    assert answer.status_code == 400
    assert "not_a_number" in answer.json()
    assert len(deps.log.topics["shards"]) == 1


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Content-Type": "application/json"}, 415),
        ({"Content-Type": "application/x-protobuf;proto=io.prometheus.write.v2.Request"}, 415),
        ({"Content-Type": "application/x-protobuf;proto=prometheus.WriteRequest"}, 204),
        ({"Content-Encoding": "gzip"}, 415),
        ({"X-Prometheus-Remote-Write-Version": "2.0.0"}, 415),
    ],
)
async def test_what_version_a_remote_write_is_must_be_said(
    headers: dict[str, str], status: int
) -> None:
    async with client(FakeDeps()) as http:
        assert (await write(http, snappy(b"x"), **headers)).status_code == status


async def test_a_snappy_bomb_is_refused_before_it_is_unpacked() -> None:
    deps = limited(request_bytes_max=1_000)
    async with client(deps) as http:
        assert (await write(http, snappy(b"x" * 5_000))).status_code == 413
        assert (await write(http, b"\xff\xff\xff\xff\xff\x01")).status_code == 400
        assert (await write(http, b"\xff\xff\xff\xff\x0f")).status_code == 413
    assert deps.bodies == []
