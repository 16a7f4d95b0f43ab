"""Draws reliability diagrams, with matplotlib from the extra `train`."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from models.card import Bin
from models.errors import UserError
from service.lab.evaluation import calibration_error

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["draw", "require_matplotlib"]

RIGHT = "#3d6f9e"
GAP = "#c8472f"
PANEL_INCHES = (4.4, 5.2)


def require_matplotlib() -> None:
    """Say what to install where matplotlib is missing.

    Raises:
        UserError: It is.

    """
    if find_spec("matplotlib") is None:
        raise UserError(
            "Drawing a diagram needs matplotlib: install Booth with its extra `train`: "
            "`pip install '.[train]'` in its folder."
        )


def draw(bins_before: Sequence[Bin], path: Path, bins_after: Sequence[Bin] | None = None) -> None:
    """Draw a reliability diagram to ``path``, as PNG; with ``bins_after``, two side by side.

    Guo et al., "On Calibration of Modern Neural Networks", ICML 2017: bars show the share of right
    labels in each bin of confidence, hatching their distance from the bin's mean confidence. Below
    stands how many photographs each bin holds. The bars of a calibrated model end on the diagonal.

    Raises:
        UserError: matplotlib is missing, or the file can't be written.

    """
    require_matplotlib()
    # Late: serving needs no matplotlib. Its Figure, unlike pyplot, keeps no global state.
    from matplotlib.figure import Figure

    panels = [("", bins_before)]
    if bins_after is not None:
        panels = [("before scaling: ", bins_before), ("after scaling: ", bins_after)]
    width, height = PANEL_INCHES
    figure = Figure(figsize=(width * len(panels), height), layout="constrained")
    axes = figure.subplots(
        2, len(panels), sharex=True, sharey="row", height_ratios=(3, 1), squeeze=False
    )
    for column, (title, bins) in enumerate(panels):
        _draw_shares(axes[0, column], bins, title)
        _draw_photographs(axes[1, column], bins)
    axes[0, 0].set_ylabel("share right")
    axes[1, 0].set_ylabel("photographs")
    axes[0, 0].legend(loc="upper left", frameon=False, fontsize=9)
    try:
        # Without matplotlib's version in it, the same bins give the same file.
        figure.savefig(path, format="png", dpi=150, metadata={"Software": None})
    except OSError as cause:
        raise UserError(f"{path} can't be written: {cause.strerror}.") from None


def _draw_shares(axes: Axes, bins: Sequence[Bin], title: str) -> None:
    width = 1 / len(bins)
    filled = [
        (place * width, one.right, one.confidence)
        for place, one in enumerate(bins)
        if one.right is not None and one.confidence is not None
    ]
    edges = [edge for edge, _, _ in filled]
    shares = [right for _, right, _ in filled]
    gaps = [confidence - right for _, right, confidence in filled]
    axes.bar(
        edges, shares, width, align="edge", color=RIGHT, edgecolor="white", label="share right"
    )
    axes.bar(
        edges,
        gaps,
        width,
        bottom=shares,
        align="edge",
        facecolor=(GAP, 0.2),
        edgecolor=GAP,
        hatch="///",
        label="gap to mean confidence",
    )
    axes.plot((0, 1), (0, 1), color="#555555", linestyle="--", linewidth=1, label="calibrated")
    axes.set(xlim=(0, 1), ylim=(0, 1))
    axes.set_title(f"{title}calibration error {calibration_error(bins):.1%}", fontsize=11)


def _draw_photographs(axes: Axes, bins: Sequence[Bin]) -> None:
    width = 1 / len(bins)
    edges = [place * width for place in range(len(bins))]
    axes.bar(
        edges,
        [one.photographs for one in bins],
        width,
        align="edge",
        color="#9a9a9a",
        edgecolor="white",
    )
    axes.set_xlabel("confidence")
