"""``booth pull``: from a publisher's weights to a proven model file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from export.cli.options import FOLDER, weights_options
from export.cli.output import echo_summary
from export.cli.published import PublishedModel
from models.errors import UserError
from service.settings import read_settings

if TYPE_CHECKING:
    from export.pipeline import Precision

__all__ = ["AlreadyThere", "pull"]


class AlreadyThere(UserError):
    """A model file of this name is there, and was not to be replaced."""


@click.command()
@click.argument("name")
@click.option(
    "--precision",
    type=click.Choice(["int8", "fp16", "fp32"]),
    default="int8",
    show_default=True,
    help="int8 suits CPUs, fp16 GPUs",
)
@click.option("--photos", type=FOLDER, help="photographs to calibrate and prove with")
@click.option("--force", is_flag=True, help="replace the model that is there")
@weights_options
def pull(
    name: str, precision: Precision, photos: Path | None, *, force: bool, **options: Any
) -> None:
    """Download the published model NAME, export it, prove it.

    The model file lands in BOOTH_MODEL_DIR, where `booth serve` finds it by its name. `booth
    models` lists the names.
    """
    model = PublishedModel.named(name, **options)
    target = read_settings().model_dir / f"{name}.onnx"
    if target.exists() and not force:
        raise AlreadyThere(f"{target} is there already; --force replaces it.")
    echo_summary(model.export(target, precision, photos), target)
