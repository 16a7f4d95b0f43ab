"""Gauges of what is loaded and what waits, read from the fleet at each scrape."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from importlib.metadata import version

import onnxruntime
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from service.engine.classifier import Classifier
from service.fleet.fleet import Fleet, LoadedModel
from service.fleet.repository import Repository
from service.memory import MemoryBudget

__all__ = ["FleetGauges", "RepositoryGauges"]


class FleetGauges(Collector):
    """Read when asked, so that an unloaded model leaves none behind."""

    def __init__(self, fleet: Fleet, memory: MemoryBudget, ready: Callable[[], bool]) -> None:
        self._fleet = fleet
        self._memory = memory
        self._ready = ready

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """All gauges, with the values of now."""
        loaded = self._fleet.loaded()
        yield from _load(loaded)
        yield from _inventory(loaded)
        yield from _memory(self._memory)
        ready = _gauge("ready", "1 if /readyz welcomes traffic.", [])
        ready.add_metric([], self._ready())
        build = _gauge("build_info", "What runs.", ["version", "onnxruntime"])
        build.add_metric([version("booth"), onnxruntime.__version__], 1)
        yield from (ready, build)


class RepositoryGauges(Collector):
    """Of the model repository, where there is one."""

    def __init__(self, repository: Repository) -> None:
        self._repository = repository

    def collect(self) -> Iterator[Metric]:
        """When it was read last, and how often it could not be."""
        read = _gauge("repository_last_success_timestamp_seconds", "When it was last read.", [])
        read.add_metric([], self._repository.last_success_s)
        failures = CounterMetricFamily(
            "booth_repository_failures", "Times that it, or a file of it, could not be read."
        )
        failures.add_metric([], self._repository.failures)
        yield from (read, failures)


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
    info = _gauge(
        "model_info",
        "Which models are loaded, and where they run.",
        ["model", "version", "provider", "precision"],
    )
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


def _memory(budget: MemoryBudget) -> Iterator[GaugeMetricFamily]:
    """What requests hold, and may."""
    reserved = _gauge("memory_reserved_bytes", "Memory that requests hold.", [])
    reserved.add_metric([], budget.held)
    size = _gauge("memory_budget_bytes", "Most that requests may hold together.", [])
    size.add_metric([], budget.size)
    yield from (reserved, size)


def _gauge(name: str, text: str, labels: list[str]) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"booth_{name}", text, labels=labels)
