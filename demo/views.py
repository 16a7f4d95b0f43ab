"""The views of the page: a name in the bar, an address, one sentence each.

What a view looks like is ``assets/views/NAME.html``, what it does ``assets/js/views/NAME.js``.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["VIEWS", "View"]


@dataclass(frozen=True, slots=True)
class View:
    """One view.

    Attributes:
        name: of its files.
        path: its address, below the page's own; "" for the page itself.
        title: in the bar.
        sentence: what it is for, in one sentence.
        shows_photo: whether the photograph, and the ways to choose one, stand beside it.

    """

    name: str
    path: str
    title: str
    sentence: str
    shows_photo: bool = True


VIEWS = (
    View("classify", "", "Classify", "A photograph in, five labels out."),
    View("patches", "patches", "Patches", "Every patch answers; the answer is their average."),
    View("move", "move", "Move", "Drag the photograph under the network's window."),
    View("many", "many", "Many", "Drop a folder: every photograph gets its label.", False),
    # /metrics and /models are the service's own.
    View("metrics", "dashboard", "Metrics", "What the service is doing, live.", False),
)
