"""The server: a taken port is one sentence, signals stay with the process, stopping is clean."""

import asyncio
import signal
import socket

import httpx
import pytest

from engine.api import HttpServer, ListenError, build, is_loopback
from tests.api.fake_deps import FakeDeps
from tests.waiting import until_async


async def test_it_starts_answers_and_stops_in_this_loop() -> None:
    server = HttpServer(build(FakeDeps()), "127.0.0.1", 0)
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    await server.start()
    try:
        assert {number: signal.getsignal(number) for number in before} == before
        async with httpx.AsyncClient() as http:
            answer = await http.get(f"{server.url}/-/healthy")
        assert answer.status_code == 200
        assert "server" not in answer.headers
    finally:
        await server.stop()
    with pytest.raises(OSError):
        await asyncio.open_connection("127.0.0.1", server.port)


async def test_a_request_that_is_being_answered_is_finished() -> None:
    deps = FakeDeps()
    deps.append_waits = asyncio.Event()
    server = HttpServer(build(deps), "127.0.0.1", 0)
    await server.start()
    async with httpx.AsyncClient() as http:
        url = f"{server.url}/api/v1/ingest/logs"
        posted = asyncio.create_task(http.post(url, content=b"{}"))
        await until_async(lambda: deps.bodies)
        stopped = asyncio.create_task(server.stop())
        await asyncio.sleep(0)
        deps.append_waits.set()
        assert (await posted).status_code == 200
        await stopped


async def test_a_server_that_never_started_can_be_stopped() -> None:
    server = HttpServer(build(FakeDeps()), "127.0.0.1", 0)
    await server.stop()


def test_a_taken_port_is_one_sentence_with_the_remedy() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(ListenError) as caught:
            HttpServer(build(FakeDeps()), "127.0.0.1", port)
    text = str(caught.value)
    assert f"Port {port} on 127.0.0.1 is taken" in text
    assert f"listen: 127.0.0.1:{port + 1}" in text
    assert "\n" not in text


def test_an_address_of_another_machine_is_refused() -> None:
    with pytest.raises(ListenError, match="change `listen`"):
        HttpServer(build(FakeDeps()), "192.0.2.1", 9093)


@pytest.mark.parametrize(
    ("host", "loopback"),
    [("127.0.0.1", True), ("127.9.9.9", True), ("::1", True), ("localhost", True),
     ("0.0.0.0", False), ("::", False), ("10.0.0.1", False), ("", False), ("db", False)],
)  # fmt: skip
def test_what_only_this_machine_reaches(host: str, loopback: bool) -> None:
    assert is_loopback(host) is loopback
