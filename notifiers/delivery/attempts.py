"""One attempt at one integration, bounded in time; a channel that breaks is a failure as others."""

import asyncio
import logging
import traceback

from engine.clock import Clock
from notifiers.config import Integration
from notifiers.notification import Notification, Outcome, Retry

ATTEMPT_MS = 12_000
"""What one attempt may take, so that the claim outlives it."""

ATTEMPT_MS_MAX = 60_000
"""What one may take that has a longer timeout in the file."""

TIMEOUT_MARGIN_MS = 2_000
"""An attempt gets more than its channel's timeout, so that the channel's own word is heard."""

_log = logging.getLogger("tocsin.notifiers")


def attempt_ms(integration: Integration) -> int:
    """Return how long an attempt may take: longer where the file has a longer `timeout`."""
    return min(max(ATTEMPT_MS, integration.timeout_ms + TIMEOUT_MARGIN_MS), ATTEMPT_MS_MAX)


async def attempt(integration: Integration, notification: Notification, clock: Clock) -> Outcome:
    """Ask a channel to send."""
    limit_ms = attempt_ms(integration)
    try:
        async with asyncio.timeout(limit_ms / 1000):
            return await integration.channel.notify(notification, clock())
    except TimeoutError:
        return Retry("contextDeadlineExceeded", None, f"no answer in {limit_ms} ms")
    except Exception as error:  # noqa: BLE001  # channels are plug-ins: any error may come
        _log.error("channel %s broke: %s", integration.name.partition("/")[0], frames(error))
        return Retry("other", None, f"the channel broke: {type(error).__name__}")


def frames(error: Exception) -> str:
    """Return where an error came from, without its text: that may hold a URL with a secret."""
    return f"{type(error).__name__}\n{''.join(traceback.format_tb(error.__traceback__))}"
