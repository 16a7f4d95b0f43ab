"""The process that makes label maps: started, asked, told to stop, and ended."""

from __future__ import annotations

import signal
import time
from dataclasses import dataclass
from typing import Any

import numpy as np

from booth_client.errors import DeadlineExceeded, InternalError, Overloaded
from service.engine.batcher import TOO_LATE
from service.engine.label_map import Asked, Cells
from service.photo.messages import read, receive, send
from service.photo.process import error_named, start_child
from service.photo.resample import Interpolation

__all__ = ["MadeMap", "MapProcess", "MapTask", "StoppedError"]

_START_S = 30.0  # until it is ready; it comes last on a busy machine
# After a map's deadline, within which the process gives it up by itself: what comes next then need
# not wait until another has started.
_PATIENCE_S = 5.0
_MOST_BODY = 1 << 24  # of its answer: all cells' labels, and the probabilities of the most labels


class StoppedError(Exception):
    """It was told to stop, and did."""


@dataclass(frozen=True, slots=True)
class MapTask:
    """A label map to make.

    Attributes:
        photo: the file.
        path: the model file, and ``modified`` when it was written, as it was when it was loaded.
        modified: see there.
        interpolation: with which the model wants a photograph resized.
        coarseness: how many times it wants it enlarged.
        asked: of its network.
        max_pixels: the largest width x height that is decoded.
        formats: those that are decoded.
        deadline: on the clock of ``time.monotonic``.

    """

    photo: bytes
    path: str
    modified: float
    interpolation: Interpolation
    coarseness: float
    asked: Asked
    max_pixels: int
    formats: tuple[str, ...]
    deadline: float

    @property
    def left_s(self) -> float:
        """Seconds until the deadline; 0 once it has passed."""
        return max(0.0, self.deadline - time.monotonic())

    def fields(self) -> dict[str, Any]:
        """What the process is told, beside the file."""
        return {
            "path": self.path,
            "modified": self.modified,
            "asked": self.asked,
            "interpolation": self.interpolation,
            "coarseness": self.coarseness,
            "max_pixels": self.max_pixels,
            "formats": self.formats,
            "seconds": self.left_s,
        }


@dataclass(frozen=True, slots=True)
class MadeMap:
    """A label map: the upright photograph's size, its cells, and the seconds that went into it."""

    width: int
    height: int
    cells: Cells
    decode_s: float
    inference_s: float


class MapProcess:
    """One process and the connection to it. For one thread at a time, but for ``stop``.

    Args:
        memory_bytes: that it may hold beyond what it starts with.

    Raises:
        Overloaded: the system has no room for it.

    """

    def __init__(self, memory_bytes: int) -> None:
        try:
            self._process, self._connection = start_child(
                "service.engine.map_worker", str(memory_bytes)
            )
        except OSError:
            raise _no_room() from None
        self._is_ready = False
        self.is_well = True

    @property
    def pid(self) -> int:
        """The system's number of it."""
        return self._process.pid

    def wait_until_ready(self) -> None:
        """Wait for its start.

        Raises:
            Overloaded: it takes too long, or the process died.

        """
        if self._is_ready:
            return
        try:
            read(self._connection, 1, time.monotonic() + _START_S)
        except OSError:
            self.is_well = False
            raise _no_room() from None
        self._is_ready = True

    def make(self, task: MapTask) -> MadeMap:
        """Have a map made; afterwards ``is_well`` tells whether the process can make another.

        Raises:
            BadRequest: the photograph, or what is asked of it, won't do.
            DeadlineExceeded: the deadline has passed.
            Overloaded: the model's file was replaced.
            InternalError: it died.
            StoppedError: it was told to, or the deadline has passed.

        """
        if not task.left_s:
            raise DeadlineExceeded(TOO_LATE)
        self.is_well = False
        try:
            self._connection.settimeout(task.left_s + _PATIENCE_S)
            send(self._connection, task.fields(), task.photo)
            fields, body = receive(self._connection, _MOST_BODY, task.deadline + _PATIENCE_S)
        except TimeoutError:
            raise DeadlineExceeded(TOO_LATE) from None
        except OSError:
            raise InternalError("The process that makes label maps died.") from None
        made = _answer(fields, body)
        self.is_well = True
        if isinstance(made, Exception):
            raise made
        return made

    def stop(self) -> None:
        """Have it stop before its network's next run: nobody wants the map any more."""
        if self._is_ready:  # before that it would die of the signal
            self._process.send_signal(signal.SIGUSR1)

    def end(self) -> None:
        """End it, and give back what it held."""
        self._process.kill()
        self._process.wait()
        self._connection.close()


def _answer(fields: dict[str, Any], body: bytearray) -> MadeMap | Exception:
    try:
        if "error" in fields:
            return error_named(fields["error"], fields["detail"])
        if "stopped" in fields:
            return StoppedError()
        if "replaced" in fields:
            return _replaced()
        size = int(fields["width"]), int(fields["height"])
        times = float(fields["decode_s"]), float(fields["inference_s"])
        return MadeMap(*size, _cells(fields, bytes(body)), *times)
    except (KeyError, TypeError, ValueError):  # a photograph had the process say what it likes
        return InternalError("The process that makes label maps made no sense.")


def _cells(fields: dict[str, Any], body: bytes) -> Cells:
    rows, columns, count = map(int, fields["shape"])
    integers, numbers = np.frombuffer(body, np.int32), np.frombuffer(body, np.float32)
    entries, labels = rows * columns * count, int(fields["labels"])
    first = labels + entries
    return Cells(
        integers[:labels],
        integers[labels:first].reshape(rows, columns, count),
        numbers[first : first + entries].reshape(rows, columns, count),
        numbers[first + entries :],
    )


def _replaced() -> Overloaded:
    return Overloaded(
        "The model's file was replaced since it was loaded, and a label map needs the file; "
        "try again when the new one is loaded.",
        retry_after_s=5,
    )


def _no_room() -> Overloaded:
    return Overloaded("The service is too busy for a label map; try again.", retry_after_s=1)
