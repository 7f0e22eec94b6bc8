"""What the values of HTML's attributes are, by their names."""

from engine.template.go.html.context import Attribute, Element


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_URLS = _words(
    "action archive background cite classid codebase data formaction href icon longdesc manifest "
    "poster profile src usemap xmlns"
)
_UNSAFE = _words(
    "accept-charset async challenge charset content crossorigin defer enctype form formenctype "
    "formmethod formnovalidate http-equiv keytype language method novalidate pattern rel sandbox "
    "type value"
)
"""They change how other content or a request is understood; none may be named by a value."""
_PLAIN = _words(
    "accept alt autocomplete autofocus autoplay border checked class cols colspan contenteditable "
    "contextmenu controls coords datetime default dir dirname disabled draggable dropzone for "
    "formtarget headers height hidden high hreflang id ismap kind label lang list loop low max "
    "maxlength media mediagroup min multiple name open optimum placeholder preload pubdate "
    "radiogroup readonly required reversed rows rowspan spellcheck scope scoped seamless selected "
    "shape size sizes span srclang start step tabindex target title width wrap"
)


def attribute_of(name: str, element: Element) -> Attribute:
    """Return what the value of an attribute of an element is; the name is in lower case."""
    if element is Element.SCRIPT and name == "type":
        return Attribute.SCRIPT_TYPE
    if element is Element.META and name == "content":
        return Attribute.META_CONTENT
    return _by_name(_stripped(name))


def can_be_named(name: str) -> bool:
    """Say whether a value may name this attribute: one whose value is plain text."""
    stripped = _stripped(name)
    return (
        stripped not in _UNSAFE and stripped != "srcdoc" and _by_name(stripped) is Attribute.PLAIN
    )


def _stripped(name: str) -> str:
    """data-action is seen as action, xlink:href as href."""
    if name.startswith("data-"):
        return name[5:]
    prefix, colon, rest = name.partition(":")
    if not colon:
        return name
    return "xmlns" if prefix == "xmlns" else rest


def _by_name(name: str) -> Attribute:
    if name in _URLS:
        return Attribute.URL
    if name == "style":
        return Attribute.STYLE
    if name == "srcset":
        return Attribute.SRCSET
    if name in _PLAIN or name in _UNSAFE or name == "srcdoc":
        return Attribute.PLAIN
    if name.startswith("on"):
        return Attribute.SCRIPT
    if any(part in name for part in ("src", "uri", "url")):
        return Attribute.URL
    return Attribute.PLAIN
