"""Label maps wait for one another, within bounds, and what they hold is given back."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from booth_client.errors import DeadlineExceeded, InvalidParameter, Overloaded
from service.engine.map_process import MapTask
from service.engine.map_queue import MapQueue, MapTicket
from service.memory import MemoryBudget
from service.photo.formats import FORMATS
from tests.service.tiled import tiled_card, tiled_task, write_tiled
from tests.waiting import eventually

WITHIN_S = 60.0  # a process starts when nothing else wants the cores
BUDGET = 1_000_000_000
MOST_PIXELS = 1_000_000


@contextlib.contextmanager
def closing(queue: MapQueue) -> Iterator[MapQueue]:
    yield queue
    queue.close(0)


@pytest.fixture(scope="module")
def queue() -> Iterator[MapQueue]:
    with closing(MapQueue(MemoryBudget(BUDGET), MOST_PIXELS, FORMATS, size=1)) as queue:
        yield queue


@pytest.fixture
def task(tmp_path: Path, photos: dict[str, bytes]) -> MapTask:
    return tiled_task(write_tiled(tmp_path / "tiled.onnx"), photos["chelsea"])


def submit(queue: MapQueue, task: MapTask, client: str = "me") -> MapTicket:
    return queue.submit(task, tiled_card(), client)


def freeze(queue: MapQueue) -> int:
    """Have its process stand still; its number."""
    pid = queue.pid
    assert pid
    os.kill(pid, signal.SIGSTOP)
    return pid


def test_maps_are_made_and_the_process_ends_when_it_is_idle(
    task: MapTask,
) -> None:
    memory = MemoryBudget(BUDGET)
    with closing(MapQueue(memory, MOST_PIXELS, FORMATS, idle_s=0.05)) as queue:
        assert submit(queue, task).future.result(WITHIN_S).width == 451
        eventually(lambda: queue.pid is None)
        eventually(lambda: memory.held == 0)


def test_no_more_wait_than_may_and_who_goes_away_is_dropped(queue: MapQueue, task: MapTask) -> None:
    submit(queue, task).future.result(WITHIN_S)
    pid = freeze(queue)
    running = submit(queue, task)
    eventually(lambda: queue._making is running)
    waiting = submit(queue, task)
    with pytest.raises(Overloaded, match="1 label maps wait already"):
        queue.refuse_if_full()
    with pytest.raises(Overloaded, match="1 label maps wait already"):
        submit(queue, task)
    waiting.cancel()
    running.cancel()
    os.kill(pid, signal.SIGCONT)
    assert submit_when_free(queue, task).future.result(WITHIN_S).width == 451
    assert waiting.future.cancelled()
    assert running.future.cancelled()
    assert queue.pid == pid


def submit_when_free(queue: MapQueue, task: MapTask) -> MapTicket:
    eventually(lambda: len(queue) == 0)
    return submit(queue, task)


def test_who_waits_hears_at_the_deadline_and_the_next_is_served(
    queue: MapQueue, task: MapTask
) -> None:
    submit(queue, task).future.result(WITHIN_S)
    pid = freeze(queue)
    late = submit(queue, tiled_task(Path(task.path), task.photo, timeout_s=0.3))
    with pytest.raises(DeadlineExceeded):
        asyncio.run(late.answer())
    os.kill(pid, signal.SIGCONT)
    assert submit(queue, task).future.result(WITHIN_S).width == 451


def test_one_whose_process_died_fails_and_the_next_gets_another(
    queue: MapQueue, task: MapTask
) -> None:
    submit(queue, task).future.result(WITHIN_S)
    pid = freeze(queue)
    failing = submit(queue, task)
    eventually(lambda: queue._making is failing)
    os.kill(pid, signal.SIGKILL)
    with pytest.raises(Exception, match="died"):
        failing.future.result(WITHIN_S)
    assert submit(queue, task).future.result(WITHIN_S).width == 451
    assert queue.pid != pid


def test_one_client_s_maps_leave_room_for_another_s(task: MapTask) -> None:
    with closing(MapQueue(MemoryBudget(BUDGET), MOST_PIXELS, FORMATS, size=8)) as queue:
        taken = [submit(queue, task)]  # while the process starts
        eventually(lambda: len(queue) == 0)
        with pytest.raises(Overloaded, match="6 label maps of this client's wait already"):
            taken.extend(submit(queue, task) for _ in range(8))
        taken.append(submit(queue, task, "other"))
        for ticket in taken:
            ticket.cancel()


def test_what_won_t_do_is_refused_at_once(task: MapTask) -> None:
    with closing(MapQueue(MemoryBudget(BUDGET), MOST_PIXELS, FORMATS)) as queue:
        with pytest.raises(InvalidParameter, match="step must be one of 8, 4"):
            submit(queue, tiled_task(Path(task.path), task.photo, step=3))
        assert queue.pid is None
        assert len(queue) == 0


def test_without_memory_it_is_refused(task: MapTask) -> None:
    memory = MemoryBudget(1_000)
    with closing(MapQueue(memory, MOST_PIXELS, FORMATS)) as queue:
        with pytest.raises(Overloaded, match="no memory free"):
            submit(queue, task).future.result(WITHIN_S)
        assert queue.pid is None
    assert memory.held == 0
