"""What a text that is no PromQL gives."""

from engine.errors import TocsinError


class PromQLError(TocsinError):
    """The first mistake in an expression; `start` and `end` are character offsets in its text."""

    def __init__(self, message: str, start: int, end: int) -> None:
        super().__init__(message)
        self.message = message
        self.start = start
        self.end = end
