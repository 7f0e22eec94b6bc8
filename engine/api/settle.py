"""Wait until the notifier has seen what was just appended, wherever it lives."""

from collections.abc import Sequence

from starlette.requests import Request

from engine.alerts import LogEntry, encode
from engine.api.body import unavailable
from engine.api.deps import ApiDeps
from engine.api.proxy import Proxy
from engine.errors import StreamError
from engine.owner import Output

APPLIED_TIMEOUT_MS = 5_000


async def append(deps: ApiDeps, outputs: Sequence[Output]) -> list[int]:
    """Append durably. Raises Refusal (503) where the log refuses or nothing is certain."""
    try:
        return await deps.append(outputs)
    except (StreamError, TimeoutError) as error:
        raise unavailable(f"the log refused: {error}; send it again") from error


async def append_entries(
    request: Request, deps: ApiDeps, proxy: Proxy, entries: Sequence[LogEntry]
) -> bool:
    """Append entries to `alerts` and wait for the notifier, so that a client reads its writes.

    Returns False where it did not see them in time: they are durable and will be applied.
    """
    if not entries:
        return True
    offsets = await append(deps, [Output("alerts", 0, None, encode(entry)) for entry in entries])
    if deps.notifier() is not None:
        return await deps.wait_applied(max(offsets), APPLIED_TIMEOUT_MS)
    return await proxy.applied_elsewhere(request, deps, max(offsets))
