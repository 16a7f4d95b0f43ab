from __future__ import annotations

import numpy as np

from export.training.dataset import DecodedDataset
from export.training.model_file import _halves, labels_with_basis
from models.card import Label

LABELS = tuple(Label(name=name, category=name) for name in ("bar", "booth/indoor", "cat"))


def test_labels_tell_what_they_were_learned_from() -> None:
    known = np.array([[1, 0, 0], [1, 1, 0], [0, 0, 0]], bool)
    taught = labels_with_basis(LABELS, known, is_taught=True)
    assert [(one.basis, one.photographs) for one in taught] == [
        ("labelled", 2),
        ("labelled", 1),
        ("distilled", 0),
    ]
    assert [one.category for one in taught] == [one.category for one in LABELS]
    assert labels_with_basis(LABELS, known, is_taught=False)[2] == LABELS[2]


def test_the_halves_share_no_photograph_and_hold_every_labelled_one() -> None:
    labels = np.ones((11, 3), np.bool_)
    labels[4:6] = False
    photos = np.arange(11, dtype=np.uint8).reshape(11, 1, 1, 1).repeat(3, 3)
    data = DecodedDataset(photos, labels, [str(place) for place in range(11)], [])
    fit, check = _halves(data)
    assert (len(fit), len(check)) == (5, 4)
    assert {*fit.names, *check.names} == set(data.names) - {"4", "5"}
    assert [str(photo[0, 0, 0]) for photo in fit.photos] == fit.names
    assert _halves(data)[0].names == fit.names
