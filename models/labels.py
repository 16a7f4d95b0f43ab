"""The label sets: ImageNet's 1000 objects and Places365's 365 scenes, in plain words."""

from __future__ import annotations

import csv
from functools import cache
from pathlib import Path

from models.card import Label

__all__ = ["LABEL_SETS", "label_set", "sun_attributes"]

LABEL_SETS = ("imagenet", "places365")
"""The names that `label_set` takes."""

_FOLDER = Path(__file__).parent / "label_sets"


@cache
def label_set(name: str) -> tuple[Label, ...]:
    """The labels of a data set, in the order of the outputs of networks trained on it.

    Args:
        name: One of `LABEL_SETS`. ``imagenet`` is ILSVRC 2012 (Russakovsky et al. 2015), with
            WordNet ids as categories; ``places365`` is Places365 (Zhou et al. 2017), with MIT's
            own categories and their kind, indoor or outdoor.

    Raises:
        ValueError: There is no such set.

    """
    if name not in LABEL_SETS:
        raise ValueError(f"no label set is called {name!r}; there are {' and '.join(LABEL_SETS)}")
    with (_FOLDER / f"{name}.csv").open(encoding="utf-8", newline="") as rows:
        return tuple(Label.model_validate(row) for row in csv.DictReader(rows))


@cache
def sun_attributes() -> tuple[str, ...]:
    """The 102 scene attributes of Patterson and Hays (2012), in the order of MIT's matrix."""
    return tuple((_FOLDER / "sun_attributes.txt").read_text(encoding="utf-8").splitlines())
