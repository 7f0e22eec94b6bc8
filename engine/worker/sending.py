"""What becomes of notifications, in the API's terms."""

from engine import api
from notifiers import Delivery, Failure, LaneView, LetterView, Notifier

_SHOWN_MAX = 5


def deliveries(notifier: Notifier, delivery: Delivery | None) -> api.DeliveriesView:
    """Return the dead letters of a live notifier and the state of its delivery, if it began."""
    letters = tuple(_letter(each) for each in notifier.dead_letters())
    if delivery is None:
        return api.DeliveriesView(letters=letters)
    return api.DeliveriesView(
        letters=letters,
        destinations=tuple(_destination(each) for each in delivery.destinations()),
        failures=tuple(_failure(each) for each in reversed(delivery.failures)),
        in_flight=delivery.in_flight,
    )


def sending_facts(
    notifier: Notifier | None, delivery: Delivery | None
) -> tuple[tuple[str, str], ...]:
    """Return what the page says of sending, nothing where it is done elsewhere."""
    if notifier is None or delivery is None:
        return ()
    apart = [lane.destination for lane in delivery.destinations() if lane.breaker != "closed"]
    return (
        ("notifications on their way", str(delivery.in_flight)),
        ("given up, nobody told since", str(len(notifier.dead_letters()))),
        ("destinations left alone", ", ".join(apart[:_SHOWN_MAX]) or "none"),
    )


def _letter(view: LetterView) -> api.LetterView:
    letter = view.letter
    return api.LetterView(
        id=letter.id,
        receiver=letter.receiver,
        integration=letter.integration,
        group_key=letter.group_key,
        first_ms=letter.first_ms,
        last_ms=letter.last_ms,
        times=letter.times,
        reason=letter.reason,
        text=letter.text,
        firing=letter.firing,
        resolved=letter.resolved,
        state=view.state,
        next_ms=view.next_ms,
    )


def _destination(lane: LaneView) -> api.DestinationView:
    return api.DestinationView(
        destination=lane.destination,
        breaker=lane.breaker,
        failures=lane.failures,
        queued=lane.queued,
        wait_ms=lane.wait_ms,
        last_error=lane.last_error,
    )


def _failure(failure: Failure) -> api.FailureView:
    return api.FailureView(
        at_ms=failure.at_ms,
        receiver=failure.receiver,
        integration=failure.integration,
        reason=failure.reason,
        text=failure.text,
        final=failure.final,
    )
