"""Costly photographs are foreseen by their headers, and decoded apart."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import Executor
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any

import pytest
from PIL import Image

from booth_client.errors import BadImage, Overloaded, UnsupportedFormat
from models.card import Input
from service.engine.apart import Apart, foresee
from service.engine.classifier import Classifier, Limits
from service.photo.decode import DecodedPhoto, decode
from tests.service.asking import coloured

RED = coloured((250, 10, 10))
SOON = 20


@dataclass
class Inside:
    """Decodes in this process when the gate is open, and says what and for how long at most."""

    gate: threading.Event = field(default_factory=threading.Event)
    seen: list[bytes] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    closed: bool = False

    def decode(
        self, data: bytes, wanted: Input, *, max_pixels: int, deadline: float
    ) -> DecodedPhoto:
        self.seen.append(data)
        self.seconds.append(deadline - time.monotonic())
        assert self.gate.wait(SOON)
        return decode(data, wanted, max_pixels=max_pixels)

    def close(self) -> None:
        self.closed = True


@pytest.fixture
def processes() -> Inside:
    return Inside()


@pytest.fixture
def classifier(gated: Any, decoders: Executor, processes: Inside) -> Iterator[Classifier]:
    apart = Apart(processes, 1)
    made = Classifier(gated, decoders, Limits(queue_size=8, deadline_s=10), apart=apart)
    yield made
    processes.gate.set()
    gated.gate.set()
    made.close(SOON)
    apart.close(SOON)
    assert processes.closed


def tiff(colour: tuple[int, int, int] = (250, 10, 10)) -> bytes:
    file = BytesIO()
    Image.new("RGB", (40, 40), colour).save(file, "TIFF")
    return file.getvalue()


def test_an_ordinary_photograph_is_plain_and_a_large_one_of_few_bytes_is_not(
    photos: dict[str, bytes],
) -> None:
    file = BytesIO()
    Image.new("RGB", (7000, 7000)).save(file, "WEBP", lossless=True, method=0)
    plain, costly = foresee(photos["coffee"], 256), foresee(file.getvalue(), 256)
    assert plain.is_plain
    assert not costly.is_plain
    assert costly.decode_s > 20 * plain.decode_s


def test_what_its_header_does_not_tell_is_decoded_apart() -> None:
    assert not foresee(b"\xff\xd8\xff nonsense", 256).is_plain


def test_a_costly_photograph_keeps_no_plain_one_waiting(
    classifier: Classifier, processes: Inside
) -> None:
    (costly,) = classifier.submit([tiff()])
    assert classifier.classify(RED).predictions[0].label == "Red"
    processes.gate.set()
    assert costly.wait().predictions[0].label == "Red"
    assert processes.seen == [tiff()]
    assert 0 < processes.seconds[0] <= 10


def test_the_lane_has_turns_and_its_errors_are_the_photographs_own(
    classifier: Classifier, processes: Inside
) -> None:
    damaged = tiff()[:60]
    first = classifier.submit([tiff(), damaged], client="a")
    while not processes.seen:
        time.sleep(0.001)
    more = classifier.submit([tiff((0, 200, 0))], client="a")
    other = classifier.submit([tiff((0, 0, 200))], client="b")
    processes.gate.set()
    assert other[0].wait().predictions[0].label == "Blue"
    assert more[0].wait().predictions[0].label == "Green"
    assert first[0].wait().predictions[0].label == "Red"
    with pytest.raises(BadImage):
        first[1].wait()
    assert processes.seen == [tiff(), damaged, tiff((0, 0, 200)), tiff((0, 200, 0))]


def test_a_full_lane_refuses_and_nothing_is_held(classifier: Classifier) -> None:
    classifier._apart.lane.backlog.admit([60.0], 0.0, 100.0, "a")  # type: ignore[union-attr]
    with pytest.raises(Overloaded, match="too long for the deadline"):
        classifier.submit([RED, tiff()], timeout_s=1, client="a")
    assert classifier.accepted == 0
    classifier._apart.lane.backlog.release(60.0, done=False, client="a")  # type: ignore[union-attr]


def test_a_file_that_is_no_photograph_costs_no_process(
    classifier: Classifier, processes: Inside
) -> None:
    with pytest.raises(UnsupportedFormat):
        classifier.classify(b"%PDF-1.4")
    assert processes.seen == []
