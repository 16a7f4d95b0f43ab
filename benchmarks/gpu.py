"""Booth on a GPU, against a bare loop of the same session; and what limits it.

    python -m benchmarks.gpu [--batch 32] [--clients 256] [--seconds 5] [--rounds 3]

ResNet-50 with random weights, in float16 and float32. The bare loop runs full batches of
photographs that are decoded already, in as many threads as Booth has slots. Loop and server take
turns, and a share is the median of the rounds'. By themselves are measured: decoding on all cores,
the copies to the GPU, its computing, and how many answers the load generator could take.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import cycle, islice
from pathlib import Path

import onnxruntime as ort

from benchmarks.machine import describe
from benchmarks.photographs import read_photographs
from benchmarks.resnet import random_resnet
from benchmarks.runs import Bench, Run
from benchmarks.systems import BOOTH, ROOT, Server, System
from benchmarks.table import markdown
from service.fleet.identity import read_model_file
from service.fleet.layout import GPU_MAX_BATCH_SIZE, GPU_SLOTS
from service.machine import cores
from service.photo.decode import decode
from service.runtimes import gpu, onnx_runtime
from service.runtimes.base import Layout, ModelFile, Photos
from service.runtimes.bound import Buffers
from service.runtimes.registry import choose
from service.runtimes.session import Session

PRECISIONS = ("fp16", "fp32")
NEAR = 0.9  # of what a stage can do: it limits the whole
HEADINGS = ("precision", "limit", "bare", "Booth", "share", "CPU ms", "errors")


@dataclass(frozen=True, slots=True)
class Outcome:
    """One precision: photographs a second of the loop and of Booth, and of each stage."""

    precision: str
    bare: Sequence[float]
    booth: Sequence[Run]
    stages: Mapping[str, float]

    def cells(self) -> list[str]:
        """The row of the table."""
        rates = [run.rate for run in self.booth]
        share = statistics.median(b / a for a, b in zip(self.bare, rates, strict=True))
        return [
            self.precision,
            limit(self.stages, statistics.median(rates)),
            f"{statistics.median(self.bare):.0f}",
            f"{statistics.median(rates):.0f}",
            f"{share:.2f}",
            f"{statistics.median(run.cpu_ms for run in self.booth):.2f}",
            f"{sum(run.figures.errors for run in self.booth)}",
        ]


def limit(stages: Mapping[str, float], reached: float) -> str:
    """The slowest stage, if what was reached is near it; else what lies between the stages."""
    slowest = min(stages, key=lambda stage: stages[stage])
    return slowest if reached >= NEAR * stages[slowest] else "HTTP and Python"


def main() -> None:
    """Measure, print the table and the stages."""
    options = parse()
    provider = the_provider()
    photos = list(read_photographs(options.photos, options.sample).values())
    with tempfile.TemporaryDirectory() as folder:
        outcomes = [
            measure(random_resnet(precision, Path(folder)), precision, provider, photos, options)
            for precision in PRECISIONS
        ]
    report(provider, outcomes)


def parse() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="benchmarks.gpu", description=__doc__)
    parser.add_argument("--photos", type=Path, default=ROOT / "export/photos")
    parser.add_argument("--sample", type=int, default=100, help="most photographs to send")
    parser.add_argument("--batch", type=int, default=GPU_MAX_BATCH_SIZE)
    parser.add_argument("--clients", type=int, default=256)
    parser.add_argument("--seconds", type=float, default=5, help="of each measurement")
    parser.add_argument("--rounds", type=int, default=3)
    return parser.parse_args()


def the_provider() -> str:
    """The fastest provider for GPUs that is installed.

    Raises:
        SystemExit: there is none.

    """
    fastest = choose()[0]
    if fastest.on_gpu:
        return fastest.name
    raise SystemExit(
        "No ONNX Runtime for GPUs is installed here; install onnxruntime-gpu in place of "
        "onnxruntime, on a machine with an NVIDIA GPU."
    )


def measure(
    model: Path,
    precision: str,
    provider: str,
    photos: Sequence[bytes],
    options: argparse.Namespace,
) -> Outcome:
    """One precision: stages, then loop and server in turn.

    Raises:
        SystemExit: the model does not run on the GPU.

    """
    file = read_model_file(model)
    session = session_of(file, provider, options.batch)
    squares = [decode(photo, session.card.input).pixels for photo in photos]
    batch = list(islice(cycle(squares), options.batch))
    stages = {
        "decoding": rate(lambda: decode(photos[0], session.card.input), cores(), options.seconds),
        **dict(on_the_gpu(file, session.provider, batch, options.seconds)),
    }
    bare, booth = [], []
    bench = prepared(model, photos, options)
    for _ in range(options.rounds):
        runs = rate(lambda: session.run(batch), GPU_SLOTS, options.seconds)
        bare.append(runs * options.batch)
        with Server.running(system(provider, options.batch), model, photos[0]) as server:
            booth.append(bench.put(server, f"{options.clients} clients", options.clients))
    stages["load generator"] = 1e6 / max(run.figures.generator_us for run in booth)
    return Outcome(precision, bare, booth, stages)


def session_of(file: ModelFile, provider: str, batch: int) -> Session:
    """The session that the bare loop runs, as Booth has it.

    Raises:
        SystemExit: it does not run on the GPU.

    """
    session = Session(file, providers=[provider], layout=Layout(GPU_SLOTS, max_batch_size=batch))
    if not session.leaves_cores_free:
        raise SystemExit(
            f"The provider {provider!r} is installed but does not run here; the lines above say "
            "which of NVIDIA's libraries, or the driver, is missing."
        )
    session.warm_up([batch])
    return session


def on_the_gpu(
    file: ModelFile, provider: str, batch: Photos, seconds: float
) -> Iterator[tuple[str, float]]:
    """Photographs a second that can be copied, and that can be computed, by themselves."""
    options = gpu.provider_options(provider, file, len(batch))
    opened = onnx_runtime.open_session(file.content, options, threads=1)
    buffers = Buffers(opened, len(batch), "cuda")
    buffers.run(batch)
    yield "copies", len(batch) * rate(lambda: buffers.copy(batch), 1, seconds)
    yield "computing", len(batch) * rate(buffers.compute, 1, seconds)


def rate(work: Callable[[], object], threads: int, seconds: float) -> float:
    """How often a second ``work`` can be done, in so many threads."""
    start = time.perf_counter()

    def worker() -> int:
        done = 0
        while time.perf_counter() - start < seconds:
            work()
            done += 1
        return done

    with ThreadPoolExecutor(threads) as pool:
        done = sum(future.result() for future in [pool.submit(worker) for _ in range(threads)])
    return done / (time.perf_counter() - start)


def prepared(model: Path, photos: Sequence[bytes], options: argparse.Namespace) -> Bench:
    """What the server is measured with; nothing is expected of random weights."""
    folder = model.with_suffix("")
    folder.mkdir()
    for number, photo in enumerate(photos):
        (folder / f"{number:05}.jpg").write_bytes(photo)
    return Bench(model, folder, photos, [], options.seconds, options.seconds / 2)


def system(provider: str, batch: int) -> System:
    """Booth, on this provider, with room for all clients."""
    settings = {
        "BOOTH_PROVIDERS": provider,
        "BOOTH_MAX_BATCH_SIZE": str(batch),
        "BOOTH_SLOTS": str(GPU_SLOTS),
        "BOOTH_QUEUE_SIZE": "4096",
    }
    return replace(BOOTH, environment={**BOOTH.environment, **settings})


def device() -> str:
    """Name, driver and memory of the GPUs, as the driver tells them."""
    if not shutil.which("nvidia-smi"):
        return "an unknown GPU"
    command = [
        "nvidia-smi",
        "--query-gpu=name,driver_version,memory.total",
        "--format=csv,noheader",
    ]
    output = subprocess.run(command, check=False, stdout=subprocess.PIPE, encoding="utf-8").stdout
    return "; ".join(output.splitlines())


def report(provider: str, outcomes: Sequence[Outcome]) -> None:
    """Print what was found."""
    facts = ", ".join(f"{name} {value}" for name, value in describe().items())
    print(f"ResNet-50, random weights, {provider} of {ort.__version__}, {device()}. {facts}.\n")
    print(markdown(HEADINGS, [outcome.cells() for outcome in outcomes]))
    stages = list(outcomes[0].stages)
    rows = [
        [outcome.precision, "", *(f"{outcome.stages[stage]:.0f}" for stage in stages)]
        for outcome in outcomes
    ]
    print("\nPhotographs a second, each stage by itself:\n")
    print(markdown(("precision", "", *stages), rows))


if __name__ == "__main__":
    main()
