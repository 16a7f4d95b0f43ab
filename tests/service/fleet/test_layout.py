"""Slots, threads and batches: what is set by hand, then what was tuned, then what suits."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import onnxruntime as ort
import pytest

from models.errors import ModelError
from service.engine.cost import BatchCost
from service.fleet import layout
from service.fleet.identity import read_model_file
from service.fleet.layout import GPU_MAX_BATCH_SIZE, GPU_SLOTS, Layouts
from service.fleet.tuning import Tuning, save, tuning_key
from service.runtimes import onnx_runtime
from service.runtimes.base import Layout
from service.settings import read_settings


@pytest.fixture(autouse=True)
def four_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(layout, "cores", lambda: 4)


@pytest.fixture
def with_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """An ONNX Runtime for GPUs, as far as can be told without one."""
    names = [*onnx_runtime.EXECUTION_PROVIDERS.values()]
    monkeypatch.setattr(ort, "get_available_providers", lambda: names)


def layouts(models: Path, **settings: str) -> Layouts:
    named = {f"BOOTH_{name.upper()}": value for name, value in settings.items()}
    return Layouts.from_settings(read_settings({"BOOTH_MODEL_DIR": str(models), **named}))


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, Layout(4, 1, 4, 4)),
        ({"slots": "2"}, Layout(2, 2, 4, 4)),
        ({"slots": "9"}, Layout(9, 1, 4, 4)),
        ({"slots": "2", "threads": "3", "max_batch_size": "7"}, Layout(2, 3, 4, 7)),
    ],
)
def test_on_cpus_the_slots_share_the_cores_unless_told_otherwise(
    tmp_path: Path, settings: dict[str, str], expected: Layout
) -> None:
    assert layouts(tmp_path, providers="cpu", **settings).decide() == expected


@pytest.mark.usefixtures("with_gpu")
def test_a_gpu_takes_larger_batches_in_two_slots_unless_told_otherwise(tmp_path: Path) -> None:
    by_default = layouts(tmp_path).decide()
    assert by_default == Layout(GPU_SLOTS, 4 // GPU_SLOTS, 4, GPU_MAX_BATCH_SIZE)
    assert layouts(tmp_path, max_batch_size="4").decide().max_batch_size == 4
    assert layouts(tmp_path, slots="3").decide().slots == 3
    assert layouts(tmp_path, providers="cpu").decide() == Layout(4, 1, 4, 4)


def keep_tuning(path: Path, models: Path, max_batch_size: int) -> Tuning:
    tuning = Tuning(
        key=tuning_key(read_model_file(path), ["cpu"]),
        model="tiny",
        slots=1,
        threads=3,
        max_batch_size=max_batch_size,
        p99_ms=50,
        predicted_p99_ms=12.5,
        predicted_throughput=400,
        run=BatchCost(0.001, 0.002),
        decode_s=0.003,
        measured=dt.date(2026, 11, 22),
    )
    save(tuning, models)
    return tuning


def test_what_was_tuned_is_taken(tiny: Path, tmp_path: Path) -> None:
    tuning = keep_tuning(tiny, tmp_path, 16)
    of_cpu = layouts(tmp_path, providers="cpu")
    assert of_cpu.tuning_of(read_model_file(tiny)) == tuning
    assert of_cpu.decide(tuning) == Layout(1, 3, 4, 16)
    assert of_cpu.largest_batch_size() == 16


@pytest.mark.parametrize("name", ["slots", "threads", "max_batch_size"])
def test_what_was_tuned_does_not_count_beside_what_is_set(
    tiny: Path, tmp_path: Path, name: str
) -> None:
    keep_tuning(tiny, tmp_path, 16)
    by_hand = layouts(tmp_path, providers="cpu", **{name: "2"})
    assert by_hand.tuning_of(read_model_file(tiny)) is None
    assert by_hand.largest_batch_size() in (2, 4)


def test_the_largest_batch_is_that_of_the_settings_where_tunings_have_smaller_ones(
    tiny: Path, tmp_path: Path
) -> None:
    keep_tuning(tiny, tmp_path, 2)
    assert layouts(tmp_path, providers="cpu").largest_batch_size() == 4


def test_a_provider_that_is_not_installed_is_told(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="'tpu' is not installed here"):
        layouts(tmp_path, providers="tpu").largest_batch_size()
