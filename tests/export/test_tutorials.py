"""Checkpoints as published tutorials save them, to an answer over HTTP that is their network's own.

Their dictionaries are made here as the code of those tutorials makes them; timm's and Lightning's
own programs need not be installed.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from starlette.testclient import TestClient
from torch import nn
from torch.optim.swa_utils import AveragedModel

from export.cli.export import export
from models.card import Input
from service.photo.decode import decode
from service.run.app import create_app, create_state
from service.settings import read_settings
from tests.export.checkpoints import IMAGENET, random_network, shallow_resnet18
from tests.export.cli.invoking import run

pytestmark = pytest.mark.xdist_group("tutorials")  # one worker makes what its tests share

NAMES = ["ants", "bees", "wasps"]
SIZE = 64
Made = tuple[nn.Module, dict[str, str]]


def trained(factor: float = 1.0) -> Any:
    """A network of torchvision's own class, whose answers differ from photograph to photograph."""
    from models.networks.compat import torchvision_models

    module = torchvision_models().resnet18(num_classes=len(NAMES))
    state = random_network("resnet18", len(NAMES), SIZE).module.state_dict()
    module.load_state_dict({name: value.clone() for name, value in state.items()})
    module.fc.weight.data *= factor
    return module.eval()


def pytorch(folder: Path) -> Made:
    """The tutorial of transfer learning: the last layer replaced, the best state dict saved."""
    module = trained()
    torch.save(module.state_dict(), folder / "weights.pth")
    (folder / "labels").write_text("\n".join(NAMES))
    return module, {}


def torchvision(folder: Path) -> Made:
    """``references/classification/train.py``, of which the moving average is wanted."""
    module = trained(-1.0)
    average = AveragedModel(trained())
    optimizer = torch.optim.SGD(module.parameters(), lr=0.1, momentum=0.9)
    checkpoint = {
        "model": module.state_dict(),
        "optimizer": optimizer.state_dict(),
        "lr_scheduler": torch.optim.lr_scheduler.StepLR(optimizer, 30).state_dict(),
        "epoch": 89,
        "args": argparse.Namespace(model="resnet18", device="cuda", output_dir=Path("out")),
        "model_ema": average.state_dict(),
    }
    torch.save(checkpoint, folder / "weights.pth")
    indices = {name: index for index, name in reversed(list(enumerate(NAMES)))}
    (folder / "labels").write_text(json.dumps({"class_to_idx": indices}))
    return average.eval(), {"use": "ema"}


class Callback:
    """Stands for what Lightning keeps of its callbacks and hyper-parameters."""


class LightningModule(nn.Module):
    """Of Lightning's page on transfer learning, with a loss and a measure of its own."""

    def __init__(self) -> None:
        super().__init__()
        backbone = trained()
        self.feature_extractor = nn.Sequential(*list(backbone.children())[:-1])
        last = nn.Linear(16, len(NAMES))
        nn.init.normal_(last.weight)
        self.classifier = nn.Sequential(
            nn.Dropout(), nn.Linear(512, 16), nn.GELU(), nn.Dropout(), last
        )
        self.criterion = nn.CrossEntropyLoss(weight=torch.ones(3))
        self.register_buffer("val_confmat", torch.zeros(3, 3, dtype=torch.long))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = self.classifier(self.feature_extractor(x).flatten(1))
        return logits


def lightning(folder: Path) -> Made:
    """``ModelCheckpoint``."""
    module = LightningModule()
    checkpoint = {
        "epoch": 3,
        "global_step": 120,
        "pytorch-lightning_version": "2.6.0",
        "state_dict": module.state_dict(),
        "loops": {"fit_loop": {"state_dict": {}, "epoch_progress": {"current": {"ready": 4}}}},
        "callbacks": {
            "ModelCheckpoint": {"best_model_score": torch.tensor(0.9), "own": Callback()}
        },
        "optimizer_states": [torch.optim.Adam(module.parameters()).state_dict()],
        "lr_schedulers": [],
        "hparams_name": "kwargs",
        "hyper_parameters": {"lr": 0.1, "data": Path("/data"), "loss": nn.CrossEntropyLoss()},
    }
    torch.save(checkpoint, folder / "weights.pth")
    rows = "".join(f"{index},{NAMES[index]}\n" for index in (2, 0, 1))
    (folder / "labels.csv").write_text(rows)
    return module.eval(), {"activation": "gelu", "labels": str(folder / "labels.csv")}


def timm(folder: Path) -> Made:
    """``CheckpointSaver``, of which the network itself is taken."""
    module = trained()
    checkpoint = {
        "epoch": 9,
        "arch": "resnet18",
        "state_dict": {f"_orig_mod.{name}": value for name, value in module.state_dict().items()},
        "optimizer": torch.optim.AdamW(module.parameters()).state_dict(),
        "version": 2,
        "args": argparse.Namespace(model="resnet18", lr=0.1),
        "amp_scaler": {"scale": 65536.0},
        "state_dict_ema": trained(-1.0).state_dict(),
        "metric": np.float64(91.5),
    }
    torch.save(checkpoint, folder / "weights.pth")
    (folder / "labels").write_text("".join(f"{NAMES[i]} {i}\r\n" for i in (1, 2, 0)), "utf-16")
    return module, {}


TUTORIALS: dict[str, Callable[[Path], Made]] = {
    made.__name__: made for made in (pytorch, torchvision, lightning, timm)
}


@pytest.fixture(scope="module", autouse=True)
def _shallow() -> Iterator[None]:
    with shallow_resnet18():
        yield


@pytest.fixture(scope="module")
def modules(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[nn.Module, Path]]:
    """Each tutorial's network, and the file that ``booth export`` made of its checkpoint."""
    made = {}
    for name, save in TUTORIALS.items():
        folder = tmp_path_factory.mktemp(name)
        module, options = save(folder)
        given = {
            "arch": "resnet18",
            "weights": str(folder / "weights.pth"),
            "labels": str(folder / "labels"),
            "out": str(folder / f"{name}.onnx"),
            "size": str(SIZE),
        } | options
        result = run(export, *(f"--{option}={value}" for option, value in given.items()))
        assert result.exit_code == 0, (name, result.exception)
        made[name] = module, folder / f"{name}.onnx"
    return made


@pytest.fixture(scope="module")
def client(modules: dict[str, tuple[nn.Module, Path]]) -> Iterator[TestClient]:
    files = ",".join(str(path) for _, path in modules.values())
    settings = {"BOOTH_MODELS": files, "BOOTH_DEMO": "off", "BOOTH_MAX_BATCH_SIZE": "1"}
    with TestClient(create_app(create_state(read_settings(settings)))) as started:
        deadline = time.monotonic() + 60
        while started.get("/readyz").status_code != 200:
            assert time.monotonic() < deadline, started.get("/readyz").text
            time.sleep(0.02)
        yield started


@pytest.mark.parametrize("name", TUTORIALS)
def test_booth_answers_as_the_tutorials_own_network(
    name: str,
    modules: dict[str, tuple[nn.Module, Path]],
    client: TestClient,
    photos: dict[str, bytes],
) -> None:
    module, _ = modules[name]
    seen = Input(size=SIZE, resize=round(SIZE * 8 / 7))
    for photo in photos.values():
        pixels = torch.from_numpy(IMAGENET(decode(photo, seen).pixels[None]))
        with torch.inference_mode():
            expected = dict(zip(NAMES, module(pixels).softmax(1)[0].tolist(), strict=True))
        answer = client.post("/classify", params={"model": name}, content=photo).json()
        found = {one["label"]: one["confidence"] for one in answer["predictions"]}
        assert found == pytest.approx(expected, abs=1e-4)
