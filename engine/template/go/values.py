"""The values of templates: plain Python values that stand for Go's, and objects with methods.

bool, int, float, complex, str, None, list or tuple and dict stand for bool, int, float64,
complex128, string, nil, []interface {} and map[string]interface {}. Whatever else a template may
see is a `GoObject`, or one of the sized integers below.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from engine.template.go.errors import Failure

Value = Any
"""A value of a template, see above."""


@dataclass(frozen=True, slots=True)
class Function:
    """A function or method and its types.

    `call(run, *arguments)` gets what was checked against `params`, then any number of `variadic`.
    A type is one of TYPES, "any", or the `go_type` of a GoObject.
    """

    call: Callable[..., Value]
    params: tuple[str, ...] = ()
    variadic: str | None = None


class GoObject:
    """A value with fields or methods. Templates see what these tables name and nothing else."""

    __slots__ = ()
    go_type: ClassVar[str] = "struct"
    go_kind: ClassVar[str] = "struct"
    go_methods: ClassVar[Mapping[str, Function]] = {}
    go_also: ClassVar[frozenset[str]] = frozenset()
    """Types without a name of their own that Go takes it for: []string, map[string]string."""
    go_tags: ClassVar[Mapping[str, str]] = {}
    """Fields that have another name in JSON."""

    def go_is_nil(self) -> bool:
        """Say whether it is a map or list that was never made: JSON's null."""
        return False

    def go_field(self, name: str) -> Value:
        """Return a field. Raises KeyError where there is none."""
        raise KeyError(name)

    def go_text(self) -> str | None:
        """Return what Go's String() says; None where the type has no such method."""
        return None

    def go_syntax(self) -> str | None:
        """Return what %#v says where that is not made of the parts."""
        return None

    def go_parts(self) -> Mapping[str, Value]:
        """Return fields, or entries of a map, as printing shows them."""
        return {}

    def go_key(self) -> object:
        """Return what equality compares. Raises Failure where Go cannot compare."""
        raise Failure(f"non-comparable type {self.go_type}")


class HTML(str):
    """A text that is HTML already."""

    __slots__ = ()


class URL(str):
    """A text that is a URL already, of a scheme that its author trusts."""

    __slots__ = ()


class Uint8(int):
    """A byte: what `index "text" 0` gives."""


class Int64(int):
    """A 64-bit integer that is no `int`, as counts of milliseconds are."""


class Uint64(int):
    """An unsigned 64-bit integer."""


class StringMap(GoObject):
    """map[string]string: a missing key is the empty text."""

    __slots__ = ("data",)
    go_type = "map[string]string"
    go_kind = "map"

    def __init__(self, data: Mapping[str, str]) -> None:
        self.data = data

    def go_field(self, name: str) -> Value:
        """Return an entry, "" where there is none."""
        return self.data.get(name, "")

    def go_parts(self) -> Mapping[str, Value]:
        """Return the entries."""
        return self.data


TYPES: Mapping[type, tuple[str, str]] = {
    bool: ("bool", "bool"),
    int: ("int", "int"),
    float: ("float", "float64"),
    complex: ("complex", "complex128"),
    str: ("string", "string"),
    HTML: ("string", "template.HTML"),
    URL: ("string", "template.URL"),
    Uint8: ("uint", "uint8"),
    Int64: ("int", "int64"),
    Uint64: ("uint", "uint64"),
    type(None): ("nil", "<nil>"),
    list: ("slice", "[]interface {}"),
    tuple: ("slice", "[]interface {}"),
    dict: ("map", "map[string]interface {}"),
}
"""Kind and Go's name of each Python type that may be a value."""

_NILABLE = frozenset({"slice", "map", "pointer", "any"})


def kind_of(value: Value) -> str:
    """Return bool, int, uint, float, complex, string, nil, slice, map, struct or pointer."""
    known = TYPES.get(type(value))
    if known is not None:
        return known[0]
    if isinstance(value, GoObject):
        return value.go_kind
    if isinstance(value, list):
        return "slice"
    raise Failure(f"a {type(value).__name__} cannot be used here")


def type_of(value: Value) -> str:
    """Return the name that Go prints for the type of a value."""
    known = TYPES.get(type(value))
    if known is not None:
        return known[1]
    name = getattr(type(value), "go_type", None)
    if isinstance(value, GoObject | list) and isinstance(name, str):
        return name
    raise Failure(f"a {type(value).__name__} cannot be used here")


def is_true(value: Value) -> bool:
    """Say whether a value is not the zero of its type; structs always are."""
    if isinstance(value, GoObject):
        if value.go_kind == "map":
            return bool(value.go_parts())
        if isinstance(value, list):
            return bool(value)
        return not isinstance(value, int) or bool(int(value))
    kind_of(value)
    return bool(value)


def accepts(wanted: str, value: Value) -> bool:
    """Say whether a parameter of this type takes a value."""
    if wanted == "any":
        return True
    if value is None:
        return wanted.startswith(("[]", "map[", "*"))
    given = type_of(value)
    # One dereference, as Go does: *time.Time where time.Time is wanted.
    if given == wanted or given == f"*{wanted}":
        return True
    return isinstance(value, GoObject) and wanted in value.go_also


def entries(value: Value) -> Mapping[str, Value]:
    """Return the entries of a map or the fields of a struct."""
    if isinstance(value, GoObject):
        return value.go_parts()
    assert isinstance(value, dict)
    return value


def as_bytes(text: str) -> bytes:
    """Return a text as the bytes that Go would hold."""
    try:
        return text.encode("utf-8")
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogateescape" if _escapes(text) else "replace")


def _escapes(text: str) -> bool:
    """Say whether every lone surrogate stands for a byte."""
    return all(not 0xD800 <= ord(each) <= 0xDFFF or 0xDC80 <= ord(each) <= 0xDCFF for each in text)


def as_text(data: bytes) -> str:
    """Return bytes as a text; what is no UTF-8 becomes lone surrogates."""
    return data.decode("utf-8", "surrogateescape")


def clean(text: str) -> str:
    """Return a text as it leaves the room: what is no UTF-8 is replaced."""
    if text.isascii():
        return text
    return as_bytes(text).decode("utf-8", "replace")


def slice_bytes(text: str, start: int, end: int) -> str:
    """Return a part of a text by bytes, as Go slices."""
    if text.isascii():
        return text[start:end]
    return as_text(as_bytes(text)[start:end])
