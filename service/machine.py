"""The machine that a process runs on: the CPU cores and the memory it may use."""

from __future__ import annotations

import ctypes
import math
import os
from pathlib import Path

__all__ = ["cores", "give_back_memory", "memory_bytes", "resident_bytes"]

_CGROUP = Path("/sys/fs/cgroup")
_OWN_CGROUP = Path("/proc/self/cgroup")

_NO_LIMIT = 1 << 60  # bytes


def cores(cgroup: Path = _CGROUP, own: Path = _OWN_CGROUP) -> int:
    """CPU cores this process may use: its affinity, and its control group's quota, rounded up.

    Args:
        cgroup: where the control groups' file system is mounted, version 2 or 1.
        own: the file that names the process's own group.

    """
    quotas = (_quota(group) for group in _groups(cgroup, own))
    least = min((math.ceil(quota) for quota in quotas if quota is not None), default=_affinity())
    return max(1, min(_affinity(), least))


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


def memory_bytes(cgroup: Path = _CGROUP, own: Path = _OWN_CGROUP) -> int:
    """Bytes of memory this process may use: its control group's limit, or the machine's memory.

    Args:
        cgroup: where the control groups' file system is mounted, version 2 or 1.
        own: the file that names the process's own group.

    """
    machine = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return min(machine, *map(_memory_limit, _groups(cgroup, own)))


def _groups(mount: Path, own: Path) -> list[Path]:
    """The process's control group and those above it, whose limits hold as well.

    In a container the mounted one is its own; a unit of systemd sees those of the whole machine.
    """
    lines = own.read_text(encoding="utf-8").splitlines() if own.exists() else []
    names = (line.removeprefix("0::/") for line in lines if line.startswith("0::/"))
    group = mount / next(names, "")
    return [group, *(one for one in group.parents if one.is_relative_to(mount))]


def resident_bytes(status: Path = Path("/proc/self/statm")) -> int:
    """Bytes of memory this process holds now; 0 where the system does not tell."""
    try:
        pages = int(status.read_text(encoding="ascii").split()[1])
    except OSError:
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE")


def give_back_memory() -> None:
    """Give the system what is freed already, which the C library keeps for the next time."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # glibc alone has it
    if trim is not None:
        trim(0)


def _memory_limit(cgroup: Path) -> int:
    for file in (cgroup / "memory.max", cgroup / "memory" / "memory.limit_in_bytes"):
        try:
            return int(file.read_text(encoding="ascii"))
        except (OSError, ValueError):  # there is no such group; or version 2's "max"
            continue
    return _NO_LIMIT
