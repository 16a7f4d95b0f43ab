"""The process that looks into networks: started, asked, told to stop, and ended."""

from __future__ import annotations

import signal
import time
from typing import Any, TypeVar

from booth_client.errors import DeadlineExceeded, InternalError, Overloaded
from service.engine.batcher import TOO_LATE
from service.inspection.task import StoppedError, Task
from service.photo.messages import read, receive, send
from service.photo.process import error_named, start_child

__all__ = ["InspectionProcess"]

_START_S = 30.0  # until it is ready; it comes last on a busy machine
# After a task's deadline, within which the process gives it up by itself: what comes next then need
# not wait until another has started.
_PATIENCE_S = 5.0

Answer = TypeVar("Answer")


class InspectionProcess:
    """One process and the connection to it. For one thread at a time, but for ``stop``.

    Args:
        memory_bytes: that it may hold beyond what it starts with.

    Attributes:
        is_well: whether it can do another task.
        kept_bytes: about what the networks hold that it has open.

    Raises:
        Overloaded: the system has no room for it.

    """

    def __init__(self, memory_bytes: int) -> None:
        try:
            self._process, self._connection = start_child(
                "service.inspection.worker", str(memory_bytes)
            )
        except OSError:
            raise _no_room() from None
        self._is_ready = False
        self.is_well = True
        self.has_answered = False
        self.kept_bytes = 0

    @property
    def pid(self) -> int:
        """The system's number of it."""
        return self._process.pid

    @property
    def has_ended(self) -> bool:
        """Whether it is gone, as where the system wanted its memory."""
        return self._process.poll() is not None

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

    def compute(self, task: Task[Answer]) -> Answer:
        """Have a task done; afterwards ``is_well`` tells whether the process can do another.

        Raises:
            BadRequest: a photograph, or what is asked of it, won't do.
            DeadlineExceeded: the deadline has passed.
            Overloaded: the model's file was replaced.
            InternalError: it died.
            StoppedError: it was told to, or the deadline has passed.

        """
        subject = task.subject
        if not subject.left_s:
            raise DeadlineExceeded(TOO_LATE)
        self.is_well = False
        fields = {**subject.fields(), "what": task.what, "asked": task.asked()}
        try:
            self._connection.settimeout(subject.left_s + _PATIENCE_S)
            send(self._connection, fields, b"".join(subject.photos))
            told, body = receive(self._connection, task.most_bytes, subject.deadline + _PATIENCE_S)
        except TimeoutError:
            raise DeadlineExceeded(TOO_LATE) from None
        except OSError:
            raise InternalError("The process that looks into networks died.") from None
        answer = self._read(task, told, bytes(body))
        self.is_well = True
        if isinstance(answer, Exception):
            raise answer
        self.has_answered = True
        return answer

    def _read(self, task: Task[Answer], told: dict[str, Any], body: bytes) -> Answer | Exception:
        try:
            self.kept_bytes = max(0, int(told["kept_bytes"]))
            return _refusal(told) or task.read(told, body)
        except (KeyError, TypeError, ValueError):  # a photograph had the process say what it likes
            return InternalError("The process that looks into networks made no sense.")

    def stop(self) -> None:
        """Have it stop before its network's next run: nobody wants the answer any more."""
        if self._is_ready:  # before that it would die of the signal
            self._process.send_signal(signal.SIGUSR1)

    def end(self) -> None:
        """End it, and give back what it held."""
        self._process.kill()
        self._process.wait()
        self._connection.close()


def _refusal(told: dict[str, Any]) -> Exception | None:
    if "error" in told:
        return error_named(told["error"], told["detail"])
    if "failed" in told:
        return InternalError(f"The process that looks into networks failed:\n{told['failed']}")
    if "stopped" in told:
        return StoppedError()
    return _replaced() if "replaced" in told else None


def _replaced() -> Overloaded:
    return Overloaded(
        "The model's file was replaced since it was loaded, and this needs the file; "
        "try again when the new one is loaded.",
        retry_after_s=5,
    )


def _no_room() -> Overloaded:
    return Overloaded("The service is too busy to look into a network; try again.", retry_after_s=1)
