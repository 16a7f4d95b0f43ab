"""ResNet-50 with random weights, which cost the same time as trained ones."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from benchmarks.systems import ROOT

__all__ = ["random_resnet"]


def random_resnet(precision: str, folder: Path) -> Path:
    """The model file, made by Booth's own export unless the folder has it.

    Args:
        precision: "fp32", "fp16" or "int8".
        folder: for the file.

    """
    file = folder / f"resnet50-random-{precision}.onnx"
    if not file.is_file():
        folder.mkdir(exist_ok=True)
        weights = folder / "resnet50-random.pth"
        _save_random_weights(weights)
        command = [*(sys.executable, "-m", "service", "export", "--arch", "resnet50")]
        options = ["--labels", "imagenet", "--precision", precision, "--out", str(file)]
        subprocess.run(
            [*command, "--weights", str(weights), *options],
            cwd=ROOT,
            check=True,
            stdout=subprocess.DEVNULL,
        )
        weights.unlink()
    return file


def _save_random_weights(file: Path) -> None:
    """Convolutions as He et al. 2015 initialise them; normalisations that leave things alone."""
    import torch

    from models.networks import build

    generator = torch.Generator().manual_seed(0)
    weights = {}
    for name, empty in build("resnet50", 1000).module.state_dict().items():
        shape = empty.shape
        if empty.ndim > 1:
            deviation = (2 / shape[1:].numel()) ** 0.5
            weights[name] = deviation * torch.randn(shape, generator=generator)
        elif name.endswith(("weight", "running_var")):
            weights[name] = torch.ones(shape)
        else:
            weights[name] = torch.zeros(shape, dtype=empty.dtype)
    torch.save(weights, file)
