"""What is loaded and what waits, as a scrape finds it."""

from __future__ import annotations

import threading
from importlib.metadata import version
from typing import Any

from service.telemetry.gauges import FleetGauges
from service.web.state import ServiceState
from tests.service.asking import samples
from tests.service.conftest import MakeTiny


def test_what_is_accepted_counts_until_it_is_answered(
    inside: Any, photos: dict[str, bytes]
) -> None:
    classifier = inside.state.fleet.get().classifier
    accepted, limit = (f'booth_accepted_images{name}{{model="tiny"}}' for name in ("", "_limit"))
    gate = threading.Event()
    run = classifier.batcher._run_alone
    classifier.batcher._run_alone = lambda photos: gate.wait(10) and run(photos)
    (held,) = classifier.submit([photos["coffee"]])
    page = samples(inside.url)
    assert (page[accepted], page[limit]) == (1, 4)
    gate.set()
    held.wait()
    classifier.close()
    assert samples(inside.url)[accepted] == 0


def test_the_metrics_say_whether_traffic_is_welcome(inside: Any) -> None:
    assert samples(inside.url)["booth_ready"] == 1
    inside.state.draining = True
    assert samples(inside.url)["booth_ready"] == 0


def test_a_model_that_is_unloaded_leaves_no_gauge_behind(inside: Any) -> None:
    assert any('model="tiny"' in name for name in gauges(inside.state))
    inside.state.fleet.unload("tiny")
    assert not any('model="tiny"' in name for name in gauges(inside.state))


def test_the_versions_of_a_model_count_together(inside: Any, make_tiny: MakeTiny) -> None:
    inside.state.fleet.load(make_tiny("tiny", version="2"))
    found = gauges(inside.state)
    assert found['accepted_images_limit{model="tiny"}'] == 2 * 4
    assert found['batch_size_limit{model="tiny"}'] == 4
    loaded = [name for name in found if name.startswith("model_loaded_timestamp_seconds")]
    assert [name.partition("version=")[2] for name in loaded] == ['"1"}', '"2"}']


def test_what_runs_and_whether_it_fell_back_is_told(inside: Any) -> None:
    found = gauges(inside.state)
    (build,) = [name for name in found if name.startswith("build_info")]
    assert f'version="{version("booth")}"' in build
    (fell_back,) = [name for name in found if name.startswith("model_fell_back")]
    assert found[fell_back] == 0


def test_what_requests_hold_and_may_is_told(inside: Any) -> None:
    memory = inside.state.memory
    with memory.reserve(7):
        found = gauges(inside.state)
        assert found["memory_reserved_bytes{}"] == 7
        assert found["memory_budget_bytes{}"] == memory.size
    assert gauges(inside.state)["memory_reserved_bytes{}"] == 0


def gauges(state: ServiceState) -> dict[str, float]:
    """All gauges by name and labels, as a scrape finds them: ``queue_length{model="tiny"}``."""
    return {
        sample.name.removeprefix("booth_")
        + "{" + ",".join(f'{name}="{value}"' for name, value in sample.labels.items()) + "}":
        sample.value
        for family in FleetGauges(state.fleet, state.memory, lambda: True).collect()
        for sample in family.samples
    }  # fmt: skip
