"""Tokens to a tree, by the grammar of Go's text/template."""

from collections.abc import Container

from engine.template.go.constants import number, unquote
from engine.template.go.errors import TemplateError
from engine.template.go.lexer import Kind, Token, tokens
from engine.template.go.nodes import (
    Action,
    Branch,
    Break,
    Call,
    Chain,
    Command,
    Constant,
    Continue,
    Dot,
    FieldChain,
    Identifier,
    If,
    Nil,
    Node,
    Pipe,
    Range,
    Text,
    Tree,
    Variable,
    With,
)

SOURCE_CHARS_MAX, DEPTH_MAX = 16_384, 40
_TERMS = frozenset(
    {Kind.NUMBER, Kind.COMPLEX, Kind.CHARACTER, Kind.STRING, Kind.RAW, Kind.DOT, Kind.FIELD,
     Kind.VARIABLE, Kind.IDENTIFIER, Kind.LEFT}
)  # fmt: skip
_SPACE = Kind.SPACE
_WHOLE = frozenset({Kind.TEXT, Kind.READ})
_WORDS = frozenset({"true", "false", "nil"})


def parse(
    source: str,
    functions: Container[str],
    variables: tuple[str, ...] = (),
    chars_max: int = SOURCE_CHARS_MAX,
) -> Tree:
    """Parse a template that may use these functions and finds these variables.

    The variables are known in the text itself, not in what it defines. Raises TemplateError.
    """
    if len(source) > chars_max:
        raise TemplateError(f"longer than {chars_max:,} characters", 0, 1)
    return _Parser(source, functions, variables).parse()


class _Parser:
    def __init__(self, source: str, functions: Container[str], variables: tuple[str, ...]) -> None:
        self.source = source
        self.functions = functions
        self.tokens = tokens(source)
        self.at = 0
        self.variables = ["$", *variables]
        self.ranges = 0
        self.depth = 0
        self.templates: dict[str, tuple[Node, ...]] = {}

    # Tokens

    def peek(self) -> Token:
        return self.tokens[self.at]

    def peek_past_space(self) -> Token:
        token = self.tokens[self.at]
        while token.kind is _SPACE:
            self.at += 1
            token = self.tokens[self.at]
        return token

    def take(self) -> Token:
        token = self.peek_past_space()
        if token.kind is not Kind.END:
            self.at += 1
        return token

    def word(self) -> str:
        token = self.peek_past_space()
        return token.text if token.kind is Kind.KEYWORD else ""

    def close(self, context: str) -> None:
        token = self.take()
        if token.kind is not Kind.CLOSE:
            raise self.unexpected(token, context)

    def error(self, message: str, token: Token) -> TemplateError:
        return TemplateError(message, token.start, token.end, self.source)

    def unexpected(self, token: Token, context: str) -> TemplateError:
        if token.kind is Kind.END:
            return self.error(f"the text ends inside {context}; {{{{ end }}}} is missing", token)
        shown = "}}" if token.kind is Kind.CLOSE else token.text.strip()[:20]
        return self.error(f"unexpected {shown!r} in {context}", token)

    def deeper(self, token: Token) -> None:
        self.depth += 1
        if self.depth > DEPTH_MAX:
            raise self.error(f"nested deeper than {DEPTH_MAX}", token)

    # Text and actions

    def parse(self) -> Tree:
        body: list[Node] = []
        while (token := self.peek()).kind is not Kind.END:
            self.at += 1
            word = "" if token.kind in _WHOLE else self.word()
            if word == "define":
                self.define(self.take())
            elif word in ("end", "else"):
                raise self.unexpected(self.peek(), "a text where nothing is open")
            else:
                body.append(self.node(token))
        return Tree(tuple(body), self.templates)

    def body(self, opened: Token, context: str) -> tuple[tuple[Node, ...], Token]:
        """Read up to `end` or `else`; return what was read and that word, which is taken."""
        self.deeper(opened)
        found: list[Node] = []
        while True:
            token = self.peek()
            if token.kind is Kind.END:
                raise self.error(f"this {context} has no {{{{ end }}}}", opened)
            self.at += 1
            if token.kind not in _WHOLE and self.word() in ("end", "else"):
                self.depth -= 1
                ending = self.take()
                if ending.text == "end":
                    self.close("end")
                return tuple(found), ending
            found.append(self.node(token))

    def node(self, token: Token) -> Node:
        """Read what a token begins: a text, `{{ $x.y }}` in one token, an action."""
        if token.kind is Kind.TEXT:
            return Text(token.start, token.end, token.text)
        if token.kind is not Kind.READ:
            return self.action(token)
        name, *names = token.text.split(".")
        start, end = token.start, token.end
        if name not in self.variables:
            message = f"there is no variable {name} here"
            raise TemplateError(message, start, start + len(name), self.source)
        variable = Variable(start, end, name, tuple(names))
        return Action(start, end, Pipe(start, end, (Command(start, end, (variable,)),)))

    def action(self, opened: Token) -> Node:
        word = self.word()
        token = self.peek()
        match word:
            case "if" | "with":
                return self.condition(self.take())
            case "range":
                return self.range(self.take())
            case "template":
                return self.call(self.take())
            case "block":
                return self.block(self.take())
            case "break" | "continue":
                return self.jump(self.take())
            case "define":
                raise self.error("a template can only be defined at the top of the text", token)
        pipe = self.pipe("an action", Kind.CLOSE)
        return Action(opened.start, self.tokens[self.at - 1].end, pipe)

    def jump(self, token: Token) -> Node:
        if not self.ranges:
            raise self.error(f"{token.text} outside of range", token)
        self.close(token.text)
        node = Break if token.text == "break" else Continue
        return node(token.start, token.end)

    def condition(self, opened: Token) -> Node:
        known = len(self.variables)
        branches: list[Branch] = []
        otherwise: tuple[Node, ...] = ()
        while True:
            pipe = self.pipe(opened.text, Kind.CLOSE)
            found, ending = self.body(opened, opened.text)
            branches.append(Branch(pipe.start, pipe.end, pipe, found))
            if ending.text == "end":
                break
            if self.word() == opened.text:
                self.take()
                continue
            otherwise = self.otherwise(opened)
            break
        del self.variables[known:]
        node = If if opened.text == "if" else With
        return node(opened.start, opened.end, tuple(branches), otherwise)

    def otherwise(self, opened: Token) -> tuple[Node, ...]:
        self.close("else")
        found, ending = self.body(opened, opened.text)
        if ending.text != "end":
            raise self.error("a second else", ending)
        return found

    def range(self, opened: Token) -> Node:
        known = len(self.variables)
        pipe = self.pipe("range", Kind.CLOSE)
        self.ranges += 1
        found, ending = self.body(opened, "range")
        self.ranges -= 1
        otherwise = self.otherwise(opened) if ending.text == "else" else ()
        del self.variables[known:]
        return Range(opened.start, opened.end, pipe, found, otherwise)

    # Templates in templates

    def name(self, context: str) -> str:
        token = self.take()
        if token.kind not in (Kind.STRING, Kind.RAW):
            raise self.unexpected(token, f"{context}, which takes a quoted name")
        return self.text_of(token)

    def define(self, opened: Token) -> None:
        name = self.name("define")
        self.close("define")
        self.defined(name, opened)

    def defined(self, name: str, opened: Token) -> None:
        outer = self.variables, self.ranges
        self.variables, self.ranges = ["$"], 0
        found, ending = self.body(opened, opened.text)
        if ending.text != "end":
            raise self.unexpected(ending, opened.text)
        self.variables, self.ranges = outer
        if is_empty(self.templates.get(name, ())):
            self.templates[name] = found
        elif not is_empty(found):
            raise self.error(f"template {name!r} is defined twice", opened)

    def block(self, opened: Token) -> Node:
        name = self.name("block")
        pipe = self.pipe("block", Kind.CLOSE)
        self.defined(name, opened)
        return Call(opened.start, pipe.end, name, pipe)

    def call(self, opened: Token) -> Node:
        name = self.name("template")
        if self.peek_past_space().kind is Kind.CLOSE:
            self.take()
            return Call(opened.start, self.tokens[self.at - 2].end, name, None)
        pipe = self.pipe("template", Kind.CLOSE)
        return Call(opened.start, pipe.end, name, pipe)

    # Pipelines

    def pipe(self, context: str, closing: Kind) -> Pipe:
        start = self.peek_past_space().start
        names, assigns = self.declared(context)
        commands: list[Command] = []
        while (token := self.take()).kind is not closing:
            if token.kind not in _TERMS and not (
                token.kind is Kind.KEYWORD and token.text in _WORDS
            ):
                raise self.unexpected(token, context)
            self.at -= 1
            commands.append(self.command(context))
            first = commands[-1].operands[0]
            if len(commands) > 1 and not isinstance(
                first, FieldChain | Variable | Chain | Identifier | Pipe
            ):
                raise TemplateError(
                    "only a function can follow |", first.start, first.end, self.source
                )
        if not commands:
            raise self.error(f"{context} has no value", token)
        return Pipe(start, token.start, tuple(commands), names, assigns)

    def declared(self, context: str) -> tuple[tuple[str, ...], bool]:
        """Read `$x :=`, `$x =` and, in range, `$i, $x :=`."""
        names: list[str] = []
        while (token := self.peek_past_space()).kind is Kind.VARIABLE:
            back = self.at
            self.at += 1
            following = self.peek_past_space()
            if following.kind in (Kind.ASSIGN, Kind.DECLARE):
                self.at += 1
                names.append(token.text)
                self.variables.append(token.text)
                return tuple(names), following.kind is Kind.ASSIGN
            if following.kind is not Kind.COMMA:
                self.at = back
                break
            self.at += 1
            names.append(token.text)
            self.variables.append(token.text)
            if context != "range" or len(names) > 1:
                raise self.error(f"too many variables in {context}", token)
            if self.peek_past_space().kind not in (Kind.VARIABLE, Kind.CLOSE, Kind.RIGHT):
                raise self.error("range can only fill variables", self.peek())
        return tuple(names), False

    def command(self, context: str) -> Command:
        start = self.peek_past_space().start
        operands: list[Node] = []
        while True:
            self.peek_past_space()
            operand = self.operand()
            if operand is not None:
                operands.append(operand)
            token = self.peek()
            if token.kind is Kind.SPACE:
                self.at += 1
            elif token.kind in (Kind.CLOSE, Kind.RIGHT):
                break
            elif token.kind is Kind.PIPE:
                self.at += 1
                break
            else:
                raise self.unexpected(token, context)
        if not operands:
            raise self.error("a | needs something on both sides", self.peek())
        return Command(start, operands[-1].end, tuple(operands))

    def operand(self) -> Node | None:
        term = self.term()
        if term is None:
            return None
        names: list[str] = []
        end = term.end
        while (token := self.peek()).kind is Kind.FIELD:
            self.at += 1
            names.append(token.text[1:])
            end = token.end
        if not names:
            return term
        more = tuple(names)
        if isinstance(term, FieldChain):
            return FieldChain(term.start, end, term.names + more)
        if isinstance(term, Variable):
            return Variable(term.start, end, term.name, term.names + more)
        if isinstance(term, Identifier | Pipe):
            return Chain(term.start, end, term, more)
        raise TemplateError("a constant has no fields", term.start, end, self.source)

    def term(self) -> Node | None:
        token = self.peek()
        start, end = token.start, token.end
        self.at += 1
        match token.kind:
            case Kind.IDENTIFIER:
                if token.text not in self.functions:
                    raise self.error(f"there is no function {token.text!r}", token)
                return Identifier(start, end, token.text)
            case Kind.DOT:
                return Dot(start, end)
            case Kind.FIELD:
                return FieldChain(start, end, (token.text[1:],))
            case Kind.VARIABLE:
                return self.variable(token)
            case Kind.NUMBER | Kind.COMPLEX | Kind.CHARACTER:
                try:
                    return number(token)
                except ValueError as error:
                    raise self.error(str(error), token) from None
            case Kind.STRING | Kind.RAW:
                return Constant(start, end, self.text_of(token))
            case Kind.LEFT:
                return self.parenthesis(token)
            case Kind.KEYWORD if token.text in _WORDS:
                return Nil(start, end) if token.text == "nil" else _truth(token)
        self.at -= 1
        return None

    def parenthesis(self, token: Token) -> Pipe:
        self.deeper(token)
        pipe = self.pipe("parentheses", Kind.RIGHT)
        self.depth -= 1
        end = self.tokens[self.at - 1].end
        return Pipe(token.start, end, pipe.commands, pipe.names, pipe.assigns)

    def variable(self, token: Token) -> Node:
        if token.text not in self.variables:
            raise self.error(f"there is no variable {token.text} here", token)
        return Variable(token.start, token.end, token.text)

    def text_of(self, token: Token) -> str:
        try:
            return unquote(token.text)
        except ValueError as error:
            raise self.error(str(error), token) from None


def _truth(token: Token) -> Constant:
    return Constant(token.start, token.end, token.text == "true")


def is_empty(body: tuple[Node, ...]) -> bool:
    """Say whether a template holds nothing but space: such a one replaces no other."""
    return all(isinstance(node, Text) and not node.text.strip() for node in body)
