"""Text to tokens, by the rules of Go's text/template."""

import re
from dataclasses import dataclass
from enum import IntEnum, auto

from engine.template.go.errors import TemplateError

_SPACES = " \t\r\n"
_TRIMS = tuple("-" + space for space in _SPACES)


class Kind(IntEnum):
    """What a token is."""

    TEXT = auto()
    READ = auto()  # {{ $x }} or {{ $x.y }}, whole: four actions out of five
    OPEN = auto()
    CLOSE = auto()
    SPACE = auto()
    ASSIGN = auto()
    DECLARE = auto()
    PIPE = auto()
    COMMA = auto()
    LEFT = auto()
    RIGHT = auto()
    DOT = auto()
    FIELD = auto()
    VARIABLE = auto()
    IDENTIFIER = auto()
    KEYWORD = auto()
    NUMBER = auto()
    COMPLEX = auto()
    CHARACTER = auto()
    STRING = auto()
    RAW = auto()
    OTHER = auto()
    END = auto()


KEYWORDS = frozenset(
    {"block", "break", "continue", "define", "else", "end", "if", "nil", "range", "template",
     "with", "true", "false"}
)  # fmt: skip


@dataclass(slots=True)
class Token:
    """A token and where it stands."""

    kind: Kind
    text: str
    start: int
    end: int


_NUMBER = (
    r"[+-]?(?:0[xX][0-9a-fA-F_]*(?:\.[0-9a-fA-F_]*)?(?:[pP][+-]?[0-9_]*)?"
    r"|0[oO][0-7_]*(?:\.[0-7_]*)?|0[bB][01_]*(?:\.[01_]*)?"
    r"|[0-9_]*(?:\.[0-9_]*)?(?:[eE][+-]?[0-9_]*)?)i?"
)
_IMAGINARY = re.compile(_NUMBER)
_TOKEN = re.compile(
    r"(?P<CLOSE>[ \t\r\n]*[ \t\r\n]-}}|}})"
    r"|(?P<SPACE>[ \t\r\n]+)"
    r"|(?P<DECLARE>:=)|(?P<ASSIGN>=)|(?P<PIPE>\|)|(?P<COMMA>,)|(?P<LEFT>\()|(?P<RIGHT>\))"
    r'|(?P<STRING>"(?:\\[^\n]|[^"\\\n])*")'
    r"|(?P<RAW>`[^`]*`)"
    r"|(?P<CHARACTER>'(?:\\[^\n]|[^'\\\n])*')"
    r"|(?P<VARIABLE>\$\w*)"
    rf"|(?P<NUMBER>(?=[+0-9-]|\.[0-9]){_NUMBER})"
    r"|(?P<FIELD>\.\w+)|(?P<DOT>\.)"
    r"|(?P<IDENTIFIER>\w+)"
)
_READ = re.compile(r"\{\{ *(\$[A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)*) *\}\}")
_NAMED = frozenset({Kind.VARIABLE, Kind.FIELD, Kind.IDENTIFIER, Kind.DOT})
_KINDS: dict[str | None, Kind] = {kind.name: kind for kind in Kind}


def tokens(source: str) -> list[Token]:
    """Split a template. Raises TemplateError on what is no token."""
    return _Lexer(source).run()


class _Lexer:
    def __init__(self, source: str) -> None:
        self.source = source
        self.found: list[Token] = []

    def run(self) -> list[Token]:
        source, at = self.source, 0
        while (opened := source.find("{{", at)) >= 0:
            if read := _READ.match(source, opened):
                self._text(at, opened, trims=False)
                at = read.end()
                self.found.append(Token(Kind.READ, read.group(1), read.start(1), read.end(1)))
                continue
            inside = opened + 2
            trims = source.startswith(_TRIMS, inside)
            self._text(at, opened, trims)
            inside += 2 if trims else 0
            if source.startswith("/*", inside):
                at = self._comment(opened, inside)
            else:
                self.found.append(Token(Kind.OPEN, "{{", opened, inside))
                at = self._action(opened, inside)
        self._text(at, len(source), trims=False)
        self.found.append(Token(Kind.END, "", len(source), len(source)))
        return self.found

    def _text(self, start: int, end: int, trims: bool) -> None:
        text = self.source[start:end]
        if trims:
            text = text.rstrip(_SPACES)
        if text:
            self.found.append(Token(Kind.TEXT, text, start, start + len(text)))

    def _comment(self, opened: int, at: int) -> int:
        ended = self.source.find("*/", at + 2)
        if ended < 0:
            raise self._error("this comment is not closed with */", opened, opened + 4)
        closed = _TOKEN.match(self.source, ended + 2)
        if closed is None or closed.lastgroup != "CLOSE" or closed.end() - ended - 2 > 4:
            raise self._error("a comment ends with */}} and nothing between", opened, ended + 2)
        return self._after(closed.group(), closed.end())

    def _after(self, closing: str, at: int) -> int:
        """Return where the text goes on: ` -}}` takes the spaces after it."""
        if len(closing) > 2:
            while at < len(self.source) and self.source[at] in _SPACES:
                at += 1
        return at

    def _action(self, opened: int, at: int) -> int:
        """Read tokens up to the closing `}}`; return where the text goes on."""
        source, depth = self.source, 0
        while True:
            match = _TOKEN.match(source, at)
            if match is None:
                raise self._unread(opened, at)
            kind, text, start, at = _KINDS[match.lastgroup], match.group(), at, match.end()
            if kind is Kind.CLOSE:
                if depth:
                    raise self._error("a ( is not closed", opened, start)
                self.found.append(Token(kind, text, start, at))
                return self._after(text, at)
            if kind is Kind.NUMBER:
                kind, at = self._number(start, at)
            elif kind in _NAMED:
                kind = self._name(kind, text, start, at)
            elif kind is Kind.LEFT:
                depth += 1
            elif kind is Kind.RIGHT:
                depth -= 1
                if depth < 0:
                    raise self._error("this ) has no (", start, at)
            self.found.append(Token(kind, source[start:at], start, at))

    def _number(self, start: int, at: int) -> tuple[Kind, int]:
        kind = Kind.NUMBER
        if self.source[at : at + 1] in ("+", "-"):
            second = _IMAGINARY.match(self.source, at)
            assert second is not None
            kind, at = Kind.COMPLEX, second.end()
            if self.source[at - 1] != "i":
                raise self._error("bad number; there is no arithmetic in templates", start, at)
        if at < len(self.source) and is_alphanumeric(self.source[at]):
            raise self._error("bad number", start, at + 1)
        return kind, at

    def _name(self, kind: Kind, text: str, start: int, at: int) -> Kind:
        following = self.source[at : at + 1]
        if not text.isascii():
            for place, character in enumerate(text[1:], start + 1):
                if not is_alphanumeric(character):
                    raise self._error(f"unexpected character {character!r}", place, place + 1)
        if following and following not in " \t\r\n.,|:)(" and not self.source.startswith("}}", at):
            raise self._error(f"unexpected character {following!r}", at, at + 1)
        if kind is Kind.IDENTIFIER and text in KEYWORDS:
            return Kind.KEYWORD
        return kind

    def _unread(self, opened: int, at: int) -> TemplateError:
        if at >= len(self.source):
            return self._error("this action is not closed with }}", opened, opened + 2)
        character = self.source[at]
        if character in "\"'`":
            return self._error("this text is not closed", at, at + 1)
        return self._error(f"unexpected character {character!r}", at, at + 1)

    def _error(self, message: str, start: int, end: int) -> TemplateError:
        return TemplateError(message, start, end, self.source)


def is_alphanumeric(character: str) -> bool:
    """Say whether a character may stand in a name, as Go has it."""
    return character == "_" or character.isalpha() or character.isdecimal()
