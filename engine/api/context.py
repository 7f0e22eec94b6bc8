"""What every endpoint gets beside its request."""

from collections.abc import Sequence
from dataclasses import dataclass

from engine.api.asking import Asking
from engine.api.body import unavailable
from engine.api.deps import ApiDeps, NotifierView
from engine.api.proxy import Proxy
from engine.api.views import Obstacle


@dataclass(frozen=True, slots=True)
class Context:
    """The worker and the way to other workers."""

    deps: ApiDeps
    proxy: Proxy
    asking: Asking

    def obstacles(self) -> Sequence[Obstacle]:
        """Return why this worker cannot answer what it is asked; nothing: it can.

        Where it is the only one that is known, it has to hold the notifier for that.
        """
        found = list(self.deps.obstacles())
        if not found and self.deps.notifier() is None and not self.deps.peers():
            found.append(Obstacle("notifier", "no worker holds the notifier yet"))
        return found

    def view(self) -> NotifierView:
        """Return the notifier, which routes marked `owner` may expect here."""
        view = self.deps.notifier()
        if view is None:  # it left between routing and now
            raise unavailable("the notifier is moving between workers; try again")
        return view
