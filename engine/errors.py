"""The error tree.

TocsinError                 anything Tocsin raises on purpose; its text says what to do next
  + FileError               a rule or configuration file has findings (engine.document)
  + StreamError             the log under the streams
    - LogInUseError         another process holds the embedded log
    - LogFailedError        a write failed; what was assigned is unknown: the process ends
    - FencedError           a younger owner exists: fall silent
  + SnapshotError           a checkpoint is damaged or of an unknown version
  + LimitError              a bound was reached (limits.py names it)
  + BatchError              bytes on an internal topic that no version of ours wrote
  + MissingPlanError        the log names a rule set that this worker does not know yet
    - PlanLoadingError      it is known and being compiled: ask again
"""


class TocsinError(Exception):
    """Anything that Tocsin raises on purpose."""


class FileError(TocsinError):
    """A rule or configuration file has findings; the text shows all of them."""


class StreamError(TocsinError):
    """The log under the streams failed or refused."""


class LogInUseError(StreamError):
    """Another process holds the embedded log."""


class LogFailedError(StreamError):
    """A write failed and what was assigned is unknown: end the process."""


class FencedError(StreamError):
    """A younger owner exists: fall silent at once."""


class SnapshotError(TocsinError):
    """A checkpoint is damaged or of an unknown version."""


class LimitError(TocsinError):
    """A bound was reached; the text names the limit and how to raise it."""


class BatchError(TocsinError):
    """Bytes on an internal topic that no version of ours wrote."""


class MissingPlanError(TocsinError):
    """The log names a rule set that this worker has not read from `control` yet: read on, retry."""

    def __init__(self, digest: str) -> None:
        super().__init__(f"rule set {digest} is not known yet")
        self.digest = digest


class PlanLoadingError(MissingPlanError):
    """The rule set is known and being compiled, off the event loop: ask again in a moment."""
