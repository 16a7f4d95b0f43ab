"""``booth tune``: how a model runs best on this machine."""

from __future__ import annotations

import datetime as dt
import re
import sys
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import click
import orjson

from booth_client.errors import BoothError
from models.errors import UserError
from models.shelf import find_model
from service.fleet.identity import read_model_file
from service.fleet.tuning import Tuning, save, tuning_key
from service.lab import tuner
from service.lab.reliability import require_matplotlib
from service.lab.tuner import Choice, MeasuredLayout
from service.machine import cores
from service.photo.decode import decode
from service.runtimes.base import ModelFile
from service.runtimes.session import Session
from service.settings import Settings, read_settings

__all__ = ["tune"]

SAMPLE = Path(__file__).resolve().parents[2] / "demo" / "samples" / "aqueduct.jpg"
BAR = 40  # characters of the longest bar
UNITS_MS = {"": 1.0, "ms": 1.0, "s": 1000.0}


class _Latency(click.ParamType[float]):
    """``50ms``, ``0.05s`` or ``50``, in milliseconds."""

    name = "latency"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        found = re.fullmatch(r"(\d+(?:\.\d+)?) ?(ms|s|)", str(value))
        if not found or float(found[1]) == 0:
            self.fail(f"{value!r} is no latency; write 50ms or 0.05s.", param, ctx)
        return float(found[1]) * UNITS_MS[found[2]]


@click.command()
@click.argument("model")
@click.option(
    "--p99", "p99_ms", type=_Latency(), default="50ms", show_default=True, metavar="LATENCY",
    help="what 99 % of the photographs may take, at 80 % of the highest throughput",
)  # fmt: skip
@click.option(
    "--photo", type=click.Path(exists=True, dir_okay=False, path_type=Path), metavar="FILE",
    help="an ordinary photograph, whose decoding counts; else one that ships with Booth",
)  # fmt: skip
@click.option(
    "--plot", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE.png",
    help="draw it (needs matplotlib: the extra train)",
)  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="print JSON")
def tune(
    model: str, p99_ms: float, photo: Path | None, plot: Path | None, *, as_json: bool
) -> None:
    """Measure MODEL on this machine, and pick slots, threads and batch size for `booth serve`.

    The pick has the highest throughput whose predicted p99 meets the latency. It is kept beside the
    models, for this very file, CPU and runtime, and `booth serve` takes it unless BOOTH_SLOTS,
    BOOTH_THREADS or BOOTH_MAX_BATCH_SIZE is set. The prediction leaves out HTTP, the transfer,
    larger photographs and whatever else the machine does; measure on an idle one.
    """
    if plot:
        require_matplotlib()  # before the work
    settings = read_settings()
    tuning, choices = _tuned(model, settings, p99_ms, photo or SAMPLE)
    where = _kept(tuning, settings.model_dir)
    click.echo(_json(tuning, choices) if as_json else _text(tuning, choices, where))
    if plot:
        _draw(choices, plot)


def _kept(tuning: Tuning, folder: Path) -> Path:
    try:
        return save(tuning, folder)
    except OSError as error:
        raise UserError(f"{error.filename}: {error.strerror}.") from None


def _tuned(
    model: str, settings: Settings, p99_ms: float, photo: Path
) -> tuple[Tuning, list[Choice]]:
    file = read_model_file(find_model(model, settings.model_dir))
    with closing(Session(file, providers=settings.providers)) as session:
        decode_s = tuner.measure_decoding(_readable(photo, session), session.card.input)
    best, choices = tuner.pick(
        _measured(file, settings, p99_ms / 1e3),
        decode_s,
        p99_ms / 1e3,
        decodes_beside=session.leaves_cores_free,
    )
    tuning = Tuning(
        key=tuning_key(file, settings.providers),
        model=session.card.name,
        slots=best.layout.slots,
        threads=best.layout.threads,
        max_batch_size=best.max_batch_size,
        p99_ms=p99_ms,
        predicted_p99_ms=round(best.p99_s * 1e3, 3),
        predicted_throughput=round(best.throughput, 2),
        run=best.layout.run,
        decode_s=decode_s,
        measured=dt.datetime.now(dt.UTC).date(),
    )
    return tuning, choices


def _measured(file: ModelFile, settings: Settings, p99_s: float) -> list[MeasuredLayout]:
    """All layouts, with a bar on standard error, where a person sees it."""
    pairs = tuner.layouts(cores())
    measuring = tuner.measure(file, settings.providers, p99_s)
    hidden = not sys.stderr.isatty()
    with click.progressbar(
        measuring, length=len(pairs), label="Measuring", file=sys.stderr, hidden=hidden
    ) as bar:
        return list(bar)


def _readable(photo: Path, session: Session) -> bytes:
    """The bytes of a photograph that can be decoded."""
    try:
        data = photo.read_bytes()
        decode(data, session.card.input)
    except OSError:
        raise UserError(
            "The photograph that ships with Booth is missing here; name one of yours with --photo."
        ) from None
    except BoothError as error:
        raise UserError(f"{photo}: {error.detail}") from None
    return data


def _text(tuning: Tuning, choices: Sequence[Choice], where: Path) -> str:
    key = tuning.key
    head = (
        f"{tuning.model} on {key.cores} cores ({key.cpu}), {key.runtime}; decoding takes "
        f"{tuning.decode_s * 1e3:.2f} ms.\nTimes in milliseconds, throughput in photographs a "
        "second; p99 predicted at 80 % of it."
    )
    taken = f"Taken for a p99 of {tuning.p99_ms:g} ms: {tuning}."
    kept = f"Kept in {where}; `booth serve` takes it from there."
    return "\n".join([head, "", *_table(tuning, choices), "", *_fits(choices), "", taken, kept])


def _table(tuning: Tuning, choices: Sequence[Choice]) -> list[str]:
    most = max(choice.throughput for choice in choices)
    rows = [f"{'slots':>5}{'threads':>9}{'batch':>7}{'run':>9}{'per s':>9}{'p99':>9}  throughput"]
    for choice in choices:
        layout, size = choice.layout, choice.max_batch_size
        taken = (layout.slots, layout.threads, size) == (
            tuning.slots, tuning.threads, tuning.max_batch_size,
        )  # fmt: skip
        late = choice.p99_s * 1e3 > tuning.p99_ms
        bar = ("." if late else "#") * round(BAR * choice.throughput / most)
        rows.append(
            f"{layout.slots:5}{layout.threads:9}{size:7}{layout.seconds[size] * 1e3:9.2f}"
            f"{choice.throughput:9.1f}{choice.p99_s * 1e3:9.1f}  {bar}{' <' if taken else ''}"
        )
    return [*rows, f"# meets the p99 of {tuning.p99_ms:g} ms, . does not, < is taken"]


def _fits(choices: Sequence[Choice]) -> list[str]:
    return [
        f"slots {layout.slots}, threads {layout.threads}: a run of n takes "
        f"{layout.run.base_s * 1e3:.2f} + {layout.run.per_photo_s * 1e3:.2f} n ms"
        for layout in _layouts(choices)
    ]


def _layouts(choices: Sequence[Choice]) -> list[MeasuredLayout]:
    return list({id(choice.layout): choice.layout for choice in choices}.values())


def _json(tuning: Tuning, choices: Sequence[Choice]) -> str:
    return orjson.dumps(
        {"taken": tuning, "choices": choices},
        option=orjson.OPT_INDENT_2 | orjson.OPT_NON_STR_KEYS,
    ).decode()


def _draw(choices: Sequence[Choice], path: Path) -> None:
    """Draw to ``path``, as PNG: durations of runs with their lines, and p99 against throughput."""
    # Late: tuning needs no matplotlib. Its Figure, unlike pyplot, keeps no global state.
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 4), layout="constrained")
    left, right = figure.subplots(1, 2)
    for layout in _layouts(choices):
        name = f"{layout.slots} x {layout.threads}"
        sizes = list(layout.seconds)
        (points,) = left.plot(
            sizes, [layout.seconds[size] * 1e3 for size in sizes], "o", label=name
        )
        left.plot(sizes, [layout.run(size) * 1e3 for size in sizes], color=points.get_color())
        own = [choice for choice in choices if choice.layout is layout]
        right.plot([c.throughput for c in own], [c.p99_s * 1e3 for c in own], "o-", label=name)
        for choice in own:
            right.annotate(str(choice.max_batch_size), (choice.throughput, choice.p99_s * 1e3))
    left.set(xlabel="photographs in a run", ylabel="duration (ms)", ylim=(0, None))
    right.set(xlabel="photographs a second", ylabel="predicted p99 at 80 % (ms)", ylim=(0, None))
    left.legend(title="slots x threads", frameon=False)
    try:
        figure.savefig(path, format="png", dpi=150, metadata={"Software": None})
    except OSError as cause:
        raise UserError(f"{path} can't be written: {cause.strerror}.") from None
