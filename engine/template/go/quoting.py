"""Quoting of texts: Go's %q, HTML, JavaScript, URL queries."""

from urllib.parse import quote_plus

from engine.template.go.values import as_bytes

_SHORT = {"\a": "\\a", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t",
          "\v": "\\v"}  # fmt: skip
_HTML = str.maketrans(
    {"\0": "�", '"': "&#34;", "'": "&#39;", "&": "&amp;", "<": "&lt;", ">": "&gt;"}
)
_SCRIPT = {"\\": "\\\\", "'": "\\'", '"': '\\"', "<": "\\u003C", ">": "\\u003E", "&": "\\u0026",
           "=": "\\u003D"}  # fmt: skip


def is_printable(character: str) -> bool:
    """Say what Go prints unquoted: letters, marks, numbers, punctuation, symbols, the space."""
    return character.isprintable()


def quoted(text: str, quote: str = '"', ascii_only: bool = False) -> str:
    """Return a Go constant of a text (%q), or of one character with quote `'`."""
    return f"{quote}{''.join(_escaped(each, quote, ascii_only) for each in text)}{quote}"


def _escaped(character: str, quote: str, ascii_only: bool) -> str:
    if character in (quote, "\\"):
        return f"\\{character}"
    code = ord(character)
    if 0xDC80 <= code <= 0xDCFF and quote == '"':
        return f"\\x{code - 0xDC00:02x}"
    if 0xD800 <= code <= 0xDFFF:
        return "\\ufffd" if ascii_only else "�"
    if is_printable(character) and (code < 0x80 or not ascii_only):
        return character
    if character in _SHORT:
        return _SHORT[character]
    if code < 0x20 or code == 0x7F:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def can_be_raw(text: str) -> bool:
    """Say whether a text can stand between backquotes."""
    return not any(
        each in "`\x7f\ufeff" or (each < " " and each != "\t") or 0xD800 <= ord(each) <= 0xDFFF
        for each in text
    )


def html(text: str) -> str:
    """Escape for HTML: text and quoted attributes."""
    return text.translate(_HTML)


def script(text: str) -> str:
    """Escape for a JavaScript string."""
    return "".join(map(_script, text))


def _script(character: str) -> str:
    if character in _SCRIPT:
        return _SCRIPT[character]
    if character < " ":
        return f"\\u00{ord(character):02X}"
    # A lone surrogate is a byte that is no UTF-8: Go leaves it.
    if character < "\x80" or is_printable(character) or "\ud800" <= character <= "\udfff":
        return character
    return f"\\u{ord(character):04X}"


def url_query(text: str) -> str:
    """Escape for a URL's query; a space becomes +."""
    return quote_plus(as_bytes(text), safe="")
