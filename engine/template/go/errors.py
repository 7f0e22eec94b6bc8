"""What goes wrong in a template, and where."""

from engine.errors import TocsinError


class TemplateError(TocsinError):
    """A template that cannot be read or expanded.

    `start` and `end` are character offsets in the template's text; `message` says what is wrong
    there without the place. `name` is that of the file where it is not the text itself.
    """

    def __init__(
        self, message: str, start: int, end: int, source: str = "", name: str = ""
    ) -> None:
        self.message = message
        self.start = start
        self.end = max(end, start + 1)
        self.source = source
        self.name = name
        where = f"{name}: " if name else ""
        super().__init__(f"{where}{_place(source, start, end)}{message}")

    def placed(self, source: str, name: str = "") -> "TemplateError":
        """Return the error with the text that its offsets are in, unless it has one already."""
        if self.source:
            return self
        return TemplateError(self.message, self.start, self.end, source, name)


def _place(source: str, start: int, end: int) -> str:
    """Return `line 1, column 8, at "$x": ` of an offset; nothing without the source."""
    if not source:
        return ""
    line = source.count("\n", 0, start) + 1
    column = start - (source.rfind("\n", 0, start) + 1) + 1
    where = f"column {column}" if "\n" not in source else f"line {line}, column {column}"
    text = " ".join(source[start:end].split())
    if len(text) > 40:
        text = text[:39] + "…"
    return f"{where}, at `{text}`: " if text else f"{where}: "


class Failure(Exception):  # noqa: N818 - inside this room only; callers see TemplateError
    """What a function of a template says when it fails; the call knows the place."""
