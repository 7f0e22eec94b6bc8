"""Regular expressions of rules: RE2's language, as Prometheus and Loki have it, run by `re`.

What Python knows and RE2 does not (back references, look-around) is refused, so that a rule means
the same when the engine changes; so are patterns whose matching may take exponential time.
"""

import re
import warnings

from engine.document import Problem
from engine.rules.backtracking import may_explode

_PYTHON_ONLY = re.compile(
    r"\\(?:[1-9]|Z)|\(\?(?:[=!>(#]|<[=!]|P=)|(?<!\\)[*+?}]\+"
)  # fmt: skip
_LEADING_FLAGS = re.compile(r"\(\?([ims]+)\)")
_LENGTH_MAX = 1_000


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
        explodes = may_explode(portable(pattern))
    except re.error as error:
        at = min(error.pos or 0, max(len(pattern) - 1, 0))
        return Problem(at, 1, "regex", f"this regular expression is broken: {error.msg}",
                       'write backslashes twice inside "…", or use `…`')  # fmt: skip
    except RecursionError:
        return Problem(0, 1, "regex", "this regular expression is nested too deep", "flatten it")
    except (Warning, OverflowError) as error:
        return Problem(0, 1, "regex", f"this regular expression is ambiguous: {error}",
                       "escape the brackets")  # fmt: skip
    if explodes:
        return Problem(0, len(pattern), "regex-cost",
                       "a repeat inside a repeat may take for ever on an unlucky text",
                       "repeat once: (a+)+ finds what a+ finds")  # fmt: skip
    return None


def _escaped(pattern: str, at: int) -> bool:
    """Say whether an odd number of backslashes stands before a place."""
    return (at - len(pattern[:at].rstrip("\\"))) % 2 == 1
