"""What compares the versions of a model: their requests, their shares, and how far they agree.

Of models that have a rollout alone: a version is a label that others don't need.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from service.fleet.agreement import FIRST, Agreement
from service.fleet.fleet import Fleet
from service.fleet.rollout import Rollout
from service.fleet.shadows import Missed
from service.telemetry.record import RequestRecord

__all__ = ["RolloutMetrics"]

_VERSION = ["model", "version"]
_OUTCOMES = ("agreed", "differed", "failed", "dropped")
_DIFFERENCES = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1)


class RolloutMetrics:
    """The metrics of all rollouts.

    Args:
        registry: of the service.
        seconds: the buckets of a request's duration.

    """

    def __init__(self, registry: CollectorRegistry, seconds: Sequence[float]) -> None:
        self._registry = registry
        self._requests = self._counter("rollout_requests", "Requests, by version and outcome.")
        self._failed = self._counter(
            "rollout_images_failed", "Photographs that got an error, by version and outcome."
        )
        self._seconds = self._histogram(
            "rollout_request_duration_seconds",
            "From the request's head to its answer, by version.",
            seconds,
        )
        self._shown = self._counter(
            "shadow_photographs",
            "Photographs that a version was shown: agreed or differed (in the first label), "
            "failed, or dropped.",
        )
        self._in_common = self._histogram(
            "shadow_labels_in_common",
            f"How many of the first {FIRST} labels the shadow has as well.",
            range(FIRST + 1),
        )
        self._difference = self._histogram(
            "shadow_confidence_difference",
            "Largest difference of a label's confidence between shadow and answer.",
            _DIFFERENCES,
        )

    def watch(self, fleet: Fleet, rollout: Rollout) -> None:
        """Show the shares of what is loaded, at each scrape."""
        self._registry.register(_Shares(fleet, rollout))

    def count(self, record: RequestRecord) -> None:
        """Count a request for labels that is over."""
        version = record.model, record.version
        self._requests.labels(*version, record.outcome).inc()
        self._seconds.labels(*version).observe(record.seconds)
        for outcome in record.failed.values():
            self._failed.labels(*version, outcome).inc()

    def begins(self, model: str, version: str) -> None:
        """Show the 0 that comes before the first one: a rate needs it."""
        for outcome in _OUTCOMES:
            self._shown.labels(model, version, outcome)
        self._in_common.labels(model, version)
        self._difference.labels(model, version)

    def compared(self, model: str, version: str, agreement: Agreement) -> None:
        """Count a photograph that a shadow has answered."""
        outcome = "agreed" if agreement.first else "differed"
        self._shown.labels(model, version, outcome).inc()
        self._in_common.labels(model, version).observe(agreement.in_common)
        self._difference.labels(model, version).observe(agreement.difference)

    def missed(self, model: str, version: str, why: Missed, photographs: int) -> None:
        """Count photographs that it has not."""
        self._shown.labels(model, version, why).inc(photographs)

    def _counter(self, name: str, text: str) -> Counter:
        labels = [*_VERSION, "outcome"]
        return Counter(f"booth_{name}", text, labels, registry=self._registry)

    def _histogram(self, name: str, text: str, buckets: Sequence[float]) -> Histogram:
        return Histogram(f"booth_{name}", text, _VERSION, buckets=buckets, registry=self._registry)


class _Shares(Collector):
    """Read when asked, so that a rollout that is over leaves none behind."""

    def __init__(self, fleet: Fleet, rollout: Rollout) -> None:
        self._fleet = fleet
        self._rollout = rollout

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """The shares of now."""
        answers = GaugeMetricFamily(
            "booth_rollout_share", "Share of the requests that a version answers.", labels=_VERSION
        )
        shown = GaugeMetricFamily(
            "booth_shadow_share", "Share of the requests that a version is shown.", labels=_VERSION
        )
        for name, plan in self._rollout.plans.items():
            versions = [*self._fleet.versions(name)]
            for version, share in plan.shares(versions).items():
                answers.add_metric([name, version], share)
                if version in plan.shadow:
                    shown.add_metric([name, version], plan.shadow[version])
        yield from (answers, shown)
