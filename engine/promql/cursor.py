"""A place among the tokens, and what every part of the grammar asks of it."""

from typing import NoReturn

from engine.promql.errors import PromQLError
from engine.promql.lexer import END, NUMBER, OPERATOR, TEXT, WORD, Tokens, literal, unquote

_KINDS = {WORD: "identifier", TEXT: "string", NUMBER: "number"}
_INFINITY_AND_NAN = ("inf", "nan")


class Cursor:
    """The next token and what follows."""

    __slots__ = ("index", "kind", "kinds", "starts", "text", "value", "values")

    def __init__(self, text: str) -> None:
        tokens = Tokens(text)
        self.text = text
        self.kinds = tokens.kinds
        self.values = tokens.values
        self.starts = tokens.starts
        self.index = 0
        self.kind = self.kinds[0]
        self.value = self.values[0]

    @property
    def start(self) -> int:
        """Where the next token begins."""
        return self.starts[self.index]

    @property
    def end(self) -> int:
        """Where the last token taken ends."""
        last = self.index - 1
        return self.starts[last] + len(self.values[last])

    @property
    def following(self) -> str:
        """The token after the next one; empty at the end."""
        after = self.index + 1
        return self.values[after] if after < len(self.values) else ""

    def take(self) -> str:
        """Step over the next token and return it."""
        taken = self.value
        self.index += 1
        self.kind = self.kinds[self.index]
        self.value = self.values[self.index]
        return taken

    def is_word(self, word: str) -> bool:
        """Say whether a keyword is next, in any case of its letters."""
        return self.kind == WORD and self.value.lower() == word

    def accept(self, operator: str) -> bool:
        """Step over an operator if it is next."""
        if self.value == operator and self.kind == OPERATOR:
            self.take()
            return True
        return False

    def expect(self, operator: str, where: str) -> None:
        """Step over an operator or refuse what is there instead."""
        if not self.accept(operator):
            self.unexpected(where, f'"{operator}"')

    def unexpected(self, where: str = "", expected: str = "") -> NoReturn:
        """Refuse the next token."""
        what = f"unexpected {_KINDS.get(self.kind, '')} ".replace("  ", " ")
        if self.kind == END:
            what += "end of input"
        elif self.kind == TEXT:
            what += self.value
        else:
            what += f'"{self.value}"'
        what += f" in {where}" if where else ""
        what += f", expected {expected}" if expected else ""
        raise PromQLError(what, self.start, self.start + len(self.value))

    def string(self) -> str:
        """Take a string literal and return what it says."""
        start = self.start
        return unquote(self.take(), start)

    def number(self) -> tuple[float, bool] | None:
        """Take an unsigned number, if one is next: its value, and whether it is a duration."""
        if self.kind == NUMBER:
            start = self.start
            return literal(self.take(), start)
        if self.kind == WORD and self.value.lower() in _INFINITY_AND_NAN:
            return (float("inf") if self.take().lower() == "inf" else float("nan")), False
        return None

    def signed_number(self, where: str, expected: str) -> float:
        """Take a number with or without a sign."""
        negative = self.accept("-")
        if not negative:
            self.accept("+")
        found = self.number()
        if found is None:
            self.unexpected(where, expected)
        return -found[0] if negative else found[0]

    def labels(self) -> tuple[str, ...]:
        """Take label names in parentheses."""
        where = "grouping opts"
        self.expect("(", where)
        names: list[str] = []
        while not self.accept(")"):
            names.append(self._label(where))
            if not self.accept(",") and not (self.kind == OPERATOR and self.value == ")"):
                self.unexpected(where, '"," or ")"')
        return tuple(names)

    def _label(self, where: str) -> str:
        if self.kind == TEXT:
            start = self.start
            name = self.string()
            if not name:
                raise PromQLError('invalid label name ""', start, self.end)
            return name
        if self.kind != WORD or self.value.lower() in _INFINITY_AND_NAN:
            self.unexpected(where, "label")
        return self.take()
