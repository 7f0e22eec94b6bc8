"""Where nothing is sent, whatever it is called."""

import asyncio
from ipaddress import ip_network
from typing import Any

import pytest

from notifiers import egress, sender
from notifiers.egress import EGRESS_DEFAULT, Egress, EgressError
from notifiers.notification import Drop
from tests.channels.tcp import Seen, answering, http, listening

NEVER = [
    "169.254.169.254", "169.254.0.1", "0.0.0.0", "0.1.2.3", "224.0.0.1", "239.255.255.255",
    "255.255.255.255", "240.0.0.1", "100.100.100.200", "168.63.129.16", "192.0.0.192",
    "::", "fe80::1", "fe80::1%eth0", "ff02::1", "fd00:ec2::254", "fd20:ce::254",
    "::ffff:169.254.169.254", "::ffff:0.0.0.0", "::169.254.169.254", "64:ff9b::a9fe:a9fe",
    "64:ff9b::169.254.169.254", "2002:a9fe:a9fe::1", "::ffff:0:a9fe:a9fe", "::ffff:a9fe:a9fe",
    "2001:0:a9fe:a9fe::1",
]  # fmt: skip
INSIDE = [
    "127.0.0.1", "127.8.9.1", "::1", "10.0.0.1", "172.16.0.1", "192.168.1.1", "100.64.0.1",
    "fd00::1", "fc00::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::",
    "64:ff9b::10.0.0.1", "198.18.0.1", "192.0.2.1", "fec0::1",
]  # fmt: skip
OUTSIDE = ["8.8.8.8", "1.1.1.1", "2001:4860:4860::8888", "64:ff9b::8.8.8.8", "93.184.216.34"]


@pytest.mark.parametrize("address", NEVER)
def test_nobody_sends_there(address: str) -> None:
    assert EGRESS_DEFAULT.refusal(address)
    assert EGRESS_DEFAULT.refusal(address, templated=True)


@pytest.mark.parametrize("address", INSIDE)
def test_the_operator_may_an_alert_may_not(address: str) -> None:
    assert EGRESS_DEFAULT.refusal(address) is None
    assert EGRESS_DEFAULT.refusal(address, templated=True)


@pytest.mark.parametrize("address", OUTSIDE)
def test_everybody_may(address: str) -> None:
    assert EGRESS_DEFAULT.refusal(address) is None
    assert EGRESS_DEFAULT.refusal(address, templated=True) is None


def test_named_networks_are_open_however_they_are_written() -> None:
    opened = Egress(allow=(ip_network("169.254.169.0/24"), ip_network("10.1.0.0/16")))
    for address in ("169.254.169.254", "::ffff:169.254.169.254", "10.1.2.3"):
        assert opened.refusal(address, templated=True) is None
    for address in ("169.254.1.1", "10.2.0.1"):
        assert opened.refusal(address, templated=True)


def _names(monkeypatch: pytest.MonkeyPatch, *answers: list[str]) -> list[str]:
    """Let a name server answer these in turn; return the names it is asked for."""
    asked: list[str] = []

    async def getaddrinfo(host: str, port: int, **_: Any) -> Any:
        asked.append(host)
        found = answers[min(len(asked), len(answers)) - 1]
        return [(0, 0, 0, "", (address, port)) for address in found]

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", getaddrinfo)
    return asked


async def _send(port: int, host: str = "hooks.example.org", **more: Any) -> Any:
    tls = sender.tls_context(None, "http")
    async with sender.http_client(None, tls, 2_000, **more) as client:
        try:
            return await sender.post(client, f"http://{host}:{port}/", {}, b"")
        except sender.ERRORS as error:
            return sender.classify_error(error)


async def test_a_name_is_judged_by_its_addresses(monkeypatch: pytest.MonkeyPatch) -> None:
    _names(monkeypatch, ["169.254.169.254", "::ffff:169.254.169.254"])
    outcome = await _send(80)
    assert isinstance(outcome, Drop)
    assert "169.254.169.254" in outcome.text
    assert "egress.allow" in outcome.text


async def test_a_name_that_changes_its_answer_gains_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Rebinding: what is judged is what is connected to, and each connection is judged."""
    seen = Seen()
    async with listening(answering(seen, http(200, b"one", Connection="close"))) as port:
        asked = _names(monkeypatch, ["127.0.0.1"], ["169.254.169.254"])
        first = await _send(port)
        assert (first.status, asked) == (200, ["hooks.example.org"])
        assert isinstance(await _send(port), Drop)
    assert len(seen.requests) == 1


async def test_good_addresses_of_a_name_are_used_and_bad_ones_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seen = Seen()
    async with listening(answering(seen, http())) as port:
        _names(monkeypatch, ["169.254.169.254", "127.0.0.1"])
        assert (await _send(port)).status == 200


async def test_the_next_address_is_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = Seen()
    async with listening(answering(seen, http())) as port:
        _names(monkeypatch, ["127.0.0.2", "::1", "127.0.0.1"])
        assert (await _send(port)).status == 200


@pytest.mark.parametrize("host", ["2130706433", "0x7f000001", "127.1", "localhost", "[::1]"])
async def test_other_ways_to_write_loopback(host: str) -> None:
    """The system's resolver decides what is an address; what it says is judged."""
    outcome = await _send(1, host, templated_host=True)
    assert isinstance(outcome, Drop), outcome


async def test_a_connected_socket_for_clients_that_take_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with listening(answering(Seen(), http())) as port:
        made = await egress.connect("127.0.0.1", port)
        assert made.getpeername()[1] == port
        made.close()
        _names(monkeypatch, ["169.254.169.254"])
        with pytest.raises(EgressError):
            await egress.connect("mail.example.org", port)
        _names(monkeypatch, ["10.0.0.1"])
        with pytest.raises(EgressError):
            await egress.connect("mail.example.org", port, templated=True)
