"""Where a character of a value stands in the file: quoting, escapes and folding undone."""

import re
from collections.abc import Sequence

BREAK = re.compile("\r\n|[\n\r\x85\u2028\u2029]")
"""Line breaks as YAML 1.1 has them, so that line numbers agree with its marks."""
_ESCAPED_LENGTH = {"x": 4, "u": 6, "U": 10}


def places(text: str, source: str) -> Sequence[int]:
    """Return for each character of `text`, and for its end, the offset in `source`.

    `source` is the scalar as it stands in the file, `text` what it says. Raises ValueError where
    the two do not fit.
    """
    if source == text and not BREAK.search(text):
        return range(len(text) + 1)
    found = _block(text, source) if source[:1] in ("|", ">") else _flow(text, source)
    if len(found) != len(text) + 1:
        raise ValueError(f"{len(found) - 1} of {len(text)} characters found")
    return found


def _block(text: str, source: str) -> list[int]:
    """Follow `|` and `>`: a header line, then lines behind an indentation."""
    lines = _lines(source)[1:]
    indent = _indent(text, lines)
    folded = source[0] == ">"
    found: list[int] = []
    end = len(source)
    for index, (start, line) in enumerate(lines):
        content = line[indent:] if line.strip() else line[indent:].rstrip("\t ")
        if not text.startswith(content, len(found)):
            content = ""
        found += range(start + indent, start + indent + len(content))
        end = min(start + indent + len(content), len(source)) if content else end
        if len(found) >= len(text):
            break
        found += _between(text, len(found), lines, index, indent, folded)
    del found[len(text) :]
    return [*found, min(found[-1] + 1, len(source)) if found else end]


def _between(
    text: str, at: int, lines: list[tuple[int, str]], index: int, indent: int, folded: bool
) -> list[int]:
    """Return the places of what a line break became: a break, a space, or nothing."""
    start, line = lines[index]
    place = start + len(line)
    if text[at] == "\n":
        return [place]
    following = lines[index + 1][1] if index + 1 < len(lines) else ""
    if folded and text[at] == " " and following[indent : indent + 1] not in (" ", "\t"):
        return [place]
    return []


def _indent(text: str, lines: list[tuple[int, str]]) -> int:
    """Return what the first line that says something has lost in front."""
    written = next((line for _, line in lines if line.strip()), "")
    kept = next((line for line in text.split("\n") if line.strip()), "")
    return _lead(written) - _lead(kept)


def _lead(line: str) -> int:
    return len(line) - len(line.lstrip(" "))


def _lines(source: str) -> list[tuple[int, str]]:
    """Return (offset, line without its break) of each line."""
    lines, start = [], 0
    for found in BREAK.finditer(source):
        lines.append((start, source[start : found.start()]))
        start = found.end()
    return [*lines, (start, source[start:])]


_RUN = re.compile("[ \t]*(?:\r\n|[\n\r\x85\u2028\u2029])[ \t\n\r\x85\u2028\u2029]*")


def _flow(text: str, source: str) -> list[int]:
    """Follow plain, single and double quoted text, folded over lines or not."""
    quote = source[:1] if source[:1] in ("'", '"') else ""
    place = len(quote)
    found: list[int] = []
    while len(found) < len(text) and place < len(source):
        run = _RUN.match(source, place)
        if run is not None:
            breaks = len(BREAK.findall(run[0]))
            found += [place] * (breaks - 1 or 1)
            place = run.end()
        elif quote == '"' and source[place] == "\\":
            place = _escape(source, place, found)
        else:
            found.append(place)
            place += 2 if quote == "'" and source[place : place + 2] == "''" else 1
    del found[len(text) :]
    return [*found, min(place, len(source))]


def _escape(source: str, place: int, found: list[int]) -> int:
    """Step over an escape in double quotes; one before a line break says nothing."""
    run = _RUN.match(source, place + 1)
    if run is None:
        found.append(place)
        return place + _ESCAPED_LENGTH.get(source[place + 1 : place + 2], 2)
    breaks = len(BREAK.findall(run[0]))
    found += [place] * (breaks - 1)
    return run.end()
