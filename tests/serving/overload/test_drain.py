from __future__ import annotations

import pytest

from app.errors import Unavailable
from app.serving.overload.drain import Drain


def test_it_is_open_until_somebody_says_otherwise() -> None:
    drain, told = Drain(), [False]
    drain.require_open()
    drain.share(lambda: told[0])
    drain.require_open()
    told[0] = True
    with pytest.raises(Unavailable) as refusal:
        drain.require_open()
    assert (refusal.value.status, refusal.value.code) == (503, "draining")
