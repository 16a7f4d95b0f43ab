"""A process with its descendants."""

from __future__ import annotations

import subprocess
import sys

import psutil

from benchmarks.processes import Tree


def test_a_tree_counts_what_its_processes_use_and_ends_them_all() -> None:
    child = "x = bytearray(50_000_000); sum(range(10**7)); print(1, flush=True); input()"
    program = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {child!r}])"
    with subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        tree = Tree(process.pid)
        assert process.stdout
        process.stdout.readline()
        children = psutil.Process(process.pid).children()
        assert tree.memory_bytes() > 50_000_000
        assert tree.cpu_seconds() > 0.05
        tree.end()
    assert len(children) == 1
    assert not any(one.is_running() and one.status() != psutil.STATUS_ZOMBIE for one in children)


def test_of_a_process_that_has_ended_nothing_is_counted() -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        tree = Tree(process.pid)
        process.wait(30)
    assert (tree.cpu_seconds(), tree.memory_bytes()) == (0, 0)
    tree.end()
