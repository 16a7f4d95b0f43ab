"""Decoding in processes of their own, for what may take long, or take much memory, or crash.

Whatever a library does there, it is over in time: the process is ended, and the next gets another.
Nothing that it writes is read, and it holds none of this process's files and sockets.

On 27 November 2026, on two busy cores of an Intel Xeon (python -m benchmarks.decoding): a process
starts in 0.2 to 0.8 s, holds 36 MB, and a photograph of 40 kB takes 2 ms longer there than here, as
it comes last in the queue for a core; the file's way there takes 3 ms for 10 MB.
"""

from __future__ import annotations

import math
import threading
from typing import TYPE_CHECKING

from booth_client.errors import BadImage, BadRequest, ShuttingDown, TooManyPixels
from service.photo.bounds import too_costly
from service.photo.decode import DecodedPhoto, reduced_side
from service.photo.formats import format_of
from service.photo.header import read_header
from service.photo.process import DecoderProcess, DiedError, EndedIdleError, Task, too_late

if TYPE_CHECKING:
    from models.card import Input

__all__ = ["DecoderProcesses"]


class DecoderProcesses:
    """A few processes that decode, started when they are first needed. Safe for many threads.

    Args:
        count: processes at most, and so photographs at a time.
        seconds: real time that one photograph may take.
        memory_bytes: that a process may hold beyond what it starts with.
        idle_s: a process ends after so long without a photograph.

    """

    def __init__(
        self, count: int, seconds: float = 5.0, memory_bytes: int = 1 << 30, idle_s: float = 60.0
    ) -> None:
        self._seconds = seconds
        self._memory_bytes = memory_bytes
        self._idle_s = idle_s
        self._places = threading.BoundedSemaphore(count)
        self._changing = threading.Lock()
        self._idle: list[DecoderProcess] = []
        self._busy: set[DecoderProcess] = set()
        self._closed = False

    @property
    def pids(self) -> list[int]:
        """Of the processes, as far as this side knows: one may have ended for being idle."""
        with self._changing:
            return [process.pid for process in (*self._idle, *self._busy)]

    def decode(
        self,
        data: bytes | memoryview,
        wanted: Input,
        *,
        max_pixels: int = 64_000_000,
        deadline: float | None = None,
    ) -> DecodedPhoto:
        """Decode as ``service.photo.decode.decode`` does, as soon as a process is free.

        Args:
            data: the file.
            wanted: the square that the model's card asks for.
            max_pixels: the largest width x height that is decoded.
            deadline: on the clock of ``time.monotonic``, after which nobody waits for it.

        Raises:
            BadRequest: what decoding raises; BadImage too, where it takes too much time or memory,
                and TooManyPixels where it was bound to, by its header.
            DeadlineExceeded: the deadline has passed.
            Overloaded: no process can be started, or it got too little of the processor.
            ShuttingDown: this is closed.

        """
        if not data:
            raise BadImage("The photograph is empty: send the bytes of an image file.")
        end = math.inf if deadline is None else deadline
        task = Task(data, format_of(data), wanted, max_pixels, end)
        if not self._places.acquire(timeout=min(task.left_s, threading.TIMEOUT_MAX)):
            raise too_late()
        try:
            return self._decode_in_turn(task)
        finally:
            self._places.release()

    def close(self) -> None:
        """End all processes; the photographs that are in them are given up."""
        with self._changing:
            self._closed = True
            idle, self._idle = self._idle, []
            for process in self._busy:
                process.kill()  # the thread that waits for it does the rest
        for process in idle:
            process.end()

    def _decode_in_turn(self, task: Task) -> DecodedPhoto:
        """Ask a process, and the next one if that had just ended for being idle."""
        while True:
            process = self._take()
            try:
                return process.decode(task, self._seconds)
            except EndedIdleError:
                continue
            except BadImage as error:
                raise self._reason(task, error) from None
            except DiedError:
                reason = self._reason(task, too_costly(task.format))
                raise (_closing() if self._closed else reason) from None
            finally:
                self._give_back(process)

    def _reason(self, task: Task, error: BadImage) -> BadRequest:
        """Why it failed: few libraries say so where the memory was too little for honest pixels."""
        header = read_header(task.data)
        if header and header.memory_bytes(reduced_side(task.wanted)) > self._memory_bytes:
            return TooManyPixels(
                f"The {task.format} file has so many pixels that there is too little memory here "
                "to decode it: scale it down first."
            )
        return error

    def _take(self) -> DecoderProcess:
        """Take the one that was used last, so that those too many become idle; or start one."""
        with self._changing:
            if self._closed:
                raise _closing()
            if self._idle:
                process = self._idle.pop()
            else:
                process = DecoderProcess(self._memory_bytes, self._idle_s)
            self._busy.add(process)
            return process

    def _give_back(self, process: DecoderProcess) -> None:
        with self._changing:
            self._busy.remove(process)
            if process.is_well and not self._closed:
                self._idle.append(process)
                return
        process.end()


def _closing() -> ShuttingDown:
    return ShuttingDown("The service is shutting down; try again.", retry_after_s=1)
