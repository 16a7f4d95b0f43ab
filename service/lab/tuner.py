"""Measures how a model runs on this machine, and picks slots, threads and batch size.

Measured are runs of the network, by batch size, threads of a run and runs at the same time, and the
decoding of one ordinary photograph. What these give under load is predicted by replaying arrivals.
"""

from __future__ import annotations

import heapq
import statistics
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field

import numpy as np

from models.card import Input
from models.errors import UserError
from service.engine.batcher import GATHERING_S
from service.engine.cost import BatchCost, fit
from service.machine import cores
from service.photo.decode import decode
from service.runtimes.base import Layout, ModelFile
from service.runtimes.session import Session

__all__ = [
    "Choice",
    "MeasuredLayout",
    "NothingMeets",
    "layouts",
    "measure",
    "measure_decoding",
    "pick",
]

SIZES = (1, 2, 4, 8, 16, 32)
ROUNDS = 3
REPEATS = 2  # in each round, in each slot
DECODINGS = 20

LOAD = 0.8  # of its own throughput, at which a choice's p99 is predicted
ARRIVALS = 4000
SEED = 1
WORTH = 0.97  # of the best throughput: what is missing is less than what the prediction is worth


class NothingMeets(UserError):
    """No choice meets the latency that was asked for; the sentence says what can be had."""


@dataclass(frozen=True, slots=True)
class MeasuredLayout:
    """How the cores are shared among runs, and how long a run then takes.

    ``seconds`` are medians, by batch size; ``run`` is the line through them.
    """

    slots: int
    threads: int
    seconds: dict[int, float] = field(hash=False)
    run: BatchCost


@dataclass(frozen=True, slots=True)
class Choice:
    """A layout with a largest batch, and what it would do. Throughput in photographs a second."""

    layout: MeasuredLayout
    max_batch_size: int
    throughput: float
    p99_s: float


def layouts(available: int) -> list[tuple[int, int]]:
    """Slots and threads that are worth measuring: they use at least half of the cores."""
    bits = range(available.bit_length())
    counts = sorted({1 << bit for bit in bits} | {available >> bit for bit in bits})
    pairs = [(slots, threads) for slots in counts for threads in counts]
    return [pair for pair in pairs if available / 2 <= pair[0] * pair[1] <= available]


def measure(file: ModelFile, providers: Sequence[str], p99_s: float) -> Iterator[MeasuredLayout]:
    """Measure each of the layouts.

    Each size's duration is a median over rounds, in which the sizes take turns, while as many runs
    go on as there are slots. Sizes of which a single run takes longer than ``p99_s`` are left out,
    but for the smallest.

    Raises:
        ModelError: the file can't be used.

    """
    for slots, threads in layouts(cores()):
        layout = Layout(slots, threads, max_batch_size=max(SIZES))
        with closing(Session(file, providers=providers, layout=layout)) as session:
            durations = _durations(session, slots, p99_s)
        seconds = {size: statistics.median(repeats) for size, repeats in durations.items()}
        yield MeasuredLayout(slots, threads, seconds, fit(durations))


def measure_decoding(photo: bytes, wanted: Input) -> float:
    """Seconds that decoding an ordinary photograph takes, while every core decodes: the median."""
    return statistics.median(_together(lambda: decode(photo, wanted), cores(), DECODINGS))


def pick(
    measured: Sequence[MeasuredLayout],
    decode_s: float,
    p99_s: float,
    *,
    decodes_beside: bool = False,
) -> tuple[Choice, list[Choice]]:
    """The choice of the highest throughput whose predicted p99 is at most ``p99_s``; and all.

    Among those that come within 3 % of the highest throughput, the one with the lowest p99.

    Args:
        measured: layouts.
        decode_s: seconds of decoding a photograph.
        p99_s: the latency that 99 % of the photographs may take, in seconds.
        decodes_beside: other threads decode than those that run the network.

    Raises:
        NothingMeets: the predicted p99 of all is longer.

    """
    choices = [
        _predict(layout, size, decode_s, decodes_beside=decodes_beside)
        for layout in measured
        for size in layout.seconds
    ]
    meeting = [choice for choice in choices if choice.p99_s <= p99_s]
    if not meeting:
        best = min(choice.p99_s for choice in choices)
        raise NothingMeets(
            f"No choice meets a p99 of {p99_s * 1e3:.0f} ms here; the lowest predicted one is "
            f"{best * 1e3:.1f} ms: ask for more than that, or for a smaller model."
        )
    most = max(choice.throughput for choice in meeting)
    near = [choice for choice in meeting if choice.throughput >= WORTH * most]
    return min(near, key=lambda choice: choice.p99_s), choices


def _durations(session: Session, slots: int, longest_s: float) -> dict[int, list[float]]:
    durations: dict[int, list[float]] = {}
    side = session.card.input.size
    photos = {size: np.zeros((size, side, side, 3), np.uint8) for size in SIZES}
    for _ in range(ROUNDS):
        for size in [*durations] or SIZES:
            if size not in durations:
                session.warm_up([size])
                session.run(photos[size])
            took = _together(lambda size=size: session.run(photos[size]), slots, REPEATS)  # type: ignore[misc]
            if durations and statistics.median(took) > longest_s:
                break
            durations.setdefault(size, []).extend(took)
    return durations


def _together(work: Callable[[], object], threads: int, repeats: int) -> list[float]:
    """Seconds that ``work`` took, ``repeats`` times on each of several threads at once."""
    start = threading.Barrier(threads)

    def timed() -> list[float]:
        start.wait()
        return [_seconds(work) for _ in range(repeats)]

    with ThreadPoolExecutor(threads) as pool:
        running = [pool.submit(timed) for _ in range(threads)]
        return [seconds for one in running for seconds in one.result()]


def _seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def _predict(layout: MeasuredLayout, size: int, decode_s: float, *, decodes_beside: bool) -> Choice:
    """What a layout does with batches up to ``size``.

    Throughput is that of full batches. The p99 is that of arrivals of a Poisson process, at 80 % of
    this throughput, that are replayed through greedy slots. Left out are HTTP, the transfer, larger
    photographs, other models and whatever else the machine does.
    """
    on_slot_s = 0.0 if decodes_beside else decode_s
    throughput = layout.slots * size / (size * on_slot_s + layout.run(size))
    if decodes_beside:
        throughput = min(throughput, cores() / decode_s)
    arrivals = np.random.default_rng(SEED).exponential(1 / (LOAD * throughput), ARRIVALS).cumsum()
    latencies = _replay(arrivals.tolist(), layout, size, on_slot_s)
    p99_s = float(np.quantile(latencies, 0.99)) + (decode_s if decodes_beside else 0.0)
    return Choice(layout, size, throughput, p99_s)


def _replay(
    arrivals: Sequence[float], layout: MeasuredLayout, size: int, decode_s: float
) -> list[float]:
    """Seconds from each arrival to its answer, through slots as the batcher has them."""
    latencies: list[float] = []
    waiting = 0  # index of the first photograph that no slot has taken
    # When each slot is done with what it does, and the photographs that it holds.
    slots: list[tuple[float, int, list[float]]] = [(0.0, slot, []) for slot in range(layout.slots)]
    while slots:
        now, slot, batch = heapq.heappop(slots)
        there = waiting < len(arrivals) and (arrivals[waiting] <= now or not batch)
        gathering = not batch or len(batch) * decode_s < GATHERING_S
        if there and len(batch) < size and gathering:
            batch.append(arrivals[waiting])
            now = max(now, arrivals[waiting]) + decode_s
            waiting += 1
            heapq.heappush(slots, (now, slot, batch))
        elif batch:
            now += layout.run(len(batch))
            latencies.extend(now - arrival for arrival in batch)
            heapq.heappush(slots, (now, slot, []))
    return latencies
