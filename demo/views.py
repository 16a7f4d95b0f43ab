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
        looks_inside: into the network; its style comes when it is entered.

    """

    name: str
    path: str
    title: str
    sentence: str
    shows_photo: bool = True
    looks_inside: bool = False


VIEWS = (
    View("classify", "", "Classify", "A photograph in, five labels out."),
    View("patches", "patches", "Patches", "Every patch answers; the answer is their average."),
    View("move", "move", "Move", "Drag the photograph under the network's window."),
    View("many", "many", "Many", "Drop a folder: every photograph gets its label.", False),
    # /metrics and /models are the service's own.
    View("metrics", "dashboard", "Metrics", "What the service is doing, live.", False),
    View("inside", "inside", "Inside", "Every layer, and what each of its units sees.", True, True),
    View("draw", "draw", "Draw", "Draw a digit, and watch LeNet-5 read it.", False, True),
    View("compare", "compare", "Compare", "One photograph, the networks of ten years.", True, True),
    View(
        "map", "map", "Map", "Photographs that the network finds alike lie together.", False, True
    ),
    View("convolve", "convolve", "Convolve", "Slide nine numbers over a photograph.", True, True),
    View("play", "play", "Play", "Train a small network, and see what it learns.", False, True),
)
