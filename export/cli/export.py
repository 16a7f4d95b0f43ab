"""``booth export``: from a checkpoint of one's own to a proven model file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import click

from export.cli.libraries import require_torch
from export.cli.options import FILE, FOLDER, OUT, RESIZE, VERSION
from export.cli.output import echo_step, echo_summary
from models.card import Input
from models.errors import UserError, validation_as
from models.labels import LABEL_SETS, read_labels
from models.normalisation import Normalisation
from models.sources import SOURCES

if TYPE_CHECKING:
    from export.pipeline import ExportConfig, Precision

__all__ = ["UnknownArchitecture", "export"]

_RGB = (float, float, float)
_USUAL = SOURCES["resnet50"]  # its preprocessing is most networks'


class UnknownArchitecture(UserError):
    """Booth has no such network; the sentence names those that it has."""


@click.command()
@click.option("--arch", required=True, help="the network's architecture, such as resnet50")
@click.option("--weights", required=True, type=FILE, help="the checkpoint, such as my.pth")
@click.option(
    "--labels",
    required=True,
    help=f"{', '.join(LABEL_SETS)}, or a file: text, CSV, JSON or YAML, with or without indices",
)
@click.option("--out", required=True, type=OUT)
@click.option("--name", help="the model's name in the service  [default: that of --out]")
@VERSION
@click.option("--title", help="its name for people  [default: its name]")
@click.option(
    "--precision",
    type=click.Choice(["fp32", "fp16", "int8"]),
    default="fp32",
    show_default=True,
    help="int8 suits CPUs, fp16 GPUs",
)
@click.option("--photos", type=FOLDER, help="calibrate and prove on these  [default: Booth's own]")
@click.option("--size", type=int, help="side of the network's square, pixels  [default: --arch's]")
@RESIZE
@click.option("--squash", is_flag=True, help="resize both sides, whatever the aspect ratio")
@click.option(
    "--interpolation",
    type=click.Choice(["bilinear", "bicubic"]),
    help="[default: that of --arch's published weights]",
)
@click.option("--mean", type=_RGB, help="of R, G and B, on pixels of 0..255  [default: likewise]")
@click.option("--std", type=_RGB, help="likewise")
@click.option(
    "--temperature",
    type=click.FloatRange(min=0, min_open=True),
    default=1.0,
    show_default=True,
    help="divides the logits, where it is known; `booth calibrate` finds one",
)
@click.option(
    "--use", help="which of a checkpoint's networks: ema, or its name  [default: not ema]"
)
@click.option(
    "--activation",
    type=click.Choice(["relu", "leaky_relu", "gelu", "silu", "tanh", "none"]),
    help="between the linear layers of a head of your own  [default: relu]",
)
@click.option("--licence", default="unknown", help="of the weights: SPDX name, or terms in words")
def export(
    weights: Path, out: Path, precision: Precision, photos: Path | None, **options: Any
) -> None:
    """Make a self-contained ONNX file of a trained network, and prove that it answers alike."""
    require_torch()
    # Late: torch takes seconds to load.
    from export.photographs import photographs_in
    from export.pipeline import export_model

    config = _config(out, **options)
    card = export_model(
        config,
        weights,
        out,
        precision=precision,
        photographs=photographs_in(photos, config.input) if photos else None,
        progress=echo_step,
    )
    echo_summary(card, out)


def _config(
    out: Path,
    *,
    arch: str,
    labels: str,
    name: str | None,
    version: str,
    title: str | None,
    mean: tuple[float, float, float] | None,
    std: tuple[float, float, float] | None,
    temperature: float,
    licence: str,
    use: str | None,
    activation: str | None,
    **resizing: Any,
) -> ExportConfig:
    """What to make, with the preprocessing of the architecture's published weights by default."""
    from export.pipeline import ExportConfig
    from models.networks import ARCHITECTURES

    if arch not in ARCHITECTURES:
        raise UnknownArchitecture(
            f"Booth knows no architecture {arch!r}; there are {', '.join(sorted(ARCHITECTURES))}."
        )
    usual = SOURCES.get(arch, _USUAL)
    return ExportConfig(
        name=name or out.stem.lower(),
        version=version,
        title=title or name or out.stem,
        architecture=arch,
        labels=read_labels(labels),
        input=_input(usual.input, **resizing),
        normalisation=Normalisation(
            mean or usual.normalisation.mean, std or usual.normalisation.std
        ),
        origin="a checkpoint of one's own",
        licence=licence,
        temperature=temperature,
        use=use,
        activation=activation,
    )


def _input(
    usual: Input,
    *,
    size: int | None,
    resize: int | None,
    squash: bool,
    interpolation: str | None,
) -> Input:
    from export.pipeline import InvalidCard

    size = size or usual.size
    with validation_as(InvalidCard):
        return Input(
            size=size,
            resize=resize or (size if squash else round(size * 8 / 7)),
            keep_aspect=not squash,
            interpolation=cast("Any", interpolation or usual.interpolation),
        )
