"""A session opens only what keeps the contract of model files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest

from models.card import METADATA_KEY
from models.errors import ModelError
from service.runtimes.session import Session, batch_size_classes, choose_providers, read_card

MakeTiny = Callable[..., Path]


def test_any_batch_size_runs_and_each_row_is_its_photographs(tiny: Path) -> None:
    session = Session(tiny, providers=["cpu"])
    photos = np.random.default_rng(0).integers(0, 256, (5, 8, 8, 3), np.uint8)
    together = session.run(photos)
    assert together.shape == (5, 3)
    alone = np.concatenate([session.run(photo[None]) for photo in photos])
    np.testing.assert_allclose(together, alone, atol=1e-6)
    assert session.provider == "cpu"


def test_the_card_is_read_without_a_session(tiny: Path) -> None:
    assert read_card(tiny) == Session(tiny).card


def test_a_file_without_a_card_is_refused(make_tiny: MakeTiny) -> None:
    with pytest.raises(ModelError, match="carries no card"):
        Session(make_tiny(card=False))


def test_a_card_that_is_not_valid_is_refused_with_the_field(make_tiny: MakeTiny) -> None:
    path = make_tiny()
    model = onnx.load(path)
    entry = next(one for one in model.metadata_props if one.key == METADATA_KEY)
    entry.value = entry.value.replace('"size":8', '"size":-8')
    onnx.save(model, path)
    with pytest.raises(ModelError, match=r"input\.size"):
        Session(path)


def test_as_many_labels_as_outputs_are_asked_for(make_tiny: MakeTiny) -> None:
    path = make_tiny()
    model = onnx.load(path)
    entry = next(one for one in model.metadata_props if one.key == METADATA_KEY)
    entry.value = entry.value.replace(',{"name":"Blue","category":"blue"}', "")
    onnx.save(model, path)
    with pytest.raises(ModelError, match="3 outputs but its card names 2 labels"):
        Session(path)


def test_an_input_of_another_size_is_refused(make_tiny: MakeTiny) -> None:
    path = make_tiny()
    model = onnx.load(path)
    entry = next(one for one in model.metadata_props if one.key == METADATA_KEY)
    entry.value = entry.value.replace('"size":8,"resize":8', '"size":9,"resize":9')
    onnx.save(model, path)
    with pytest.raises(ModelError, match="asks for uint8 N x 9 x 9 x 3"):
        Session(path)


def test_a_damaged_file_is_refused_in_a_sentence(tmp_path: Path, tiny: Path) -> None:
    damaged = tmp_path / "damaged.onnx"
    damaged.write_bytes(tiny.read_bytes()[:100])
    with pytest.raises(ModelError, match=r"damaged\.onnx is no ONNX file"):
        Session(damaged)


def test_providers_fall_back_to_the_cpu_and_unknown_ones_are_named() -> None:
    assert choose_providers()[-1] == "cpu"
    assert choose_providers(["cpu"]) == ["cpu"]
    with pytest.raises(ModelError, match="'tpu' is not installed here"):
        choose_providers(["tpu"])


@pytest.mark.parametrize(
    ("limit", "classes"), [(1, [1]), (2, [1, 2]), (32, [1, 2, 4, 8, 16, 32]), (6, [1, 2, 4, 6])]
)
def test_batch_size_classes_are_powers_of_two_and_the_limit(limit: int, classes: list[int]) -> None:
    assert batch_size_classes(limit) == classes
