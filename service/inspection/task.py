"""What looks inside a network: one kind of task, whatever it computes.

A task has two halves. That in the serving process says what it costs, what the other process is to
be told, and what its answer means: a ``Task``. That in the other process computes the answer, of a
``Job``.
"""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, TypeVar

from models.card import Card, Input
from service.inspection.networks import ModelVersion, Networks
from service.photo.decode import DecodedPhoto, decode
from service.photo.header import read_header

__all__ = ["MULTIPLY_ADDS_PER_S", "Computed", "Job", "StoppedError", "Subject", "Task"]

MULTIPLY_ADDS_PER_S = 3e10  # of one core, where others want it, too
_UNKNOWN_S = 0.1  # of decoding a file whose header tells nothing
# Held for each pixel of a run: of EfficientNet-Lite0 some 110 in int8.
_PIXEL_BYTES = {"int8": 150, "fp16": 800, "fp32": 800}

Answer = TypeVar("Answer")

# What the process that computes sends: some fields, which are JSON, and bytes.
Computed = tuple[dict[str, Any], bytes]


class StoppedError(Exception):
    """It was no longer wanted, and stopped."""


@dataclass(frozen=True, slots=True)
class Subject:
    """The model that is looked into, and the photographs.

    Attributes:
        photos: the files.
        path: of the model file, and ``modified`` when it was written, as it was when it was loaded.
        modified: see there.
        card: of the model.
        max_pixels: the largest width x height that is decoded.
        formats: those that are decoded.
        deadline: on the clock of ``time.monotonic``.

    """

    photos: tuple[bytes, ...]
    path: str
    modified: float
    card: Card
    max_pixels: int
    formats: tuple[str, ...]
    deadline: float

    @property
    def left_s(self) -> float:
        """Seconds until the deadline; 0 once it has passed."""
        return max(0.0, self.deadline - time.monotonic())

    def fields(self) -> dict[str, Any]:
        """What the other process is told, beside the files."""
        return {
            "path": self.path,
            "modified": self.modified,
            "input": self.card.input.model_dump(),
            "max_pixels": self.max_pixels,
            "formats": self.formats,
            "seconds": self.left_s,
            "sizes": [len(photo) for photo in self.photos],
        }

    def decode_s(self, side: int) -> float:
        """Seconds that decoding all of them takes, by their headers, for a square of that side."""
        headers = map(read_header, self.photos)
        return sum(header.decode_s(side) if header else _UNKNOWN_S for header in headers)

    def decode_bytes(self, side: int) -> int:
        """Bytes that decoding one of them after the other holds at a time."""
        headers = map(read_header, self.photos)
        return max((one.memory_bytes(side) for one in headers if one), default=0)

    def map_bytes(self, pixels: int) -> int:
        """Bytes that a run over so many pixels holds."""
        return pixels * _PIXEL_BYTES[self.card.precision]


@dataclass(frozen=True, slots=True)
class Task(ABC, Generic[Answer]):
    """A computation of the other process, as the serving one knows it.

    Attributes:
        subject: what it is about.
        what: its name, by which the other process finds its own half.
        most_bytes: of its answer, beside the fields.

    """

    what: ClassVar[str]
    most_bytes: ClassVar[int]

    subject: Subject

    @abstractmethod
    def asked(self) -> dict[str, Any]:
        """What the other process is told, beside the subject: JSON."""

    @abstractmethod
    def read(self, fields: dict[str, Any], body: bytes) -> Answer:
        """What the other process' answer means.

        Raises:
            KeyError, TypeError, ValueError: nothing.

        """

    @abstractmethod
    def work_s(self) -> float:
        """Seconds that it will take, by the photographs' headers.

        Raises:
            InvalidParameter: what is asked of them won't do.

        """

    @abstractmethod
    def run_bytes(self) -> int:
        """Bytes that it holds beside the process and the files."""


@dataclass(frozen=True, slots=True)
class Job:
    """A computation, as the process that does it knows it.

    Attributes:
        asked: as the task says it.
        photos: the files.
        model: the model file.
        wanted: the square of pixels that the network takes.
        max_pixels: the largest width x height that is decoded.
        formats: those that are decoded.
        networks: those that are open.
        is_wanted: whether anybody still waits for the answer.

    """

    asked: dict[str, Any]
    photos: list[memoryview]
    model: ModelVersion
    wanted: Input
    max_pixels: int
    formats: tuple[str, ...]
    networks: Networks
    is_wanted: Callable[[], bool]

    def stop_if_unwanted(self) -> None:
        """Ask before each run of the network.

        Raises:
            StoppedError: nobody waits for the answer.

        """
        if not self.is_wanted():
            raise StoppedError

    def decoded(self, photo: memoryview) -> DecodedPhoto:
        """A photograph as the network sees it when it labels it."""
        return decode(photo, self.wanted, max_pixels=self.max_pixels, formats=self.formats)
