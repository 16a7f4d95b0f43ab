"""What the table leaves out: large photographs, one core."""

from __future__ import annotations

import io
import os
from pathlib import Path

import pytest
from PIL import Image

from benchmarks.extras import LARGE, Extra, _large, _pinned, extras_table
from benchmarks.parity import Reference
from benchmarks.runs import Bench
from tests.benchmarks.figures import run


def test_large_photographs_are_those_whose_first_label_leads(
    model: Path, photos: dict[str, bytes], expected: list[Reference], tmp_path: Path
) -> None:
    bench = Bench(model, tmp_path, list(photos.values()), expected, 1.0, 0.0)
    with _large(bench) as large:
        files = sorted(large.folder.iterdir())
        assert [file.read_bytes() for file in files] == large.photos
        with Image.open(io.BytesIO(large.photos[0])) as image:
            assert image.width * image.height == pytest.approx(12e6, rel=0.01)
        leads = sorted((one.lead for one in expected), reverse=True)
        assert 0 < len(large.photos) <= min(LARGE, len(leads))
        assert large.expected[0].first in {one.first for one in expected}
    assert not large.folder.exists()


def test_cores_are_shared_meanwhile_and_given_back() -> None:
    before = os.sched_getaffinity(0)
    with _pinned(1):
        assert len(os.sched_getaffinity(0)) == 1
    assert os.sched_getaffinity(0) == before


def test_a_share_of_the_ceiling_stands_where_there_is_one() -> None:
    plain = Extra("12 megapixels", "plain", run(90))
    heavy = Extra("ResNet-50", "Booth", run(45), ceiling=50.0)
    lines = extras_table([plain, heavy]).splitlines()
    assert [cell.strip() for cell in lines[2].split("|")][3:5] == ["90", ""]
    assert [cell.strip() for cell in lines[3].split("|")][3:5] == ["45", "0.90"]
