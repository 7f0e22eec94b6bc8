"""Parse what a rule reads: `http_errors_total{service=~"web|api"}`, `{service="web"} |= "timeout"`.

Selectors are PromQL's (names may be quoted inside the braces), line filters are LogQL's.
"""

import re
from typing import Literal, cast

from engine.document import Problem
from engine.rules.model import LineFilter
from engine.rules.pattern import check_pattern, portable
from engine.series import Matcher, Selector

_SPACE = re.compile(r"\s*")
_METRIC = re.compile(r"[A-Za-z_:][A-Za-z0-9_:]*")
_LABEL = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_OPERATOR = re.compile(r"=~|!~|!=|=")
_FILTER = re.compile(r"\|=|!=|\|~|!~")
_STRING = re.compile(r"\"(?:[^\"\\\n]|\\.)*\"|'(?:[^'\\\n]|\\.)*'|`[^`]*`")
_ESCAPE = re.compile(r"\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|(.))")
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "\\": "\\", '"': '"', "'": "'"}
_MATCHERS_MAX = 40
_FILTERS_MAX = 20


class _ParseError(Exception):
    """Carries the problem up to the public functions."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.message)
        self.problem = problem


def parse_metrics(text: str) -> tuple[Selector, list[Problem]]:
    """Read the selector of a metric rule; the name becomes the matcher on `__name__`."""
    parser = _Parser(text)
    try:
        selector = parser.selector(named=True)
        parser.end(
            {"[": "the range goes into window: {sliding: 5m}",
             "offset": "offset is not supported in native rules"}
        )  # fmt: skip
    except _ParseError as error:
        return (), [error.problem]
    return selector, parser.problems


def parse_logs(text: str) -> tuple[Selector, tuple[LineFilter, ...], list[Problem]]:
    """Read the selector and the line filters of a log rule."""
    parser = _Parser(text)
    try:
        selector = parser.selector(named=False)
        filters = parser.filters()
    except _ParseError as error:
        return (), (), [error.problem]
    return selector, filters, parser.problems


class _Parser:
    """A cursor over one text."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.problems: list[Problem] = []
        self._skip()

    def _skip(self) -> None:
        found = _SPACE.match(self.text, self.at)
        self.at = found.end() if found else self.at

    def _take(self, pattern: re.Pattern[str]) -> str | None:
        found = pattern.match(self.text, self.at)
        if found is None:
            return None
        self.at = found.end()
        self._skip()
        return found[0]

    def _fail(self, message: str, help_text: str, code: str = "selector") -> _ParseError:
        at = min(self.at, max(len(self.text) - 1, 0))
        found = re.compile(r"\w+|.").match(self.text, at)
        length = len(found[0]) if found else 1
        return _ParseError(Problem(at, length, code, message, help_text))

    def selector(self, named: bool) -> Selector:
        """Read `name{...}`, `name` or `{...}`."""
        start = self.at
        name_at = self.at
        name = self._take(_METRIC) if named else None
        matchers: list[Matcher] = []
        if name is not None:
            matchers.append(Matcher("__name__", "=", name))
        if self.text[self.at : self.at + 1] == "{":
            matchers += self._braces(named, name is not None)
        elif name is None:
            example = (
                'http_errors_total{service="web"}' if named else '{service="web"} |= "timeout"'
            )
            raise self._fail("a selector is expected here", f"write for example {example}")
        elif self.text[self.at : self.at + 1] == "(":
            self.at = name_at
            raise self._fail("native rules read a selector, not an expression",
                             "put the function into compute:, as in errors: rate()")  # fmt: skip
        if not any(_narrows(matcher) for matcher in matchers):
            self.problems.append(
                Problem(start, max(self.at - start, 1), "selector", "this selects everything",
                        "name at least one label value that is not empty")
            )  # fmt: skip
        return tuple(matchers)

    def _braces(self, named: bool, has_name: bool) -> list[Matcher]:
        opened = self.at
        self.at += 1
        self._skip()
        matchers: list[Matcher] = []
        while self.text[self.at : self.at + 1] != "}":
            if self.at >= len(self.text):
                self.at = opened
                raise self._fail("this brace is never closed", "add }")
            matchers.append(self._matcher(named, has_name))
            if len(matchers) > _MATCHERS_MAX:
                raise self._fail(f"more than {_MATCHERS_MAX} matchers", "use a regular expression")
            if self.text[self.at : self.at + 1] == ",":
                self.at += 1
                self._skip()
            elif self.at < len(self.text) and self.text[self.at] != "}":
                raise self._fail("a comma or } is expected here", 'write {service="web", zone="a"}')
        self.at += 1
        self._skip()
        return matchers

    def _matcher(self, named: bool, has_name: bool) -> Matcher:
        quoted = self.text[self.at : self.at + 1] in ('"', "'", "`")
        name_at = self.at
        name = self._string() if quoted else self._take(_LABEL)
        if name is None:
            raise self._fail("a label name is expected here", 'write {service="web"}')
        operator = self._take(_OPERATOR)
        if operator is None:
            if quoted and named and not has_name and self.text[self.at : self.at + 1] in (",", "}"):
                return Matcher("__name__", "=", name)
            raise self._fail("one of = != =~ !~ is expected here", 'write {service="web"}')
        if name == "__name__" and has_name:
            raise _ParseError(
                Problem(name_at, 8, "selector", "the metric's name is given twice", "remove one")
            )
        value_at = self.at
        value = self._string()
        if value is None:
            raise self._fail("a quoted value is expected here", 'quote it: {service="web"}')
        if operator in ("=~", "!~"):
            value = self._pattern(value, value_at)
        return Matcher(name, cast(Literal["=", "!=", "=~", "!~"], operator), value)

    def _string(self) -> str | None:
        raw = self._take(_STRING)
        if raw is None:
            if self.text[self.at : self.at + 1] in ('"', "'", "`"):
                raise self._fail("this quote is never closed", "close it on the same line")
            return None
        return raw[1:-1] if raw[0] == "`" else _ESCAPE.sub(_unescape, raw[1:-1])

    def _pattern(self, value: str, value_at: int) -> str:
        problem = check_pattern(value)
        if problem is None:
            return portable(value)
        # Offsets inside the pattern are those of the text where nothing was escaped.
        inside = self.text[value_at + 1 : value_at + 1 + len(value)] == value
        offset = value_at + 1 + problem.offset if inside else value_at
        length = problem.length if inside else max(len(value), 1)
        self.problems.append(problem._replace(offset=offset, length=length))
        return ""

    def filters(self) -> tuple[LineFilter, ...]:
        """Read the line filters up to the end."""
        filters: list[LineFilter] = []
        while self.at < len(self.text):
            operator = self._take(_FILTER)
            if operator is None:
                raise self._stage()
            value_at = self.at
            value = self._string()
            if value is None:
                raise self._fail("a quoted text is expected here", '|= "timeout"', "line-filter")
            if operator in ("|~", "!~"):
                value = self._pattern(value, value_at)
            filters.append(LineFilter(cast(Literal["|=", "!=", "|~", "!~"], operator), value))
            if len(filters) > _FILTERS_MAX:
                raise self._fail(f"more than {_FILTERS_MAX} filters", "use |~", "line-filter")
        return tuple(filters)

    def _stage(self) -> _ParseError:
        found = re.compile(r"\|\s*([a-z_]+)").match(self.text, self.at)
        if found is not None:
            return _ParseError(
                Problem(self.at, len(found[0]), "unsupported",
                        f"LogQL's stage `| {found[1]}` is not supported yet",
                        "JSON fields of a record can be used by name in compute:")
            )  # fmt: skip
        return self._fail("a line filter is expected here", '|= != |~ !~ and a quoted text',
                          "line-filter")  # fmt: skip

    def end(self, known: dict[str, str]) -> None:
        """Expect the end of the text."""
        if self.at >= len(self.text):
            return
        rest = self.text[self.at :]
        for start, help_text in known.items():
            if rest.startswith(start):
                raise self._fail(f"{start!r} does not belong to a selector", help_text)
        raise self._fail("nothing is expected after the selector",
                         "native rules read one selector; functions go into compute:")  # fmt: skip


def _unescape(found: re.Match[str]) -> str:
    code = found[1] or found[2]
    if code:
        character = chr(int(code, 16))
        return found[0] if "\ud800" <= character <= "\udfff" else character
    # An unknown escape keeps its backslash: "\." and "\d" are what people write in patterns.
    return _ESCAPES.get(found[3], found[0])


def _narrows(matcher: Matcher) -> bool:
    """Say whether a matcher refuses a series that lacks the label (Prometheus's condition)."""
    try:
        return not matcher.matches({})
    except re.error:
        return True
