"""The photographs that an export is calibrated on and proven with.

Five come with Booth. They are few, but the ranges of a trained network's activations differ little
from photo to photo: calibrated on them, EfficientNet-Lite0 agrees with its float network on as
many ImageNet photographs as when it is calibrated on a hundred of those.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click
import numpy as np

from booth_client.errors import BadRequest
from models.errors import UserError
from service.lab.folders import UNREADABLE, Folder, Tally, photographs_below, printable, read_file
from service.photo.decode import decode

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from numpy.typing import NDArray

    from models.card import Input

    Pixels = NDArray[np.uint8]

__all__ = ["NoPhotographs", "Photographs", "photographs_in", "shipped_photographs"]

_SHIPPED = Path(__file__).parent / "photos"
# Each photograph is shown whole, and its middle ever closer: other contents, other sharpness.
_ZOOMS = (1.0, 1.25, 1.6, 2.0)
_MOST_FOR_CALIBRATION = 128


class NoPhotographs(UserError):
    """A folder holds too few readable photographs."""


@dataclass(frozen=True, slots=True)
class Photographs:
    """Squares as the network sees them, N x S x S x 3: no square stands in both."""

    calibration: Pixels
    proof: Pixels


def shipped_photographs(wanted: Input) -> Photographs:
    """Booth's own photographs: calibration sees them as they are, the proof sees them mirrored."""
    files = sorted(_SHIPPED.glob("*.jpg"))
    views = np.stack([decode(f.read_bytes(), w).pixels for f in files for w in _zoomed(wanted)])
    return Photographs(views, np.ascontiguousarray(views[:, :, ::-1]))


def photographs_in(folder: Path, wanted: Input) -> Photographs:
    """Read the photographs in a folder, in the order of their paths; what is skipped is told.

    Every second one is for calibration, up to 128; all others are for the proof.

    Raises:
        NoPhotographs: There are fewer than two.

    """
    skipped = Tally()
    squares = list(_readable(photographs_below(Folder(folder), skipped), wanted, skipped))
    if skipped:
        click.echo(f"{printable(str(folder))}: {skipped.sentence()}", err=True)
    if len(squares) < 2:  # noqa: PLR2004 (one to calibrate on, one to prove with)
        raise NoPhotographs(
            f"{printable(str(folder))} holds {len(squares) or 'no'} readable photographs; at least "
            "2 are needed, and some 100 that resemble those to be classified are best."
        )
    last = 2 * _MOST_FOR_CALIBRATION
    return Photographs(np.stack(squares[:last:2]), np.stack(squares[1:last:2] + squares[last:]))


def _zoomed(wanted: Input) -> list[Input]:
    return [wanted.model_copy(update={"resize": round(wanted.resize * z)}) for z in _ZOOMS]


def _readable(files: Iterable[Path], wanted: Input, skipped: Tally) -> Iterator[Pixels]:
    for file in files:
        try:
            yield decode(read_file(file), wanted).pixels
        except (BadRequest, OSError):
            skipped[UNREADABLE] += 1
