"""Read a notifications file for a verb: named itself, or by the tocsin.yaml that names it."""

import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from engine.document import Finding, MapNode, load_documents
from engine.limits import DEFAULT_LIMITS

if TYPE_CHECKING:
    from engine.config import Config
    from engine.series import MatcherMode
    from notifiers import NotifierConfig

FileKind = Literal["rules", "config", "notifications"]


@dataclass(frozen=True, slots=True)
class Read:
    """A notifications file, what is wrong with it, and the texts to show that with."""

    config: "NotifierConfig | None"
    findings: list[Finding]
    texts: dict[str, str]
    mode: "MatcherMode"


def kind_of(path: Path) -> FileKind:
    """Say what a file is by the keys at its top; what cannot be told is a tocsin.yaml.

    Raises OSError.
    """
    if path.is_dir():
        return "rules"
    text = path.read_text(encoding="utf-8", errors="replace")
    trees, _ = load_documents(text, str(path), DEFAULT_LIMITS.rule_file_bytes_max, lambda _: False)
    top = trees[0] if trees else None
    keys = {entry.name for entry in top} if isinstance(top, MapNode) else set()
    if keys & {"route", "receivers"}:
        return "notifications"
    return "rules" if keys & {"groups", "rules"} and "notifications" not in keys else "config"


def read(path: Path, mode: "MatcherMode" = "fallback") -> Read:
    """Read what `path` is or names. Raises OSError.

    `mode` is how matchers are read where no tocsin.yaml says it.
    """
    if kind_of(path) == "config":
        from engine import config as configuration

        config, findings = configuration.load(str(path))
        if config is None:
            text = path.read_text(encoding="utf-8", errors="replace")
            return Read(None, findings, {str(path): text}, mode)
        return read_named(config, str(config.notifications))
    return read_file(path, str(path), mode)


def read_named(config: "Config", name: str) -> Read:
    """Read the notifications file of a tocsin.yaml, as a worker does. Raises OSError.

    `name` is what findings call it.
    """
    from notifiers import Egress

    return read_file(
        config.notifications, name, config.matcher_parsing,
        external_url=config.external_url, egress=Egress(config.egress_allow),
    )  # fmt: skip


def read_file(path: Path, name: str, mode: "MatcherMode", **options: Any) -> Read:
    """Read a notifications file; `options` are those of `notifiers.load`. Raises OSError."""
    from notifiers import load

    text = path.read_text(encoding="utf-8", errors="surrogateescape")
    made, findings = load(text, name, base=path.parent, matchers=mode, **options)
    return Read(made, findings, {name: text, **_texts(findings, name)}, mode)


def _texts(findings: Iterable[Finding], name: str) -> dict[str, str]:
    """Return the texts of template files in which something was found."""
    texts = {}
    for file in {finding.file for finding in findings} - {name}:
        try:
            texts[file] = Path(file).read_text(encoding="utf-8", errors="replace")
        except OSError as error:
            print(f"{file}: {error.strerror}", file=sys.stderr)
    return texts
