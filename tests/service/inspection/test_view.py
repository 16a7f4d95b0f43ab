"""Where the places of a layer lie on a photograph."""

from __future__ import annotations

import pytest

from booth_client.wire import View
from service.inspection.receptive_field import ReceptiveField, Side
from service.inspection.view import Sight, read_view
from service.photo.decode import Seen

SIGHT = Sight(Seen(400, 300, (50, 0, 350, 300)), 100)
FIELD = ReceptiveField(Side(20, 10, 5), Side(20, 10, 5))


def test_what_a_place_sees_is_clipped_to_what_the_network_saw() -> None:
    assert SIGHT.clipped(FIELD, 3, 4) == (35, 25, 55, 45)
    assert SIGHT.clipped(FIELD, 0, 9) == (85, 0, 100, 15)
    assert SIGHT.on_photo((35, 25, 55, 45)) == [155, 75, 60, 60]


def test_the_view_is_told_and_read() -> None:
    assert SIGHT.view == {"width": 400, "height": 300, "box": [50, 0, 300, 300]}
    assert read_view(SIGHT.view) == View(400, 300, [50, 0, 300, 300])
    with pytest.raises(ValueError, match="unpack"):
        read_view({"width": 1, "height": 1, "box": [1]})
