"""Parse a condition: `errors / requests > 0.05 and requests >= 100`.

Binding from loose to tight: or, and, not, comparisons (which do not chain), + -, * / %, unary
minus. Names are those of `compute`.
"""

import re
from collections.abc import Collection
from typing import Literal, NamedTuple, cast

from engine.document import Problem, did_you_mean
from engine.plan import Binary, Expression, Name, Negate, Not, Number, names

_TOKENS_MAX = 400  # bounds the tree: evaluation recurses over it
_DEPTH_MAX = 40
_TOKEN = re.compile(
    r"\s*(?:(?P<number>(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][-+]?[0-9]+)?)"
    r"|(?P<name>[A-Za-z_][A-Za-z0-9_]*)"
    r"|(?P<operator><=|>=|==|!=|&&|\|\||[-+*/%<>()=!]))"
)  # fmt: skip
_COMPARISONS = ("<", "<=", ">", ">=", "==", "!=")
_INSTEAD = {"&&": "and", "||": "or", "!": "not", "=": "=="}
_WORDS = ("and", "or", "not")
_TAIL = re.compile(r"[A-Za-z0-9_.]+")

Type = Literal["number", "truth"]
_Operator = Literal["<", "<=", ">", ">=", "==", "!=", "+", "-", "*", "/", "%", "and", "or"]


class _Token(NamedTuple):
    kind: str  # number, name, word, operator, end
    text: str
    offset: int

    @property
    def end(self) -> int:
        return self.offset + len(self.text)


class _Part(NamedTuple):
    """A parsed piece with its type and where it stands."""

    expression: Expression
    type: Type
    start: int
    end: int


class _ParseError(Exception):
    """Carries the problem up to `parse_condition`."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.message)
        self.problem = problem


def parse_condition(text: str, known: Collection[str]) -> tuple[Expression | None, list[Problem]]:
    """Return the tree of a condition over `known` names, or None and what is wrong with it."""
    try:
        parser = _Parser(_tokens(text), known)
        part = parser.whole()
    except _ParseError as error:
        return None, [error.problem]
    problems = parser.problems
    if part.type == "number":
        shown = text[part.start : part.end]
        problems.append(
            Problem(part.start, part.end - part.start, "condition-type",
                    "this is a number, not a condition", f"compare it: {shown} > 0")
        )  # fmt: skip
    elif not problems and next(names(part.expression), None) is None:
        problems.append(
            Problem(part.start, part.end - part.start, "condition-constant",
                    "this reads no computed column, so it never changes",
                    f"use one of {', '.join(known)}")
        )  # fmt: skip
    return (None if problems else part.expression), problems


def _tokens(text: str) -> list[_Token]:
    tokens: list[_Token] = []
    position, end = 0, len(text.rstrip())
    while position < end:
        found = _TOKEN.match(text, position)
        if found is None:
            at = position + len(text[position:]) - len(text[position:].lstrip())
            raise _fail(at, 1, f"{text[at]!r} has no meaning in a condition",
                        "use names, numbers, + - * / %, comparisons, and, or, not")  # fmt: skip
        kind = found.lastgroup or ""
        word = found[kind]
        start = found.start(kind)
        if kind == "number" and (tail := _TAIL.match(text, found.end())):
            shown = word + tail[0]
            raise _fail(start, len(shown), f"{shown!r} is no number",
                        "write plain numbers: 0.05, 300, 1e6; units go into the name")  # fmt: skip
        if word in _INSTEAD:
            raise _fail(start, len(word), f"{word!r} is no operator", f"write {_INSTEAD[word]}")
        if kind == "name" and word in _WORDS:
            kind = "word"
        tokens.append(_Token(kind, word, start))
        position = found.end()
        if len(tokens) > _TOKENS_MAX:
            raise _ParseError(
                Problem(start, len(word), "condition-limit",
                        f"more than {_TOKENS_MAX} words and signs in one condition",
                        "compute part of it, or write several rules")
            )  # fmt: skip
    tokens.append(_Token("end", "", end))
    return tokens


def _fail(offset: int, length: int, message: str, help_text: str = "") -> _ParseError:
    return _ParseError(Problem(offset, max(length, 1), "condition", message, help_text))


class _Parser:
    """Recursive descent; one method a level of binding."""

    def __init__(self, tokens: list[_Token], known: Collection[str]) -> None:
        self._tokens = tokens
        self._known = known
        self._at = 0
        self._depth = 0
        self.problems: list[Problem] = []

    @property
    def _next(self) -> _Token:
        return self._tokens[self._at]

    def _take(self) -> _Token:
        token = self._tokens[self._at]
        self._at += 1
        return token

    def whole(self) -> _Part:
        if self._next.kind == "end":
            raise _fail(0, 1, "the condition is empty", "write for example errors > 10")
        part = self._or()
        if self._next.kind != "end":
            raise self._unexpected("after the condition")
        return part

    def _unexpected(self, where: str) -> _ParseError:
        token = self._next
        if token.kind == "end":
            return _fail(max(token.offset - 1, 0), 1, "the condition ends too early",
                         "a name, a number or a bracket is missing")  # fmt: skip
        help_text = "write `and` or `or` between conditions" if where.startswith("after") else ""
        return _fail(token.offset, len(token.text), f"{token.text!r} is not expected {where}",
                     help_text)  # fmt: skip

    def _or(self) -> _Part:
        left = self._and()
        while self._next.kind == "word" and self._next.text == "or":
            left = self._join(self._take().text, left, self._and(), "truth", "truth")
        return left

    def _and(self) -> _Part:
        left = self._not()
        while self._next.kind == "word" and self._next.text == "and":
            left = self._join(self._take().text, left, self._not(), "truth", "truth")
        return left

    def _not(self) -> _Part:
        if self._next.kind == "word" and self._next.text == "not":
            token = self._take()
            inner = self._deeper(token)
            operand = self._not()
            self._depth = inner
            self._expect(operand, "truth", "not")
            return _Part(Not(operand.expression), "truth", token.offset, operand.end)
        return self._comparison()

    def _comparison(self) -> _Part:
        left = self._sum()
        if self._next.text not in _COMPARISONS:
            return left
        operator = self._take()
        part = self._join(operator.text, left, self._sum(), "number", "truth")
        if self._next.text in _COMPARISONS:
            raise _fail(self._next.offset, len(self._next.text), "comparisons do not chain",
                        "write a < b and b < c")  # fmt: skip
        return part

    def _sum(self) -> _Part:
        left = self._product()
        while self._next.kind == "operator" and self._next.text in "+-":
            left = self._join(self._take().text, left, self._product(), "number", "number")
        return left

    def _product(self) -> _Part:
        left = self._unary()
        while self._next.kind == "operator" and self._next.text in "*/%":
            left = self._join(self._take().text, left, self._unary(), "number", "number")
        return left

    def _unary(self) -> _Part:
        token = self._next
        if token.kind == "operator" and token.text in "+-":
            self._take()
            outer = self._deeper(token)
            operand = self._unary()
            self._depth = outer
            self._expect(operand, "number", token.text)
            if token.text == "+":
                return operand
            return _Part(Negate(operand.expression), "number", token.offset, operand.end)
        return self._primary()

    def _primary(self) -> _Part:
        token = self._next
        if token.kind == "number":
            self._take()
            return _Part(Number(float(token.text)), "number", token.offset, token.end)
        if token.kind == "name":
            self._take()
            self._check_name(token)
            return _Part(Name(token.text), "number", token.offset, token.end)
        if token.text != "(":
            raise self._unexpected("here")
        self._take()
        outer = self._deeper(token)
        part = self._or()
        if self._next.text != ")":
            if self._next.kind == "end":
                raise _fail(token.offset, 1, "this bracket is never closed", "add )")
            raise self._unexpected("after the condition")
        closing = self._take()
        self._depth = outer
        return part._replace(start=token.offset, end=closing.end)

    def _check_name(self, token: _Token) -> None:
        if token.text in self._known:
            return
        near = did_you_mean(token.text, self._known)
        listed = ", ".join(self._known) or "none"
        help_text = f"did you mean {near}? " if near else ""
        if self._next.text == "(":
            help_text = "functions go into compute: and are read by their name; "
        self.problems.append(
            Problem(token.offset, len(token.text), "condition-name",
                    f"compute defines no {token.text!r}",
                    f"{help_text}known names: {listed}")
        )  # fmt: skip
        if self._next.text == "(":
            raise _ParseError(self.problems[-1])

    def _deeper(self, token: _Token) -> int:
        """Count one more level and return the depth before it."""
        before = self._depth
        self._depth += 1
        if self._depth > _DEPTH_MAX:
            raise _ParseError(
                Problem(token.offset, len(token.text), "condition-limit",
                        f"nested deeper than {_DEPTH_MAX}", "remove brackets")
            )  # fmt: skip
        return before

    def _expect(self, part: _Part, wanted: Type, operator: str) -> None:
        if part.type == wanted:
            return
        length = part.end - part.start
        if wanted == "number":
            message, help_text = (
                f"{operator!r} works on numbers, this is a condition",
                "brackets may be missing; conditions are joined by `and` and `or`",
            )
        else:
            message, help_text = f"{operator!r} works on conditions, this is a number", "compare it"
        self.problems.append(Problem(part.start, length, "condition-type", message, help_text))

    def _join(self, operator: str, left: _Part, right: _Part, wanted: Type, gives: Type) -> _Part:
        self._expect(left, wanted, operator)
        self._expect(right, wanted, operator)
        expression = Binary(cast(_Operator, operator), left.expression, right.expression)
        return _Part(expression, gives, left.start, right.end)
