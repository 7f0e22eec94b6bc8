"""What every endpoint gets beside its request."""

from dataclasses import dataclass

from engine.api.asking import Asking
from engine.api.body import unavailable
from engine.api.deps import ApiDeps, NotifierView
from engine.api.proxy import Proxy


@dataclass(frozen=True, slots=True)
class Context:
    """The worker and the way to other workers."""

    deps: ApiDeps
    proxy: Proxy
    asking: Asking

    def view(self) -> NotifierView:
        """Return the notifier, which routes marked `owner` may expect here."""
        view = self.deps.notifier()
        if view is None:  # it left between routing and now
            raise unavailable("the notifier is moving between workers; try again")
        return view
