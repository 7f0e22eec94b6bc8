"""Tocsin's engine: from records on a stream to alert records on a log (see ARCHITECTURE.md)."""

from importlib import metadata

__all__ = ["version"]


def version() -> str:
    """Return the version that is installed; from a bare checkout "0+source"."""
    try:
        return metadata.version("tocsin")
    except metadata.PackageNotFoundError:
        return "0+source"
