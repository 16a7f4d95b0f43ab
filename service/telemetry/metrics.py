"""What Prometheus sees. It stands beside the core: the core tells observers, and knows no metric.

One registry per application object; the page of one process holds all of its models.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    GCCollector,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    Summary,
    disable_created_metrics,
)

from booth_client.wire import Answer
from service.engine.cache import AnswerCache
from service.fleet.fleet import Fleet
from service.fleet.repository import Repository
from service.memory import MemoryBudget
from service.runtimes.session import batch_size_classes
from service.telemetry.gauges import FleetGauges, RepositoryGauges
from service.telemetry.http_metrics import HttpMetrics
from service.telemetry.record import RequestRecord
from service.telemetry.rollout_metrics import RolloutMetrics

__all__ = ["Metrics"]

# A timestamp beside every counter would double the page, and nothing asks for it.
disable_created_metrics()  # type: ignore[no-untyped-call]

SECONDS = [0.001 * 2**power for power in range(15)]  # past the default deadline of 10 s
BYTES = [1024.0 * 4**power for power in range(9)]
PIXELS = [1e4 * 4**power for power in range(8)]
LOAD_OUTCOMES = ("ok", "unusable", "error")
LOOKUPS = ("hit", "miss", "not_modified", "bypass")
SHARES = [share / 20 for share in range(1, 21)]


class Metrics:
    """The metrics of one service. Label values are bounded by what is loaded.

    Args:
        max_batch_size: the buckets of ``booth_batch_size`` are the size classes up to it.

    """

    def __init__(self, max_batch_size: int = 32) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)
        GCCollector(registry=self.registry)
        model = ["model"]
        self.requests = self._counter("requests", "Requests, by outcome.", [*model, "outcome"])
        self.images = self._counter("images", "Photographs answered.", model)
        self.images_failed = self._counter(
            "images_failed", "Photographs that got an error, by outcome.", [*model, "outcome"]
        )
        self.batches = self._counter("batches", "Batches run.", model)
        self.labels = self._counter("labels", "First labels, by category.", [*model, "label"])
        self.request_seconds = self._histogram(
            "request_duration_seconds", "From the request's head to its answer.", model, SECONDS
        )
        self.stage_seconds = self._histogram(
            "stage_duration_seconds", "Time in each stage.", [*model, "stage"], SECONDS
        )
        self.inspections = self._counter(
            "inspection_requests",
            "Requests that look into a network, by what they ask for and outcome.",
            [*model, "what", "outcome"],
        )
        self.inspection_seconds = self._histogram(
            "inspection_duration_seconds",
            "As that of requests, of those that look into a network.",
            [*model, "what"],
            SECONDS,
        )
        self.rollout = RolloutMetrics(self.registry, SECONDS)
        self.batch_size = self._histogram(
            "batch_size", "Photographs a batch.", model, batch_size_classes(max_batch_size)
        )
        # By its exact size, of which there are few; a mean each is all that a curve needs.
        self.batch_seconds = Summary(
            "booth_batch_duration_seconds",
            "Time of one run of the network, by the size of its batch.",
            [*model, "size"],
            registry=self.registry,
        )
        self.confidence = self._histogram(
            "confidence", "Confidence of the first label.", model, SHARES
        )
        self.image_bytes = self._histogram("image_bytes", "Size of a photograph.", [], BYTES)
        self.image_pixels = self._histogram("image_pixels", "Pixels of a photograph.", [], PIXELS)
        self.in_flight = Gauge(
            "booth_in_flight_requests", "Requests being answered now.", registry=self.registry
        )
        self.models_complete = Gauge(
            "booth_models_complete",
            "1 if all models asked for are loaded; 0 while loading and after a load has failed.",
            registry=self.registry,
        )
        self.models_unusable = Gauge(
            "booth_models_unusable",
            "Files of the repository, or that * in BOOTH_MODELS stands for, that can't be used.",
            registry=self.registry,
        )

        self.loads = self._counter("loads", "Times that models were loaded anew.", ["outcome"])
        for outcome in LOAD_OUTCOMES:
            self.loads.labels(outcome)  # a rate needs the 0 that comes before the first one
        self.cache = _CacheMetrics(self.registry)
        self.http = HttpMetrics(self.registry, SECONDS)

        # Looking a child up takes longer than changing it, and the labels are few.
        self._requests_of = cache(self.requests.labels)
        self._request_seconds_of = cache(self.request_seconds.labels)
        self._stage_seconds_of = cache(self.stage_seconds.labels)
        self._images_of = cache(self.images.labels)
        self._failed_of = cache(self.images_failed.labels)
        self._labels_of = cache(self.labels.labels)
        self._confidence_of = cache(self.confidence.labels)

    def watch(self, fleet: Fleet, memory: MemoryBudget, ready: Callable[[], bool]) -> None:
        """Show what is loaded, held and waits, and whether traffic is welcome, at each scrape."""
        self.registry.register(FleetGauges(fleet, memory, ready))

    def watch_repository(self, repository: Repository) -> None:
        """Show when the repository was read last, and how often it could not be."""
        self.registry.register(RepositoryGauges(repository))

    def count_load(self, outcome: str) -> None:
        """Count a load of all models: ok, unusable (a file is to blame) or error (we are)."""
        self.loads.labels(outcome).inc()
        self.models_complete.set(outcome == "ok")

    def observer(self, model: str) -> _ModelObserver:
        """Counts what happens to the photographs of one model."""
        return _ModelObserver(self, model)

    def count(self, record: RequestRecord) -> None:
        """Count a request for labels that is over."""
        model = record.model
        self._requests_of(model, record.outcome).inc()
        self._request_seconds_of(model).observe(record.seconds)
        self._count_stages(record)
        for answer in record.answers:
            self._count_answer(answer)
        for outcome in record.failed.values():
            self._failed_of(model, outcome).inc()
        for result, times in record.lookups.items():
            self.cache.looked_up(model, result, times)
        if record.is_rollout:
            self.rollout.count(record)

    def count_inspection(self, record: RequestRecord) -> None:
        """Count a request that looked into a network; it takes no part in the other metrics."""
        self.inspections.labels(record.model, record.inspects, record.outcome).inc()
        self.inspection_seconds.labels(record.model, record.inspects).observe(record.seconds)

    def _count_stages(self, record: RequestRecord) -> None:
        seconds_of = partial(self._stage_seconds_of, record.model)
        for stage in (record.read_stage, record.cache_stage, record.answer_stage):
            if stage:
                seconds_of(stage.name).observe(stage.seconds)
        for _, inference in record.inferences():
            seconds_of("decode").observe(inference.decode_s)
            seconds_of("queue").observe(inference.queue_s)
            seconds_of("inference").observe(inference.inference_s)

    def _count_answer(self, answer: Answer) -> None:
        first = answer.predictions[0]
        self._images_of(answer.model).inc()
        self._labels_of(answer.model, first.category).inc()
        self._confidence_of(answer.model).observe(first.confidence)

    def _counter(self, name: str, text: str, labels: list[str]) -> Counter:
        return Counter(f"booth_{name}", text, labels, registry=self.registry)

    def _histogram(
        self, name: str, text: str, labels: list[str], buckets: list[float] | list[int]
    ) -> Histogram:
        return Histogram(f"booth_{name}", text, labels, buckets=buckets, registry=self.registry)


class _CacheMetrics:
    """How often an answer was known, and what that takes. The models share the memory."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._lookups = Counter(
            "booth_cache_lookups",
            "Photographs looked up: hit, miss, not_modified (the client has the answer), "
            "bypass (it wants a new one).",
            ["model", "result"],
            registry=registry,
        )
        self._of_model: dict[str, dict[str, Counter]] = {}
        self._evictions = Counter(
            "booth_cache_evictions", "Answers that had to make room.", registry=registry
        )
        self._bytes = Gauge("booth_cache_bytes", "Memory of cached answers.", registry=registry)
        self._limit = Gauge("booth_cache_bytes_limit", "Most memory of these.", registry=registry)

    def watch(self, cache: AnswerCache) -> None:
        """Show what the cache holds, read at each scrape."""
        self._bytes.set_function(lambda: cache.bytes_held)
        self._limit.set(cache.max_bytes)

    def looked_up(self, model: str, result: str, times: int) -> None:
        """Count photographs: hit, miss, not_modified or bypass."""
        if model not in self._of_model:
            # All results at once: a rate needs the 0 that comes before the first one.
            self._of_model[model] = {one: self._lookups.labels(model, one) for one in LOOKUPS}
        self._of_model[model][result].inc(times)

    def evicted(self, count: int) -> None:
        """Count answers that had to make room."""
        self._evictions.inc(count)


class _ModelObserver:
    def __init__(self, metrics: Metrics, model: str) -> None:
        self._bytes = metrics.image_bytes
        self._pixels = metrics.image_pixels
        self._batches = metrics.batches.labels(model)
        self._sizes = metrics.batch_size.labels(model)
        self._seconds_of = cache(partial(metrics.batch_seconds.labels, model))

    def photo_decoded(self, size: int, pixels: int) -> None:
        self._bytes.observe(size)
        self._pixels.observe(pixels)

    def batch_ran(self, size: int, seconds: float) -> None:
        self._batches.inc()
        self._sizes.observe(size)
        self._seconds_of(size).observe(seconds)
