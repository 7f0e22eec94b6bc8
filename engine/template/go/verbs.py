"""printf, print and println: Go's verbs, flags, widths and what they say of mistakes."""

from dataclasses import dataclass, replace

from engine.template.budget import Budget
from engine.template.go import floats
from engine.template.go.quoting import can_be_raw, is_printable, quoted
from engine.template.go.values import (
    GoObject,
    Value,
    as_bytes,
    entries,
    kind_of,
    type_of,
)

_WIDTH_MAX = 1_000_000
_DEPTH_MAX = 20
_MASK = 2**64 - 1
_BASES = {"d": "d", "v": "d", "b": "b", "o": "o", "O": "o", "x": "x", "X": "x"}
_INTEGERS = frozenset("vdboOxXcqU")
_FLOATS = frozenset("vbgGxXfFeE")


@dataclass(slots=True)
class Verb:
    """One verb with its flags; width and precision are None where absent."""

    name: str = "v"
    minus: bool = False
    plus: bool = False
    sharp: bool = False
    space: bool = False
    zero: bool = False
    width: int | None = None
    precision: int | None = None
    sharp_v: bool = False
    plus_v: bool = False


_PLAIN = Verb()


def text_of(value: Value, budget: Budget) -> str:
    """Return %v of a value."""
    kind = type(value)
    if kind is str:
        text: str = value
        return text
    if kind is float:
        return floats.shortest(value)
    if kind is int:
        return str(value)
    return Printer(budget).show(value, _PLAIN)


def joined(values: tuple[Value, ...], budget: Budget) -> str:
    """print: a space between two values where neither is a text."""
    parts: list[str] = []
    after_text = True
    for value in values:
        is_text = kind_of(value) == "string"
        if not after_text and not is_text:
            parts.append(" ")
        parts.append(text_of(value, budget))
        after_text = is_text
    budget.fits(sum(map(len, parts)))
    return "".join(parts)


def lined(values: tuple[Value, ...], budget: Budget) -> str:
    """println: spaces between, a newline after."""
    parts = [text_of(value, budget) for value in values]
    budget.fits(sum(map(len, parts)) + len(parts))
    return " ".join(parts) + "\n"


class Printer:
    """Writes values by a verb; what is written is charged to a budget first."""

    def __init__(self, budget: Budget) -> None:
        self.budget = budget

    def show(self, value: Value, verb: Verb, depth: int = 0) -> str:
        """Return one value as one verb writes it. Raises SecurityError when it is too long."""
        self.budget.spend(1)
        if depth > _DEPTH_MAX:
            return "..."
        name = verb.name
        if value is None and depth:
            return "interface {}(nil)" if verb.sharp_v else "<nil>"
        if value is None:
            return self.pad("<nil>", verb) if name in "Tv" else f"%!{name}(<nil>)"
        if name == "T":
            return self.string(type_of(value), replace(verb, name="s"))
        if name in "wp":
            return self.bad(value, verb)
        kind = kind_of(value)
        if isinstance(value, GoObject) and name in "vsxXq" and not verb.sharp_v:
            text = value.go_text()
            if text is not None:
                return self.string(text, verb)
        if isinstance(value, GoObject) and verb.sharp_v and (syntax := value.go_syntax()):
            return self.pad(syntax, verb)
        match kind:
            case "bool":
                return self.pad("true" if value else "false", verb) if name in "tv" \
                    else self.bad(value, verb)  # fmt: skip
            case "int" | "uint":
                return self.integer(value, verb, kind == "uint")
            case "float":
                return self.number(value, verb)
            case "complex":
                return self.complex(value, verb)
            case "string":
                return self.string(value, verb)
        return self.composite(value, verb, kind, depth)

    def bad(self, value: Value, verb: Verb) -> str:
        """Return what Go writes where a verb does not fit: %!d(string=x)."""
        shown = Verb(width=verb.width, precision=verb.precision, plus=verb.plus, minus=verb.minus,
                     sharp=verb.sharp, space=verb.space, zero=verb.zero, sharp_v=verb.sharp_v,
                     plus_v=verb.plus_v)  # fmt: skip
        plain = int(value) if isinstance(value, int) and isinstance(value, GoObject) else value
        return f"%!{verb.name}({type_of(value)}={self.show(plain, shown)})"

    def pad(self, text: str, verb: Verb, zero: bool | None = None) -> str:
        """Fill up to the width: spaces, or zeros on the left."""
        width = verb.width or 0
        if width <= len(text):
            return text
        self.budget.fits(width)
        if verb.minus:
            return text.ljust(width)
        return text.rjust(width, "0" if (verb.zero if zero is None else zero) else " ")

    def string(self, text: str, verb: Verb) -> str:
        """Write a text by v, s, q, x or X."""
        name = verb.name
        self.budget.fits(len(text))
        if name in "xX":
            return self.hexadecimal(text, verb)
        if name not in "vsq":
            return self.bad(text, verb)
        if verb.precision is not None:
            text = text[: verb.precision]
        if name == "q" or (name == "v" and verb.sharp_v):
            raw = verb.sharp and can_be_raw(text)
            text = f"`{text}`" if raw else quoted(text, '"', verb.plus)
        return self.pad(str(text), verb)

    def hexadecimal(self, text: str, verb: Verb) -> str:
        """Write the bytes of a text by x or X."""
        data = as_bytes(text)
        if verb.precision is not None:
            data = data[: verb.precision]
        digits = data.hex(" ") if verb.space else data.hex()
        if verb.sharp and digits:
            digits = "0x" + digits.replace(" ", " 0x")
        return self.pad(digits.upper() if verb.name == "X" else digits, verb)

    def integer(self, value: int, verb: Verb, unsigned: bool) -> str:
        """Write an integer by v, d, b, o, O, x, X, c, q or U."""
        name = verb.name
        if name not in _INTEGERS:
            return self.bad(value, verb)
        if name in "cqU":
            return self.character(int(value), verb)
        digits = format(abs(int(value)), _BASES[name]) if not (verb.sharp_v and unsigned) \
            else f"{int(value):#x}"  # fmt: skip
        sign = "-" if value < 0 else "+" if verb.plus else " " if verb.space else ""
        if verb.precision is not None:
            if verb.precision == 0 and value == 0:
                return self.pad("", verb, zero=False)
            self.budget.fits(verb.precision)
            digits = digits.rjust(verb.precision, "0")
        elif verb.zero and not verb.minus and verb.width is not None:
            self.budget.fits(verb.width)
            digits = digits.rjust(verb.width - len(sign), "0")
        if verb.sharp:
            digits = _with_base(digits, name)
        if name == "O":
            digits = f"0o{digits}"
        text = sign + digits
        return self.pad(text.upper() if name == "X" else text, verb, zero=False)

    def character(self, code: int, verb: Verb) -> str:
        """Write a code point by c, q or U."""
        known = 0 <= code <= 0x10FFFF and not 0xD800 <= code <= 0xDFFF
        character = chr(code) if known else "�"
        if verb.name == "c":
            return self.pad(character, verb)
        if verb.name == "q":
            return self.pad(quoted(character, "'", verb.plus), verb)
        self.budget.fits(verb.precision or 0)
        text = f"U+{code & _MASK:0{max(verb.precision or 0, 4)}X}"
        if verb.sharp and known and is_printable(character):
            text += f" '{character}'"
        return self.pad(text, verb, zero=False)

    def number(self, value: float, verb: Verb) -> str:
        """Write a float64 by v, g, G, e, E, f, F, b, x or X."""
        name = {"v": "g", "F": "f"}.get(verb.name, verb.name)
        if verb.name not in _FLOATS:
            return self.bad(value, verb)
        precision = verb.precision
        if precision is None and name in "eEf":
            precision = 6
        self.budget.fits((precision or 0) + 310)
        text = floats.formatted(value, name, precision)
        sign = text[0] if text[0] in "+-" else "+"
        text = text.lstrip("+-")
        is_number = text[0] not in "IN"
        if text == "NaN" and not verb.space and not verb.plus:
            return self.pad(text, verb, zero=False)
        if verb.sharp and name != "b" and is_number:
            text = _with_point(text, verb.name, precision)
        shown = " " if verb.space and sign == "+" and not verb.plus else sign
        if not is_number:
            return self.pad(shown + text, verb, zero=False)
        if shown == "+" and not verb.plus:
            return self.pad(text, verb)
        if verb.zero and not verb.minus and (verb.width or 0) > len(text) + 1:
            self.budget.fits(verb.width or 0)
            return shown + text.rjust((verb.width or 0) - 1, "0")
        return self.pad(shown + text, verb)

    def complex(self, value: complex, verb: Verb) -> str:
        """Write a complex number: (1+2i)."""
        if verb.name not in _FLOATS:
            return self.bad(value, verb)
        real = self.number(value.real, verb)
        return f"({real}{self.number(value.imag, replace(verb, plus=True))}i)"

    def composite(self, value: Value, verb: Verb, kind: str, depth: int) -> str:
        """Write a list, a map or a struct."""
        opening, closing, between = ("{", "}", ", ") if verb.sharp_v else ("[", "]", " ")
        prefix = type_of(value).lstrip("*") if verb.sharp_v else ""
        if kind == "slice":
            parts = [self.show(each, verb, depth + 1) for each in value]
        elif kind == "map":
            prefix = prefix or "map"
            shown = entries(value)
            parts = [
                f"{self.show(key, verb, depth + 1)}:{self.show(shown[key], verb, depth + 1)}"
                for key in sorted(shown)
            ]
        else:
            prefix = f"&{prefix}" if kind == "pointer" else prefix
            opening, closing = "{", "}"
            named = verb.plus_v or verb.sharp_v
            parts = [
                f"{name}:{self.show(each, verb, depth + 1)}" if named
                else self.show(each, verb, depth + 1)
                for name, each in entries(value).items()
            ]  # fmt: skip
        self.budget.fits(sum(map(len, parts)) + 2 * len(parts))
        return f"{prefix}{opening}{between.join(parts)}{closing}"


def _with_base(digits: str, name: str) -> str:
    if name == "b":
        return f"0b{digits}"
    if name in "oO":
        return digits if digits.startswith("0") else f"0{digits}"
    return f"0x{digits}" if name in "xX" else digits


def _with_point(text: str, name: str, precision: int | None) -> str:
    """The flag #: a point always, and the zeros that %g drops."""
    marks = "pP" if name in "xX" else "eE"
    at = next((place for place, each in enumerate(text) if each in marks), len(text))
    body, tail = text[:at], text[at:]
    wanted = 0
    if name in "vgGx":
        wanted = 6 if precision is None else precision
    # Go counts the x of 0x1.8p+01 among the digits.
    significant = body.replace(".", "").lstrip("0")
    if "." not in body:
        if body == "0":
            wanted -= 1
        body += "."
    return body + "0" * max(wanted - len(significant), 0) + tail
