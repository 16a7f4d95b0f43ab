"""``booth adopt``: from another program's ONNX classifier to a proven model file."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from export.cli.libraries import require_onnx
from export.cli.options import FOLDER, OUT, RESIZE, VERSION
from export.cli.output import echo_step, echo_summary
from export.cli.pull import AlreadyThere
from models.errors import UserError
from models.labels import LABEL_SETS, read_labels
from service.settings import read_settings

if TYPE_CHECKING:
    from export.adoption.facts import Facts

__all__ = ["BadScale", "adopt"]

_RGB = (float, float, float)
_RANGES = {"0..1": (0.0, 255.0), "0..255": (0.0, 1.0), "-1..1": (127.5, 127.5)}


class BadScale(UserError):
    """The range, the mean and the standard deviation that were asked for don't go together."""


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--labels",
    help=f"{', '.join(LABEL_SETS)}, or a file: text, CSV, JSON or YAML, with or without indices  "
    "[default: those in FILE's metadata]",
)
@click.option("--out", type=OUT, help="[default: FILE's name, in BOOTH_MODEL_DIR]")
@click.option("--name", help="the model's name in the service  [default: that of --out or FILE]")
@VERSION
@click.option("--title", help="its name for people  [default: its name]")
@click.option("--photos", type=FOLDER, help="prove it on these  [default: Booth's own]")
@click.option("--size", type=click.IntRange(1), help="side of the network's square, pixels")
@RESIZE
@click.option("--squash/--crop", default=None, help="resize both sides, or the shorter one")
@click.option("--interpolation", type=click.Choice(["bilinear", "bicubic"]))
@click.option(
    "--range", "span", type=click.Choice(list(_RANGES)), help="of the pixels that it takes"
)
@click.option(
    "--mean",
    type=_RGB,
    help="of R, G and B, on --range's scale  [default: 0..1 if none is above 1, else 0..255]",
)
@click.option("--std", type=_RGB, help="likewise")
@click.option("--bgr/--rgb", default=None, help="which colour comes first in its input")
@click.option("--layout", type=click.Choice(["nchw", "nhwc"]), help="where its shape tells none")
@click.option("--output", help="the output to take  [default: that with a number a label]")
@click.option(
    "--outputs",
    "meaning",
    type=click.Choice(["logits", "probabilities"]),
    help="what it puts out  [default: found out on photographs]",
)
@click.option("--licence", help="of the weights: SPDX name, or terms in words")
@click.option("--force", is_flag=True, help="replace the model of that name in BOOTH_MODEL_DIR")
def adopt(file: Path, out: Path | None, name: str | None, *, force: bool, **options: Any) -> None:
    """Make a model file of FILE, an ONNX classifier that another program wrote.

    How photographs become its input is taken from FILE's metadata and the configuration beside it,
    where they tell, and from the options first. The model file is proven on photographs: it
    answers as FILE does in ONNX Runtime. Everything that had to be assumed is printed.
    """
    require_onnx()
    # Late: onnx takes half a second to load.
    from export.adoption.adopt import adopt_model

    name = name or _name_of(out or file)
    stem = name if options["version"] == "1" else f"{name}-{options['version']}"
    target = out or _free_place(stem, force=force)
    if target.exists() and file.exists() and target.samefile(file):
        raise AlreadyThere(f"{target} is the original itself; name another file with --out.")
    wishes = _wishes(name, **options)
    card, notes = adopt_model(file, target, wishes, echo_step)
    for note in notes:
        click.echo(note)
    echo_summary(card, target)
    click.echo(f"Serve it with `booth serve --models {target if out else stem}`.")


def _name_of(file: Path) -> str:
    """A name that a model may have, made of a file's."""
    return re.sub(r"[^a-z0-9_.-]+", "-", file.stem.lower()).strip("-._")[:64] or "model"


def _free_place(stem: str, *, force: bool) -> Path:
    target = read_settings().model_dir / f"{stem}.onnx"
    if target.exists() and not force:
        raise AlreadyThere(f"{target} is there already; replace it with --force.")
    return target


def _wishes(
    name: str,
    *,
    version: str,
    title: str | None,
    layout: Any,
    output: str | None,
    meaning: Any,
    photos: Path | None,
    **facts: Any,
) -> Any:
    from export.adoption.adopt import Wishes

    return Wishes(
        name=name,
        version=version,
        title=title or name,
        facts=_facts(**facts),
        layout=layout,
        output=output,
        meaning=meaning,
        photos=photos,
    )


def _facts(
    *,
    labels: str | None,
    resize: int | None,
    squash: bool | None,
    span: str | None,
    mean: tuple[float, float, float] | None,
    std: tuple[float, float, float] | None,
    **others: Any,
) -> Facts:
    from export.adoption.facts import Facts

    mean, std = _scale(span, mean, std)
    if resize and squash is None:
        squash = False  # it is said where the shorter side is resized and the middle cut out
    return Facts(
        labels=read_labels(labels) if labels else None,
        resize=resize,
        squash=squash,
        mean=mean,
        std=std,
        **others,
    )


def _scale(span: str | None, mean: Any, std: Any) -> tuple[Any, Any]:
    """Mean and standard deviation on pixels of 0..255."""
    if (mean is None) != (std is None):
        raise BadScale("Give --mean and --std together: the one means nothing without the other.")
    if mean is None:
        known = _RANGES.get(span or "")
        return ((known[0],) * 3, (known[1],) * 3) if known else (None, None)
    if span == "-1..1":
        raise BadScale(
            "--range -1..1 has a mean and deviation of its own: leave out --mean, --std."
        )
    if span is None and set(mean) == {0} and set(std) == {1}:
        raise BadScale("A mean of 0 and a deviation of 1 leave pixels as they are: give --range.")
    unit = span == "0..1" or (span is None and max(*mean, *std) <= 1)
    factor = 255 if unit else 1
    return tuple(v * factor for v in mean), tuple(v * factor for v in std)
