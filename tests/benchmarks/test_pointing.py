from __future__ import annotations

import csv
import tarfile
from pathlib import Path

import pytest

from benchmarks.pointing import GAMES, Box, Marked, Share, game, play, read_marked, share
from booth_client.wire import Region, View
from service.fleet.local import local_classifier

IMAGENET, _ = GAMES["efficientnet_lite0"]
BOX = Box(0.25, 0.5, 0.75, 1)


@pytest.mark.usefixtures("shared")
def test_the_maps_of_the_shipped_model_point_at_the_thing() -> None:
    marked = read_marked(*GAMES["efficientnet_lite0"])
    with local_classifier("efficientnet_lite0") as classifier:
        games = list(play(classifier, marked))

    assert len(games) == 100
    assert share(games).value >= 0.85
    assert share([one for one in games if one.is_first]).value >= 0.85


def test_the_maximum_is_the_middle_of_the_largest_cell_on_the_photograph() -> None:
    marked = Marked("a.jpg", b"", 7, BOX)
    region = Region([[0.0, 0.2, 0.1, 0.0], [0.1, 0.3, 1.0, 0.1]], [0, 0, 0, 0])

    found = game(marked, region, View(400, 200, [100, 50, 200, 100]), is_first=True)

    assert found.peak == (0.25 + 0.5 * 0.625, 0.25 + 0.5 * 0.75)
    assert found.is_hit
    assert found.middle == (0.5, 0.5)


def test_a_maximum_between_two_cells_is_found_in_the_enlarged_map() -> None:
    marked = Marked("a.jpg", b"", 7, BOX)
    region = Region([[0.0, 1.0, 0.999, 0.0]], [0, 0, 0, 0])

    found = game(marked, region, View(100, 100, [0, 0, 100, 100]), is_first=False)

    assert found.peak[0] == 0.375
    assert found.smooth_peak[0] == pytest.approx(0.5, abs=0.06)


@pytest.mark.parametrize(
    ("point", "is_inside"),
    [((0.5, 0.75), True), ((0.25, 1.0), True), ((0.2, 0.75), False), ((0.5, 0.4), False)],
)
def test_a_box_has_its_edges(point: tuple[float, float], *, is_inside: bool) -> None:
    assert (point in BOX) is is_inside


def test_the_interval_is_that_of_wilson() -> None:
    # By hand: 81 of 263, Newcombe 1998, table I, method 3
    low, high = Share(81, 263).interval
    assert (low, high) == pytest.approx((0.2553, 0.3662), abs=5e-5)


def test_a_photograph_that_is_missing_or_another_is_refused(tmp_path: Path) -> None:
    name = "n01440764_tench.jpg"
    photos = tmp_path / "photos.tar"
    with tarfile.open(photos, "w"):
        pass
    with pytest.raises(SystemExit, match=f"{name}, whose box is marked, is not in"):
        read_marked(IMAGENET, photos)

    (tmp_path / name).write_bytes(b"another")
    with tarfile.open(photos, "w") as archive:
        archive.add(tmp_path / name, name)
    with pytest.raises(SystemExit, match="is not the file whose box is marked"):
        read_marked(IMAGENET, photos)


@pytest.mark.parametrize("table", [boxes for boxes, _ in GAMES.values()])
def test_each_box_keeps_the_rule_by_which_they_were_chosen(table: Path) -> None:
    with table.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    boxes = [
        Box(*(float(row[side]) for side in ("left", "top", "right", "bottom"))) for row in rows
    ]
    assert all(0.02 <= box.area <= 0.6 for box in boxes)
    assert len({row["sha256"] for row in rows}) == len(rows)


def test_a_photograph_of_each_ten_labels_is_marked() -> None:
    with IMAGENET.open(newline="") as file:
        indices = [int(row["index"]) for row in csv.DictReader(file)]
    assert [index // 10 for index in indices] == list(range(100))
