"""The sample photographs on the page, with their authors and licences; README.md says more."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

__all__ = ["FOLDER", "SAMPLES", "Sample"]

FOLDER = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Sample:
    """One photograph: ``shows`` is read out for it, and stands before its author in small print."""

    file: str
    shows: str
    author: str
    licence: str


SAMPLES = (
    Sample("coffee.jpg", "Espresso at a bar", "Rachel Michetti", "CC0 1.0"),
    Sample("bridge.jpg", "Roebling Bridge at night", "Derek Jensen", "public domain"),
    Sample("kitchen.jpg", "Kitchen", "Massachusetts Institute of Technology", "CC BY-SA 3.0"),
    Sample("aqueduct.jpg", "Pont du Gard", "Mimova", "public domain"),
    Sample(
        "tracks.jpg",
        "Railroad through a valley",
        "Massachusetts Institute of Technology",
        "CC BY-SA 3.0",
    ),
    Sample("mountain.jpg", "Picos de Europa", "Aitzol Berasategi", "CC BY 4.0"),
)
