"""The command ``booth``. Each room registers its commands as entry points; none is imported before
it is called, so that ``booth serve`` starts fast and needs no torch.
"""

from __future__ import annotations

import sys
from importlib.metadata import EntryPoint, entry_points
from typing import Any

import click

from service.cli.shadows import refuse_shadows

__all__ = ["main"]

GROUP = "booth.commands"
OWN = {"booth_client", "demo", "export", "models", "service"}

# In the order of --help.
HELP = {
    "serve": "Serve models over HTTP, with the page at /.",
    "classify": "Label photographs here, without a server.",
    "models": "List the models there are.",
    "pull": "Download a published model, export it, prove it.",
    "train": "Train a classifier on labelled photographs of your own.",
    "export": "Turn a checkpoint of your own into a model file.",
    "adopt": "Turn another program's ONNX classifier into a model file.",
    "evaluate": "Measure a model on labelled photographs.",
    "calibrate": "Fit a model's confidences on labelled photographs.",
    "tune": "Measure a model on this machine, and pick how it is served best.",
    "verify": "Pull, prove, evaluate, and compare with the published accuracy.",
    "key": "Make a new API key, and the digest that the service keeps of it.",
}


class _Commands(click.Group):
    """Loads a command when it is called."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; what its user can put right is caught here alone."""
        # Not before `main` knows that this is Booth's `models`.
        from models.errors import UserError

        try:
            return super().invoke(ctx)
        except UserError as error:
            raise click.ClickException(str(error)) from None

    def list_commands(self, _ctx: click.Context) -> list[str]:
        return sorted(_points(), key=lambda name: [*HELP, name].index(name))

    def get_command(self, _ctx: click.Context, name: str) -> click.Command | None:
        point = _points().get(name)
        if point is None:
            return None
        try:
            command = point.load()
        except ModuleNotFoundError as missing:
            if (missing.name or "").partition(".")[0] in OWN:
                raise  # a fault of ours, and no missing library
            raise click.ClickException(
                f"`booth {name}` needs {missing.name}: install Booth with its extra `export`: "
                "`pip install '.[export]'` in its folder."
            ) from None
        assert isinstance(command, click.Command)  # noqa: S101 (an entry point of ours)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The list for --help, without loading any."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, HELP.get(name, "")) for name in self.list_commands(ctx)])


def _points() -> dict[str, EntryPoint]:
    return {point.name: point for point in entry_points(group=GROUP)}


@click.command(cls=_Commands)
@click.version_option(package_name="booth")
def booth() -> None:
    """A photograph in, labels with confidences out."""


def main() -> None:
    """Run the command line."""
    refuse_shadows()
    sys.exit(booth())
