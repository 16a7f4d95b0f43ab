"""``booth export``: from a checkpoint of one's own to a proven model file."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import click
from pydantic import ValidationError

from export.labels import BadLabels, read_labels
from models.card import Input
from models.labels import LABEL_SETS
from models.sources import SOURCES

if TYPE_CHECKING:
    from export.pipeline import Precision, Recipe
    from models.card import Card

__all__ = ["echo_summary", "export", "require_torch"]

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)
_RGB = (float, float, float)
_USUAL = SOURCES["resnet50"]  # its preprocessing is most networks'


@click.command()
@click.option("--arch", required=True, help="the network's architecture, such as resnet50")
@click.option("--weights", required=True, type=_FILE, help="the checkpoint, such as my.pth")
@click.option(
    "--labels",
    required=True,
    help=f"{', '.join(LABEL_SETS)}, or a file: a label a line; or .csv: category,name[,kind]",
)
@click.option("--out", required=True, type=click.Path(dir_okay=False, path_type=Path))
@click.option("--name", help="the model's name in the service  [default: that of --out]")
@click.option("--title", help="its name for people  [default: its name]")
@click.option(
    "--precision",
    type=click.Choice(["fp32", "fp16", "int8"]),
    default="fp32",
    show_default=True,
    help="int8 suits CPUs, fp16 GPUs",
)
@click.option("--photos", type=_FOLDER, help="calibrate and prove on these  [default: Booth's own]")
@click.option("--size", type=int, help="side of the network's square, pixels  [default: --arch's]")
@click.option("--resize", type=int, help="side before the centre crop  [default: 8/7 of --size]")
@click.option("--squash", is_flag=True, help="resize both sides, whatever the aspect ratio")
@click.option(
    "--interpolation",
    type=click.Choice(["bilinear", "bicubic"]),
    help="[default: that of --arch's published weights]",
)
@click.option("--mean", type=_RGB, help="of R, G and B, on pixels of 0..255  [default: likewise]")
@click.option("--std", type=_RGB, help="likewise")
@click.option("--temperature", type=click.FloatRange(min=0, min_open=True), default=1.0)
@click.option("--licence", default="unknown", help="of the weights: SPDX name, or terms in words")
def export(
    weights: Path, out: Path, precision: Precision, photos: Path | None, **options: Any
) -> None:
    """Make a self-contained ONNX file of a trained network, and prove that it answers alike."""
    require_torch()
    from export.photographs import NoPhotographs, from_folder
    from export.pipeline import export_model
    from export.proof.parity import ParityError
    from models.networks.checkpoint import CheckpointError

    try:
        recipe = _recipe(out, **options)
        photographs = from_folder(photos, recipe.input) if photos else None
        card = export_model(
            recipe,
            weights,
            out,
            precision=precision,
            photographs=photographs,
            progress=lambda step: click.echo(f"{step} ...", err=True),
        )
    except (BadLabels, CheckpointError, NoPhotographs, ParityError) as error:
        raise click.ClickException(str(error)) from None
    except ValidationError as error:
        raise click.ClickException(_sentence(error)) from None
    echo_summary(card, out)


def require_torch() -> None:
    """Say what to install where the exporter's libraries are missing.

    Raises:
        click.ClickException: They are.

    """
    missing = [name for name in ("torch", "torchvision", "onnx") if find_spec(name) is None]
    if missing:
        raise click.ClickException(
            f"This command needs {', '.join(missing)}: pip install 'booth[export]'."
        )


def echo_summary(card: Card, out: Path) -> None:
    """Print what was made, in a few lines."""
    megabytes = out.stat().st_size / 1e6
    click.echo(f"{out}: {card.title}, {card.precision}, {megabytes:.1f} MB")
    click.echo(
        f"{card.parameters / 1e6:.1f} million parameters, "
        f"{card.multiply_adds / 1e9:.2f} billion multiply-adds, {len(card.labels)} labels"
    )
    if card.parity:
        click.echo(
            f"Against {card.parity.reference}, on {card.parity.photographs} photographs: "
            f"the same first label on {card.parity.top1_agreement:.1%}, "
            f"largest change of a probability {card.parity.largest_difference:.2g}."
        )


def _sentence(error: ValidationError) -> str:
    """The first fault of a card, for people."""
    fault = error.errors()[0]
    place = " ".join(map(str, fault["loc"])) or "card"
    return f"The {place} can't be {str(fault['input'])[:80]!r}: {fault['msg']}."


def _recipe(
    out: Path,
    *,
    arch: str,
    labels: str,
    name: str | None,
    title: str | None,
    size: int | None,
    resize: int | None,
    squash: bool,
    interpolation: str | None,
    mean: tuple[float, float, float] | None,
    std: tuple[float, float, float] | None,
    temperature: float,
    licence: str,
) -> Recipe:
    from export.graph.model import Normalisation
    from export.pipeline import Recipe
    from models.networks import ARCHITECTURES

    if arch not in ARCHITECTURES:
        raise click.ClickException(
            f"Booth knows no architecture {arch!r}; there are {', '.join(sorted(ARCHITECTURES))}."
        )
    usual = SOURCES.get(arch, _USUAL)
    size = size or usual.input.size
    return Recipe(
        name=name or out.stem.lower(),
        title=title or name or out.stem,
        architecture=arch,
        labels=read_labels(labels),
        input=Input(
            size=size,
            resize=resize or round(size * 8 / 7),
            keep_aspect=not squash,
            interpolation=cast("Any", interpolation or usual.input.interpolation),
        ),
        normalisation=Normalisation(mean or usual.mean, std or usual.std),
        origin="a checkpoint of one's own",
        licence=licence,
        temperature=temperature,
    )
