from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from service.photo.hdr import HLG, PQ, to_sdr
from service.photo.icc import PRIMARIES
from tests.service.photo.profiles import SHOWN, coloured


@pytest.mark.parametrize(
    ("primaries", "transfer", "shown"), [(9, PQ, "PQ"), (12, PQ, "PQ in P3"), (9, HLG, "HLG")]
)
def test_colours_are_those_of_chromium(primaries: int, transfer: int, shown: str) -> None:
    row = np.asarray(to_sdr(coloured(), PRIMARIES[primaries], transfer))[0]
    assert np.abs(row - SHOWN[shown]).max() <= 2


@pytest.mark.parametrize("transfer", [PQ, HLG])
def test_greys_stay_grey_and_in_their_order(transfer: int) -> None:
    greys = np.arange(256, dtype=np.uint8)[None, :, None].repeat(3, 2)
    row = np.asarray(to_sdr(Image.fromarray(greys), PRIMARIES[9], transfer), np.int16)[0]
    assert np.ptp(row, axis=1).max() <= 1
    assert (np.diff(row, axis=0) >= 0).all()
    assert row[0].tolist() == [0, 0, 0]
    assert row[255].tolist() == [255, 255, 255]


def test_diffuse_white_is_half_of_the_screen_s_light() -> None:
    # 203 nits are PQ's 0.5807 (BT.2408), and half of the light is sRGB's level 188.
    white = to_sdr(Image.new("RGB", (1, 1), (148, 148, 148)), PRIMARIES[9], PQ)
    assert abs(np.asarray(white)[0, 0, 0] - 187.5) <= 1.5
