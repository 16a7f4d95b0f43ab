from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from PIL import Image

from models.networks import Network
from models.networks.checkpoint import load_network
from models.sources import SOURCES
from models.training.curves import Entry, read
from models.training.examples import Examples
from models.training.plan import Plan
from models.training.state import TrainingState, save_weights
from models.training.trainer import CURVES, LOG, Trainer

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.xdist_group("trainer")  # one worker makes what its tests share


LITE0 = SOURCES["efficientnet_lite0"]
NORMALISATION = LITE0.normalisation
PLAN = Plan(size=32, batch=4, epochs=1, frozen=2, cutmix=0.5, recompressed=1, coarsened=0.5)


@pytest.fixture(scope="module")
def start(network: Network, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("start") / "start.pth"
    save_weights(network, path)
    return path


Begin = Callable[..., Trainer]
OnEntry = Callable[[Entry], None]


def _silent(_: Entry) -> None:
    """Tell nobody."""


@pytest.fixture(scope="module")
def begin(start: Path, photographs: Examples, tmp_path_factory: pytest.TempPathFactory) -> Begin:
    root = tmp_path_factory.mktemp("runs")

    def make() -> Network:
        return load_network(LITE0.architecture, 5, start)[0]

    def begin(folder: str, plan: Plan = PLAN, on_entry: OnEntry = _silent) -> Trainer:
        return Trainer(
            plan,
            make,
            train=photographs,
            validation=photographs,
            normalisation=NORMALISATION,
            folder=root / folder,
            on_entry=on_entry,
        )

    return begin


@pytest.fixture
def _undrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Curves take longer than these trainings; one test looks at them."""
    monkeypatch.setattr("models.training.trainer.draw", lambda _entries, _path: None)


@pytest.fixture(scope="module")
def through(begin: Begin) -> Trainer:
    """A training that nothing interrupted; tests share it and must not change it."""
    training = begin("through")
    training.run(log_s=0)
    return training


def tensors(state: TrainingState) -> Iterator[torch.Tensor]:
    yield from state.network.module.state_dict().values()
    yield from state.average.module.state_dict().values()


@pytest.mark.usefixtures("_undrawn")
def test_a_training_that_was_stopped_ends_as_one_that_was_not(
    begin: Begin, through: Trainer
) -> None:
    stopped: list[Trainer] = []
    stopped.append(
        begin("stopped", on_entry=lambda entry: stopped[0].stop() if entry.top1 else None)
    )
    stopped[0].run()
    assert 0 < stopped[0].state.position.progress < 0.5
    assert stopped[0].state.position.place not in (0, 20)
    torch.manual_seed(99)  # another process draws other numbers
    resumed = begin("stopped")
    assert resumed.state.position == stopped[0].state.position
    resumed.run()

    assert through.is_over
    assert resumed.is_over
    assert resumed.state.position == through.state.position
    for mine, its in zip(tensors(resumed.state), tensors(through.state), strict=True):
        assert torch.equal(mine, its)


def test_what_is_over_stays_as_it_is(begin: Begin, through: Trainer) -> None:
    again = begin("through")
    before = (again.folder / LOG).read_text()
    assert again.is_over
    again.run()
    assert (again.folder / LOG).read_text() == before
    for mine, its in zip(tensors(again.state), tensors(through.state), strict=True):
        assert torch.equal(mine, its)


def test_the_log_says_how_it_went(through: Trainer) -> None:
    entries = read(through.folder / LOG)
    losses = [one.loss for one in entries if one.loss is not None]
    assert len(losses) == 5  # 20 photographs, 4 a step
    assert losses[0] == pytest.approx(np.log(5), abs=0.01)  # the head knew nothing
    measured = [one.progress for one in entries if one.top1 is not None]
    assert measured == pytest.approx([0.2, 0.4, 0.6, 0.8, 1])
    assert {one.side for one in entries if one.side} == {32}
    assert entries[-1].progress == 1
    assert through.state.position.seen == 20
    with Image.open(through.folder / CURVES) as curves:
        assert curves.format == "PNG"


def test_the_first_convolutions_stay_as_they_came(through: Trainer, network: Network) -> None:
    before, after = network.module.state_dict(), through.state.network.module.state_dict()
    changed = {name for name, value in before.items() if not torch.equal(after[name], value)}
    assert not any(name.startswith(("_conv_stem", "_bn0", "_blocks.0._dep")) for name in changed)
    assert "_blocks.0._project_conv.weight" in changed
    assert "_fc.weight" in changed
    assert not any("running" in name for name in changed)


def test_the_average_lies_between_start_and_end(through: Trainer, network: Network) -> None:
    first, average, last = (
        one.module.state_dict()["_conv_head.weight"]
        for one in (network, through.state.average, through.state.network)
    )
    assert 0 < (average - first).norm() < (last - first).norm()
    assert (average - last).norm() < (last - first).norm()


@pytest.mark.usefixtures("_undrawn")
def test_minutes_count_while_it_trains(begin: Begin) -> None:
    entries: list[Entry] = []
    training = begin("minutes", Plan(size=32, batch=4, minutes=0.01), entries.append)
    training.run(log_s=0)
    assert training.is_over
    assert [one.progress for one in entries] == sorted(one.progress for one in entries)


@pytest.mark.usefixtures("_undrawn")
def test_fewer_photographs_than_a_batch_make_a_batch(begin: Begin) -> None:
    training = begin("batch", Plan(size=32, batch=64, epochs=2))
    training.run()
    assert training.state.position.seen == 40
