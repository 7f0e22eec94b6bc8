"""Windows: what is remembered of the rows, and for how long.

Invariant: what a window holds does not depend on the order in which its rows came, nor on how they
were cut into batches (floats: to the last bit but for ties of the compensated sum). No clock here.
"""

from engine.window.cells import exact_group_sum
from engine.window.distinct import DistinctStore
from engine.window.increase import IncreaseStore
from engine.window.lines import LineStore
from engine.window.long import LONG_FUNCTIONS, LongStore, pane_ms_of
from engine.window.panes import Cells, PaneStore
from engine.window.range_functions import PARAMETERS, RANGE_FUNCTIONS, over_columns
from engine.window.rings import RingStore
from engine.window.store import Floats, Rows, Texts, take
from engine.window.values import RELATIVE_ERROR, ValueStore

__all__ = [
    "LONG_FUNCTIONS",
    "PARAMETERS",
    "RANGE_FUNCTIONS",
    "RELATIVE_ERROR",
    "Cells",
    "DistinctStore",
    "Floats",
    "IncreaseStore",
    "LineStore",
    "LongStore",
    "PaneStore",
    "RingStore",
    "Rows",
    "Texts",
    "ValueStore",
    "exact_group_sum",
    "over_columns",
    "pane_ms_of",
    "take",
]
