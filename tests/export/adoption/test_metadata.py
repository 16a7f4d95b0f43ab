"""Configurations that lie beside a file, as transformers and timm write them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from export.adoption.metadata import told_beside
from export.adoption.original import AdoptionError

if TYPE_CHECKING:
    from pathlib import Path

    from export.adoption.facts import Told

MEAN, STD = [0.5, 0.25, 0.75], [0.5, 0.5, 0.25]


def beside(folder: Path, name: str, config: Any) -> list[Told]:
    (folder / name).write_text(json.dumps(config), encoding="utf-8")
    return told_beside(folder / "model.onnx")


def seen(folder: Path, **processor: Any) -> tuple[int | None, int | None, bool | None]:
    """Size, resize and squash, by an image processor's configuration."""
    (told,) = beside(folder, "preprocessor_config.json", processor)
    return told.facts.size, told.facts.resize, told.facts.squash


def test_an_image_processor_tells_all_of_the_preprocessing(tmp_path: Path) -> None:
    processor = {
        "image_processor_type": "ViTImageProcessor",
        "size": {"height": 224, "width": 224},
        "resample": 3,
        "rescale_factor": 0.00392156862745098,
        "image_mean": MEAN,
        "image_std": STD,
        "do_flip_channel_order": True,
    }
    (told,) = beside(tmp_path, "preprocessor_config.json", processor)
    assert told.by == "preprocessor_config.json beside it"
    facts = told.facts
    assert (facts.size, facts.resize, facts.squash, facts.bgr) == (224, 224, True, True)
    assert facts.interpolation == "bicubic"
    assert facts.mean == pytest.approx((127.5, 63.75, 191.25))
    assert facts.std == pytest.approx((127.5, 127.5, 63.75))


def test_each_processor_has_its_own_way_to_resize(tmp_path: Path) -> None:
    crop = {"do_center_crop": True, "crop_size": {"height": 224, "width": 224}}
    assert seen(tmp_path, size={"shortest_edge": 256}, **crop) == (224, 256, False)
    assert seen(tmp_path, size=256, image_processor_type="CLIPImageProcessor", **crop) == (
        224,
        256,
        False,
    )
    convnext = {"image_processor_type": "ConvNextImageProcessor"}
    assert seen(tmp_path, size={"shortest_edge": 224}, **convnext) == (224, 256, False)
    assert seen(tmp_path, size={"shortest_edge": 384}, **convnext) == (384, 384, True)
    levit = {"image_processor_type": "LevitImageProcessor", "size": {"shortest_edge": 224}}
    assert seen(tmp_path, **levit, **crop) == (224, 256, False)
    assert seen(tmp_path, size=224, do_resize=False) == (None, None, None)


def test_what_is_not_scaled_or_normalised_is_taken_as_it_is(tmp_path: Path) -> None:
    (told,) = beside(
        tmp_path, "preprocessor_config.json", {"size": 64, "do_rescale": False, "image_mean": MEAN}
    )
    assert told.facts.mean == (0.5, 0.25, 0.75)
    (told,) = beside(tmp_path, "preprocessor_config.json", {"size": 64, "do_normalize": False})
    assert (told.facts.mean, told.facts.std) == ((0.0,) * 3, (255.0,) * 3)


def test_timms_configuration_tells_the_crop_and_the_labels(tmp_path: Path) -> None:
    config = {
        "architecture": "mobilenetv3_small_050",
        "pretrained_cfg": {
            "input_size": [3, 224, 224],
            "crop_pct": 0.875,
            "interpolation": "bicubic",
            "mean": MEAN,
            "std": STD,
            "label_names": ["n01", "n02"],
            "label_descriptions": {"n01": "tench", "n02": "goldfish"},
            "license": "apache-2.0",
        },
    }
    timm, other = beside(tmp_path, "config.json", config)
    facts = timm.facts
    assert (facts.size, facts.resize, facts.squash, facts.bgr) == (224, 256, None, False)
    assert (facts.architecture, facts.licence) == ("mobilenetv3_small_050", "apache-2.0")
    assert facts.mean == pytest.approx((127.5, 63.75, 191.25))
    assert facts.labels
    assert [one.name for one in facts.labels] == ["tench", "goldfish"]
    assert [one.category for one in facts.labels] == ["n01", "n02"]
    assert other.facts.architecture == "mobilenetv3_small_050"


def test_a_crop_that_pads_is_refused(tmp_path: Path) -> None:
    with pytest.raises(AdoptionError, match="pads photographs"):
        beside(tmp_path, "config.json", {"pretrained_cfg": {"crop_mode": "border"}})


def test_names_that_were_made_up_are_no_labels(tmp_path: Path) -> None:
    made_up = {"architectures": ["ViT"], "id2label": {"0": "LABEL_0", "1": "LABEL_1"}}
    (told,) = beside(tmp_path, "config.json", made_up)
    assert (told.facts.labels, told.facts.architecture) == (None, "ViT")
    (told,) = beside(tmp_path, "config.json", {"id2label": {"1": "dog", "0": "cat"}})
    assert told.facts.labels
    assert [one.name for one in told.facts.labels] == ["cat", "dog"]


def test_a_folder_of_optimums_and_what_is_no_json(tmp_path: Path) -> None:
    (tmp_path / "onnx").mkdir()
    (tmp_path / "onnx/config.json").write_text("[1, 2]")
    (tmp_path / "config.json").write_text('{"id2label": {"0": "cat", "1": "dog"}}')
    (told,) = told_beside(tmp_path / "onnx/model.onnx")
    assert told.facts.labels
    assert len(told.facts.labels) == 2
