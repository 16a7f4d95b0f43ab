from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from export.photographs import NoPhotographs, photographs_in, shipped_photographs
from models.card import Input
from service.photo.decode import decode

if TYPE_CHECKING:
    from pathlib import Path

SMALL = Input(size=32, resize=36)


def test_booths_own_are_seen_at_four_distances() -> None:
    seen = shipped_photographs(SMALL)
    assert seen.calibration.shape == seen.proof.shape == (20, 32, 32, 3)
    assert len({square.tobytes() for square in [*seen.calibration, *seen.proof]}) == 40


def test_a_folders_photographs_are_shared_out(
    photos: dict[str, bytes], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "README.md").write_text("no photograph")
    (tmp_path / "broken.jpg").write_bytes(photos["chelsea"][:300])
    (tmp_path / "deeper").mkdir()
    (tmp_path / "deeper" / ".trashed-1-coffee.jpg").write_bytes(photos["coffee"])
    (tmp_path / "deeper" / "circle").symlink_to(tmp_path)
    for place, name in [
        (tmp_path, "astronaut"),
        (tmp_path, "coffee"),
        (tmp_path / "deeper", "rocket"),
    ]:
        (place / f"{name}.jpg").write_bytes(photos[name])

    seen = photographs_in(tmp_path, SMALL)

    expected = [decode(photos[name], SMALL).pixels for name in ("astronaut", "coffee", "rocket")]
    assert np.array_equal(seen.calibration, [expected[0], expected[2]])
    assert np.array_equal(seen.proof, [expected[1]])
    skipped = ".md 1, hidden or system 1, links in a circle 1, unreadable photographs 1"
    assert capsys.readouterr().err == f"{tmp_path}: Skipped: {skipped}.\n"


def test_most_of_a_large_folder_proves(photos: dict[str, bytes], tmp_path: Path) -> None:
    for number in range(300):
        (tmp_path / f"{number:03}.jpg").write_bytes(photos["chelsea"])
    seen = photographs_in(tmp_path, Input(size=8, resize=8))
    assert (len(seen.calibration), len(seen.proof)) == (128, 172)


@pytest.mark.parametrize("count", [0, 1])
def test_too_few_photographs_are_told(count: int, photos: dict[str, bytes], tmp_path: Path) -> None:
    for number in range(count):
        (tmp_path / f"{number}.jpg").write_bytes(photos["chelsea"])
    with pytest.raises(
        NoPhotographs, match=f"holds {count or 'no'} readable photographs; at least"
    ):
        photographs_in(tmp_path, SMALL)
