"""Regular expressions without backtracking: time in proportion to text × expression.

Python's `re` reads the pattern; this machine goes through the text once and keeps every way the
pattern may still match, the preferred one first. Slower than `re` on what `re` does well, and the
answer is the same; it takes what `re` might not finish. Source: R. Cox, "Regular Expression
Matching: the Virtual Machine Approach".
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from re import _constants as codes  # type: ignore[attr-defined]
from re import _parser  # type: ignore[attr-defined]
from typing import Any

PROGRAM_MAX = 20_000
_CATEGORIES = {"CATEGORY_DIGIT": r"\d", "CATEGORY_NOT_DIGIT": r"\D", "CATEGORY_SPACE": r"\s",
               "CATEGORY_NOT_SPACE": r"\S", "CATEGORY_WORD": r"\w",
               "CATEGORY_NOT_WORD": r"\W"}  # fmt: skip
_CHAR, _SPLIT, _JUMP, _SAVE, _AT, _MATCH = range(6)

Test = Callable[[str], bool]
Spans = tuple[int, ...]
"""Start and end of the match and of each group; -1 where a group took no part."""


class TooLargeError(Exception):
    """The pattern makes too large a program."""


def parsed(pattern: str) -> Any:
    """Return the parsed pattern. Raises re.error."""
    return _parser.parse(pattern)


def ways(tree: Any, chars: int, is_last: bool = True) -> float:
    """Return a bound on the ways a backtracking matcher may try at one place of a text."""
    total = 1.0
    items = list(tree)
    for at, (code, value) in enumerate(items):
        last = is_last and at == len(items) - 1
        if code is codes.BRANCH:
            total *= sum(ways(branch, chars, last) for branch in value[1])
        elif code is codes.SUBPATTERN:
            total *= ways(value[3], chars, last)
        elif code in (codes.MAX_REPEAT, codes.MIN_REPEAT):
            total *= _repeated(value, chars, last)
        if total > 1e12:
            return float("inf")
    return total


def _repeated(value: Any, chars: int, last: bool) -> float:
    least, most, body = value
    inner = ways(body, chars, is_last=False)
    counts = max(min(int(most), chars) - int(least), 0) + 1
    if inner <= 1:
        # Nothing follows that could fail: the first way is the one.
        return 1.0 if last else float(counts)
    if int(most) > 16:
        return float("inf")
    return float(sum(inner**count for count in range(int(least), int(most) + 1)))


@dataclass(slots=True)
class Machine:
    """A compiled program."""

    groups: int
    program: list[tuple[int, Any, Any]] = field(default_factory=list)

    @classmethod
    def of(cls, tree: Any) -> "Machine":
        """Compile a parsed pattern. Raises TooLargeError."""
        machine = cls(tree.state.groups)
        machine._emit(_SAVE, 0)
        machine._sequence(tree, tree.state.flags)
        machine._emit(_SAVE, 1)
        machine._emit(_MATCH)
        return machine

    def _emit(self, code: int, first: Any = None, second: Any = None) -> int:
        if len(self.program) >= PROGRAM_MAX:
            raise TooLargeError
        self.program.append((code, first, second))
        return len(self.program) - 1

    def _sequence(self, items: Iterable[Any], flags: int) -> None:
        for code, value in items:
            if code is codes.BRANCH:
                self._branch(value[1], flags)
            elif code is codes.SUBPATTERN:
                group, added, removed, body = value
                if group is not None:
                    self._emit(_SAVE, 2 * group)
                self._sequence(body, (flags | added) & ~removed)
                if group is not None:
                    self._emit(_SAVE, 2 * group + 1)
            elif code in (codes.MAX_REPEAT, codes.MIN_REPEAT):
                self._repeat(value, flags, greedy=code is codes.MAX_REPEAT)
            elif code is codes.AT:
                self._emit(_AT, str(value), flags)
            elif code is codes.ASSERT_NOT and list(value[1]) == [(codes.AT, codes.AT_BOUNDARY)]:
                self._emit(_AT, "AT_NON_BOUNDARY", flags)
            else:
                self._emit(_CHAR, _test(code, value, flags))

    def _branch(self, branches: list[Any], flags: int) -> None:
        jumps = []
        for branch in branches[:-1]:
            split = self._emit(_SPLIT)
            self._sequence(branch, flags)
            jumps.append(self._emit(_JUMP))
            self.program[split] = (_SPLIT, split + 1, len(self.program))
        self._sequence(branches[-1], flags)
        for jump in jumps:
            self.program[jump] = (_JUMP, len(self.program), None)

    def _repeat(self, value: Any, flags: int, greedy: bool) -> None:
        least, most, body = value
        for _ in range(int(least)):
            self._sequence(body, flags)
        if most is codes.MAXREPEAT:
            self._endless(body, flags, greedy)
            return
        splits = []
        for _ in range(int(most) - int(least)):
            splits.append(self._emit(_SPLIT))
            self._sequence(body, flags)
        for split in splits:
            self._choose(split, greedy)

    def _endless(self, body: Any, flags: int, greedy: bool) -> None:
        split = self._emit(_SPLIT)
        self._sequence(body, flags)
        if body.getwidth()[0]:
            self._emit(_JUMP, split)
        else:
            # x* of an x that can be empty is (x+)?: the empty way keeps its rank (as in Go).
            again = self._emit(_SPLIT)
            inside, after = split + 1, len(self.program)
            self.program[again] = (_SPLIT, inside, after) if greedy else (_SPLIT, after, inside)
        self._choose(split, greedy)

    def _choose(self, split: int, greedy: bool) -> None:
        inside, after = split + 1, len(self.program)
        first, second = (inside, after) if greedy else (after, inside)
        self.program[split] = (_SPLIT, first, second)

    def search(self, text: str, start: int, charge: Callable[[int], None]) -> Spans | None:
        """Return the leftmost, preferred match at or after `start`."""
        found: Spans | None = None
        empty = (-1,) * (2 * self.groups)
        threads: list[tuple[int, Spans]] = []
        for at in range(start, len(text) + 1):
            seen: set[int] = set()
            ready: list[tuple[int, Spans]] = []
            for counter, spans in threads:
                self._follow(counter, spans, at, text, seen, ready)
            if found is None:
                self._follow(0, empty, at, text, seen, ready)
            charge(1 + len(seen) // 4)
            threads = []
            character = text[at] if at < len(text) else ""
            for counter, spans in ready:
                code, test, _ = self.program[counter]
                if code == _MATCH:
                    found = spans
                    break
                if character and test(character):
                    threads.append((counter + 1, spans))
            if not threads and found is not None:
                break
        return found

    def _follow(
        self, counter: int, spans: Spans, at: int, text: str, seen: set[int],
        ready: list[tuple[int, Spans]],
    ) -> None:  # fmt: skip
        """Go on to every instruction that reads a character, in order of preference."""
        pending = [(counter, spans)]
        while pending:
            counter, spans = pending.pop()
            if counter in seen:
                continue
            seen.add(counter)
            code, first, second = self.program[counter]
            if code == _JUMP:
                pending.append((first, spans))
            elif code == _SPLIT:
                pending.append((second, spans))
                pending.append((first, spans))
            elif code == _SAVE:
                pending.append((counter + 1, (*spans[:first], at, *spans[first + 1 :])))
            elif code == _AT:
                if _holds(first, second, text, at):
                    pending.append((counter + 1, spans))
            else:
                ready.append((counter, spans))


def _holds(code: str, flags: int, text: str, at: int) -> bool:
    """Say whether an anchor holds at a place."""
    lines = bool(flags & re.MULTILINE)
    match code:
        case "AT_BEGINNING":
            return at == 0 or (lines and text[at - 1] == "\n")
        case "AT_BEGINNING_STRING":
            return at == 0
        case "AT_END":
            return at == len(text) or (lines and text[at] == "\n")
        case "AT_END_STRING":
            return at == len(text)
    before = at > 0 and _is_word(text[at - 1])
    after = at < len(text) and _is_word(text[at])
    return (before != after) == (code == "AT_BOUNDARY")


def _is_word(character: str) -> bool:
    return character.isascii() and (character.isalnum() or character == "_")


def _test(code: Any, value: Any, flags: int) -> Test:
    """Return a test of one character; what it has told is kept."""
    match str(code):
        case "LITERAL":
            text = f"[{_point(value)}]"
        case "NOT_LITERAL":
            text = f"[^{_point(value)}]"
        case "ANY":
            text = "."
        case "IN":
            text = f"[{''.join(map(_member, value))}]"
        case name:
            raise TooLargeError(name)
    shared = flags & (re.IGNORECASE | re.ASCII | re.DOTALL)
    matches = re.compile(text, shared).match
    known: dict[str, bool] = {}

    def test(character: str) -> bool:
        answer = known.get(character)
        if answer is None:
            answer = known[character] = matches(character) is not None
        return answer

    return test


def _point(code: int) -> str:
    return f"\\U{code:08x}"


def _member(item: Any) -> str:
    code, value = item
    match str(code):
        case "NEGATE":
            return "^"
        case "LITERAL":
            return _point(value)
        case "RANGE":
            return f"{_point(value[0])}-{_point(value[1])}"
    return _CATEGORIES[str(value)]
