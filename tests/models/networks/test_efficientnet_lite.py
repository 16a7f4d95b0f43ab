from __future__ import annotations

from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from models.labels import label_set
from models.networks import build
from models.networks.checkpoint import load_network
from models.sources import SOURCES

LITE0 = SOURCES["efficientnet_lite0"]


@pytest.mark.parametrize(("number", "size", "side"), [(0, 224, 7), (1, 240, 8), (2, 260, 9)])
def test_efficientnet_lite_pads_as_tensorflow(number: int, size: int, side: int) -> None:
    network = build(f"efficientnet_lite{number}", 1000)
    _, _, maps = network(torch.empty(1, 3, size, size, device="meta"))
    assert maps.shape == (1, 1280, side, side)


def test_the_published_weights_know_a_cup_of_coffee_and_a_cat(
    weights: Path, photos: dict[str, bytes]
) -> None:
    network, _ = load_network(LITE0.architecture, 1000, weights)
    images = [Image.open(BytesIO(photos[name])).convert("RGB") for name in ("coffee", "chelsea")]
    squares = np.stack([np.asarray(one.resize((224, 224))) for one in images])
    with torch.inference_mode():
        first = network(torch.from_numpy(LITE0.normalisation(squares)))[0].argmax(1)
    labels = [label_set("imagenet")[index].name for index in first]
    assert labels[0] == "Espresso"
    assert "cat" in labels[1].lower() or "tabby" in labels[1].lower()
