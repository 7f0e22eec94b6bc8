"""Which ticks of Prometheus groups are due: every multiple of an interval, data or not."""

from collections.abc import Iterable


class GroupTicks:
    """Intervals and the last tick of each."""

    def __init__(self) -> None:
        self.ticked_ms: dict[int, int | None] = {}

    def use(self, intervals: Iterable[int], from_ms: int | None) -> None:
        """Tick at these intervals. New ones begin after `from_ms`.

        None: with the last multiple at or before the first watermark.
        """
        self.ticked_ms = {
            every_ms: self.ticked_ms.get(every_ms)
            if every_ms in self.ticked_ms or from_ms is None
            else from_ms // every_ms * every_ms
            for every_ms in sorted(set(intervals))
        }

    def next(self, until_ms: int) -> tuple[int, list[int]] | None:
        """Return the earliest tick up to a time that was not made, and the intervals due then."""
        due: dict[int, list[int]] = {}
        for every_ms, ticked_ms in self.ticked_ms.items():
            first_ms = until_ms // every_ms * every_ms if ticked_ms is None else ticked_ms
            at_ms = first_ms if ticked_ms is None else ticked_ms + every_ms
            if at_ms <= until_ms:
                due.setdefault(at_ms, []).append(every_ms)
        return min(due.items(), default=None)

    def made(self, at_ms: int, due: Iterable[int]) -> None:
        """Note that a tick was made."""
        for every_ms in due:
            self.ticked_ms[every_ms] = at_ms
