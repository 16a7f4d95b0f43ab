"""A version that is shown photographs is compared, answers nobody, and makes nobody wait."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from booth_client.errors import DeadlineExceeded, InternalError, Overloaded, TooManyPixels
from service.engine.batcher import Batcher
from service.fleet.agreement import Agreement
from service.fleet.fleet import Fleet
from service.fleet.rollout import Plan
from service.fleet.shadows import MOST_IN_FLIGHT, Answered, Missed, Shadows
from service.inspection.queue import InspectionQueue, InspectionTicket
from service.inspection.task import Task
from service.memory import MemoryBudget
from service.photo.formats import FORMATS
from tests.servers import Inside, serving_inside
from tests.service.asking import BLUE, RED, coloured, first, samples
from tests.service.conftest import tiny_card, write_tiny
from tests.waiting import eventually

WITHIN_S = 60.0  # a process starts when nothing else wants the cores
SHOWN = 'booth_shadow_photographs_total{model="tiny",outcome="%s",version="2"}'


def write_swapped(path: Path) -> Path:
    """Version 2 of the tiny model: what was red is called green, and the other way round."""
    card = tiny_card(version="2")
    red, green, blue = card.labels
    return write_tiny(path, card.model_copy(update={"labels": (green, red, blue)}))


@pytest.fixture(scope="module")
def versions(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("models")
    return write_tiny(folder / "one.onnx", tiny_card()), write_swapped(folder / "two.onnx")


@pytest.fixture(scope="module")
def shadowing(versions: tuple[Path, Path]) -> Iterator[Inside]:
    """A service whose second version is shown everything."""
    one, two = versions
    with serving_inside(models=f"{one},{two}", shadow='{"tiny": {"2": 1}}') as inside:
        yield inside


def test_its_metrics_are_the_truth_and_its_answers_are_nobody_s(shadowing: Inside) -> None:
    named = {RED: "Red", BLUE: "Blue", coloured("lime"): "Green"}
    for photo in (RED, BLUE, RED, coloured("lime"), BLUE):
        answer = shown(shadowing, photo)
        assert (answer["version"], first(answer)) == ("1", named[photo])
    seen = samples(shadowing.url)
    assert (seen[SHOWN % "agreed"], seen[SHOWN % "differed"]) == (2, 3)
    version = 'model="tiny",version="2"'
    assert seen[f"booth_shadow_labels_in_common_sum{{{version}}}"] == 15  # three labels are all
    # In red, version 1 is sure of red, which version 2 calls green.
    sure, rest = (math.exp(0.05 * value) for value in (255, 0))
    difference = (sure - rest) / (sure + 2 * rest)
    found = seen[f"booth_shadow_confidence_difference_sum{{{version}}}"]
    assert found == pytest.approx(3 * difference, abs=1e-5)
    asked = 5 + seen.get(SHOWN % "dropped", 0)
    assert seen['booth_requests_total{model="tiny",outcome="ok"}'] == asked
    assert seen['booth_rollout_requests_total{model="tiny",outcome="ok",version="1"}'] == asked
    assert seen['booth_shadow_share{model="tiny",version="2"}'] == 1
    assert seen['booth_rollout_share{model="tiny",version="2"}'] == 0


def shown(inside: Inside, photo: bytes) -> dict[str, object]:
    """Send a photograph until it is compared: on a busy machine it is dropped."""
    before = counted(inside, "agreed", "differed")

    def compared() -> dict[str, object] | None:
        dropped = counted(inside, "dropped")
        answer: dict[str, object] = httpx.post(f"{inside.url}/classify", content=photo).json()
        eventually(
            lambda: (
                counted(inside, "agreed", "differed") > before
                or counted(inside, "dropped") > dropped
            ),
            within_s=WITHIN_S,
        )
        return answer if counted(inside, "agreed", "differed") > before else None

    return eventually(compared, within_s=WITHIN_S) or {}


def counted(inside: Inside, *outcomes: str) -> float:
    seen = samples(inside.url)
    return sum(seen.get(SHOWN % outcome, 0) for outcome in outcomes)


def test_who_asks_it_by_its_version_is_answered_and_compared_with_nobody(
    shadowing: Inside,
) -> None:
    outcomes = ("agreed", "differed", "failed", "dropped")
    before = counted(shadowing, *outcomes)
    answer = httpx.post(f"{shadowing.url}/classify?version=2", content=RED).json()
    assert (answer["version"], first(answer)) == ("2", "Green")
    assert counted(shadowing, *outcomes) == before


class Observed:
    """What shadows tell."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, str, Agreement | tuple[Missed, int]]] = []

    def begins(self, model: str, version: str) -> None:
        assert (model, version) == ("tiny", "2")
        assert not self.seen

    def compared(self, model: str, version: str, agreement: Agreement) -> None:
        self.seen.append((model, version, agreement))

    def missed(self, model: str, version: str, why: Missed, photographs: int) -> None:
        self.seen.append((model, version, (why, photographs)))


class Waiting(InspectionQueue):
    """A queue that takes what it is given, and does it when the test says so."""

    def __init__(self, memory: MemoryBudget) -> None:
        super().__init__(memory, 1_000_000, FORMATS, size=MOST_IN_FLIGHT)
        self.tickets: list[InspectionTicket[Any]] = []

    def __len__(self) -> int:
        return len(self.tickets)

    def submit(self, task: Task[Any], client: str = "") -> InspectionTicket[Any]:
        if len(self) >= MOST_IN_FLIGHT:
            raise Overloaded("so many wait already")
        self.tickets.append(InspectionTicket(task, client, self))
        return self.tickets[-1]


@pytest.fixture
def fleet(versions: tuple[Path, Path]) -> Iterator[Fleet]:
    made = Fleet()
    made.refresh(versions)
    yield made
    made.close()


class Showing:
    """Shadows over a queue that waits, and what they tell."""

    def __init__(self, fleet: Fleet, memory_bytes: int = 1_000_000) -> None:
        self.fleet = fleet
        self.memory = MemoryBudget(memory_bytes)
        self.queue = Waiting(self.memory)
        self.observed = Observed()
        self.shadows = Shadows(fleet, self.queue, self.memory, self.observed)

    def show(self, plan: Plan, *photos: bytes, request_id: str = "id", asked: str = "1") -> None:
        answered = [Answered(photo, np.array([0.7, 0.2, 0.1], np.float32)) for photo in photos]
        model = self.fleet.get("tiny", asked)

        async def show() -> None:
            before = len(self.queue.tickets)
            self.shadows.show(plan, request_id, model, answered)
            assert len(self.queue.tickets) == before  # not before the answer is out
            await asyncio.sleep(0)

        asyncio.run(show())


@pytest.fixture
def showing(fleet: Fleet) -> Showing:
    return Showing(fleet)


ALL = Plan(shadow={"2": 1})


def test_what_it_says_is_compared_by_category_and_its_memory_given_back(showing: Showing) -> None:
    showing.show(ALL, b"photo")
    assert showing.memory.held == 5
    (ticket,) = showing.queue.tickets
    assert ticket.task.subject.photos == (b"photo",)
    assert ticket.task.subject.card.version == "2"
    ticket.future.set_result(np.array([0.1, 0.6, 0.3], np.float32))  # green, red, blue
    assert showing.memory.held == 0
    ((_, version, agreement),) = showing.observed.seen
    assert version == "2"
    assert isinstance(agreement, Agreement)
    assert (agreement.first, agreement.in_common) == (True, 3)
    assert agreement.difference == pytest.approx(0.2, abs=1e-6)


@pytest.mark.parametrize(
    ("error", "why"),
    [
        (Overloaded("no room"), "dropped"),
        (DeadlineExceeded("too late"), "dropped"),
        (InternalError("it died"), "failed"),
        (TooManyPixels("no memory"), "failed"),
        (ValueError("whatever"), "failed"),
    ],
)
def test_what_it_does_not_answer_is_counted(showing: Showing, error: Exception, why: str) -> None:
    showing.show(ALL, b"photo")
    showing.queue.tickets[0].future.set_exception(error)
    assert showing.observed.seen == [("tiny", "2", (why, 1))]
    assert showing.memory.held == 0


def test_no_more_are_in_flight_than_may(showing: Showing) -> None:
    showing.show(ALL, *[b"photo"] * 20)
    assert len(showing.queue.tickets) == MOST_IN_FLIGHT
    showing.show(ALL, b"photo", b"photo")
    assert len(showing.queue.tickets) == MOST_IN_FLIGHT
    dropped = [("tiny", "2", ("dropped", count)) for count in (20 - MOST_IN_FLIGHT, 2)]
    assert showing.observed.seen == dropped
    assert showing.memory.held == 5 * MOST_IN_FLIGHT


def test_a_queue_that_filled_meanwhile_drops_it(showing: Showing) -> None:
    async def show_two_at_once() -> None:
        model = showing.fleet.get("tiny", "1")
        answered = [Answered(b"photo", np.ones(3, np.float32))] * 6
        for _ in range(2):
            showing.shadows.show(ALL, "id", model, answered)
        await asyncio.sleep(0)

    asyncio.run(show_two_at_once())
    assert len(showing.queue.tickets) == MOST_IN_FLIGHT
    assert showing.observed.seen == [("tiny", "2", ("dropped", 1))] * 4
    assert showing.memory.held == 5 * MOST_IN_FLIGHT


def test_nothing_is_shown_while_photographs_wait(
    showing: Showing, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Batcher, "__len__", lambda _: 1)
    showing.show(ALL, b"photo", b"photo")
    assert showing.observed.seen == [("tiny", "2", ("dropped", 2))]
    assert showing.queue.tickets == []


def test_nothing_is_shown_while_memory_is_scarce(fleet: Fleet) -> None:
    showing = Showing(fleet, memory_bytes=100)
    with showing.memory.reserve(60):
        showing.show(ALL, b"photo" * 4)
    showing.show(ALL, b"photo" * 4)
    assert showing.observed.seen == [("tiny", "2", ("dropped", 1))]
    assert len(showing.queue.tickets) == 1


def test_a_share_of_the_requests_is_shown(showing: Showing) -> None:
    plan = Plan(shadow={"2": 0.1})
    for number in range(1000):
        showing.show(plan, b"photo", request_id=f"request-{number}")
        showing.queue.tickets, shown = [], showing.queue.tickets
        for ticket in shown:
            ticket.future.set_result(np.ones(3, np.float32))
    assert len(showing.observed.seen) == 96
    showing.show(Plan(shadow={"2": 0}), b"photo")
    assert showing.queue.tickets == []


def test_a_version_is_not_shown_what_it_answered_nor_one_that_is_not_loaded(
    showing: Showing,
) -> None:
    showing.show(ALL, b"photo", asked="2")
    showing.show(Plan(shadow={"3": 1}), b"photo")
    assert showing.queue.tickets == []
    assert showing.observed.seen == []
