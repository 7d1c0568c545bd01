from __future__ import annotations

import threading
import time

from app.runtime.deadline import Deadline
from app.serving.overload.under_way import PredictionsUnderWay


def test_a_prediction_is_under_way_from_its_begin_to_its_end() -> None:
    under_way = PredictionsUnderWay()
    under_way.begin(Deadline(17.0))
    ((thread, (started, due)),) = under_way.started.items()
    assert (thread, due) == (threading.get_ident(), 17.0)
    assert started <= time.monotonic()
    under_way.end()
    under_way.end()
    assert under_way.started == {}
