"""The cores of a process: as many as it may run on, and as its control group lets it keep busy."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from service.machine import cores, give_back_memory, memory_bytes, resident_bytes


@pytest.fixture(autouse=True)
def eight_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _process: set(range(8)), raising=False)


def version_1(folder: Path, quota: str, period: str) -> Path:
    (folder / "cpu").mkdir()
    (folder / "cpu" / "cpu.cfs_quota_us").write_text(f"{quota}\n")
    (folder / "cpu" / "cpu.cfs_period_us").write_text(f"{period}\n")
    return folder


def test_without_a_control_group_they_are_those_it_may_run_on(tmp_path: Path) -> None:
    assert cores(tmp_path) == 8


def test_where_the_system_knows_no_affinity_they_are_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(os, "sched_getaffinity")
    monkeypatch.setattr(os, "cpu_count", lambda: 3)
    assert cores(tmp_path) == 3
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert cores(tmp_path) == 1


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("200000 100000\n", 2),
        ("150000 100000\n", 2),  # a core and a half keep two threads busy
        ("10000 100000\n", 1),
        ("6400000 100000\n", 8),  # more than it may run on
        ("max 100000\n", 8),
        ("", 8),
        ("nonsense\n", 8),
    ],
)
def test_a_quota_of_version_2_bounds_them(tmp_path: Path, written: str, expected: int) -> None:
    (tmp_path / "cpu.max").write_text(written)
    assert cores(tmp_path) == expected


@pytest.mark.parametrize(
    ("quota", "expected"), [("250000", 3), ("100000", 1), ("-1", 8), ("0", 8), ("", 8)]
)
def test_so_does_one_of_version_1(tmp_path: Path, quota: str, expected: int) -> None:
    assert cores(version_1(tmp_path, quota, "100000")) == expected


def test_a_unit_of_systemd_has_its_own_limits_and_those_above(tmp_path: Path) -> None:
    own = tmp_path / "own"
    own.write_text("1:name=systemd:/elsewhere\n0::/system.slice/booth.service\n")
    unit = tmp_path / "system.slice" / "booth.service"
    unit.mkdir(parents=True)
    assert (cores(tmp_path, own), memory_bytes(tmp_path, own)) == (8, memory_bytes(tmp_path))
    (unit / "cpu.max").write_text("300000 100000\n")
    (unit / "memory.max").write_text("3000000\n")
    assert (cores(tmp_path, own), memory_bytes(tmp_path, own)) == (3, 3_000_000)
    (unit.parent / "cpu.max").write_text("200000 100000\n")
    (unit.parent / "memory.max").write_text("2000000\n")
    assert (cores(tmp_path, own), memory_bytes(tmp_path, own)) == (2, 2_000_000)


def test_a_group_of_the_host_that_a_container_does_not_see_counts_for_nothing(
    tmp_path: Path,
) -> None:
    own = tmp_path / "own"
    own.write_text("0::/docker/0123/../../elsewhere\n")
    (tmp_path / "memory.max").write_text("1000000\n")
    assert memory_bytes(tmp_path, own) == 1_000_000


def test_of_this_process_there_is_at_least_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    assert cores() >= 1


def test_memory_is_the_machines_or_what_the_control_group_allows(tmp_path: Path) -> None:
    machine = memory_bytes(tmp_path)
    assert machine == os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    (tmp_path / "memory.max").write_text("max\n")
    assert memory_bytes(tmp_path) == machine
    (tmp_path / "memory.max").write_text("1000000\n")
    assert memory_bytes(tmp_path) == 1_000_000


def test_so_does_a_memory_limit_of_version_1(tmp_path: Path) -> None:
    (tmp_path / "memory").mkdir()
    (tmp_path / "memory" / "memory.limit_in_bytes").write_text("2000000\n")
    assert memory_bytes(tmp_path) == 2_000_000


def test_this_process_holds_some_memory(tmp_path: Path) -> None:
    assert 1_000_000 < resident_bytes() < memory_bytes()
    assert resident_bytes(tmp_path / "none") == 0


def test_memory_that_is_free_can_be_given_back() -> None:
    kept = [bytes(1000) for _ in range(200_000)]  # in the way of what lies below it
    before = resident_bytes()
    small = [bytes(1000) for _ in range(200_000)]
    last = bytes(100_000)
    del small
    give_back_memory()
    assert resident_bytes() - before < 100_000_000
    assert kept
    assert last
