"""The labels and annotations of alerts: Go templates over a result's labels and value."""

import re
from typing import Final

from engine.groups.announce import External
from engine.groups.expression import Queries
from engine.limits import Limits
from engine.plan import PromRule
from engine.series import METRIC_NAME
from engine.template import go
from engine.vector import LabelSet, label_set

_ALERTNAME: Final = "alertname"
_WHOLE = re.compile(r"(?<![\w)\].\"])\.(?![A-Za-z_0-9])|\$(?![A-Za-z_])")
"""`.` or `$` by itself: everything that a template is given."""


class Texts:
    """What one alerting rule makes of a result's labels and value."""

    def __init__(self, rule: PromRule, external: External, limits: Limits) -> None:
        self.rule, self.external, self.limits = rule, external, limits
        self.by_value = any(_varies(text) for text in rule.labels.values())
        """Whether an alert's labels follow from more than its result's labels."""

    def labels(self, metric: LabelSet, value: float, queries: Queries) -> LabelSet:
        """Return an alert's labels: the result's without its name, the rule's, the alert name."""
        made = dict(metric)
        made.pop(METRIC_NAME, None)
        if self.rule.labels:
            context = self._context(metric, value, queries)
            for name, text in self.rule.labels.items():
                made[name] = self._expand(text, context, self.limits.label_value_bytes_max)
        made[_ALERTNAME] = self.rule.name
        return label_set(made)

    def annotations(self, metric: LabelSet, value: float, queries: Queries) -> dict[str, str]:
        """Return an alert's annotations."""
        if not self.rule.annotations:
            return {}
        context = self._context(metric, value, queries)
        bytes_max = self.limits.template_output_bytes_max
        return {
            name: self._expand(text, context, bytes_max)
            for name, text in self.rule.annotations.items()
        }

    def sample_labels(self, labels: LabelSet, more: dict[str, str]) -> LabelSet:
        """Return the labels of a sample about an alert.

        As Prometheus has it, the rule's labels are below the alert's, unexpanded: a template that
        gives nothing is seen as it was written.
        """
        return label_set({**self.rule.labels, **dict(labels), **more, _ALERTNAME: self.rule.name})

    def _context(self, metric: LabelSet, value: float, queries: Queries) -> go.AlertContext:
        return go.AlertContext(
            labels=dict(metric), value=value, external_labels=self.external.labels,
            external_url=self.external.url, now_ms=queries.at_ms, query=queries.query,
        )  # fmt: skip

    @staticmethod
    def _expand(text: str, context: go.AlertContext, bytes_max: int) -> str:
        if "{{" not in text:
            return text
        try:
            return go.expand(text, context, output_bytes_max=bytes_max)
        except go.TemplateError as error:
            return f"<error expanding template: {error}>"


def _varies(text: str) -> bool:
    """Say whether an expansion may follow from the value, the time or other series."""
    if "{{" not in text:
        return False
    reads = go.references(text)
    asks = any(use.name == "now" for use in reads.functions)
    return bool(reads.value or reads.queries or asks or _WHOLE.search(text))
