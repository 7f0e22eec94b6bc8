"""Matchers of a request: the grammar is that of engine.series, the bounds are here."""

from collections.abc import Sequence

from engine.series import Matcher, MatcherMode, MatcherTextError
from engine.series import parse_matcher as parse

MATCHER_BYTES_MAX = 4_096
MATCHERS_MAX = 64


def parse_matchers(texts: Sequence[str], mode: MatcherMode = "fallback") -> tuple[Matcher, ...]:
    """Read the `filter` parameters of a request. Raises MatcherTextError."""
    if len(texts) > MATCHERS_MAX:
        raise MatcherTextError(f"too many matchers: {len(texts)} (limit: {MATCHERS_MAX})")
    return tuple(parse_matcher(text, mode) for text in texts)


def parse_matcher(text: str, mode: MatcherMode = "fallback") -> Matcher:
    """Read one matcher. Raises MatcherTextError."""
    if len(text.encode(errors="surrogatepass")) > MATCHER_BYTES_MAX:
        raise MatcherTextError(f"matcher is longer than {MATCHER_BYTES_MAX} bytes")
    return parse(text, mode)
