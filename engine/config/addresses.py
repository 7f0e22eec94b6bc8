"""Read the addresses of tocsin.yaml: broker, dedup, listen, URLs."""

import os
import re
from glob import has_magic
from ipaddress import ip_address, ip_network
from pathlib import Path
from urllib.parse import quote, urlsplit

from engine.config.model import Auth, Listen, Network
from engine.document import MapNode, Node, Reader, ScalarNode

_HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?|\[[0-9A-Fa-f:.]+\]")
_PREFIX = re.compile(r"(/[A-Za-z0-9._~-]+)+")
_DEFAULT_PORT = 9093
_NETWORKS_MAX = 1_000


def read_broker(top: MapNode, base: Path, reader: Reader) -> str:
    """Return the broker; an embedded path becomes absolute."""
    default = f"embedded://{base / 'data' / 'log'}"
    node = top.get("broker")
    scalar = reader.scalar(node, "broker") if node is not None else None
    if scalar is None:
        return default
    text = scalar.text
    if text.startswith("embedded://"):
        path = text.removeprefix("embedded://")
        if not path:
            reader.add(scalar, "broker", "this has no path", "write embedded://data/log")
        return f"embedded://{os.path.abspath(base / path)}"
    offset = 0
    for part in text.split(";"):
        _kafka(scalar, part, offset, reader)
        offset += len(part) + 1
    return text


def _kafka(scalar: ScalarNode, part: str, offset: int, reader: Reader) -> None:
    span = scalar.at(offset, len(part))
    help_text = "write kafka://host:9092;kafka://other:9092 or embedded://data/log"
    if not part.startswith("kafka://"):
        near = "no broker address" if part else "an empty address"
        reader.add(span, "broker", f"{part!r} is {near}", help_text)
        return
    host, _, port = part.removeprefix("kafka://").rpartition(":")
    if "@" in part:
        reader.add(span, "unsupported", "user and password for Kafka are not supported yet",
                   "use a listener without SASL inside your network")  # fmt: skip
    elif not _HOST.fullmatch(host) or not _port(port, low=1):
        reader.add(span, "broker", f"{part!r} is no kafka://host:port", help_text)


def _port(text: str, low: int = 0) -> bool:
    return text.isascii() and text.isdigit() and low <= int(text[:6]) <= 65_535 and len(text) < 6


def read_dedup(top: MapNode, base: Path, broker: str, reader: Reader) -> str | None:
    """Return the Redis address with its password, or None for the embedded store."""
    node = top.get("dedup")
    password = _password(top, base, reader)
    scalar = reader.scalar(node, "dedup") if node is not None else None
    if scalar is None or scalar.text == "embedded":
        key = top.key("dedup_password_file")
        if key is not None and node is None:
            reader.add(key, "dedup-unused", "there is no dedup: that this password belongs to",
                       "add dedup: redis://host:6379/0")  # fmt: skip
        if broker.startswith("kafka://") and node is None:
            reader.add(top.key("broker") or top, "dedup-embedded",
                       "Kafka without dedup: only one worker may run",
                       "with several workers add dedup: redis://host:6379/0",
                       severity="warning")  # fmt: skip
        return None
    return _redis(scalar, password, reader)


def _redis(scalar: ScalarNode, password: str | None, reader: Reader) -> str | None:
    help_text = "write redis://host:6379/0, or rediss:// for TLS"
    try:
        parts = urlsplit(scalar.text)
        port, host = parts.port, parts.hostname or ""
        inline = parts.password
    except ValueError:
        reader.add(scalar, "dedup", "this is no address", help_text)
        return None
    if parts.scheme not in ("redis", "rediss") or not host or parts.query or parts.fragment:
        reader.add(scalar, "dedup", "this is no redis:// address", help_text)
        return None
    if not re.fullmatch(r"/?[0-9]{0,3}", parts.path):
        reader.add(scalar, "dedup", f"{parts.path!r} is no number of a database", help_text)
        return None
    if inline:
        reader.add(scalar, "secret-inline", "the password of Redis stands in this file",
                   "move it to a file: dedup_password_file: PATH", severity="warning")  # fmt: skip
    if password is None:
        return scalar.text
    user = quote(parts.username or "", safe="")
    host = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{user}:{quote(password, safe='')}@{host}:{port or 6379}{parts.path}"


def _password(top: MapNode, base: Path, reader: Reader) -> str | None:
    node = top.get("dedup_password_file")
    scalar = reader.scalar(node, "dedup_password_file") if node is not None else None
    if scalar is None:
        return None
    try:
        password = (base / scalar.text).read_text(encoding="utf-8").strip()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "it is no text"
        reader.add(scalar, "secret-file", f"this file cannot be read: {reason}",
                   "create it with the password as its only line")  # fmt: skip
        return None
    if not password:
        reader.add(scalar, "secret-file", "this file is empty", "write the password into it")
    return password or None


def read_listen(top: MapNode, reader: Reader) -> Listen:
    """Return where HTTP listens."""
    default = Listen("127.0.0.1", _DEFAULT_PORT)
    node = top.get("listen")
    scalar = reader.scalar(node, "listen") if node is not None else None
    if scalar is None:
        return default
    host, colon, port = scalar.text.rpartition(":")
    plain = host or "0.0.0.0"  # noqa: S104 - that is what the user wrote with ":9093"
    if not colon or not _port(port) or not _HOST.fullmatch(plain):
        example = f"{scalar.text}:9093" if _HOST.fullmatch(scalar.text) else "127.0.0.1:9093"
        if scalar.text.isdigit():
            example = f"127.0.0.1:{scalar.text}"
        reader.add(scalar, "listen", f"{scalar.text!r} is no host:port", f"write {example}")
        return default
    return Listen(plain.strip("[]"), int(port))


def read_auth(top: MapNode, base: Path, listen: Listen, reader: Reader) -> Auth:
    """Return who may do what; beyond loopback that must be said."""
    node = top.get("auth")
    if node is None:
        if not listen.loopback:
            reader.add(top.get("listen") or top, "listen-open",
                       f"{listen} can be reached from other machines, and auth: is not set",
                       "add auth: {tokens_file: tokens.yaml}, or auth: none to let everybody in, "
                       "or listen on 127.0.0.1")  # fmt: skip
        return Auth()
    if isinstance(node, ScalarNode):
        if node.text != "none":
            reader.add(node, "auth", f"auth cannot be {node.text!r}",
                       "write auth: {tokens_file: tokens.yaml} or auth: none")  # fmt: skip
        return Auth()
    mapping = reader.mapping(node, "auth")
    if mapping is None:
        return Auth()
    reader.keys(mapping, "auth", ("tokens_file",))
    file_node = mapping.get("tokens_file")
    scalar = reader.scalar(file_node, "tokens_file") if file_node is not None else None
    if scalar is None:
        if file_node is None:
            reader.add(mapping, "auth", "auth has no tokens_file",
                       "write auth: {tokens_file: tokens.yaml} or auth: none")  # fmt: skip
        return Auth()
    return Auth(existing(scalar, base, "tokens_file", reader))


def existing(scalar: ScalarNode, base: Path, where: str, reader: Reader) -> Path:
    """Return a path that the user named; one that does not exist is a finding."""
    path = Path(os.path.abspath(base / scalar.text))
    if not _exists(path):
        reader.add(scalar, "path-missing", f"{where}: {scalar.text} does not exist",
                   f"create it; paths are relative to {base}")  # fmt: skip
    return path


def existing_or_glob(scalar: ScalarNode, base: Path, where: str, reader: Reader) -> str:
    """Return a path or a glob; a glob may match nothing yet, but its directory must exist."""
    directory = glob_directory(scalar.text)
    if directory is None or _exists(base / scalar.text):
        existing(scalar, base, where, reader)
    elif not _exists(base / directory):
        reader.add(scalar, "path-missing", f"{where}: {directory} does not exist",
                   f"create it; paths are relative to {base}")  # fmt: skip
    return scalar.text


def glob_directory(pattern: str) -> str | None:
    """Return the part of a glob before its first pattern; None: it is no glob."""
    parts = Path(pattern).parts
    first = next((number for number, part in enumerate(parts) if has_magic(part)), None)
    return None if first is None else str(Path(*parts[:first]))


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except (OSError, ValueError):
        return False


def read_url(top: MapNode, key: str, reader: Reader) -> str | None:
    """Return an http(s) address without a slash at its end."""
    node = top.get(key)
    scalar = reader.scalar(node, key) if node is not None else None
    if scalar is None:
        return None
    try:
        parts = urlsplit(scalar.text)
        valid = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
        valid = valid and not (parts.query or parts.fragment or parts.username)
    except ValueError:
        valid = False
    if not valid or re.search(r"\s", scalar.text):
        reader.add(scalar, "url", f"{key} is no address", "write https://tocsin.example.org")
        return None
    return scalar.text.rstrip("/")


def read_prefix(top: MapNode, external_url: str | None, reader: Reader) -> str:
    """Return what every path of HTTP begins with: "" or "/tocsin".

    As in Alertmanager it is the path of `external_url` where `route_prefix` does not say it.
    """
    node = top.get("route_prefix")
    scalar = reader.scalar(node, "route_prefix") if node is not None else None
    if scalar is None:
        path = urlsplit(external_url or "").path.rstrip("/")
        return path if _PREFIX.fullmatch(path) else ""
    text = scalar.text.rstrip("/")
    if (text or "/" in scalar.text) and (not text or _PREFIX.fullmatch(text)):
        return text
    reader.add(scalar, "route-prefix", f"{scalar.text[:60]!r} is no path", "write /tocsin, or /")
    return ""


def read_egress(top: MapNode, reader: Reader) -> tuple[Network, ...]:
    """Return the networks that notifications may go to although they are closed by default."""
    node = top.get("egress")
    mapping = reader.mapping(node, "egress") if node is not None else None
    if mapping is None:
        return ()
    reader.keys(mapping, "egress", ("allow",))
    allow = reader.require(mapping, "egress", "allow", "write allow: [10.0.0.0/8]")
    listed = reader.sequence(allow, "egress.allow")
    found = [_network(element, reader) for element in listed or ()]
    if listed is not None and len(found) > _NETWORKS_MAX:
        reader.add(listed, "value-range", f"more than {_NETWORKS_MAX:,} networks",
                   "name greater ones")  # fmt: skip
    return tuple(network for network in found if network is not None)


def _network(element: Node, reader: Reader) -> Network | None:
    scalar = reader.scalar(element, "a network")
    if scalar is None:
        return None
    try:
        network = ip_network(scalar.text, strict=False)
    except ValueError:
        reader.add(scalar, "egress", f"{scalar.text[:60]!r} is no network",
                   "write 10.0.0.0/8, 192.0.2.7 or fd00::/8")  # fmt: skip
        return None
    if ip_address(scalar.text.partition("/")[0]) != network.network_address:
        reader.add(scalar, "egress", f"{scalar.text} is not the first address of its network",
                   f"write {network}")  # fmt: skip
    return network
