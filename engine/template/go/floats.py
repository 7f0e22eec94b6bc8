"""Numbers as Go's strconv writes them."""

import math

_BIG = 10**15


def shortest(value: float) -> str:
    """Return what `{{ value }}` shows: 0.1, 12, 1.5e+06, NaN, +Inf (%v of a float64)."""
    if -_BIG < value < _BIG:
        whole = int(value)
        if whole == value and -1_000_000 < whole < 1_000_000:
            return str(whole) if whole or math.copysign(1.0, value) > 0 else "-0"
    return general(value, None)


def special(value: float) -> str | None:
    """Return NaN, +Inf or -Inf; None for an ordinary number."""
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    return None


def digits_of(value: float) -> tuple[str, int]:
    """Return the shortest digits that read back as |value|, and where their point is."""
    mantissa, _, exponent = f"{abs(value)!r}".partition("e")
    whole, _, fraction = mantissa.partition(".")
    digits = whole + fraction
    point = len(whole) + int(exponent or 0)
    stripped = digits.lstrip("0")
    point -= len(digits) - len(stripped)
    stripped = stripped.rstrip("0")
    return (stripped, point) if stripped else ("0", 1)


def _sign(value: float) -> str:
    return "-" if math.copysign(1.0, value) < 0 else ""


def general(value: float, precision: int | None) -> str:
    """%g: the shortest form that reads back, or that many significant digits."""
    known = special(value)
    if known is not None:
        return known
    if precision is not None:
        return f"{value:.{max(precision, 1)}g}"
    digits, point = digits_of(value)
    if -4 <= point - 1 < 6:
        return _sign(value) + _plain(digits, point)
    return _sign(value) + _exponent(digits, point - 1)


def _plain(digits: str, point: int) -> str:
    if point <= 0:
        return "0." + "0" * -point + digits
    if point >= len(digits):
        return digits + "0" * (point - len(digits))
    return f"{digits[:point]}.{digits[point:]}"


def _exponent(digits: str, exponent: int) -> str:
    fraction = f".{digits[1:]}" if len(digits) > 1 else ""
    return f"{digits[0]}{fraction}e{exponent:+03d}"


def formatted(value: float, verb: str, precision: int | None) -> str:
    """Write a number by e, E, f, g, G, x, X or b; no precision means what Go means by it."""
    known = special(value)
    if known is not None:
        return known
    match verb:
        case "g" | "G":
            text = general(value, precision)
        case "f":
            text = f"{value:.{precision}f}" if precision is not None else _plain_of(value)
        case "x" | "X":
            text = _hexadecimal(value, precision)
        case "b":
            return _binary(value)
        case _:
            text = f"{value:.{precision}e}"
    return text.upper() if verb in "EGX" else text


def _plain_of(value: float) -> str:
    digits, point = digits_of(value)
    return _sign(value) + _plain(digits, point)


def _binary(value: float) -> str:
    mantissa, exponent = _parts(value)
    return f"{_sign(value)}{mantissa}p{exponent:+d}"


def _parts(value: float) -> tuple[int, int]:
    """Return mantissa and exponent as IEEE 754 keeps them: |value| = mantissa · 2^exponent."""
    fraction, exponent = math.frexp(abs(value))
    if not fraction:
        return 0, -1074
    exponent = max(exponent - 53, -1074)
    return int(math.ldexp(abs(value), -exponent)) if exponent > -1074 else _tiny(value), exponent


def _tiny(value: float) -> int:
    return int(abs(value) / 5e-324)


def _hexadecimal(value: float, precision: int | None) -> str:
    """0x1.8p+01, rounded half to even where there are fewer digits than needed."""
    if not value:
        fraction = "." + "0" * precision if precision else ""
        return f"{_sign(value)}0x0{fraction}p+00"
    mantissa, exponent = _parts(value)
    shift = 53 - mantissa.bit_length()
    mantissa, exponent = mantissa << shift, exponent - shift + 52
    if precision is not None and precision < 13:
        drop = 52 - 4 * precision
        rest, mantissa = mantissa & ((1 << drop) - 1), mantissa >> drop
        half = 1 << (drop - 1)
        if rest > half or (rest == half and mantissa & 1):
            mantissa += 1
        mantissa <<= drop
        if mantissa >= 1 << 53:
            mantissa, exponent = mantissa >> 1, exponent + 1
    digits = f"{mantissa - (1 << 52):013x}"
    digits = digits.rstrip("0") if precision is None else digits[:precision].ljust(precision, "0")
    return f"{_sign(value)}0x1{'.' if digits else ''}{digits}p{exponent:+03d}"
