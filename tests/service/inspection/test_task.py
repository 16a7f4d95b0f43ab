"""What every task that looks into a network has: a subject, and in the other process a job."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from models.card import Input
from service.inspection.networks import ModelVersion, Networks
from service.inspection.task import Job, StoppedError
from service.photo.decode import decode
from service.photo.formats import FORMATS
from tests.service.tiled import about, tiled_task, write_tiled


def job(**changes: Any) -> Job:
    fields: dict[str, Any] = {
        "asked": {},
        "photos": [],
        "model": ModelVersion("", 0),
        "wanted": Input(size=16, resize=20),
        "max_pixels": 1_000_000,
        "formats": FORMATS,
        "networks": Networks(),
        "is_wanted": lambda: True,
    }
    return Job(**fields | changes)


def test_the_subject_tells_the_sizes_of_its_files_and_the_seconds_that_are_left(
    tmp_path: Path, photos: dict[str, bytes]
) -> None:
    task = tiled_task(write_tiled(tmp_path / "tiled.onnx"), photos["chelsea"], timeout_s=60)
    two = about(task, photos=(photos["chelsea"], b"abc")).subject
    fields = two.fields()
    assert fields["sizes"] == [len(photos["chelsea"]), 3]
    assert Input(**fields["input"]) == two.card.input
    assert 50 < fields["seconds"] <= 60
    assert two.decode_s(16) == pytest.approx(task.subject.decode_s(16) + 0.1)
    assert two.decode_bytes(16) == task.subject.decode_bytes(16) > 0
    assert about(task, deadline=time.monotonic() - 1).subject.left_s == 0


def test_a_photograph_is_decoded_as_for_its_labels(photos: dict[str, bytes]) -> None:
    one = job()
    found = one.decoded(memoryview(photos["chelsea"]))
    assert (found.pixels == decode(photos["chelsea"], one.wanted).pixels).all()


def test_what_nobody_waits_for_stops() -> None:
    job().stop_if_unwanted()
    with pytest.raises(StoppedError):
        job(is_wanted=lambda: False).stop_if_unwanted()
