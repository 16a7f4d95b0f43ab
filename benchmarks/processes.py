"""A server's process and all that it started: CPU time, memory, end."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Sequence

import psutil

__all__ = ["Tree"]

END_S = 10.0
POLL_S = 0.02


class Tree:
    """A process with its descendants.

    Args:
        pid: of the process.

    """

    def __init__(self, pid: int) -> None:
        self._root = psutil.Process(pid)

    def cpu_seconds(self) -> float:
        """CPU time used so far, children that have ended included."""
        total = 0.0
        for process in self._all():
            with contextlib.suppress(psutil.Error):
                times = process.cpu_times()
                total += times.user + times.system
                total += times.children_user + times.children_system
        return total

    def memory_bytes(self) -> int:
        """Proportional set sizes (PSS): a page that several share counts once in all.

        Where the system tells no PSS, the pages that each process has to itself (USS).
        """
        total = 0
        for process in self._all():
            with contextlib.suppress(psutil.Error):
                memory = process.memory_full_info()
                total += getattr(memory, "pss", memory.uss)
        return total

    def end(self) -> None:
        """Ask the first process to end; then those that it left; then no longer ask."""
        everyone = self._all()
        for end, those in (
            ("terminate", [self._root]),
            ("terminate", everyone),
            ("kill", everyone),
        ):
            for process in those:
                with contextlib.suppress(psutil.NoSuchProcess):
                    getattr(process, end)()
            _wait(those)

    def _all(self) -> list[psutil.Process]:
        with contextlib.suppress(psutil.NoSuchProcess):
            return [self._root, *self._root.children(recursive=True)]
        return []


def _wait(processes: Sequence[psutil.Process]) -> None:
    """Until all have ended, but not for ever."""
    patience = time.monotonic() + END_S
    while time.monotonic() < patience and not all(map(_ended, processes)):
        time.sleep(POLL_S)


def _ended(process: psutil.Process) -> bool:
    try:
        return bool(process.status() == psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return True
