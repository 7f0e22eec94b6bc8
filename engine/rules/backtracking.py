"""Find patterns that a backtracking matcher may need exponential time for.

Tocsin runs patterns with Python's `re`, which backtracks; RE2 would not. A repeat inside a repeat
is harmless where each character can belong to one of them only, as in `v[0-9]+(\\.[0-9]+)*`, and
exponential where not, as in `(a+)+`. This looks at which characters may follow an inner repeat.

Uses the parser behind `re`, which is private: tests/rules/test_pattern.py is its contract test.
"""

from collections.abc import Sequence
from re import _constants as constants  # type: ignore[attr-defined]
from re import _parser as parser  # type: ignore[attr-defined]
from typing import Any

Characters = frozenset[int]

_WORD, _SPACE, _SIGN = 256, 257, 258  # stand for the letters, spaces, signs above 255
_ABOVE: Characters = frozenset((_WORD, _SPACE, _SIGN))
_ALL: Characters = frozenset(range(_SIGN + 1))
_MANY = 10  # a repeat of that many counts as one without end
_REPEATS = (constants.MAX_REPEAT, constants.MIN_REPEAT)


def may_explode(pattern: str) -> bool:
    """Say whether matching may take exponential time. Raises re.error on a broken pattern."""
    tree = parser.parse(pattern)
    folded = bool(tree.state.flags & constants.SRE_FLAG_IGNORECASE) or "(?i" in pattern
    return _Search(folded).any_in(list(tree))


class _Search:
    """One walk over the parsed pattern."""

    def __init__(self, folded: bool) -> None:
        self._folded = folded

    def any_in(self, sequence: Sequence[Any]) -> bool:
        """Look at every repeated group in there."""
        for operator, argument in sequence:
            if operator in _REPEATS:
                low, high, body = argument
                body = list(body)
                characters, empty = self._first(body)
                if _endless(high) and self._ambiguous(body, characters):
                    return True
                # (a?){30}: each turn may be empty, in 2^30 ways.
                if empty and low >= _MANY:
                    return True
            if any(self.any_in(inner) for inner in _inner(operator, argument)):
                return True
        return False

    def _ambiguous(self, sequence: Sequence[Any], follow: Characters) -> bool:
        """Say whether a repeat in a repeated body can give its last character to what follows."""
        for index, (operator, argument) in enumerate(sequence):
            after, empty = self._first(sequence[index + 1 :])
            after = after | follow if empty else after
            if operator in _REPEATS:
                _, high, body = argument
                if _endless(high) and self._first(list(body))[0] & after:
                    return True
                if self._ambiguous(list(body), after):
                    return True
            elif operator is constants.BRANCH:
                alternatives = [list(part) for part in argument[1]]
                if self._overlap(alternatives):
                    return True
                if any(self._ambiguous(part, after) for part in alternatives):
                    return True
            elif any(self._ambiguous(inner, after) for inner in _inner(operator, argument)):
                return True
        return False

    def _overlap(self, alternatives: list[list[Any]]) -> bool:
        """Say whether two alternatives of one element each can match the same character."""
        seen: Characters = frozenset()
        for part in alternatives:
            if len(part) != 1:
                continue
            characters, _ = self._first(part)
            if characters & seen:
                return True
            seen |= characters
        return False

    def _first(self, sequence: Sequence[Any]) -> tuple[Characters, bool]:
        """Return which characters it may begin with, and whether it may be empty."""
        found: Characters = frozenset()
        for operator, argument in sequence:
            characters, empty = self._element(operator, argument)
            found |= characters
            if not empty:
                return found, False
        return found, True

    def _element(self, operator: Any, argument: Any) -> tuple[Characters, bool]:
        if operator is constants.AT:
            return frozenset(), True
        if operator in _REPEATS:
            characters, empty = self._first(list(argument[2]))
            return characters, empty or argument[0] == 0
        if operator is constants.BRANCH:
            parts = [self._first(list(part)) for part in argument[1]]
            return frozenset().union(*(part[0] for part in parts)), any(part[1] for part in parts)
        if operator is constants.SUBPATTERN:
            return self._first(list(argument[-1]))
        return self._fold(_characters(operator, argument)), False

    def _fold(self, characters: Characters) -> Characters:
        if not self._folded:
            return characters
        swapped = {ord(other) for one in characters if one < 128 for other in chr(one).swapcase()}
        return characters | swapped


def _endless(high: Any) -> bool:
    return high is constants.MAXREPEAT or int(high) >= _MANY


def _inner(operator: Any, argument: Any) -> list[list[Any]]:
    """Return the sequences inside of an element."""
    if operator in _REPEATS:
        return [list(argument[2])]
    if operator is constants.BRANCH:
        return [list(part) for part in argument[1]]
    if operator is constants.SUBPATTERN:
        return [list(argument[-1])]
    return []


def _characters(operator: Any, argument: Any) -> Characters:
    """Return which characters an element of one character matches; unknown ones: all."""
    if operator is constants.LITERAL:
        return frozenset((_code(argument),))
    if operator is constants.NOT_LITERAL:
        return _ALL - {argument}
    if operator is constants.RANGE:
        below = frozenset(range(argument[0], min(argument[1], 255) + 1))
        return below | _ABOVE if argument[1] > 255 else below
    if operator is constants.CATEGORY:
        return _CATEGORIES.get(str(argument), _ALL)
    if operator is constants.IN:
        negated = bool(argument) and argument[0][0] is constants.NEGATE
        parts = argument[1:] if negated else argument
        found = frozenset[int]().union(*(_characters(*part) for part in parts))
        return _ALL - (found - _ABOVE) if negated else found
    return _ALL


def _code(character: int) -> int:
    if character < 256:
        return character
    text = chr(character)
    return _SPACE if text.isspace() else _WORD if text.isalnum() else _SIGN


def _where(test: Any) -> Characters:
    return frozenset(code for code in range(256) if test(chr(code)))


_DIGITS = _where(str.isdigit) | {_WORD}
_SPACES = _where(str.isspace) | {_SPACE}
_WORDS = _where(lambda one: one.isalnum() or one == "_") | {_WORD}
_CATEGORIES: dict[str, Characters] = {
    "CATEGORY_DIGIT": _DIGITS, "CATEGORY_NOT_DIGIT": (_ALL - _DIGITS) | {_WORD},
    "CATEGORY_SPACE": _SPACES, "CATEGORY_NOT_SPACE": _ALL - _SPACES,
    "CATEGORY_WORD": _WORDS, "CATEGORY_NOT_WORD": _ALL - _WORDS,
}  # fmt: skip
