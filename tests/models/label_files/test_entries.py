from __future__ import annotations

import pytest

from models.label_files.entries import BadLabels, Entry, counts_labels, in_order


def numbered(*indices: int | None) -> list[Entry]:
    return [Entry(f"name {index}", index=index) for index in indices]


@pytest.mark.parametrize("indices", [(2, 0, 1), (2, 3, 1), (0,), (1,), (10, *range(10))])
def test_the_index_counts_from_0_or_from_1(indices: tuple[int, ...]) -> None:
    found = [entry.index for entry in in_order(numbered(*indices), "x")]
    assert found == sorted(indices)


def test_without_indices_labels_stand_as_they_are() -> None:
    entries = [Entry("b"), Entry("a")]
    assert in_order(entries, "x") == entries


@pytest.mark.parametrize(
    ("indices", "sentence"),
    [
        ((), r"^x holds no labels; give a label for each output"),
        ((0, 1, 3), r"^x has no label with the index 2, though one with 3; number"),
        ((1, 2, 4), r"^x has no label with the index 3, though one with 4; number"),
        ((2, 3, 4), r"^x has no label with the index 1, though one with 4; number"),
        ((0, 1, 1, 2), r"^x has the index 1 twice; give each"),
        ((0, None, 1), r"^x gives some labels an index, and others none; give each"),
    ],
)
def test_gaps_and_twins_are_told(indices: tuple[int | None, ...], sentence: str) -> None:
    with pytest.raises(BadLabels, match=sentence):
        in_order(numbered(*indices), "x")


@pytest.mark.parametrize(
    ("numbers", "counts"),
    [
        ([0, 1, 2], True),
        ([3, 1, 2], True),
        ([0], True),
        ([0, 1, 3], True),
        ([0, 1, 1], True),
        ([0, 1, 2, 3, 5000], True),
        ([2012, 2000, 2012], False),
        ([7], False),
        ([51], False),
        ([2, 4], False),
        ([5, 10, 20, 50, 100], False),
    ],
)
def test_numbers_that_count_are_told_from_those_in_names(numbers: list[int], counts: bool) -> None:
    assert counts_labels(numbers) == counts
