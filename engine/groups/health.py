"""The health of a rule, as Prometheus' API shows it."""

from dataclasses import dataclass, field

from engine.alerts import Health
from engine.vector import Annotations


@dataclass(slots=True)
class RuleState:
    """How the last evaluation of a rule went."""

    health: Health = "unknown"
    error: str = ""
    warnings: tuple[str, ...] = ()
    infos: tuple[str, ...] = ()
    at_ms: int | None = None  # of the last evaluation
    seconds: float = field(default=0.0, compare=False)  # that it took, for people: no state

    def succeeded(self, at_ms: int, annotations: Annotations) -> bool:
        """Note an evaluation; says whether the rule had failed before."""
        recovered = self.health == "err"
        self.health, self.error, self.at_ms = "ok", "", at_ms
        self._annotate(annotations)
        return recovered

    def stood(self, at_ms: int, seconds: float) -> None:
        """Note evaluations up to a time that went well and gave what they gave before."""
        self.health, self.at_ms, self.seconds = "ok", at_ms, seconds

    def failed(self, at_ms: int, error: str, annotations: Annotations) -> bool:
        """Note a failure; says whether it is the first in a row."""
        began = self.health != "err"
        self.health, self.error, self.at_ms = "err", error, at_ms
        self._annotate(annotations)
        return began

    def _annotate(self, annotations: Annotations) -> None:
        if annotations.warnings or annotations.infos or self.warnings or self.infos:
            self.warnings = tuple(annotations.warnings)
            self.infos = tuple(annotations.infos)
