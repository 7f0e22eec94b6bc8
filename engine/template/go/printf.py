"""The format texts of printf: flags, widths, precisions, argument numbers."""

import math
import re
from functools import lru_cache

from engine.template.budget import Budget
from engine.template.go.values import Value, kind_of, type_of
from engine.template.go.verbs import Printer, Verb

_NUMBER_MAX = 1_000_000
_SIMPLE = re.compile(r"([#0+\- ]*)([0-9]*)(?:\.([0-9]*))?([a-zA-Z])")
_FLOAT = re.compile(r"%0?\.([0-9]{1,2})f")
_FLAGS = {"#": "sharp", "0": "zero", "+": "plus", "-": "minus", " ": "space"}


def sprintf(form: str, values: tuple[Value, ...], budget: Budget) -> str:
    """Return what printf gives. Raises SecurityError when it is too long."""
    budget.fits(len(form))
    if len(values) == 1 and type(values[0]) is float:
        # %.2f of the value: most calls are this one.
        places = _only_float(form)
        if places is not None and math.isfinite(values[0]):
            return f"{values[0]:.{places}f}"
    simple = _pieces(form)
    if simple is None or sum(1 for piece in simple if isinstance(piece, Verb)) != len(values):
        return _Scan(form, values, budget).run()
    printer, left = Printer(budget), iter(values)
    parts = [
        piece if isinstance(piece, str) else printer.show(next(left), piece) for piece in simple
    ]
    budget.fits(sum(map(len, parts)))
    return "".join(parts)


@lru_cache(maxsize=1_024)
def _only_float(form: str) -> int | None:
    """Return the places of a format that is `%.2f` and no more."""
    match = _FLOAT.fullmatch(form)
    return int(match.group(1)) if match else None


@lru_cache(maxsize=1_024)
def _pieces(form: str) -> tuple[str | Verb, ...] | None:
    """Split a format of ordinary verbs, once; None where it needs the long way."""
    found: list[str | Verb] = []
    at = 0
    while (percent := form.find("%", at)) >= 0:
        found.append(form[at:percent])
        if form.startswith("%%", percent):
            found.append("%")
            at = percent + 2
            continue
        match = _SIMPLE.match(form, percent + 1)
        if match is None or len(match.group(2)) > 4 or len(match.group(3) or "") > 4:
            return None
        flags, width, precision, name = match.groups()
        verb = Verb(name, width=int(width) if width else None)
        if precision is not None:
            verb.precision = int(precision or 0)
        for flag in flags:
            setattr(verb, _FLAGS[flag], True)
        found.append(_as_v(verb))
        at = match.end()
    found.append(form[at:])
    return tuple(found)


def _as_v(verb: Verb) -> Verb:
    """Give # and + of %v their other meaning."""
    if verb.name in ("v", "w"):
        verb.sharp_v, verb.sharp = verb.sharp, False
        verb.plus_v, verb.plus = verb.plus, False
    return verb


class _Scan:
    """The long way: `*`, `[2]`, and every mistake."""

    def __init__(self, form: str, values: tuple[Value, ...], budget: Budget) -> None:
        self.form = form
        self.values = values
        self.budget = budget
        self.printer = Printer(budget)
        self.at = 0
        self.next = 0
        self.reordered = False
        self.is_good = True
        self.parts: list[str] = []

    def run(self) -> str:
        form = self.form
        while self.at < len(form):
            percent = form.find("%", self.at)
            end = percent if percent >= 0 else len(form)
            self.parts.append(form[self.at : end])
            self.at = end
            if percent >= 0:
                self.at += 1
                self.budget.spend(1)
                self.parts.append(self.verb())
        self.parts.append(self.extra())
        self.budget.fits(sum(map(len, self.parts)))
        return "".join(self.parts)

    def verb(self) -> str:
        form, verb = self.form, Verb()
        self.is_good = True
        while form[self.at : self.at + 1] in _FLAGS:
            setattr(verb, _FLAGS[form[self.at]], True)
            self.at += 1
        numbered = self.index()
        numbered, said = self.width(verb, numbered)
        numbered, more = self.precision(verb, numbered)
        if not numbered:
            self.index()
        said += more
        if self.at >= len(form):
            return said + "%!(NOVERB)"
        verb.name = form[self.at]
        self.at += 1
        if verb.name == "%":
            return said + "%"
        if not self.is_good:
            return f"{said}%!{verb.name}(BADINDEX)"
        if self.next >= len(self.values):
            return f"{said}%!{verb.name}(MISSING)"
        value = self.values[self.next]
        self.next += 1
        return said + self.printer.show(value, _as_v(verb))

    def width(self, verb: Verb, numbered: bool) -> tuple[bool, str]:
        if self.form.startswith("*", self.at):
            self.at += 1
            verb.width, said = self.star(), ""
            if verb.width is None:
                said = "%!(BADWIDTH)"
            elif verb.width < 0:
                verb.width, verb.minus, verb.zero = -verb.width, True, False
            return False, said
        verb.width = self.digits()
        if numbered and verb.width is not None:
            self.is_good = False
        return numbered, ""

    def precision(self, verb: Verb, numbered: bool) -> tuple[bool, str]:
        # A point that ends the format is the verb.
        if not self.form.startswith(".", self.at) or self.at + 1 >= len(self.form):
            return numbered, ""
        self.at += 1
        if numbered:
            self.is_good = False
        numbered = self.index()
        if self.form.startswith("*", self.at):
            self.at += 1
            found = self.star()
            verb.precision = found if found is not None and found >= 0 else None
            return False, "" if verb.precision is not None else "%!(BADPREC)"
        found = self.digits()
        verb.precision = 0 if found is None else found
        return numbered, ""

    def digits(self) -> int | None:
        start = self.at
        while self.form[self.at : self.at + 1] in tuple("0123456789"):
            self.at += 1
            if self.at - start > 1 and int(self.form[start : self.at - 1]) > _NUMBER_MAX:
                self.at = len(self.form)
                return None
        return int(self.form[start : self.at]) if self.at > start else None

    def star(self) -> int | None:
        if self.next >= len(self.values):
            return None
        value = self.values[self.next]
        self.next += 1
        if kind_of(value) not in ("int", "uint") or abs(value) > _NUMBER_MAX:
            return None
        return int(value)

    def index(self) -> bool:
        """Read `[n]`; say whether there was one."""
        if not self.form.startswith("[", self.at):
            return False
        self.reordered = True
        end = self.form.find("]", self.at)
        if end < 0 or len(self.form) - self.at < 3:
            self.is_good = False
            self.at += 1
            return False
        inner = self.form[self.at + 1 : end]
        self.at = end + 1
        is_number = inner.isascii() and inner.isdigit() and len(inner) < 8
        if is_number and 1 <= int(inner) <= len(self.values):
            self.next = int(inner) - 1
            return True
        self.is_good = False
        return is_number and int(inner) <= _NUMBER_MAX

    def extra(self) -> str:
        if self.reordered or self.next >= len(self.values):
            return ""
        shown = [
            "<nil>" if value is None else f"{type_of(value)}={self.printer.show(value, Verb())}"
            for value in self.values[self.next :]
        ]
        return f"%!(EXTRA {', '.join(shown)})"
