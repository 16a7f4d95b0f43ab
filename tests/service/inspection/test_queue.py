"""What looks into networks waits for its turn, within bounds, and what they hold is given back."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from booth_client.errors import DeadlineExceeded, InternalError, InvalidParameter, Overloaded
from service.inspection.label_map_task import MadeMap, MapTask
from service.inspection.process import InspectionProcess
from service.inspection.queue import InspectionQueue, InspectionTicket
from service.memory import MemoryBudget
from service.photo.formats import FORMATS
from tests.service.tiled import about, tiled_task, write_tiled
from tests.waiting import eventually

WITHIN_S = 60.0  # a process starts when nothing else wants the cores
BUDGET = 1_000_000_000
MOST_PIXELS = 1_000_000


@contextlib.contextmanager
def closing(queue: InspectionQueue) -> Iterator[InspectionQueue]:
    yield queue
    queue.close(0)


@pytest.fixture(scope="module")
def queue() -> Iterator[InspectionQueue]:
    with closing(InspectionQueue(MemoryBudget(BUDGET), MOST_PIXELS, FORMATS, size=1)) as queue:
        yield queue


@pytest.fixture
def task(tmp_path: Path, photos: dict[str, bytes]) -> MapTask:
    return tiled_task(write_tiled(tmp_path / "tiled.onnx"), photos["chelsea"])


def submit(queue: InspectionQueue, task: MapTask, client: str = "me") -> InspectionTicket[MadeMap]:
    return queue.submit(task, client)


def freeze(queue: InspectionQueue) -> int:
    """Have its process stand still; its number."""
    pid = queue.pid
    assert pid
    os.kill(pid, signal.SIGSTOP)
    return pid


def test_maps_are_made_and_the_process_ends_when_it_is_idle(
    task: MapTask,
) -> None:
    memory = MemoryBudget(BUDGET)
    with closing(InspectionQueue(memory, MOST_PIXELS, FORMATS, idle_s=0.05)) as queue:
        assert submit(queue, task).future.result(WITHIN_S).width == 451
        eventually(lambda: queue.pid is None)
        eventually(lambda: memory.held == 0)


def test_no_more_wait_than_may_and_who_goes_away_is_dropped(
    queue: InspectionQueue, task: MapTask
) -> None:
    submit(queue, task).future.result(WITHIN_S)
    pid = freeze(queue)
    running = submit(queue, task)
    eventually(lambda: queue._doing is running)
    waiting = submit(queue, task)
    with pytest.raises(Overloaded, match="1 requests that look into networks wait already"):
        queue.refuse_if_full()
    with pytest.raises(Overloaded, match="1 requests that look into networks wait already"):
        submit(queue, task)
    waiting.cancel()
    running.cancel()
    os.kill(pid, signal.SIGCONT)
    assert submit_when_free(queue, task).future.result(WITHIN_S).width == 451
    assert waiting.future.cancelled()
    assert running.future.cancelled()
    assert queue.pid == pid


def submit_when_free(queue: InspectionQueue, task: MapTask) -> InspectionTicket[MadeMap]:
    eventually(lambda: len(queue) == 0)
    return submit(queue, task)


def test_who_waits_hears_at_the_deadline_and_the_next_is_served(
    queue: InspectionQueue, task: MapTask
) -> None:
    submit(queue, task).future.result(WITHIN_S)
    pid = freeze(queue)
    late = submit(queue, about(task, deadline=time.monotonic() + 0.3))
    with pytest.raises(DeadlineExceeded):
        asyncio.run(late.answer())
    os.kill(pid, signal.SIGCONT)
    assert submit(queue, task).future.result(WITHIN_S).width == 451


def test_one_whose_process_died_is_done_by_another(queue: InspectionQueue, task: MapTask) -> None:
    submit(queue, task).future.result(WITHIN_S)
    pid = freeze(queue)
    again = submit(queue, task)
    eventually(lambda: queue._doing is again)
    os.kill(pid, signal.SIGKILL)
    assert again.future.result(WITHIN_S).width == 451
    assert queue.pid != pid


def test_one_of_which_each_process_dies_fails_and_the_next_gets_another(
    queue: InspectionQueue, task: MapTask, monkeypatch: pytest.MonkeyPatch
) -> None:
    compute = InspectionProcess.compute
    submit(queue, task).future.result(WITHIN_S)
    died = []

    def die(process: InspectionProcess, asked: MapTask) -> MadeMap:
        died.append(process.pid)
        os.kill(process.pid, signal.SIGKILL)
        return compute(process, asked)

    with monkeypatch.context() as patch:
        patch.setattr(InspectionProcess, "compute", die)
        with pytest.raises(InternalError, match="died"):
            submit(queue, task).future.result(WITHIN_S)
    assert len(set(died)) == len(died) == 2
    assert submit(queue, task).future.result(WITHIN_S).width == 451
    assert queue.pid not in died


def test_one_that_ended_while_idle_is_replaced(queue: InspectionQueue, task: MapTask) -> None:
    submit(queue, task).future.result(WITHIN_S)
    pid, process = queue.pid, queue._process
    assert pid
    assert process
    os.kill(pid, signal.SIGKILL)
    eventually(lambda: process.has_ended)
    assert submit(queue, task).future.result(WITHIN_S).width == 451
    assert queue.pid != pid


def test_one_client_s_maps_leave_room_for_another_s(task: MapTask) -> None:
    with closing(InspectionQueue(MemoryBudget(BUDGET), MOST_PIXELS, FORMATS, size=8)) as queue:
        taken = [submit(queue, task)]  # while the process starts
        eventually(lambda: len(queue) == 0)
        with pytest.raises(
            Overloaded, match="6 requests of this client's that look into networks wait"
        ):
            taken.extend(submit(queue, task) for _ in range(8))
        taken.append(submit(queue, task, "other"))
        for ticket in taken:
            ticket.cancel()


def test_what_won_t_do_is_refused_at_once(task: MapTask) -> None:
    with closing(InspectionQueue(MemoryBudget(BUDGET), MOST_PIXELS, FORMATS)) as queue:
        with pytest.raises(InvalidParameter, match="step must be one of 8, 4"):
            submit(queue, replace(task, cells=task.cells._replace(step=3)))
        assert queue.pid is None
        assert len(queue) == 0


def test_without_memory_it_is_refused(task: MapTask) -> None:
    memory = MemoryBudget(1_000)
    with closing(InspectionQueue(memory, MOST_PIXELS, FORMATS)) as queue:
        with pytest.raises(Overloaded, match="no memory free"):
            submit(queue, task).future.result(WITHIN_S)
        assert queue.pid is None
    assert memory.held == 0


def test_without_a_process_it_is_refused_and_holds_no_memory(
    task: MapTask, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError("no room")

    monkeypatch.setattr("service.inspection.process.start_child", full)
    memory = MemoryBudget(BUDGET)
    with closing(InspectionQueue(memory, MOST_PIXELS, FORMATS)) as queue:
        with pytest.raises(Overloaded):
            submit(queue, task).future.result(WITHIN_S)
        assert queue.pid is None
    assert memory.held == 0
