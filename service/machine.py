"""The machine that a process runs on: the CPU cores it may use."""

from __future__ import annotations

import math
import os
from pathlib import Path

__all__ = ["cores"]

_CGROUP = Path("/sys/fs/cgroup")


def cores(cgroup: Path = _CGROUP) -> int:
    """CPU cores this process may use: its affinity, and its control group's quota, rounded up.

    Args:
        cgroup: where the control group's file system is mounted, version 2 or 1.

    """
    allowed = _affinity()
    quota = _quota(cgroup)
    return allowed if quota is None else max(1, min(allowed, math.ceil(quota)))


def _affinity() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _quota(cgroup: Path) -> float | None:
    """Cores that the control group may keep busy; None where it has no limit."""
    try:
        quota, period = _quota_and_period(cgroup)
        return int(quota) / int(period) if int(quota) > 0 else None
    except (OSError, ValueError):  # there is no group; or version 2's "max", which is no limit
        return None


def _quota_and_period(cgroup: Path) -> list[str]:
    """Microseconds of CPU time in each so many microseconds, as the kernel writes them."""
    together = cgroup / "cpu.max"
    if together.exists():
        return together.read_text(encoding="ascii").split()
    apart = (cgroup / "cpu" / f"cpu.cfs_{name}_us" for name in ("quota", "period"))
    return [file.read_text(encoding="ascii") for file in apart]
