"""Label maps of networks whose maps are tiles' means, so that each cell can be told by hand."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from booth_client.errors import InvalidParameter
from service.inspection.label_map import Asked, Grid, Head, label_map, plan, steps, stride_of

STRIDE = 8
# Label 1 where the first channel's mean is above 64, label 0 else.
HEAD = Head(np.array([[0, 0, 0], [1 / 64, 0, 0]], np.float32), np.array([1, 0], np.float32))


def means(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Of each tile: 3 x h x w."""
    height, width, _ = pixels.shape
    tiles = pixels.reshape(height // STRIDE, STRIDE, width // STRIDE, STRIDE, 3)
    return np.asarray(tiles.mean((1, 3), dtype=np.float32).transpose(2, 0, 1))


def ramp(height: int, width: int, first: int = 0) -> NDArray[np.uint8]:
    """Each column as bright as its number."""
    pixels = np.zeros((height, width, 3), np.uint8)
    pixels[..., 0] = np.arange(first, first + width)
    return pixels


def brightness(confidence: float) -> float:
    """Mean of a cell, by how confident its label 1 is."""
    return 64 * float(np.log(confidence / (1 - confidence)) + 1)


def confidences_of_1(
    pixels: NDArray[np.uint8], step: int
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    grid = Grid(pixels.shape[1], pixels.shape[0], STRIDE, step)
    found = label_map(means, HEAD, pixels, grid, 2)
    assert found
    labels = found.labels[found.first]
    return np.where(labels == 1, found.confidences, 0).sum(-1), found.probabilities


def test_with_the_stride_for_a_step_the_cells_are_the_places_of_the_maps() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (16, 24, 3), np.uint8)
    found, _ = confidences_of_1(pixels, STRIDE)
    logits = HEAD.logits(means(pixels))
    assert found == pytest.approx(1 / (1 + np.exp(logits[..., 0] - logits[..., 1])), abs=1e-4)


@pytest.mark.parametrize("step", [8, 4, 2])
def test_cells_lie_a_step_apart_and_cover_the_photograph(step: int) -> None:
    found, _ = confidences_of_1(ramp(16, 64), step)
    assert found.shape == (16 // step, 64 // step)
    inside = slice(8 // step, -8 // step)
    middles = step * (np.arange(64 // step) + 0.5) - 0.5
    for row in found:
        told = [brightness(one) for one in row[inside].tolist()]
        assert told == pytest.approx(middles[inside].tolist(), abs=0.1)


def test_a_photograph_shifted_by_a_step_gives_cells_shifted_by_one() -> None:
    pixels = np.random.default_rng(1).integers(0, 256, (32, 36, 3), np.uint8)
    one, _ = confidences_of_1(pixels[:, :32], 4)
    other, _ = confidences_of_1(pixels[:, 4:], 4)
    assert one[:, 2:-1].tolist() == other[:, 1:-2].tolist()


def test_beyond_the_edge_is_the_mirror_image() -> None:
    found, _ = confidences_of_1(ramp(8, 16, first=100), 4)
    # Around the first cell's middle, 2, lie two columns from beyond: again 101 and 100.
    assert brightness(float(found[0, 0])) == pytest.approx(
        np.mean([101, 100, 100, 101, 102, 103, 104, 105]), abs=0.1
    )


def test_the_probabilities_are_those_of_the_average_logits() -> None:
    pixels = np.random.default_rng(2).integers(0, 256, (16, 24, 3), np.uint8)
    _, found = confidences_of_1(pixels, STRIDE)
    zero, one = HEAD.logits(means(pixels)).mean((0, 1))
    assert found == pytest.approx([1 / (1 + np.exp(one - zero)), 1 / (1 + np.exp(zero - one))])


def test_labels_are_named_once_in_the_order_of_their_index() -> None:
    found = label_map(means, HEAD, ramp(8, 128), Grid(128, 8, 8, 8), 1)
    assert found
    assert found.labels.tolist() == [0, 1]
    assert found.first[0, :, 0].tolist() == [0] * 8 + [1] * 8


def test_what_nobody_wants_is_given_up_before_the_next_run() -> None:
    runs = 0

    def maps(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        nonlocal runs
        runs += 1
        return means(pixels)

    grid = Grid(16, 16, 8, 4)
    assert not label_map(maps, HEAD, ramp(16, 16), grid, 1, is_wanted=lambda: runs < 2)
    assert runs == 2


@pytest.mark.parametrize(
    ("photo", "scale", "size"),
    [
        ((224, 224), 1, (224, 224)),
        ((800, 600), 1, (288, 224)),
        ((600, 800), 2, (448, 608)),
        ((4000, 500), 1, (1792, 224)),
        ((1, 1), 1, (224, 224)),
    ],
)
def test_the_shorter_side_is_the_input_s_times_the_scale(
    photo: tuple[int, int], scale: int, size: tuple[int, int]
) -> None:
    grid = plan(photo, Asked(224, 32, 32, scale, 5))
    assert (grid.width, grid.height) == size
    assert (grid.rows, grid.columns) == (size[1] // 32, size[0] // 32)


@pytest.mark.parametrize(
    ("photo", "asked", "why"),
    [
        ((8, 8), (7, 1, 5), "step must be one of 32, 16, 8, 4 for this model, not 7."),
        (
            (9000, 1000),
            (32, 1, 5),
            (
                "The photograph is 9000 x 1000 pixels, and a label map is made "
                "of those up to 8 times as long as wide; crop it."
            ),
        ),
        (
            (800, 600),
            (4, 4, 5),
            (
                "That makes 66304 cells, and a label map has at most 10000; "
                "step=16, scale=4 and top_k=5 would do."
            ),
        ),
        (
            (800, 600),
            (4, 1, 1000),
            (
                "That makes 1000 labels for each of 4032 cells, and a label map "
                "has at most 100000 labels; step=32, scale=1 and top_k=1000 would do."
            ),
        ),
        (
            (8000, 1000),
            (32, 4, 5),
            (
                "At scale=4 the photograph has 7168 x 896 pixels, and at most "
                "2097152 are looked at; step=32, scale=2 and top_k=5 would do."
            ),
        ),
        (
            (800, 100),
            (4, 4, 1000),
            (
                "At scale=4 the photograph has 7168 x 896 pixels, and at most "
                "2097152 are looked at; step=16, scale=2 and top_k=5 would do."
            ),
        ),
    ],
)
def test_what_would_be_too_much_is_refused_with_what_would_do(
    photo: tuple[int, int], asked: tuple[int, int, int], why: str
) -> None:
    with pytest.raises(InvalidParameter) as caught:
        plan(photo, Asked(224, 32, *asked))
    assert caught.value.detail == why


def test_the_steps_are_halves_of_the_stride() -> None:
    assert steps(32) == [32, 16, 8, 4]
    assert steps(8) == [8, 4]
    assert steps(2) == [2]


@pytest.mark.parametrize(
    ("size", "maps", "stride"), [(224, (1280, 7, 7), 32), (192, (9, 6, 6), 32), (64, (9, 8, 8), 8)]
)
def test_the_stride_is_the_input_by_the_places(
    size: int, maps: tuple[int, ...], stride: int
) -> None:
    assert stride_of(size, maps) == stride


@pytest.mark.parametrize("maps", [None, (), (9, 7), (9, 7, 8), (9, 8, 8), (9, 0, 0), (9, 6, 6)])
def test_maps_that_don_t_divide_the_input_are_refused(maps: tuple[int, ...] | None) -> None:
    with pytest.raises(InvalidParameter, match="gives no maps"):
        stride_of(299, maps)
