"""Regular expressions of rules: RE2's language, as Prometheus and Loki have it, run by `re`.

What Python knows and RE2 does not (back references, look-around) is refused, so that a rule means
the same when the engine changes; so are patterns whose matching may take exponential time.
"""

import re
import warnings

from engine.document import Problem

_PYTHON_ONLY = re.compile(
    r"\\(?:[1-9]|Z)|\(\?(?:[=!>(#]|<[=!]|P=)|(?<!\\)[*+?}]\+"
)  # fmt: skip
_LEADING_FLAGS = re.compile(r"\(\?([ims]+)\)")
_LENGTH_MAX = 2_000


def portable(pattern: str) -> str:
    """Rewrite what RE2 allows and Python does not: flags inside, `\\z`, POSIX classes stay out.

    `(?i)a` becomes `(?i:a)`, since Tocsin anchors patterns by wrapping them.
    """
    flags = _LEADING_FLAGS.match(pattern)
    if flags is not None:
        pattern = f"(?{flags[1]}:{pattern[flags.end() :]})"
    return re.sub(r"(?<!\\)((?:\\\\)*)\\z", r"\1\\Z", pattern)


def check_pattern(pattern: str) -> Problem | None:
    """Return what is wrong with a pattern (offsets within it), or None."""
    if len(pattern) > _LENGTH_MAX:
        return Problem(0, 1, "regex", f"longer than {_LENGTH_MAX} characters", "split it")
    python_only = _PYTHON_ONLY.search(pattern)
    if python_only is not None and not _escaped(pattern, python_only.start()):
        return Problem(python_only.start(), len(python_only[0]), "regex",
                       f"{python_only[0]!r} is not part of RE2's language",
                       "leave out back references, look-around, possessive repeats")  # fmt: skip
    if "[[:" in pattern:
        at = pattern.index("[[:")
        return Problem(at, 3, "regex", "POSIX classes are not supported", "write [a-z], \\d, \\w")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            re.compile(portable(pattern))
    except re.error as error:
        at = min(error.pos or 0, max(len(pattern) - 1, 0))
        return Problem(at, 1, "regex", f"this regular expression is broken: {error.msg}",
                       'write backslashes twice inside "…", or use `…`')  # fmt: skip
    except (Warning, OverflowError, RecursionError) as error:
        return Problem(0, 1, "regex", f"this regular expression is ambiguous: {error}",
                       "escape the brackets")  # fmt: skip
    costly = nested_repeat(pattern)
    if costly is not None:
        return Problem(*costly, "regex-cost",
                       "a repeat inside a repeat may take for ever on an unlucky text",
                       "repeat once: (a+)+ finds what a+ finds")  # fmt: skip
    return None


def _escaped(pattern: str, at: int) -> bool:
    """Say whether an odd number of backslashes stands before a place."""
    return (at - len(pattern[:at].rstrip("\\"))) % 2 == 1


_REPEAT = re.compile(r"[*+]|\{[0-9]*,\}|\{[0-9]*,?[0-9]{2,}\}")


def nested_repeat(pattern: str) -> tuple[int, int] | None:
    """Find a repeated group that ends in an unbounded repeat, as in `(a+)+`; (offset, length).

    A heuristic: a group such as `(\\w+\\.)+` ends in something fixed and is let through.
    """
    open_at: list[int] = []
    ends_in_repeat: dict[int, bool] = {}
    position, last_was_repeat = 0, False
    in_class = False
    while position < len(pattern):
        character = pattern[position]
        if character == "\\":
            position, last_was_repeat = position + 2, False
            continue
        if in_class:
            in_class = character != "]"
            position += 1
            continue
        repeat = _REPEAT.match(pattern, position)
        if repeat is not None:
            start = ends_in_repeat.get(position)
            if start:
                group = _group_start(pattern, position)
                return group, repeat.end() - group
            last_was_repeat = True
            position = repeat.end()
            continue
        if character == "[":
            # "]" directly after "[" or "[^" is a member.
            position += 2 if pattern[position + 1 : position + 2] == "^" else 1
            in_class, last_was_repeat = True, False
            position += 1 if pattern[position : position + 1] == "]" else 0
            continue
        if character == "(":
            open_at.append(position)
        elif character == ")" and open_at:
            open_at.pop()
            ends_in_repeat[position + 1] = last_was_repeat
            position += 1
            continue
        last_was_repeat = character == "?" and last_was_repeat
        position += 1
    return None


def _group_start(pattern: str, end: int) -> int:
    """Return where the group that closes before `end` was opened."""
    depth, position = 0, end - 1
    while position >= 0:
        if not _escaped(pattern, position):
            depth += {")": 1, "(": -1}.get(pattern[position], 0)
            if depth == 0:
                return position
        position -= 1
    return 0
