"""Where the places of a layer lie on a photograph."""

from __future__ import annotations

from typing import Any, NamedTuple

from booth_client.wire import View
from service.engine.explain import Box, box_on_photo
from service.engine.explain import view as view_of
from service.inspection.receptive_field import ReceptiveField
from service.photo.decode import Seen

__all__ = ["Sight", "read_view"]


class Sight(NamedTuple):
    """What the network saw of a photograph.

    Attributes:
        seen: that part of it.
        size: side of the square that it was resized to.

    """

    seen: Seen
    size: int

    @property
    def view(self) -> dict[str, Any]:
        """As an answer tells it."""
        view = view_of(self.seen)
        return {"width": view.width, "height": view.height, "box": view.box}

    def clipped(self, field: ReceptiveField, row: int, column: int) -> Box:
        """What a place sees: left, top, right and bottom in the square's pixels, within it."""
        left, top, width, height = field.box(row, column)
        size = float(self.size)
        x, right = (min(max(one, 0.0), size) for one in (left, left + width))
        y, bottom = (min(max(one, 0.0), size) for one in (top, top + height))
        return x, y, right, bottom

    def on_photo(self, box: Box) -> list[float]:
        """A box of the square's pixels as x, y, width and height on the photograph."""
        left, top, right, bottom = (one / self.size for one in box)
        return box_on_photo((left, top, right, bottom), self.seen.box)


def read_view(told: dict[str, Any]) -> View:
    """The view that the other process tells of.

    Raises:
        KeyError, TypeError, ValueError: it makes no sense.

    """
    x, y, width, height = map(float, told["box"])
    return View(int(told["width"]), int(told["height"]), [x, y, width, height])
