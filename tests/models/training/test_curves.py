from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from models.training.curves import Entry, append, draw, read

if TYPE_CHECKING:
    from pathlib import Path

TRAINED = Entry("2026-01-01T00:00:00+00:00", 0.05, 0.5, loss=2.31, rate=1e-4, side=96, speed=57.1)
MEASURED = Entry("2026-01-01T00:10:00+00:00", 0.1, 1.0, top1=0.546, top5=0.829)
LINE, DOTS = (42, 111, 187), (194, 87, 26)


def test_the_log_reads_back_as_it_was_written(tmp_path: Path) -> None:
    for entry in (TRAINED, MEASURED):
        append(entry, tmp_path / "log.csv")
    assert read(tmp_path / "log.csv") == [TRAINED, MEASURED]
    head, *lines = (tmp_path / "log.csv").read_text().splitlines()
    assert head == "time,progress,epoch,loss,rate,side,speed,top1,top5"
    assert lines[1] == "2026-01-01T00:10:00+00:00,0.1,1.0,,,,,0.546,0.829"


def drawn(path: Path, entries: list[Entry]) -> set[tuple[int, ...]]:
    """The colours of a picture of the entries."""
    draw(entries, path)
    with Image.open(path) as image:
        assert (image.format, image.size) == ("PNG", (1080, 480))
        pixels = np.asarray(image.convert("RGB")).reshape(-1, 3)
    return set(map(tuple, np.unique(pixels, axis=0).tolist()))


def test_curves_show_loss_and_accuracy(tmp_path: Path) -> None:
    later = Entry("2026-01-01T00:20:00+00:00", 0.2, 2.0, loss=1.5, rate=1e-4, side=96, speed=57)
    colours = drawn(tmp_path / "curves.png", [TRAINED, MEASURED, later])
    assert {LINE, DOTS} <= colours


def test_curves_of_a_training_that_was_not_yet_measured_show_the_loss(tmp_path: Path) -> None:
    colours = drawn(tmp_path / "curves.png", [TRAINED, Entry("t", 0.06, 0.6, loss=2.0)])
    assert LINE in colours
    assert DOTS not in colours
