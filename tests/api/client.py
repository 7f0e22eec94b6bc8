"""Talk to the app in process, and JSON bodies that tests post."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from engine.api import build
from tests.api.fake_deps import FakeDeps


def at(ms: int) -> str:
    """Return an RFC 3339 time."""
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=ms)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


@asynccontextmanager
async def client(
    deps: FakeDeps, headers: Mapping[str, str] | None = None, **build_options: Any
) -> AsyncIterator[httpx.AsyncClient]:
    """Yield a client of a worker's app."""
    transport = httpx.ASGITransport(app=build(deps, **build_options))
    async with httpx.AsyncClient(
        transport=transport, base_url="http://worker:9093", headers=dict(headers or {})
    ) as opened:
        yield opened


def silence(now_ms: int, **changes: Any) -> dict[str, Any]:
    """Return a postable silence for alertname=Disk, from now for an hour."""
    return {
        "matchers": [
            {"name": "alertname", "value": "Disk", "isRegex": False, "isEqual": True},
        ],
        "startsAt": at(now_ms),
        "endsAt": at(now_ms + 3_600_000),
        "createdBy": "ann",
        "comment": "replacing it",
        **changes,
    }


def alert(name: str, **labels: str) -> dict[str, Any]:
    """Return a postable alert."""
    return {"labels": {"alertname": name, **labels}, "annotations": {"summary": f"{name}!"}}
