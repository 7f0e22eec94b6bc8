"""Templates whose values are escaped for where they stand, as Go's html/template does it.

The texts of a template say where each of its values stands; every branch must lead to the same
place. A template that is called from several places becomes several, one for each.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from engine.template.go.errors import Failure, TemplateError
from engine.template.go.html import actions, literal
from engine.template.go.html.context import PLACES, START, Context, State, joined
from engine.template.go.nodes import (
    Action,
    Branch,
    Break,
    Call,
    Continue,
    If,
    Node,
    Range,
    Text,
    With,
)

STEPS_MAX = 50_000
"""Nodes that are looked at for one text: loops are twice, so nested ones often."""

Body = tuple[Node, ...]
_Key = tuple[str, Context]


@dataclass(frozen=True, slots=True)
class Source:
    """A template that can be called, and the file that it is in.

    A `foreign` one is written in another language and gives whole pieces of HTML.
    """

    nodes: Body
    source: str = ""
    file: str = ""
    foreign: bool = False


@dataclass(slots=True)
class _Known:
    """What is known of called templates: where each leads, and its escaped nodes."""

    leads_to: dict[_Key, Context] = field(default_factory=dict)
    escaped: dict[_Key, Body] = field(default_factory=dict)
    called: set[_Key] = field(default_factory=set)

    def copy(self) -> "_Known":
        return _Known(dict(self.leads_to), dict(self.escaped), set())

    def update(self, other: "_Known") -> None:
        self.leads_to.update(other.leads_to)
        self.escaped.update(other.escaped)
        self.called |= other.called


def escaped(
    nodes: Body, templates: Mapping[str, Source]
) -> tuple[Body, dict[str, tuple[str, Body]]]:
    """Return a text's nodes with their escapers, and what it calls: (template, nodes) by name.

    Raises TemplateError where a value stands in a place that cannot be known.
    """
    contextual = _Contextual(templates)
    found, context = contextual.body(nodes, START)
    if context.state is not State.TEXT:
        raise TemplateError(f"the text ends {PLACES[context.state]}", 0, 1)
    called = contextual.known.escaped.items()
    return found, {name_of(key): (key[0], body) for key, body in called}


def name_of(key: _Key) -> str:
    """Return the name under which a template is called from one kind of place."""
    name, context = key
    return name if context == START else f"{name} in {context}"


class _Contextual:
    def __init__(self, templates: Mapping[str, Source]) -> None:
        self.templates = templates
        self.known = _Known()
        self.jumps: list[list[Context]] = []  # of each open range: where break and continue stand
        self.steps = 0

    def body(self, nodes: Body, context: Context) -> tuple[Body, Context]:
        found: list[Node] = []
        for node in nodes:
            self.steps += 1
            if self.steps > STEPS_MAX:
                raise TemplateError("nested too deeply for HTML", node.start, node.end)
            try:
                new, context = self.node(node, context)
            except Failure as failure:
                raise TemplateError(str(failure), node.start, node.end) from None
            found.append(new)
            if context.state is State.DEAD:
                break
        return tuple(found), context

    def node(self, node: Node, context: Context) -> tuple[Node, Context]:
        match node:
            case Text():
                return literal.followed(node, context)
            case Action():
                return actions.escaped(node, context)
            case If() | With():
                return self.condition(node, context)
            case Range():
                return self.range(node, context)
            case Call():
                return self.call(node, context)
            case Break() | Continue():
                self.jumps[-1].append(context)
                return node, context.to(State.DEAD)
        raise Failure("this cannot stand in HTML")

    def condition(self, node: If | With, context: Context) -> tuple[Node, Context]:
        branches: list[Branch] = []
        ends: list[Context] = []
        for branch in node.branches:
            body, end = self.body(branch.body, context)
            branches.append(replace(branch, body=body))
            ends.append(end)
        otherwise, last = self.body(node.otherwise, context)
        for end in reversed(ends):
            last = _join(end, last, "the branches end in different places")
        return replace(node, branches=tuple(branches), otherwise=otherwise), last

    def range(self, node: Range, context: Context) -> tuple[Node, Context]:
        body, end = self.turn(node, context)
        # A second turn begins where the first one ended.
        known, self.known = self.known, self.known.copy()
        _, again = self.turn(node, end)
        self.known = known
        end = _join(end, again, "the next turn begins in another place")
        otherwise, last = self.body(node.otherwise, context)
        last = _join(end, last, "a loop ends in another place than it begins")
        return replace(node, body=body, otherwise=otherwise), last

    def turn(self, node: Range, context: Context) -> tuple[Body, Context]:
        self.jumps.append([])
        body, end = self.body(node.body, context)
        for jump in self.jumps.pop():
            end = _join(end, jump, "break or continue stands in another place than the end")
        return body, end

    def call(self, node: Call, context: Context) -> tuple[Node, Context]:
        key = node.name, context
        self.known.called.add(key)
        if key not in self.known.leads_to:
            found = self.templates.get(node.name)
            if found is None:
                raise Failure(f"there is no template {node.name!r}")
            if found.foreign:
                if context != START:
                    raise Failure(f"{node.name!r} can only stand in text, between tags")
                return node, context
            try:
                self.follow(key, found)
            except TemplateError as error:
                raise (error.placed(found.source, found.file) if found.source else error) from None
        return replace(node, name=name_of(key)), self.known.leads_to[key]

    def follow(self, key: _Key, template: Source) -> None:
        """Escape a called template; one that calls itself leads where it is taken to lead."""
        assumed = key[1]
        for _ in range(2):
            outer, self.known = self.known, self.known.copy()
            self.known.leads_to[key] = assumed
            try:
                body, end = self.body(template.nodes, key[1])
                tried = self.known
            finally:
                self.known = outer
            if key not in tried.called or end == assumed:
                tried.leads_to[key] = end
                tried.escaped[key] = body
                self.known.update(tried)
                return
            assumed = end
        raise Failure(f"nobody can say where the template {key[0]!r} ends")


def _join(one: Context, other: Context, message: str) -> Context:
    found = joined(one, other)
    if found is None:
        here, there = PLACES[one.state], PLACES[other.state]
        between = f"{here} and {there}" if here != there else f"{here}, each in another way"
        raise Failure(f"{message}: {between}")
    return found
