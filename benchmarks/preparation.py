"""What the programs that load a server ask on the command line, and make ready."""

from __future__ import annotations

import argparse
from pathlib import Path

from benchmarks.parity import references
from benchmarks.photographs import read_photographs
from benchmarks.runs import Bench
from benchmarks.systems import ROOT
from models.shelf import find_model
from service.settings import read_settings

__all__ = ["add_options", "prepare"]


def add_options(parser: argparse.ArgumentParser, *, seconds: float) -> None:
    """Let the command line say what is sent, to which model, and for how long."""
    parser.add_argument("--photos", type=Path, default=ROOT / "export/photos")
    parser.add_argument("--sample", type=int, default=100, help="most photographs to send")
    parser.add_argument("--model", default="efficientnet_lite0")
    parser.add_argument("--seconds", type=float, default=seconds, help="of each measurement")
    parser.add_argument("--warm-up", type=float, default=1, help="seconds before each")


def prepare(options: argparse.Namespace, folder: Path) -> Bench:
    """The model, the photographs, and the network's own answers."""
    model = find_model(options.model, read_settings().model_dir).resolve()
    photos = list(read_photographs(options.photos, options.sample).values())
    for number, photo in enumerate(photos):
        (folder / f"{number:05}.jpg").write_bytes(photo)
    expected = references(model, photos)
    return Bench(model, folder, photos, expected, options.seconds, options.warm_up)
