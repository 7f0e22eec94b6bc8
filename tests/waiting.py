"""Wait on conditions of real processes, with a deadline; the tests' only way to let time pass."""

import asyncio
import inspect
import time
from collections.abc import Callable
from typing import Any

_STEP_S = 0.02


class DeadlineError(AssertionError):
    """The awaited condition did not come true in time."""


def until(
    predicate: Callable[[], Any],
    timeout_s: float = 10.0,
    what: str | Callable[[], str] = "",
) -> Any:
    """Call `predicate` until it is truthy and return its value; raise DeadlineError after that."""
    deadline_s = time.monotonic() + timeout_s
    while True:
        if found := predicate():
            return found
        if time.monotonic() >= deadline_s:
            raise DeadlineError(_complaint(predicate, timeout_s, what))
        time.sleep(_STEP_S)


async def until_async(
    predicate: Callable[[], Any],
    timeout_s: float = 10.0,
    what: str | Callable[[], str] = "",
) -> Any:
    """Be `until` for code on an event loop; the predicate may be a coroutine function."""
    deadline_s = time.monotonic() + timeout_s
    while True:
        found = predicate()
        if inspect.isawaitable(found):
            found = await found
        if found:
            return found
        if time.monotonic() >= deadline_s:
            raise DeadlineError(_complaint(predicate, timeout_s, what))
        await asyncio.sleep(_STEP_S)


def _complaint(
    predicate: Callable[[], Any], timeout_s: float, what: str | Callable[[], str]
) -> str:
    told = what() if callable(what) else what
    name = getattr(predicate, "__qualname__", repr(predicate))
    return f"not within {timeout_s:g} s: {told or name}"
