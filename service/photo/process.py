"""One process that decodes: started, asked, and ended when it takes too long."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from booth_client import errors
from booth_client.errors import BadRequest, DeadlineExceeded, Overloaded
from service.photo.bounds import too_costly
from service.photo.decode import DecodedPhoto, Seen
from service.photo.messages import read, receive, send

if TYPE_CHECKING:
    from models.card import Input

__all__ = ["DecoderProcess", "DiedError", "EndedIdleError", "Task", "error_named", "start_child"]

# Until a process is ready; it comes last on a busy machine.
_START_S = 30.0

# Of the time that a photograph has: a process that got less of a core was kept from its work.
_LEAST_SHARE = 0.5

# A socket closes a moment before its process has ended.
_ENDING_S = 1.0


class EndedIdleError(Exception):
    """The process had ended before it was asked, for it had nothing to do."""


class DiedError(Exception):
    """The process died of what it was asked."""


@dataclass(frozen=True, slots=True)
class Task:
    """A photograph to decode; ``deadline`` is on the clock of ``time.monotonic``."""

    data: bytes | memoryview
    format: str
    wanted: Input
    max_pixels: int
    deadline: float

    @property
    def left_s(self) -> float:
        """Seconds until the deadline; 0 once it has passed."""
        return max(0.0, self.deadline - time.monotonic())

    def fields(self, seconds: float) -> dict[str, Any]:
        """What the process is told, beside the file."""
        wanted = self.wanted.model_dump(exclude={"content"})  # decoding does not ask
        return {"wanted": wanted, "max_pixels": self.max_pixels, "seconds": seconds}


class DecoderProcess:
    """One process and the connection to it. For one thread at a time, but for ``kill``.

    Args:
        memory_bytes: that it may hold beyond what it starts with.
        idle_s: it ends after so long without a photograph.

    Raises:
        Overloaded: the system has no room for it.

    """

    def __init__(self, memory_bytes: int, idle_s: float) -> None:
        try:
            self._process, self._connection = start_child(
                "service.photo.worker", str(memory_bytes), str(idle_s)
            )
        except OSError:
            raise _no_room() from None
        self._is_ready = False
        self.is_well = True

    @property
    def pid(self) -> int:
        """The system's number of it."""
        return self._process.pid

    def decode(self, task: Task, seconds: float) -> DecodedPhoto:
        """Have a photograph decoded; afterwards ``is_well`` tells whether it can do another.

        Args:
            task: the photograph.
            seconds: of real time that it may take.

        Raises:
            BadRequest: what decoding raised; BadImage too, where it took too long.
            DeadlineExceeded: the deadline has passed.
            Overloaded: the process did not start, or got too little of the processor.
            EndedIdleError: it was gone already.
            DiedError: it died of it.

        """
        was_idle = self._is_ready  # only one that had nothing to do ends by itself
        self._wait_until_ready(task)
        self.is_well = False
        begin, cpu_s = time.monotonic(), self._cpu_s()
        try:
            fields, pixels = self._ask(task, min(begin + seconds, task.deadline), seconds)
        except TimeoutError:
            if not task.left_s:
                raise too_late() from None
            was_kept = self._cpu_s() - cpu_s < _LEAST_SHARE * seconds
            raise (_no_room() if was_kept else too_costly(task.format)) from None
        except OSError:
            ended_idle = was_idle and self._ended_by_itself()
            raise (EndedIdleError if ended_idle else DiedError) from None
        answer = _answer(fields, pixels, task.wanted.size)
        self.is_well = True
        if isinstance(answer, BadRequest):
            raise answer
        return answer

    def kill(self) -> None:
        """Have it ended; whoever waits for its answer finds it dead."""
        self._process.kill()

    def end(self) -> None:
        """End it, and give back what it held."""
        self._process.kill()
        self._process.wait()
        self._connection.close()

    def _wait_until_ready(self, task: Task) -> None:
        """Wait for its start, which is no photograph's fault, until the deadline."""
        if self._is_ready:
            return
        try:
            read(self._connection, 1, min(time.monotonic() + _START_S, task.deadline))
        except OSError as error:
            if isinstance(error, TimeoutError) and not task.left_s:
                raise too_late() from None
            self.is_well = False
            raise _no_room() from None
        self._is_ready = True

    def _ask(self, task: Task, end: float, seconds: float) -> tuple[dict[str, Any], bytearray]:
        self._connection.settimeout(max(0.001, end - time.monotonic()))
        send(self._connection, task.fields(seconds), task.data)
        return receive(self._connection, 3 * task.wanted.size**2, end)

    def _cpu_s(self) -> float:
        """Seconds of processor time that it has used (Linux's clock of another process)."""
        return time.clock_gettime(~self.pid << 3 | 2)

    def _ended_by_itself(self) -> bool:
        try:
            return self._process.wait(_ENDING_S) == 0
        except subprocess.TimeoutExpired:
            return False


def start_child(module: str, *arguments: str) -> tuple[subprocess.Popen[bytes], socket.socket]:
    """Start a fresh interpreter: a fork would take along locks that other threads hold.

    Args:
        module: that it runs.
        arguments: of its command line, after the descriptor of its end of the connection.

    Returns:
        The process, and our end of the connection.

    Raises:
        OSError: the system has no room for it.

    """
    ours, theirs = socket.socketpair()
    with theirs:
        try:
            process = subprocess.Popen(  # noqa: S603 (our own interpreter and module)
                [sys.executable, "-m", module, str(theirs.fileno()), *arguments],
                env=_environment(),
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
        except OSError:
            ours.close()
            raise
    return process, ours


def _environment() -> dict[str, str]:
    """Ours, without Booth's keys: a photograph may take such a process over."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("BOOTH_")}
    return inherited | {
        "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
        "PYTHONSAFEPATH": "1",  # the folder that Booth was started in is no place to import from
        "OPENBLAS_NUM_THREADS": "1",  # NumPy would start one a core, each with a stack
    }


def _answer(fields: dict[str, Any], pixels: bytearray, size: int) -> DecodedPhoto | BadRequest:
    try:
        if "error" in fields:
            return error_named(fields["error"], fields["detail"])
        square = np.frombuffer(bytes(pixels), np.uint8).reshape(size, size, 3)
        width, height, box = fields["seen"]
        left, top, right, bottom = map(float, box)
        seen = Seen(int(width), int(height), (left, top, right, bottom))
        return DecodedPhoto(square, int(fields["width"]), int(fields["height"]), seen)
    except (KeyError, TypeError, ValueError):  # a photograph had the process say what it likes
        raise DiedError from None


_ERRORS: dict[str, type[BadRequest]] = {
    name: kind for name in errors.__all__ if issubclass(kind := getattr(errors, name), BadRequest)
}


def error_named(name: str, detail: str) -> BadRequest:
    """The error of the client's that a child names.

    Raises:
        KeyError: there is none of that name.

    """
    return _ERRORS[name](detail)


def too_late() -> DeadlineExceeded:
    """Say that the photograph's deadline has passed."""
    return DeadlineExceeded("The photograph waited longer than its deadline: raise timeout_ms.")


def _no_room() -> Overloaded:
    return Overloaded(
        "The service is too busy to decode a photograph of this kind; try again.", retry_after_s=1
    )
