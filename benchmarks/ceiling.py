"""The work alone, in one process, without HTTP: what a server on this machine could reach at most.

    python -m benchmarks.ceiling MODEL.onnx --work peers --photos FOLDER --seconds 2

``peers``: Pillow and ONNX Runtime, as in ``peers/work.py``. ``booth``: decoding and session as
Booth configures them. The ceiling is the best of several ways to share the cores.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing as mp
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.peers.work import Work
from benchmarks.photographs import read_photographs
from service.fleet.identity import read_model_file
from service.machine import cores
from service.photo.decode import decode
from service.runtimes.base import Layout
from service.runtimes.session import Session

__all__ = ["WAYS", "Way", "ceiling"]

Decode = Callable[[bytes], Any]
Run = Callable[[Sequence[Any]], Any]


@dataclass(frozen=True, slots=True)
class Way:
    """How the cores are shared.

    Attributes:
        workers: that decode and run, each for itself.
        threads: of one run.
        batch: photographs in one run.
        processes: whether the workers are processes instead of threads.

    """

    workers: int
    threads: int
    batch: int
    processes: bool = False


WAYS = {
    "alone": Way(1, cores(), 1),
    "threads": Way(cores(), 1, 1),
    "batches": Way(cores(), 1, 4),
    "processes": Way(cores(), 1, 1, processes=True),
}


def peers_work(model: Path, way: Way) -> tuple[Decode, Run]:
    """What all peers do."""
    work = Work(str(model), way.threads)
    work.warm_up([way.batch])
    return work.decode, work.run


def booth_work(model: Path, way: Way) -> tuple[Decode, Run]:
    """What Booth does."""
    layout = Layout(way.workers, threads=1, threads_alone=way.threads)
    session = Session(read_model_file(model), layout=layout)
    session.warm_up([way.batch])
    run = session.run if way.threads == 1 else session.run_alone
    wanted = session.card.input
    return lambda photo: decode(photo, wanted).pixels, lambda pixels: run(np.stack(pixels))


WORK = {"peers": peers_work, "booth": booth_work}


def ceiling(work: str, model: Path, photos: Sequence[bytes], way: Way, seconds: float) -> float:
    """Photographs a second, done in one way."""
    if not way.processes:
        return _loop(work, model, photos, way, seconds)
    context = mp.get_context("fork")
    ready, rates = context.Barrier(way.workers), context.SimpleQueue()

    def process() -> None:
        alone = Way(1, way.threads, way.batch)
        rates.put(_loop(work, model, photos, alone, seconds, ready=ready.wait))

    crew = [context.Process(target=process) for _ in range(way.workers)]
    for one in crew:
        one.start()
    total: float = sum(rates.get() for _ in crew)
    for one in crew:
        one.join()
    return total


def _loop(
    work: str,
    model: Path,
    photos: Sequence[bytes],
    way: Way,
    seconds: float,
    *,
    ready: Callable[[], object] = lambda: None,
) -> float:
    """Photographs a second of threads in this process, from when ``ready`` returns."""
    decode_one, run = WORK[work](model, way)
    ready()
    start = time.perf_counter()

    def worker(turn: int) -> int:
        supply, done = islice(cycle(photos), turn * 7, None), 0
        while not done or time.perf_counter() - start < seconds:
            run([decode_one(photo) for photo in islice(supply, way.batch)])
            done += way.batch
        return done

    with ThreadPoolExecutor(way.workers) as pool:
        done = sum(pool.map(worker, range(way.workers)))
    return done / (time.perf_counter() - start)


def main() -> None:
    """Print photographs a second by way, as a line of JSON."""
    parser = argparse.ArgumentParser(prog="benchmarks.ceiling", description="The work alone.")
    parser.add_argument("model", type=Path)
    parser.add_argument("--work", choices=sorted(WORK), required=True)
    parser.add_argument("--photos", type=Path, required=True)
    parser.add_argument("--sample", type=int, default=200, help="most photographs to use")
    parser.add_argument("--ways", nargs="+", choices=sorted(WAYS), default=sorted(WAYS))
    parser.add_argument("--seconds", type=float, default=2.0, help="for each way")
    options = parser.parse_args()
    photos = list(read_photographs(options.photos, options.sample).values())
    # Processes first: a fork takes no threads along, and ONNX Runtime starts some.
    ways = sorted(options.ways, key=lambda name: not WAYS[name].processes)
    rates = {
        name: ceiling(options.work, options.model, photos, WAYS[name], options.seconds)
        for name in ways
    }
    print(json.dumps(rates))


if __name__ == "__main__":
    main()
