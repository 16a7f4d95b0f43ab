"""What was found out about a model holds for this file, this machine and this runtime alone."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from service.engine.cost import BatchCost
from service.fleet.identity import read_model_file
from service.fleet.tuning import Tuning, find, largest_batch_size, save, tuning_key
from service.run.app import create_state
from service.settings import read_settings
from tests.service.conftest import MakeTiny


def tuning_of(path: Path) -> Tuning:
    return Tuning(
        key=tuning_key(read_model_file(path), ["cpu"]),
        model="tiny",
        slots=1,
        threads=1,
        max_batch_size=16,
        p99_ms=50,
        predicted_p99_ms=12.5,
        predicted_throughput=400,
        run=BatchCost(0.001, 0.002),
        decode_s=0.003,
        measured=dt.date(2026, 11, 22),
    )


def test_what_was_kept_is_found_again(tiny: Path, tmp_path: Path) -> None:
    assert find(read_model_file(tiny), tmp_path, ["cpu"]) is None
    assert largest_batch_size(tmp_path) == 0
    save(tuning_of(tiny), tmp_path)
    assert find(read_model_file(tiny), tmp_path, ["cpu"]) == tuning_of(tiny)
    assert largest_batch_size(tmp_path) == 16


def test_another_file_machine_or_runtime_has_another_key(
    tiny: Path, make_tiny: MakeTiny, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    save(tuning_of(tiny), tmp_path)
    assert find(read_model_file(make_tiny("other")), tmp_path, ["cpu"]) is None
    monkeypatch.setattr("service.fleet.tuning.version", lambda _package: "0.0.1")
    assert find(read_model_file(tiny), tmp_path, ["cpu"]) is None
    monkeypatch.undo()
    monkeypatch.setattr("service.fleet.tuning.cores", lambda: 77)
    assert find(read_model_file(tiny), tmp_path, ["cpu"]) is None


def test_a_damaged_file_is_no_tuning(tiny: Path, tmp_path: Path) -> None:
    save(tuning_of(tiny), tmp_path).write_text("{}")
    assert find(read_model_file(tiny), tmp_path, ["cpu"]) is None
    assert largest_batch_size(tmp_path) == 0


def test_it_names_its_settings(tiny: Path) -> None:
    assert str(tuning_of(tiny)) == "BOOTH_SLOTS=1 BOOTH_THREADS=1 BOOTH_MAX_BATCH_SIZE=16"


def loaded(tiny: Path, models: Path, **settings: str) -> Any:
    environment = {"BOOTH_MODEL_DIR": str(models), "BOOTH_PROVIDERS": "cpu", **settings}
    state = create_state(read_settings(environment))
    one = state.fleet.load(tiny)
    page = state.metrics.registry.get_sample_value
    buckets = [
        page("booth_batch_size_bucket", {"model": "tiny", "le": le}) for le in ("16.0", "32.0")
    ]
    state.fleet.close()
    return one.classifier, buckets


def test_a_service_takes_what_was_found(
    tiny: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    save(tuning_of(tiny), tmp_path)
    classifier, buckets = loaded(tiny, tmp_path)
    assert (classifier.limits.slots, classifier.limits.max_batch_size) == (1, 16)
    assert classifier.cost.batch == BatchCost(0.001, 0.002)
    assert buckets == [0, None]
    assert (
        "tiny: slots 1, threads 1, batches of up to 16, as `booth tune` found on 2026-11-22; "
        "a run of n takes 1.00 + 2.00 n ms"
    ) in caplog.text


@pytest.mark.parametrize("name", ["SLOTS", "THREADS", "MAX_BATCH_SIZE"])
def test_a_service_takes_what_is_set_by_hand_before_what_was_found(
    tiny: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture, name: str
) -> None:
    caplog.set_level("INFO")
    save(tuning_of(tiny), tmp_path)
    classifier, buckets = loaded(tiny, tmp_path, **{f"BOOTH_{name}": "2"})
    assert classifier.limits.max_batch_size in (2, 4)
    assert classifier.cost.batch != BatchCost(0.001, 0.002)
    assert buckets == [None, None]
    assert re.search(r"by the settings; a run of n takes [\d.]+ \+ [\d.]+ n ms", caplog.text)


def test_replacing_a_tuning_leaves_one(tiny: Path, tmp_path: Path) -> None:
    save(tuning_of(tiny), tmp_path)
    save(replace(tuning_of(tiny), slots=2), tmp_path)
    found = find(read_model_file(tiny), tmp_path, ["cpu"])
    assert found
    assert found.slots == 2
