"""What Prometheus sees. It stands beside the core: the core tells observers, and knows no metric.

One registry per application object; the page of one process holds all of its models.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache, partial
from importlib.metadata import version

import onnxruntime
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
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from booth_client.wire import Answer
from service.engine.cache import AnswerCache
from service.engine.classifier import Classifier
from service.fleet.fleet import Fleet, LoadedModel
from service.runtimes.session import batch_size_classes

__all__ = ["UNKNOWN", "Metrics"]

# A timestamp beside every counter would double the page, and nothing asks for it.
disable_created_metrics()  # type: ignore[no-untyped-call]

# The label of requests that named no model we serve: a client's text never becomes a label.
UNKNOWN = "unknown"

SECONDS = [0.001 * 2**power for power in range(13)]
BYTES = [1024.0 * 4**power for power in range(9)]
PIXELS = [1e4 * 4**power for power in range(8)]
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

        self.cache = _CacheMetrics(self.registry)

        # Looking a child up takes longer than changing it, and the labels are few.
        self._requests_of = cache(self.requests.labels)
        self._request_seconds_of = cache(self.request_seconds.labels)
        self._stage_seconds_of = cache(self.stage_seconds.labels)
        self._images_of = cache(self.images.labels)
        self._failed_of = cache(self.images_failed.labels)
        self._labels_of = cache(self.labels.labels)
        self._confidence_of = cache(self.confidence.labels)

    def watch(self, fleet: Fleet, ready: Callable[[], bool]) -> None:
        """Show what is loaded, what waits and whether traffic is welcome, read at each scrape."""
        self.registry.register(_FleetCollector(fleet, ready))

    def observer(self, model: str) -> _ModelObserver:
        """Counts what happens to the photographs of one model."""
        return _ModelObserver(self, model)

    def request_done(self, model: str, outcome: str, seconds: float) -> None:
        """Count a request that is over."""
        self._requests_of(model, outcome).inc()
        self._request_seconds_of(model).observe(seconds)

    def failed(self, model: str, outcome: str) -> None:
        """Count one photograph that got an error, alone or among others."""
        self._failed_of(model, outcome).inc()

    def answered(self, answer: Answer) -> None:
        """Count one photograph's answer."""
        timing, first = answer.timing_ms, answer.predictions[0]
        self._images_of(answer.model).inc()
        self._labels_of(answer.model, first.category).inc()
        self._confidence_of(answer.model).observe(first.confidence)
        for stage in ("decode", "queue", "inference"):
            self.stage(answer.model, stage, getattr(timing, stage) / 1000)

    def stage(self, model: str, stage: str, seconds: float) -> None:
        """Count the time of one stage: read, decode, queue, inference or answer."""
        self._stage_seconds_of(model, stage).observe(seconds)

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

    def looked_up(self, model: str, result: str) -> None:
        """Count one photograph: hit, miss, not_modified or bypass."""
        if model not in self._of_model:
            # All results at once: a rate needs the 0 that comes before the first one.
            self._of_model[model] = {one: self._lookups.labels(model, one) for one in LOOKUPS}
        self._of_model[model][result].inc()

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


class _FleetCollector(Collector):
    """Gauges read from the fleet when asked, so that an unloaded model leaves none behind."""

    def __init__(self, fleet: Fleet, ready: Callable[[], bool]) -> None:
        self._fleet = fleet
        self._ready = ready

    def collect(self) -> Iterator[GaugeMetricFamily]:
        loaded = self._fleet.loaded()
        yield from _load(loaded)
        yield from _inventory(loaded)
        ready = _gauge("ready", "1 if /readyz welcomes traffic.", [])
        ready.add_metric([], self._ready())
        build = _gauge("build_info", "What runs.", ["version", "onnxruntime"])
        build.add_metric([version("booth"), onnxruntime.__version__], 1)
        yield from (ready, build)


def _load(loaded: list[LoadedModel]) -> Iterator[GaugeMetricFamily]:
    """What waits in each model, and how much may; the versions of one model count together."""
    queue = _gauge("queue_length", "Photographs that wait for a slot.", ["model"])
    accepted = _gauge("accepted_images", "Photographs accepted, not yet answered.", ["model"])
    limit = _gauge("accepted_images_limit", "Most that are accepted at a time.", ["model"])
    batch_limit = _gauge("batch_size_limit", "Most photographs in a batch.", ["model"])
    wait = _gauge("predicted_wait_seconds", "Until what is accepted is answered.", ["model"])
    versions: dict[str, list[Classifier]] = {}
    for one in loaded:
        versions.setdefault(one.card.name, []).append(one.classifier)
    for name, classifiers in versions.items():
        queue.add_metric([name], sum(len(one.batcher) for one in classifiers))
        accepted.add_metric([name], sum(one.accepted for one in classifiers))
        limit.add_metric([name], sum(one.limits.queue_size for one in classifiers))
        batch_limit.add_metric([name], max(one.limits.max_batch_size for one in classifiers))
        wait.add_metric([name], max(one.predicted_wait_s for one in classifiers))
    yield from (queue, accepted, limit, batch_limit, wait)


def _inventory(loaded: list[LoadedModel]) -> Iterator[GaugeMetricFamily]:
    """Which models are loaded, where they run, and since when."""
    info = _gauge("model_info", "LoadedModel.", ["model", "version", "provider", "precision"])
    since = _gauge("model_loaded_timestamp_seconds", "When it was loaded.", ["model", "version"])
    fell_back = _gauge(
        "model_fell_back",
        "1 if another execution provider runs it than the one that should.",
        ["model", "version", "provider", "wanted"],
    )
    for one in loaded:
        name, version_ = one.card.name, one.card.version
        info.add_metric([name, version_, one.classifier.session.provider, one.card.precision], 1)
        since.add_metric([name, version_], one.since)
        providers = [one.classifier.session.provider, one.wanted_provider]
        fell_back.add_metric([name, version_, *providers], one.fell_back)
    yield from (info, since, fell_back)


def _gauge(name: str, text: str, labels: list[str]) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"booth_{name}", text, labels=labels)
