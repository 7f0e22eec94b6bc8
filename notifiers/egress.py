"""Where a notification may be sent to: decided for addresses, at the moment of connecting.

A name is looked up here and connected to by the very addresses that were judged, so a name that
answers differently the second time (rebinding) gains nothing. Two kinds of destination:

- what the operator wrote: everything but link-local, metadata services, multicast and addresses
  that are no host; loopback and private networks are where many receivers are.
- a host that a template made, so that an alert's sender may have chosen it: public ones only.

`egress: {allow: [cidr]}` in tocsin.yaml opens networks for both.
"""

import asyncio
import socket
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

ADDRESSES_MAX = 16
"""Addresses of one name that are tried: a name with more is somebody's joke."""

CONNECT_SHARE_S = 3.0
"""What one of several addresses may take before the next one is tried."""

_NEVER: tuple[tuple[Network, str], ...] = tuple(
    (ip_network(text), what)
    for text, what in (
        ("169.254.0.0/16", "link-local: metadata services are there"),
        ("fe80::/10", "link-local"),
        ("fd00:ec2::/32", "a metadata service"),
        ("fd20:ce::254/128", "a metadata service"),
        ("100.100.100.200/32", "a metadata service"),
        ("168.63.129.16/32", "a metadata service"),
        ("192.0.0.192/32", "a metadata service"),
        ("0.0.0.0/8", "no host's address"),
        ("::/128", "no host's address"),
        ("224.0.0.0/4", "multicast"),
        ("ff00::/8", "multicast"),
        ("240.0.0.0/4", "no host's address"),
    )
)  # fmt: skip
"""Networks that nothing is sent to. Sources: RFC 6890, and the providers' pages on metadata:
AWS 169.254.169.254 and fd00:ec2::254, Google fd20:ce::254, Alibaba, Azure, Oracle."""

_EMBEDDING: tuple[tuple[IPv6Network, int], ...] = (
    (IPv6Network("::ffff:0:0/96"), 0),  # mapped
    (IPv6Network("::ffff:0:0:0/96"), 0),  # translated, RFC 2765
    (IPv6Network("::/96"), 0),  # compatible, old
    (IPv6Network("64:ff9b::/96"), 0),  # NAT64
    (IPv6Network("64:ff9b:1::/48"), 0),  # NAT64, local use; /96 within it is the usual choice
    (IPv6Network("2002::/16"), 80),  # 6to4
)
"""IPv6 networks whose addresses mean an IPv4 address, and how far right of it they go on."""


class EgressError(OSError):
    """Nothing is sent there; the text says why and how to allow it."""


@dataclass(frozen=True, slots=True)
class Egress:
    """The rules of one process."""

    allow: tuple[Network, ...] = ()
    """Networks that are open whatever else is said here."""

    def refusal(self, text: str, *, templated: bool = False) -> str | None:
        """Say why an address is not connected to, or None. Raises ValueError for no address."""
        address = ip_address(text.partition("%")[0])
        for each in (address, *_meant(address)):
            if any(each in network for network in self.allow):
                return None
        for each in (address, *_meant(address)):
            for network, what in _NEVER:
                if each in network and not _is_loopback6(address):
                    return what
            if templated and not _is_public(each):
                return "not public, and a template made the host"
        return None

    def allowed(self, host: str, addresses: Iterable[str], *, templated: bool = False) -> list[str]:
        """Return those addresses of a host that may be connected to. Raises EgressError if none."""
        reasons: dict[str, str] = {}
        good: list[str] = []
        for text in addresses:
            reason = self.refusal(text, templated=templated)
            if reason is None:
                good.append(text)
            else:
                reasons.setdefault(text, reason)
        if good or not reasons:
            return good[:ADDRESSES_MAX]
        text, reason = next(iter(reasons.items()))
        raise EgressError(f"{host} is {text}: {reason}; egress.allow in tocsin.yaml opens networks")


EGRESS_DEFAULT = Egress()


async def resolve(host: str, port: int) -> list[str]:
    """Return the addresses of a name, or the address that it is. Raises OSError."""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(info[4][0]) for info in found))


async def connect(
    host: str, port: int, egress: Egress = EGRESS_DEFAULT, *, templated: bool = False
) -> socket.socket:
    """Connect to a host by TCP, as far as the rules allow; the caller bounds the time.

    For clients that take a connected socket (aiosmtplib's `sock`). Raises EgressError, OSError.
    """
    addresses = egress.allowed(host, await resolve(host, port), templated=templated)
    loop = asyncio.get_running_loop()
    failure: OSError = ConnectionError(f"{host} has no address")
    for index, address in enumerate(addresses):
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        made = socket.socket(family, socket.SOCK_STREAM)
        made.setblocking(False)
        try:
            last = index == len(addresses) - 1
            async with asyncio.timeout(None if last else CONNECT_SHARE_S):
                await loop.sock_connect(made, (address, port))
        except OSError as error:  # TimeoutError too
            made.close()
            failure = error
        except BaseException:
            made.close()
            raise
        else:
            made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return made
    raise failure


_TRANSLATING = IPv6Network("64:ff9b::/96")
_SITE_LOCAL = IPv6Network("fec0::/10")  # given up, and still in use behind old routers


def _meant(address: Address) -> list[Address]:
    """Return the IPv4 address that an IPv6 one stands for, if it does."""
    if isinstance(address, IPv4Address):
        return []
    number = int(address)
    found: list[Address] = [
        IPv4Address((number >> right) & 0xFFFF_FFFF)
        for network, right in _EMBEDDING
        if address in network
    ]
    if address.teredo is not None:
        found.extend(address.teredo)
    return found


def _is_public(address: Address) -> bool:
    # What is behind a translating prefix is judged by itself.
    return address in _TRANSLATING or (address.is_global and address not in _SITE_LOCAL)


def _is_loopback6(address: Address) -> bool:
    """Say whether it is ::1 or ::, which only look like embedded IPv4 addresses."""
    return address == IPv6Address(1)
