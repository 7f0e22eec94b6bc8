"""Hosts and ports, as Go's net reads them."""

import ipaddress


def _split(text: str) -> tuple[str, str] | None:
    """Return host and port; None where Go's SplitHostPort sees a mistake."""
    last = text.rfind(":")
    if last < 0:
        return None
    if text.startswith("["):
        end = text.find("]")
        if end < 0 or end + 1 != last:
            return None
        host, rest = text[1:end], text[end + 1 :]
        if "[" in host or "[" in rest or "]" in rest:
            return None
        return host, text[last + 1 :]
    host, port = text[:last], text[last + 1 :]
    if ":" in host or any(each in text for each in "[]"):
        return None
    return host, port


def without_port(text: str) -> str:
    """192.0.2.1:80 -> 192.0.2.1."""
    parts = _split(text)
    return parts[0] if parts else text


def without_domain(text: str) -> str:
    """web1.example.com:80 -> web1:80; addresses stay."""
    host, port = _split(text) or (text, "")
    if _is_address(host):
        return text
    host = host.split(".", 1)[0]
    if not port:
        return host
    return f"[{host}]:{port}" if ":" in host or "%" in host else f"{host}:{port}"


def _is_address(text: str) -> bool:
    if "%" in text or len(text) > 64:
        return False
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
