"""The demo: the product on its embedded default, fed by a made-up fleet.

`tocsin demo` writes a configuration that a user could have written, runs the worker with it and
only appends records to its source topics, as any producer would. Slack and the mail server are
local stand-ins which the real client code talks to; their inbox page shows what was received.
Absent here: any decision. What alerts, and who is told, is the product with `rules/`.
"""

__all__: list[str] = []
