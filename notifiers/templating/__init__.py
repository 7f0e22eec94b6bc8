"""Templates of notifications: Alertmanager's language, data and functions, and Jinja2 in `.j2`.

    templates, findings = TemplateSet.load([("templates/*.tmpl", node)], folder)
    title = templates.text('{{ template "slack.default.title" . }}')
    title.expand(notification, now_ms)

Texts are parsed when a configuration is read and expanded when a notification is sent. Data,
functions and printing are those of Alertmanager 0.34; every name that its built-in templates
define exists here, too.

**Invariant:** the only error is TemplateError; equal notifications at an equal time give equal
texts; steps, output and nesting are bounded. Absent: clocks, the network, channels.
"""

from notifiers.templating.given import DataError, data_from
from notifiers.templating.model import data_of, quote_meta
from notifiers.templating.sample import sample
from notifiers.templating.sets import (
    EMPTY,
    OUTPUT_BYTES_MAX,
    TEMPLATE_CODES,
    TemplateSet,
    route_labels,
)

__all__ = [
    "EMPTY",
    "OUTPUT_BYTES_MAX",
    "TEMPLATE_CODES",
    "DataError",
    "TemplateSet",
    "data_from",
    "data_of",
    "quote_meta",
    "route_labels",
    "sample",
]
