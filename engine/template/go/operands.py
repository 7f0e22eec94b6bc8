"""Operands and calls as closures over (run, dot): what a pipeline's command gives."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from engine.template.go.errors import Failure, TemplateError
from engine.template.go.nodes import (
    Chain,
    Command,
    Constant,
    Dot,
    FieldChain,
    Identifier,
    Nil,
    Node,
    Number,
    Pipe,
    Variable,
)
from engine.template.go.run import Run
from engine.template.go.values import (
    Function,
    GoObject,
    StringMap,
    Value,
    accepts,
    is_true,
    type_of,
)

Evaluate = Callable[[Run, Value], Value]
Stage = Callable[[Run, Value, Value], Value]
"""A command after a |: the last argument is what came before."""

_OTHERS = frozenset({"and", "or", "call"})


@dataclass(frozen=True, slots=True)
class Operands:
    """Compiles operands; `pipe` is given by whoever compiles pipelines."""

    functions: Mapping[str, Function]
    pipe: Callable[[Pipe], Evaluate]

    def knows(self, name: str) -> bool:
        """Say whether there is a function of this name."""
        return name in self.functions or name in _OTHERS

    def command(self, node: Command) -> Evaluate:
        """Compile the first command of a pipeline."""
        first, rest = node.operands[0], node.operands[1:]
        if isinstance(first, Identifier):
            return self.call(first, node, rest)
        if isinstance(first, FieldChain | Variable | Chain) and rest:
            return self.method(first, node, rest)
        if rest:
            return fails(f"{_shown(first)} is no function and takes no arguments", first)
        return self.operand(first)

    def stage(self, node: Command) -> Stage:
        """Compile a command after a |."""
        first, rest = node.operands[0], node.operands[1:]
        taken = [self.typed("any", operand) for operand in rest]
        if isinstance(first, Identifier):
            return self._staged_call(first, node, rest)
        if isinstance(first, FieldChain | Variable | Chain) and first.names:
            receiver, names = self.chain(first)

            def method(run: Run, dot: Value, last: Value) -> Value:
                target = follow(run, receiver(run, dot), names[:-1], node)
                values = [each(run, dot) for each in taken]
                return invoke(run, target, names[-1], [*values, last], node)

            return method
        failing = fails(f"{_shown(first)} is no function and takes no arguments", first)
        return lambda run, dot, _last: failing(run, dot)

    def operand(self, node: Node) -> Evaluate:
        """Compile an operand whose type is not known."""
        match node:
            case Dot():
                return lambda _run, dot: dot
            case Constant(value=value):
                return lambda _run, _dot: value
            case Number(ideal=ideal):
                if ideal is None:
                    return fails(f"{node.text} overflows int", node)
                return lambda _run, _dot: ideal
            case Nil():
                return fails("nil is not a command", node)
            case Variable(name=name, names=()):
                return _variable(name, node)
            case FieldChain() | Variable() | Chain():
                receiver, names = self.chain(node)
                return _fields(receiver, names, node)
            case Identifier():
                return self.call(node, node, ())
            case Pipe():
                return self.pipe(node)
        raise TemplateError("this cannot be evaluated", node.start, node.end)

    def chain(self, node: FieldChain | Variable | Chain) -> tuple[Evaluate, tuple[str, ...]]:
        """Return what a chain of fields starts from, and its names."""
        if isinstance(node, FieldChain):
            return (lambda _run, dot: dot), node.names
        if isinstance(node, Variable):
            return _variable(node.name, node), node.names
        return self.operand(node.term), node.names

    def method(self, first: Node, node: Command, rest: tuple[Node, ...]) -> Evaluate:
        """Compile `.a.method argument`."""
        assert isinstance(first, FieldChain | Variable | Chain)
        receiver, names = self.chain(first)
        if not names:
            return fails(f"{_shown(first)} is no function and takes no arguments", first)
        taken = tuple(self.argument(operand) for operand in rest)

        def evaluate(run: Run, dot: Value) -> Value:
            target = follow(run, receiver(run, dot), names[:-1], node)
            return invoke(run, target, names[-1], [take(run, dot) for take in taken], node)

        return evaluate

    def argument(self, node: Node) -> Evaluate:
        """Compile an argument of a method, whose type is known only when it runs."""
        if isinstance(node, Nil):
            return lambda _run, _dot: None
        return self.operand(node)

    def typed(self, wanted: str, node: Node) -> Evaluate:
        """Compile an argument for a parameter of a type."""
        if isinstance(node, Constant | Number | Nil):
            return self._constant(wanted, node)
        evaluate = self.operand(node)
        if wanted == "any":
            return evaluate

        def checked(run: Run, dot: Value) -> Value:
            value = evaluate(run, dot)
            return value if accepts(wanted, value) else _refuse(wanted, value, node)

        return checked

    def _constant(self, wanted: str, node: Constant | Number | Nil) -> Evaluate:
        if isinstance(node, Nil):
            if accepts(wanted, None):
                return lambda _run, _dot: None
            return fails(f"cannot assign nil to {wanted}", node)
        if wanted == "any":
            return self.operand(node)
        value: Value = None
        if isinstance(node, Number):
            numbers = {"float64": node.as_float, "int": node.as_int, "int64": node.as_int}
            value = numbers.get(wanted)
        elif accepts(wanted, node.value):
            value = node.value
        if value is None:
            return fails(f"expected {wanted}, found {_shown(node)}", node)
        return lambda _run, _dot: value

    def call(self, first: Identifier, node: Node, rest: tuple[Node, ...]) -> Evaluate:
        """Compile a call of a function."""
        name = first.name
        if name in ("and", "or") and name not in self.functions:
            return self._logical(name == "or", node, rest)
        if name == "call" and name not in self.functions:
            return fails("call: there are no function values here", node)
        function = self.functions[name]
        wrong = _arity(name, function, len(rest))
        if wrong:
            return fails(wrong, node)
        taken = self._arguments(function, rest)
        call, start, end = function.call, node.start, node.end
        if len(taken) == 1:
            only = taken[0]

            def one(run: Run, dot: Value) -> Value:
                value = only(run, dot)
                try:
                    return call(run, value)
                except Failure as failure:
                    raise TemplateError(f"{name}: {failure}", start, end) from None

            return one

        def many(run: Run, dot: Value) -> Value:
            values = [take(run, dot) for take in taken]
            try:
                return call(run, *values)
            except Failure as failure:
                raise TemplateError(f"{name}: {failure}", start, end) from None

        return many

    def _arguments(self, function: Function, rest: tuple[Node, ...]) -> tuple[Evaluate, ...]:
        fixed = len(function.params)
        return tuple(
            self.typed(function.params[at] if at < fixed else function.variadic or "any", operand)
            for at, operand in enumerate(rest)
        )

    def _staged_call(self, first: Identifier, node: Command, rest: tuple[Node, ...]) -> Stage:
        name = first.name
        if name in ("and", "or") and name not in self.functions:
            return self._staged_logical(name == "or", rest)
        if name == "call" and name not in self.functions:
            failing = fails("call: there are no function values here", node)
            return lambda run, dot, _last: failing(run, dot)
        function = self.functions[name]
        wrong = _arity(name, function, len(rest) + 1)
        if wrong:
            failing = fails(wrong, node)
            return lambda run, dot, _last: failing(run, dot)
        taken = self._arguments(function, rest)
        at = len(rest)
        wanted = function.params[at] if at < len(function.params) else function.variadic or "any"
        call, start, end = function.call, node.start, node.end

        def staged(run: Run, dot: Value, last: Value) -> Value:
            values = [take(run, dot) for take in taken]
            if not accepts(wanted, last):
                _refuse(wanted, last, node)
            try:
                return call(run, *values, last)
            except Failure as failure:
                raise TemplateError(f"{name}: {failure}", start, end) from None

        return staged

    def _logical(self, wanted: bool, node: Node, rest: tuple[Node, ...]) -> Evaluate:
        """`and`, `or`: the first value that decides, else the last; the rest does not run."""
        if not rest:
            return fails("and, or: at least one argument is needed", node)
        taken = tuple(self.typed("any", operand) for operand in rest)

        def evaluate(run: Run, dot: Value) -> Value:
            value: Value = None
            for take in taken:
                value = take(run, dot)
                if is_true(value) is wanted:
                    return value
            return value

        return evaluate

    def _staged_logical(self, wanted: bool, rest: tuple[Node, ...]) -> Stage:
        taken = tuple(self.typed("any", operand) for operand in rest)

        def staged(run: Run, dot: Value, last: Value) -> Value:
            for take in taken:
                value = take(run, dot)
                if is_true(value) is wanted:
                    return value
            return last

        return staged


def fails(message: str, node: Node) -> Evaluate:
    """Return what raises when it runs, as Go finds such mistakes only then."""

    def evaluate(_run: Run, _dot: Value) -> Value:
        raise TemplateError(message, node.start, node.end)

    return evaluate


def _arity(name: str, function: Function, given: int) -> str:
    wanted = len(function.params)
    if function.variadic is None and given != wanted:
        return f"wrong number of arguments for {name}: {wanted} wanted, {given} given"
    if given < wanted:
        return f"wrong number of arguments for {name}: at least {wanted} wanted, {given} given"
    return ""


def _refuse(wanted: str, value: Value, node: Node) -> Value:
    if value is None:
        message = f"this has no value; a {wanted} is wanted"
    else:
        message = f"wrong type: {wanted} wanted, {type_of(value)} given"
    raise TemplateError(message, node.start, node.end)


def _shown(node: Node) -> str:
    match node:
        case Constant(value=bool(value)):
            return "true" if value else "false"
        case Constant(value=value):
            return f'"{value}"'[:40]
        case Number(text=text):
            return text
        case Variable(name=name, names=names):
            return ".".join((name, *names))
        case FieldChain(names=names):
            return "." + ".".join(names)
        case Nil():
            return "nil"
    return "this"


def _variable(name: str, node: Node) -> Evaluate:
    def evaluate(run: Run, _dot: Value) -> Value:
        try:
            return run.variables[name]
        except KeyError:
            raise TemplateError(f"the variable {name} was not set", node.start, node.end) from None

    return evaluate


def _fields(receiver: Evaluate, names: tuple[str, ...], node: Node) -> Evaluate:
    if len(names) > 1:
        return lambda run, dot: follow(run, receiver(run, dot), names, node)
    name = names[0]

    def evaluate(run: Run, dot: Value) -> Value:
        value = receiver(run, dot)
        if type(value) is StringMap and not run.missing_fails:
            return value.data.get(name, "")
        return field(run, value, name, node)

    return evaluate


def follow(run: Run, value: Value, names: tuple[str, ...], node: Node) -> Value:
    """Read fields of fields. Raises TemplateError."""
    has_value = value is not None
    for name in names:
        if value is None and has_value and run.missing_is_zero:
            raise TemplateError(f"nil has no field {name}", node.start, node.end)
        value = field(run, value, name, node)
    return value


def field(run: Run, value: Value, name: str, node: Node) -> Value:
    """Read a method without arguments, a field or an entry. Raises TemplateError."""
    if value is None:
        if run.missing_fails:
            raise TemplateError(f"no data has no entry {name!r}", node.start, node.end)
        return None
    if isinstance(value, GoObject):
        if name in value.go_methods:
            return invoke(run, value, name, [], node)
        if run.missing_fails and value.go_kind == "map" and name not in value.go_parts():
            raise TemplateError(f"there is no entry {name!r}", node.start, node.end)
        try:
            return value.go_field(name)
        except KeyError:
            pass
    elif type(value) is dict:
        if run.missing_fails and name not in value:
            raise TemplateError(f"there is no entry {name!r}", node.start, node.end)
        return value.get(name)
    raise TemplateError(f"there is no field {name} here: {_has(value)}", node.start, node.end)


def _has(value: Value) -> str:
    """Say what a value is, and which names it does have."""
    if isinstance(value, GoObject) and (names := [*value.go_parts(), *value.go_methods]):
        return f"there are {', '.join(names)}"
    return f"this is a {type_of(value)}"


def invoke(run: Run, target: Value, name: str, values: list[Value], node: Node) -> Value:
    """Call a method of an object. Raises TemplateError."""
    methods = target.go_methods if isinstance(target, GoObject) else {}
    method = methods.get(name)
    if method is None:
        field(run, target, name, node)
        raise TemplateError(f"{name} is no method and takes no arguments", node.start, node.end)
    wrong = _arity(name, method, len(values))
    if wrong:
        raise TemplateError(wrong, node.start, node.end)
    fixed = len(method.params)
    for at, value in enumerate(values):
        wanted = method.params[at] if at < fixed else method.variadic or "any"
        if not accepts(wanted, value):
            values[at] = _widened(wanted, value, node)
    try:
        return method.call(run, target, *values)
    except Failure as failure:
        raise TemplateError(f"{name}: {failure}", node.start, node.end) from None


def _widened(wanted: str, value: Value, node: Node) -> Value:
    """Let `5` stand for a float or int64: method arguments are typed only when they run."""
    if wanted == "float64" and type(value) is int:
        return float(value)
    if wanted == "int64" and type(value) is int:
        return value
    return _refuse(wanted, value, node)
