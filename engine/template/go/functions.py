"""The functions that Go's text/template has by itself, but for and, or and call."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from engine.template.go import quoting
from engine.template.go.errors import Failure
from engine.template.go.printf import sprintf
from engine.template.go.values import (
    Function,
    GoObject,
    Uint8,
    Value,
    as_bytes,
    entries,
    is_true,
    kind_of,
    slice_bytes,
    type_of,
)
from engine.template.go.verbs import joined, lined

if TYPE_CHECKING:
    from engine.template.go.run import Run

_INTEGERS = ("int", "uint")
_ORDERED = frozenset({"int", "uint", "float", "string"})
_BASIC = _ORDERED | {"bool", "complex"}


def _index(run: "Run", item: Value, *keys: Value) -> Value:
    if item is None:
        raise Failure("index of untyped nil")
    for key in keys:
        run.budget.spend(1)
        item = _entry(item, key)
    return item


def _entry(item: Value, key: Value) -> Value:
    kind = kind_of(item)
    if item is None:
        raise Failure("index of nil pointer")
    if kind in ("slice", "string"):
        size = _size(item)
        at = _position(key, size)
        if at >= size:
            raise Failure(f"index out of range: {at}")
        return Uint8(as_bytes(item)[at]) if kind == "string" else item[at]
    if kind == "map":
        if kind_of(key) != "string" or type(key) is not str:
            given = "nil" if key is None else f"of type {type_of(key)}"
            raise Failure(f"the key is {given}; it should be a string")
        return item.go_field(key) if isinstance(item, GoObject) else item.get(key)
    raise Failure(f"can't index item of type {type_of(item)}")


def _position(key: Value, limit: int) -> int:
    if key is None:
        raise Failure("cannot index slice/array with nil")
    if kind_of(key) not in _INTEGERS:
        raise Failure(f"cannot index slice/array with type {type_of(key)}")
    if not 0 <= key <= limit:
        raise Failure(f"index out of range: {int(key)}")
    return int(key)


def _size(item: Value) -> int:
    if isinstance(item, str):
        return len(item) if item.isascii() else len(as_bytes(item))
    if isinstance(item, list | tuple):
        return len(item)
    return len(entries(item))


def _slice(run: "Run", item: Value, *bounds: Value) -> Value:
    if item is None:
        raise Failure("slice of untyped nil")
    kind = kind_of(item)
    if len(bounds) > 3:
        raise Failure(f"too many slice indexes: {len(bounds)}")
    if kind not in ("string", "slice"):
        raise Failure(f"can't slice item of type {type_of(item)}")
    if kind == "string" and len(bounds) == 3:
        raise Failure("cannot 3-index slice a string")
    size = _size(item)
    run.budget.fits(size)
    places = [0, size, size]
    for place, bound in enumerate(bounds):
        places[place] = _position(bound, size)
    if places[0] > places[1]:
        raise Failure(f"invalid slice index: {places[0]} > {places[1]}")
    if len(bounds) == 3 and places[1] > places[2]:
        raise Failure(f"invalid slice index: {places[1]} > {places[2]}")
    if kind == "string":
        return slice_bytes(item, places[0], places[1])
    part = item[places[0] : places[1]]
    return type(item)(part) if isinstance(item, list) else part


def _len(_run: "Run", item: Value) -> Value:
    if item is None:
        raise Failure("len of nil pointer")
    if kind_of(item) not in ("string", "slice", "map"):
        raise Failure(f"len of type {type_of(item)}")
    return _size(item)


def _not(_run: "Run", value: Value) -> Value:
    return not is_true(value)


def equal(left: Value, right: Value) -> bool:
    """Compare as `eq` does. Raises Failure for types that Go does not compare."""
    one, other = kind_of(left), kind_of(right)
    if one != other:
        if {one, other} == {"int", "uint"}:
            return bool(left == right)
        if left is None or right is None:
            return _is_nil(left) and _is_nil(right)
        if one not in _BASIC and other not in _BASIC:
            raise Failure(f"non-comparable types {type_of(left)} and {type_of(right)}")
        raise _incompatible(left, right)
    if one in _BASIC:
        return bool(left == right)
    if left is None:
        return True
    if isinstance(left, GoObject) and isinstance(right, GoObject):
        if left.go_is_nil() or right.go_is_nil():
            return left.go_is_nil() and right.go_is_nil()
        keys = left.go_key(), right.go_key()
        return type(left) is type(right) and keys[0] == keys[1]
    raise Failure(f"non-comparable type {type_of(right)}")


def _is_nil(value: Value) -> bool:
    return value is None or (isinstance(value, GoObject) and value.go_is_nil())


def _incompatible(left: Value, right: Value) -> Failure:
    one, other = type_of(left), type_of(right)
    hint = ""
    if {one, other} == {"int", "float64"}:
        hint = " (write the whole number with a point: 1.0)"
    elif {one, other} == {"string", "float64"} or {one, other} == {"string", "int"}:
        hint = " (a label is a string: quote the constant)"
    return Failure(f"incompatible types for comparison: {one} and {other}{hint}")


def _less(left: Value, right: Value) -> bool:
    one, other = kind_of(left), kind_of(right)
    if one not in _BASIC or other not in _BASIC:
        raise Failure("invalid type for comparison")
    if one != other and {one, other} != {"int", "uint"}:
        raise _incompatible(left, right)
    if one not in _ORDERED:
        raise Failure("invalid type for comparison")
    if one == "string":
        return as_bytes(left) < as_bytes(right)
    return bool(left < right)


def _eq(run: "Run", left: Value, *others: Value) -> Value:
    if not others:
        raise Failure("missing argument for comparison")
    for other in others:
        run.budget.spend(1)
        if equal(left, other):
            return True
    return False


def _le(left: Value, right: Value) -> bool:
    return _less(left, right) or equal(left, right)


def _text(run: "Run", values: tuple[Value, ...]) -> str:
    """Return what html, js and urlquery escape."""
    if len(values) == 1 and type(values[0]) is str:
        text: str = values[0]
    else:
        text = joined(tuple("<no value>" if each is None else each for each in values), run.budget)
    run.budget.fits(6 * len(text))
    return text


def _escaping(escape: Callable[[str], str]) -> Function:
    return Function(lambda run, *values: escape(_text(run, values)), (), "any")


BUILTINS: Mapping[str, Function] = {
    "eq": Function(_eq, ("any",), "any"),
    "ge": Function(lambda _run, left, right: not _less(left, right), ("any", "any")),
    "gt": Function(lambda _run, left, right: not _le(left, right), ("any", "any")),
    "html": _escaping(quoting.html),
    "index": Function(_index, ("any",), "any"),
    "js": _escaping(quoting.script),
    "le": Function(lambda _run, left, right: _le(left, right), ("any", "any")),
    "len": Function(_len, ("any",)),
    "lt": Function(lambda _run, left, right: _less(left, right), ("any", "any")),
    "ne": Function(lambda _run, left, right: not equal(left, right), ("any", "any")),
    "not": Function(_not, ("any",)),
    "print": Function(lambda run, *values: joined(values, run.budget), (), "any"),
    "printf": Function(
        lambda run, form, *values: sprintf(form, values, run.budget), ("string",), "any"
    ),
    "println": Function(lambda run, *values: lined(values, run.budget), (), "any"),
    "slice": Function(_slice, ("any",), "any"),
    "urlquery": _escaping(quoting.url_query),
}
"""Functions by name. `and`, `or` and `call` are the compiler's: they do not take their arguments
as values."""
