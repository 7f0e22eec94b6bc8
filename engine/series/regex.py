"""RE2 as Go reads it, translated to Python's `re`.

The same texts are accepted and refused (no look-around, no back-references, `{,5}` is literal,
classes are ASCII, `$` is the end of the text), groups keep their numbers and names, and the same
alternatives are preferred. Two things differ: script classes (`\\p{Greek}`) are refused, for Python
has no tables of scripts; and matching backtracks, so a nested repetition may take long.

Source: github.com/google/re2/wiki/Syntax; Go, regexp/syntax.
"""

import re
import sys
from dataclasses import dataclass, field, replace

from engine.series.regex_classes import (
    ESCAPES,
    NOT_NEWLINE,
    PERL,
    Ranges,
    category,
    character_class,
    negated,
    posix,
)

GROUP_DEPTH_MAX = 100
REPEAT_MAX = 1000

# Texts that mean the same to both: most of those in rules.
_SAME = re.compile(r"(?:[A-Za-z0-9_/:,=@%&<>~;'\"! -]|\\[.\-/]|\.[*+]?|\|)*")
_REPEAT = re.compile(r"\{([0-9]+)(,([0-9]*))?\}")
_GROUP_NAME = re.compile(r"\?P?<([^>]*)>")
_FLAGS = re.compile(r"\?([imsU]*)(-[imsU]+)?([:)])")
_OCTAL = re.compile(r"0[0-7]{0,2}|[1-7][0-7]{1,2}")
_HEX = re.compile(r"x(?:([0-9a-fA-F]{2})|\{([0-9a-fA-F]+)\})")
_PROPERTY = re.compile(r"[pP](?:\{(\^?)([^}]*)\}|([^{\\]))")


def translate(pattern: str, *, dot_all: bool = True) -> str:
    """Return the pattern for `re`, always to be compiled with re.DOTALL. Raises re.error.

    In Prometheus's matchers `.` matches newlines (`dot_all`); in Go's own expressions, as the
    functions of templates take them, it does not.
    """
    if _SAME.fullmatch(pattern) and (dot_all or "." not in pattern):
        return pattern
    return _Translator(pattern, _Flags(dot_all=dot_all)).run()


@dataclass(frozen=True, slots=True)
class _Flags:
    fold: bool = False  # i
    lines: bool = False  # m
    dot_all: bool = True  # s
    swapped: bool = False  # U: lazy and greedy change places


@dataclass(frozen=True, slots=True)
class _Atom:
    text: str
    fold: bool
    repeats: int = 1  # how often counted repetitions multiply what is inside
    repeated: bool = False


@dataclass(slots=True)
class _Group:
    opening: str
    outside: _Flags
    fold: bool  # as it holds where the group stands
    repeats: int = 1
    branches: list[str] = field(default_factory=list)
    atoms: list[_Atom] = field(default_factory=list)

    def close_branch(self) -> None:
        """Join the atoms, in runs of equal case folding."""
        text, run, fold = "", "", self.fold
        for atom in self.atoms:
            if atom.fold != fold:
                text += self._wrapped(run, fold)
                run, fold = "", atom.fold
            run += atom.text
            self.repeats = max(self.repeats, atom.repeats)
        self.branches.append(text + self._wrapped(run, fold))
        self.atoms = []

    def _wrapped(self, run: str, fold: bool) -> str:
        if fold == self.fold or not run:
            return run
        return f"(?{'i' if fold else '-i'}:{run})"


class _Translator:
    """One pass over one pattern."""

    def __init__(self, pattern: str, flags: _Flags) -> None:
        self.pattern = pattern
        self.at = 0
        self.flags = flags
        self.groups = [_Group("", self.flags, fold=False)]
        self.names: set[str] = set()

    def run(self) -> str:
        """Return the translated pattern."""
        while self.at < len(self.pattern):
            self._step(self.pattern[self.at])
        if len(self.groups) > 1:
            raise self._error("missing closing )", self.pattern)
        self.groups[0].close_branch()
        return "|".join(self.groups[0].branches)

    def _error(self, message: str, what: str) -> re.error:
        return re.error(f"{message}: `{what}`", self.pattern, self.at)

    def _add(self, text: str) -> None:
        self.groups[-1].atoms.append(_Atom(text, self.flags.fold))

    def _step(self, character: str) -> None:
        match character:
            case "(":
                self._open()
            case ")":
                self._close()
            case "|":
                self.groups[-1].close_branch()
                self.at += 1
            case "*" | "+" | "?":
                self._repeat(character, 1, 1)
            case "{":
                self._count()
            case "\\":
                self._escape()
            case "[":
                ranges, negative = self._class()
                self._add(character_class(ranges, negative))
            case _:
                self.at += 1
                self._add(self._simple(character))

    def _simple(self, character: str) -> str:
        if character == ".":
            return "." if self.flags.dot_all else NOT_NEWLINE
        if character == "^":
            return "(?m:^)" if self.flags.lines else r"(?:\A)"
        if character == "$":
            return "(?m:$)" if self.flags.lines else r"(?:\Z)"
        return re.escape(character)

    def _open(self) -> None:
        outside, start = self.flags, self.at
        self.at += 1
        opening = "("
        if self.pattern.startswith("?", self.at):
            if found := _GROUP_NAME.match(self.pattern, self.at):
                opening = self._named(found, start)
            elif flags := _FLAGS.match(self.pattern, self.at):
                self._set_flags(flags)
                if flags[3] == ")":
                    return
                opening = "(?:"
            else:
                what = self.pattern[start : start + 4]
                raise self._error("invalid or unsupported Perl syntax", what)
        if len(self.groups) > GROUP_DEPTH_MAX:
            raise self._error("expression nests too deeply", self.pattern)
        # Case folding inside is told by runs, against what holds where the group stands.
        self.groups.append(_Group(opening, outside, fold=outside.fold))

    def _named(self, found: re.Match[str], start: int) -> str:
        name = found[1]
        what = self.pattern[start : found.end()]
        if not name or not name.isascii() or not name.replace("_", "a").isalnum():
            raise self._error("invalid named capture", what)
        if name in self.names:
            raise self._error("duplicate capture group name", name)
        self.names.add(name)
        self.at = found.end()
        return f"(?P<{name}>" if name.isidentifier() else "("

    def _set_flags(self, found: re.Match[str]) -> None:
        on, off = found[1], (found[2] or "")[1:]
        for letters, value in ((on, True), (off, False)):
            for letter in letters:
                name = {"i": "fold", "m": "lines", "s": "dot_all", "U": "swapped"}[letter]
                self.flags = replace(self.flags, **{name: value})
        self.at = found.end()

    def _close(self) -> None:
        if len(self.groups) == 1:
            raise self._error("unexpected )", self.pattern)
        self.at += 1
        group = self.groups.pop()
        group.close_branch()
        self.flags = group.outside
        text = f"{group.opening}{'|'.join(group.branches)})"
        self.groups[-1].atoms.append(_Atom(text, group.fold, group.repeats))

    def _count(self) -> None:
        found = _REPEAT.match(self.pattern, self.at)
        if found is None:
            self.at += 1
            self._add(r"\{")
            return
        least = int(found[1][:6])
        most = least if found[2] is None else int(found[3][:6]) if found[3] else None
        if least > REPEAT_MAX or (most is not None and not least <= most <= REPEAT_MAX):
            raise self._error("invalid repeat count", found.group())
        self._repeat(found.group(), least, least if most is None else most)

    def _repeat(self, operator: str, least: int, most: int) -> None:
        start = self.at
        self.at += len(operator)
        lazy = self.pattern.startswith("?", self.at)
        self.at += lazy
        atoms = self.groups[-1].atoms
        if not atoms:
            raise self._error("missing argument to repetition operator", operator)
        atom = atoms.pop()
        if atom.repeated and self._directly_after_repeat(start):
            raise self._error(
                "invalid nested repetition operator", self.pattern[start - 1 : self.at]
            )
        repeats = atom.repeats * max(most, least, 1)
        if repeats > REPEAT_MAX:
            raise self._error("invalid repeat count", operator)
        text = f"(?:{atom.text})" if atom.repeated else atom.text
        text += operator + ("?" if lazy != self.flags.swapped else "")
        atoms.append(_Atom(text, atom.fold, repeats, repeated=True))

    def _directly_after_repeat(self, start: int) -> bool:
        # `a*(?i)*` is none: setting flags stands between.
        return self.pattern[start - 1] != ")" or not _FLAGS_BEFORE.search(self.pattern[:start])

    def _escape(self) -> None:
        following = self.pattern[self.at + 1 : self.at + 2]
        anchor = _ANCHORS.get(following)
        if anchor is not None:
            self.at += 2
            self._add(anchor)
        elif following == "Q":
            end = self.pattern.find("\\E", self.at)
            literal = self.pattern[self.at + 2 : end if end >= 0 else None]
            self.at = end + 2 if end >= 0 else len(self.pattern)
            for character in literal:
                self._add(re.escape(character))
        elif (ranges := self._shorthand()) is not None:
            self._add(character_class(ranges, negative=False))
        else:
            self._add(re.escape(self._character()))

    def _shorthand(self) -> Ranges | None:
        """Take `\\d`, `\\pL` and the like."""
        following = self.pattern[self.at + 1 : self.at + 2]
        if following in PERL and following:
            self.at += 2
            return PERL[following]
        if following not in ("p", "P"):
            return None
        found = _PROPERTY.match(self.pattern, self.at + 1)
        what = self.pattern[self.at : found.end() if found else len(self.pattern)]
        name = (found[2] if found[3] is None else found[3]) if found else ""
        ranges = category(name)
        if found is None or ranges is None:
            raise self._error("invalid character class range", what)
        self.at = found.end()
        return negated(ranges) if (following == "P") != bool(found[1]) else ranges

    def _character(self) -> str:
        """Take one escaped character."""
        start = self.at + 1
        following = self.pattern[start : start + 1]
        if not following:
            raise self._error("trailing backslash at end of expression", "")
        if octal := _OCTAL.match(self.pattern, start):
            self.at = octal.end()
            return chr(int(octal.group(), 8))
        if (found := _HEX.match(self.pattern, start)) and (
            code := int(found[1] or found[2], 16)
        ) <= sys.maxunicode:
            self.at = found.end()
            return chr(code)
        if following in ESCAPES:
            self.at += 2
            return ESCAPES[following]
        if following.isascii() and not following.isalnum():
            self.at += 2
            return following
        raise self._error("invalid escape sequence", f"\\{following}")

    def _class(self) -> tuple[Ranges, bool]:
        start = self.at
        self.at += 1
        negative = self.pattern.startswith("^", self.at)
        self.at += negative
        ranges: list[tuple[int, int]] = []
        first = True
        while first or not self.pattern.startswith("]", self.at):
            if self.at >= len(self.pattern):
                raise self._error("missing closing ]", self.pattern[start:])
            first = False
            if self.pattern.startswith("[:", self.at) and ":]" in self.pattern[self.at + 2 :]:
                ranges += self._posix()
            elif self.pattern[self.at] == "\\" and (found := self._shorthand()) is not None:
                ranges += found
            else:
                ranges.append(self._range(start))
        self.at += 1
        return tuple(ranges), negative

    def _posix(self) -> Ranges:
        end = self.pattern.index(":]", self.at + 2)
        name = self.pattern[self.at + 2 : end]
        found = posix(name)
        if found is None:
            what = self.pattern[self.at : end + 2]
            raise self._error("invalid character class range", what)
        self.at = end + 2
        return found

    def _range(self, start: int) -> tuple[int, int]:
        begin = self.at
        low = high = self._class_character(start)
        following = self.pattern[self.at + 1 : self.at + 2]
        if self.pattern.startswith("-", self.at) and following not in ("", "]"):
            self.at += 1
            high = self._class_character(start)
            if high < low:
                what = self.pattern[begin : self.at]
                raise self._error("invalid character class range", what)
        return ord(low), ord(high)

    def _class_character(self, start: int) -> str:
        if self.at >= len(self.pattern):
            raise self._error("missing closing ]", self.pattern[start:])
        if self.pattern[self.at] == "\\":
            return self._character()
        self.at += 1
        return self.pattern[self.at - 1]


# Python's own \B fails on the empty text before 3.14.
_ANCHORS = {"A": r"(?:\A)", "z": r"(?:\Z)", "b": r"(?a:\b)", "B": r"(?a:(?!\b))"}
_FLAGS_BEFORE = re.compile(r"\(\?[imsU]*(?:-[imsU]+)?\)\Z")
