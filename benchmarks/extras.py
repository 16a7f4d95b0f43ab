"""What the table leaves out: a large photograph, many at once, one core, a heavier network."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.ceiling import WAYS
from benchmarks.parity import WrongAnswers, references
from benchmarks.photographs import enlarged
from benchmarks.resnet import random_resnet
from benchmarks.runs import Bench, Run
from benchmarks.systems import BOOTH, PLAIN, ROOT, Failed, Server, System
from benchmarks.table import markdown

__all__ = ["Extra", "extras_table", "measure_extras", "measure_resnet"]

MEGAPIXELS = 12
LARGE = 4  # photographs of that size
CLEAR_LEAD = 0.1
FEW, MANY = 8, 32
CACHE = ROOT / "benchmarks" / ".cache"
PRECISIONS = ("fp32", "int8")


@dataclass(frozen=True, slots=True)
class Extra:
    """A system under a load that is not the table's.

    Attributes:
        what: in words.
        system: its name.
        run: what was measured.
        ceiling: photographs a second of Booth's work in process, where it was measured.

    """

    what: str
    system: str
    run: Run
    ceiling: float | None = None

    def cells(self) -> list[str]:
        """The row of the table."""
        return [
            self.what,
            self.system,
            f"{self.run.rate:.0f}",
            f"{self.run.rate / self.ceiling:.2f}" if self.ceiling else "",
            f"{self.run.figures.p50:.1f}",
            f"{self.run.figures.p99:.1f}",
            f"{self.run.cpu_ms:.2f}",
            f"{self.run.memory_mb:.0f}",
        ]


def extras_table(extras: Sequence[Extra]) -> str:
    """All of them, as Markdown."""
    headings = ("what", "system", "per s", "of Booth's ceiling", "p50 ms", "p99 ms")
    return markdown((*headings, "CPU ms", "memory MB"), [extra.cells() for extra in extras])


def measure_extras(bench: Bench) -> Iterator[Extra]:
    """A 12-megapixel photograph, 32 photographs in one request, one core and all."""
    with _large(bench) as large:
        what = f"{MEGAPIXELS} megapixels, {FEW} clients"
        for system in (PLAIN, BOOTH):
            yield from _one(large, system, what, FEW)
    what = f"{MANY} photographs in one request, 1 client"
    yield from _one(bench, BOOTH, what, 1, batch=MANY)
    for count in sorted({1, min(2, len(os.sched_getaffinity(0)))}):
        with _pinned(count):
            what = f"{count} core{'s' * (count > 1)} for server and clients, {MANY} clients"
            for system in (PLAIN, BOOTH):
                yield from _one(bench, system, what, MANY)


def measure_resnet(bench: Bench) -> Iterator[Extra]:
    """ResNet-50, whose weights are random: they cost the same time as trained ones.

    Nothing is checked: such a network has no opinion to compare.
    """
    for precision in PRECISIONS:
        heavy = replace(bench, model=random_resnet(precision, CACHE), expected=[])
        ceiling = max(heavy.ceiling("booth", sorted(WAYS), bench.seconds).values())
        what = f"ResNet-50 {precision}, random weights, {FEW} clients"
        for system in (PLAIN, BOOTH):
            for extra in _one(heavy, system, what, FEW):
                yield replace(extra, ceiling=ceiling)


def _one(
    bench: Bench, system: System, what: str, clients: int, *, batch: int = 1
) -> Iterator[Extra]:
    """The measurement; none, and why, if it can't be made."""
    try:
        with Server.running(system, bench.model, bench.photos[0]) as server:
            bench.check(server)
            yield Extra(what, system.name, bench.put(server, what, clients, batch=batch))
    except (Failed, WrongAnswers) as error:
        print(f"{what}: {system.name} is left out: {error}", file=sys.stderr)


@contextmanager
def _large(bench: Bench) -> Iterator[Bench]:
    """The same with large photographs: of those whose first label leads by far.

    Decoders scale large JPEGs in different ways; where two labels are level, that decides.
    """
    leads = {number: reference.lead for number, reference in enumerate(bench.expected)}
    clear = sorted((n for n in leads if leads[n] > CLEAR_LEAD), key=lambda n: -leads[n])[:LARGE]
    photos = [enlarged(bench.photos[number], MEGAPIXELS) for number in clear]
    with TemporaryDirectory() as folder:
        for number, photo in enumerate(photos):
            (Path(folder) / f"{number}.jpg").write_bytes(photo)
        expected = references(bench.model, photos)
        yield replace(bench, folder=Path(folder), photos=photos, expected=expected)


@contextmanager
def _pinned(count: int) -> Iterator[None]:
    """Whatever is started meanwhile, server and load generator, shares ``count`` cores."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, sorted(before)[:count])
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)
