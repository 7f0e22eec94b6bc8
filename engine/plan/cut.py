"""Cut an expression in two: what shards evaluate and send, and what the owner makes of it."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import NamedTuple, cast

from engine.plan.prom import Exchange
from engine.plan.reach import ALL_MS, LOOKBACK_MS, long_of, reach_ms, reaches
from engine.plan.series_wise import is_leaf, is_unnamed, partial_of, series_of
from engine.promql import (
    Aggregation,
    Binary,
    Call,
    Expr,
    MatrixSelector,
    Number,
    Paren,
    String,
    Subquery,
    Unary,
    VectorSelector,
    to_text,
)
from engine.series import METRIC_NAME, Selector
from engine.vector import Exchanged


@dataclass(slots=True)
class Cutter:
    """Collects the exchanges of one component.

    `mixed(selector)`: may it match a series that the component records? Then its samples are
    mirrored at the owner, and what reads it stays there.
    """

    tenant: str
    ring_ms_max: int
    mixed: Callable[[Selector], bool]
    exchanges: dict[str, Exchange] = field(default_factory=dict)
    reads: dict[Selector, int] = field(default_factory=dict)
    longs: list[tuple[str, Expr, int]] = field(default_factory=list)  # calls that the owner keeps
    _text: str = ""

    def cut(self, expr: Expr, every_ms: int, query_offset_ms: int, text: str = "") -> Expr:
        """Return the owner's part of a rule's expression. `text`: what it was read from."""
        self._text = text
        return self._cut(_absent_rewritten(expr), _Place((), every_ms, query_offset_ms))

    def keep(self, expr: Expr, every_ms: int, query_offset_ms: int) -> None:
        """Let the owner have all samples that an expression reads: it is evaluated there whole."""
        place = _Place((), every_ms, query_offset_ms)
        for selector, need_ms in reaches(expr, ALL_MS):
            self._mirror(selector.selector, need_ms, place)

    def _cut(self, expr: Expr, place: "_Place") -> Expr:
        sent = self._sent(expr, place)
        return self._kept(expr, place) if sent is None else sent

    def _sent(self, expr: Expr, place: "_Place") -> Expr | None:
        """Return what stands for a subtree that shards evaluate, None where they cannot."""
        limit_ms = self.ring_ms_max
        # A range is no vector: it stays with the function that reads it.
        whole = not isinstance(expr, MatrixSelector | Subquery)
        selector = series_of(expr) if whole else None
        if selector is not None and not self.mixed(selector.selector):
            if reach_ms(expr, limit_ms) <= limit_ms or _fixed(expr):
                return self._exchange(place.exchange(expr, self._text))
            if is_leaf(expr):
                exchange = place.exchange(_undelayed(expr), self._text)
                return self._exchange(replace(exchange, delay_ms=selector.offset_ms))
        part = partial_of(expr)
        if part is None or self.mixed(part.selector):
            return None
        assert isinstance(expr, Aggregation)
        if reach_ms(expr.expr, limit_ms) > limit_ms and not _fixed(expr.expr):
            return None
        return self._exchange(replace(place.exchange(expr.expr, self._text), partial=expr))

    def _kept(self, expr: Expr, place: "_Place") -> Expr:
        """Return a node that the owner evaluates, over what is below it."""
        match expr:
            case VectorSelector() | MatrixSelector():
                # Recorded series are few and slow: their rings reach as far as anybody reads.
                for selector, need_ms in reaches(place.framed(expr), ALL_MS):
                    self._mirror(selector.selector, need_ms, place)
                return expr
            case Subquery():
                inner = place._replace(frames=(*place.frames, expr))
                return replace(expr, expr=self._cut(expr.expr, inner))
            case Call():
                long = None if place.frames else long_of(expr, self.ring_ms_max)
                if long is not None:
                    self.longs.append((self.tenant, expr, place.every_ms))
                    self._mirror(long.vector.selector, LOOKBACK_MS, place)
                args = (one if one is long else self._cut(one, place) for one in expr.args)
                return replace(expr, args=tuple(args))
            case Paren() | Unary():
                return replace(expr, expr=self._cut(expr.expr, place))
            case Binary():
                left, right = self._cut(expr.left, place), self._cut(expr.right, place)
                return replace(expr, left=left, right=right)
            case Aggregation():
                parameter = None if expr.parameter is None else self._cut(expr.parameter, place)
                return replace(expr, expr=self._cut(expr.expr, place), parameter=parameter)
            case _:
                return expr

    def _exchange(self, exchange: Exchange) -> Expr:
        selector = series_of(exchange.expr)
        if selector is not None and not exchange.mirror and is_unnamed(selector.selector):
            exchange = replace(exchange, unnamed=True)
        exchange = replace(exchange, id=_id_of(self.tenant, exchange))
        held = self.exchanges.get(exchange.id)
        self.exchanges[exchange.id] = exchange if held is None else held.joined(exchange)
        whole = exchange.expr if exchange.partial is None else exchange.partial
        return cast("Expr", Exchanged(exchange.id, span=whole.span))

    def _mirror(self, selector: Selector, reach: int, place: "_Place") -> None:
        self._exchange(Exchange("", VectorSelector(selector), (place.every_ms,), mirror=True))
        need_ms = reach if reach < ALL_MS else self.ring_ms_max
        need_ms += place.query_offset_ms + place.every_ms
        self.reads[selector] = max(self.reads.get(selector, 0), need_ms)


class _Place(NamedTuple):
    """Where in a rule's expression a subtree stands."""

    frames: tuple[Subquery, ...]
    every_ms: int
    query_offset_ms: int

    def exchange(self, expr: Expr, text: str) -> Exchange:
        return Exchange("", expr, (self.every_ms,), self.query_offset_ms, self.frames, text=text)

    def framed(self, expr: Expr) -> Expr:
        for frame in reversed(self.frames):
            expr = replace(frame, expr=expr)
        return expr


def _id_of(tenant: str, exchange: Exchange) -> str:
    parts = (
        tenant,
        to_text(exchange.expr),
        [to_text(replace(frame, expr=String(""))) for frame in exchange.frames],
        exchange.partial and to_text(replace(exchange.partial, expr=String(""))),
        exchange.query_offset_ms,
        exchange.delay_ms,
        exchange.mirror,
    )
    return hashlib.blake2b(repr(parts).encode(), digest_size=8).hexdigest()


def _fixed(expr: Expr) -> bool:
    """Say whether `@` pins the selector or what is around it: there is nothing nearer to ask."""
    selector = series_of(expr)
    return selector is not None and selector.at is not None


def _undelayed(expr: Expr) -> Expr:
    """Return a leaf without its offset: the owner reads its steps later."""
    match expr:
        case VectorSelector():
            return replace(expr, offset_ms=0)
        case MatrixSelector():
            return replace(expr, vector=replace(expr.vector, offset_ms=0))
        case Call():
            args = [_undelayed(argument) for argument in expr.args]
            if expr.function == "predict_linear":  # it counts from when the owner reads it
                selector = series_of(expr)
                assert selector is not None
                args[1] = Binary("+", args[1], Number(selector.offset_ms / 1000))
            return replace(expr, args=tuple(args))
        case _:
            return expr


def _absent_rewritten(expr: Expr) -> Expr:
    """Return the expression with absent() of selectors in terms of what shards can send.

    absent(x{a="1"}) is label_replace(absent(<rows>), "a", "1", "", ""): the labels that it
    makes up come from the matchers, which the owner's part does not have any more.
    """
    match expr:
        case Call(function="absent" | "absent_over_time"):
            argument = expr.args[0]
            while isinstance(argument, Paren):
                argument = argument.expr
            if expr.function == "absent_over_time":
                if isinstance(argument, Subquery):
                    inner = replace(argument, expr=_absent_rewritten(argument.expr))
                    return Call("absent", (Call("present_over_time", (inner,)),), expr.span)
                rows: Expr = Call("present_over_time", (argument,), expr.span)
            else:
                rows = _absent_rewritten(argument)
            made: Expr = Call("absent", (rows,), expr.span)
            for name, value in _made_up(argument).items():
                texts = (String(name), String(value.replace("$", "$$")), String(""), String(""))
                made = Call("label_replace", (made, *texts), expr.span)
            return made
        case Call():
            return replace(expr, args=tuple(_absent_rewritten(one) for one in expr.args))
        case Paren() | Unary() | Subquery():
            return replace(expr, expr=_absent_rewritten(expr.expr))
        case Binary():
            left, right = _absent_rewritten(expr.left), _absent_rewritten(expr.right)
            return replace(expr, left=left, right=right)
        case Aggregation():
            parameter = expr.parameter and _absent_rewritten(expr.parameter)
            return replace(expr, expr=_absent_rewritten(expr.expr), parameter=parameter)
        case _:
            return expr


def _made_up(expr: Expr) -> dict[str, str]:
    """Return the labels that absent() gives: of matchers that name one value, once."""
    if isinstance(expr, MatrixSelector):
        expr = expr.vector
    made: dict[str, str] = {}
    if not isinstance(expr, VectorSelector):
        return made
    seen: set[str] = set()
    for matcher in expr.selector:
        if matcher.name == METRIC_NAME:
            continue
        if matcher.operator == "=" and matcher.name not in seen:
            made[matcher.name] = matcher.value
            seen.add(matcher.name)
        else:
            made.pop(matcher.name, None)
    return {name: value for name, value in made.items() if value}
