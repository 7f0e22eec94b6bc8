"""A tree as closures: bodies, conditions, loops, pipelines."""

from collections.abc import Iterable, Mapping

from engine.template.go.errors import TemplateError
from engine.template.go.nodes import (
    Action,
    Branch,
    Break,
    Call,
    Continue,
    If,
    Node,
    Pipe,
    Range,
    Text,
    With,
    walk,
)
from engine.template.go.operands import Evaluate, Operands
from engine.template.go.run import BREAK, CONTINUE, Body, Run
from engine.template.go.values import (
    Function,
    GoObject,
    Value,
    entries,
    is_true,
    kind_of,
    type_of,
)
from engine.template.go.verbs import text_of


def shown(run: Run, value: Value) -> str:
    """Return what an action writes in a text template."""
    if type(value) is str:
        return value
    if value is None:
        return "<no value>"
    return text_of(value, run.budget)


def compiled(nodes: tuple[Node, ...], functions: Mapping[str, Function]) -> Body:
    """Return the body of a template, which charges a run for its nodes each time it is called."""
    body, price = _Compiler(functions).body(nodes), _price(nodes)

    def charged(run: Run, dot: Value) -> int:
        run.budget.spend(price)
        return body(run, dot)

    return charged


def _price(nodes: tuple[Node, ...]) -> int:
    """Return what running these nodes once costs."""
    return 10 + sum(1 for _ in walk(nodes))


class _Compiler:
    def __init__(self, functions: Mapping[str, Function]) -> None:
        self.operands = Operands(functions, self.pipe)

    def body(self, nodes: Iterable[Node]) -> Body:
        nodes = tuple(nodes)
        if len(nodes) > 1 and all(map(_is_straight, nodes)):
            return self.straight(nodes)
        steps = tuple(self.step(node) for node in nodes)
        if len(steps) == 1:
            return steps[0]

        def run_steps(run: Run, dot: Value) -> int:
            for step in steps:
                left = step(run, dot)
                if left:
                    return left
            return 0

        return run_steps

    def straight(self, nodes: tuple[Node, ...]) -> Body:
        """Compile texts and values alone, as most annotations are."""
        pieces = tuple(
            node.text if isinstance(node, Text) else (self.pipe(node.pipe), node.show or shown)
            for node in nodes
            if isinstance(node, Text | Action)
        )

        def run_pieces(run: Run, dot: Value) -> int:
            run.write_all(
                [
                    piece if isinstance(piece, str) else piece[1](run, piece[0](run, dot))
                    for piece in pieces
                ]
            )
            return 0

        return run_pieces

    def step(self, node: Node) -> Body:
        match node:
            case Text(text=text):
                return _writes(text)
            case Action():
                return self.action(node)
            case If():
                return self.condition(node, moves=False)
            case With():
                return self.condition(node, moves=True)
            case Range():
                return self.range(node)
            case Call():
                return self.call(node)
            case Break():
                return lambda _run, _dot: BREAK
            case Continue():
                return lambda _run, _dot: CONTINUE
        raise TemplateError("this cannot stand here", node.start, node.end)

    def action(self, node: Action) -> Body:
        value, show = self.pipe(node.pipe), node.show or shown
        if node.pipe.names:

            def sets(run: Run, dot: Value) -> int:
                value(run, dot)
                return 0

            return sets

        def writes(run: Run, dot: Value) -> int:
            run.write(show(run, value(run, dot)))
            return 0

        return writes

    def condition(self, node: If | With, moves: bool) -> Body:
        branches = tuple(self.branch(branch) for branch in node.branches)
        otherwise = self.body(node.otherwise)

        def run_branches(run: Run, dot: Value) -> int:
            mark = len(run.undo)
            for test, body in branches:
                value = test(run, dot)
                if is_true(value):
                    left = body(run, value if moves else dot)
                    break
            else:
                left = otherwise(run, dot)
            run.restore(mark)
            return left

        return run_branches

    def branch(self, branch: Branch) -> tuple[Evaluate, Body]:
        return self.pipe(branch.pipe), self.body(branch.body)

    def call(self, node: Call) -> Body:
        value: Evaluate = self.pipe(node.pipe) if node.pipe else lambda _run, _dot: None
        name, start, end = node.name, node.start, node.end

        def calls(run: Run, dot: Value) -> int:
            run.call(name, value(run, dot), start, end)
            return 0

        return calls

    def range(self, node: Range) -> Body:
        pipe = node.pipe
        value, body, otherwise = self.pipe(pipe), self.body(node.body), self.body(node.otherwise)
        names, price = pipe.names, _price(node.body)

        def loops(run: Run, dot: Value) -> int:
            mark = len(run.undo)
            turns = _turns(value(run, dot), len(names), node)
            inner = len(run.undo)
            if turns is None:
                left = otherwise(run, dot)
                run.restore(mark)
                return left
            for key, each in turns:
                run.budget.spend(price)
                if names:
                    run.variables[names[0]] = key if len(names) > 1 else each
                    if len(names) > 1:
                        run.variables[names[1]] = each
                left = body(run, each)
                run.restore(inner)
                if left == BREAK:
                    break
            run.restore(mark)
            return 0

        return loops

    def pipe(self, node: Pipe) -> Evaluate:
        first = self.operands.command(node.commands[0])
        stages = tuple(self.operands.stage(command) for command in node.commands[1:])
        evaluate = first
        if len(stages) == 1:
            only = stages[0]

            def two(run: Run, dot: Value) -> Value:
                return only(run, dot, first(run, dot))

            evaluate = two
        elif stages:

            def many(run: Run, dot: Value) -> Value:
                value = first(run, dot)
                for stage in stages:
                    value = stage(run, dot, value)
                return value

            evaluate = many
        return _naming(evaluate, node) if node.names else evaluate


def _is_straight(node: Node) -> bool:
    return isinstance(node, Text) or (isinstance(node, Action) and not node.pipe.names)


def _naming(evaluate: Evaluate, node: Pipe) -> Evaluate:
    """Put the value of a pipeline into its variables."""
    names, assigns = node.names, node.assigns

    def named(run: Run, dot: Value) -> Value:
        value = evaluate(run, dot)
        for name in names:
            if not assigns:
                run.declare(name, value)
            elif name in run.variables:
                run.variables[name] = value
            else:
                raise TemplateError(f"the variable {name} was not set", node.start, node.end)
        return value

    return named


def _writes(text: str) -> Body:
    def writes(run: Run, _dot: Value) -> int:
        run.write(text)
        return 0

    return writes


def _turns(value: Value, names: int, node: Range) -> Iterable[tuple[Value, Value]] | None:
    """Return (key, value) of each turn; None where there is none."""
    kind = kind_of(value)
    if kind in ("int", "uint"):
        if names > 1:
            raise TemplateError(
                "a number gives one variable, not two", node.pipe.start, node.pipe.end
            )
        return ((None, each) for each in range(int(value))) if value > 0 else None
    if kind == "slice":
        return enumerate(list(value)) if value else None
    if kind == "map":
        found = dict(entries(value))
        return sorted(found.items()) if found else None
    if value is None:
        return None
    named = value.go_type if isinstance(value, GoObject) else type_of(value)
    raise TemplateError(f"range can't go over a {named}", node.pipe.start, node.pipe.end)
