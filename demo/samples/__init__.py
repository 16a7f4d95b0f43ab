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
    Sample("china.jpg", "Temple hall in Beijing", "Daniel Büchele", "CC BY 2.0"),
    Sample("chelsea.jpg", "Chelsea the cat", "Stéfan van der Walt", "CC0 1.0"),
    Sample("rocket.jpg", "Falcon 9 taking off", "SpaceX", "public domain"),
    Sample("camera.jpg", "Photographer at work", "Lav Varshney", "CC0 1.0"),
    Sample("hopper.jpg", "Rear Admiral Grace Hopper", "James S. Davis, US Navy", "public domain"),
)
