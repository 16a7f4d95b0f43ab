"""Versions are told apart where they are compared, and nowhere else."""

from __future__ import annotations

from prometheus_client import CollectorRegistry

from service.fleet.agreement import Agreement
from service.fleet.fleet import Fleet
from service.fleet.rollout import Plan, Rollout
from service.telemetry.metrics import Metrics
from service.telemetry.record import RequestRecord
from service.telemetry.rollout_metrics import RolloutMetrics
from tests.service.conftest import MakeTiny


def record(version: str, *, is_rollout: bool = True) -> RequestRecord:
    return RequestRecord(
        *("id", "POST", "/classify", 0.0),
        model="tiny",
        version=version,
        is_rollout=is_rollout,
        outcome="ok",
        seconds=0.003,
        failed={1: "bad_image", 2: "bad_image"},
    )


def samples(registry: CollectorRegistry) -> dict[tuple[str, ...], float]:
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in registry.collect()
        for sample in family.samples
        if "rollout" in sample.name or "shadow" in sample.name
    }


def test_requests_count_by_version_where_the_model_has_a_rollout() -> None:
    metrics = Metrics()
    for one in (record("1"), record("1"), record("2"), record("3", is_rollout=False)):
        metrics.count(one)
    seen = samples(metrics.registry)
    assert seen["booth_rollout_requests_total", "tiny", "1", "ok"] == 2
    assert seen["booth_rollout_requests_total", "tiny", "2", "ok"] == 1
    assert seen["booth_rollout_images_failed_total", "tiny", "1", "bad_image"] == 4
    assert seen["booth_rollout_request_duration_seconds_bucket", "tiny", "1", "0.002"] == 0
    assert seen["booth_rollout_request_duration_seconds_bucket", "tiny", "1", "0.004"] == 2
    assert not [key for key in seen if "3" in key]


def test_shadows_have_all_their_outcomes_from_the_first_photograph_on() -> None:
    registry = CollectorRegistry()
    metrics = RolloutMetrics(registry, [1.0])
    metrics.begins("tiny", "2")
    outcomes = {key[-1]: value for key, value in samples(registry).items() if "total" in key[0]}
    assert outcomes == {"agreed": 0, "differed": 0, "failed": 0, "dropped": 0}
    metrics.compared("tiny", "2", Agreement(first=True, in_common=5, difference=0.004))
    metrics.compared("tiny", "2", Agreement(first=False, in_common=0, difference=1.0))
    metrics.missed("tiny", "2", "dropped", 3)
    seen = samples(registry)
    outcomes = {key[-1]: value for key, value in seen.items() if "total" in key[0]}
    assert outcomes == {"agreed": 1, "differed": 1, "failed": 0, "dropped": 3}
    common = "booth_shadow_labels_in_common_bucket", "tiny", "2"
    assert [seen[*common, le] for le in ("0.0", "4.0", "5.0", "+Inf")] == [1, 1, 2, 2]
    difference = "booth_shadow_confidence_difference_bucket", "tiny", "2"
    assert [seen[*difference, le] for le in ("0.002", "0.005", "0.5", "1.0")] == [0, 1, 1, 2]


def test_the_shares_are_those_of_what_is_loaded_now(make_tiny: MakeTiny) -> None:
    registry, fleet = CollectorRegistry(), Fleet()
    rollout = Rollout(
        {"tiny": Plan({"1": 3, "2": 1}, {"2": 0.5, "3": 0.1}), "none": Plan({"1": 1})}
    )
    RolloutMetrics(registry, [1.0]).watch(fleet, rollout)
    assert samples(registry) == {}
    fleet.load(make_tiny("tiny"))
    assert samples(registry) == {("booth_rollout_share", "tiny", "1"): 1}
    fleet.load(make_tiny("tiny", version="2"))
    assert samples(registry) == {
        ("booth_rollout_share", "tiny", "1"): 0.75,
        ("booth_rollout_share", "tiny", "2"): 0.25,
        ("booth_shadow_share", "tiny", "2"): 0.5,
    }
    rollout.put("tiny", Plan())
    assert samples(registry) == {}
    fleet.close()
