from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from models.shelf import ZOO, ModelNotFound, find_model, shelf

if TYPE_CHECKING:
    from pathlib import Path


def test_what_ships_is_always_there(tmp_path: Path) -> None:
    assert shelf(tmp_path / "none") == {
        "efficientnet_lite0": ZOO / "efficientnet_lite0.onnx",
        "lenet5": ZOO / "lenet5.onnx",
        "places365": ZOO / "places365.onnx",
    }


def test_the_users_own_file_goes_before_the_one_that_ships(tmp_path: Path) -> None:
    for name in ("mine.onnx", "places365.onnx", "notes.txt", "._mine.onnx", ".unfinished.onnx"):
        (tmp_path / name).touch()
    found = shelf(tmp_path)
    assert found["places365"] == tmp_path / "places365.onnx"
    assert set(found) == {"mine", "places365", "efficientnet_lite0", "lenet5"}
    assert find_model("mine", tmp_path) == tmp_path / "mine.onnx"


def test_a_path_is_taken_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "a.onnx").touch()
    assert find_model(str(tmp_path / "a.onnx"), tmp_path / "none") == tmp_path / "a.onnx"


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("none.onnx", r"^There is no model file none\.onnx\.$"),
        ("models/none", r"^There is no model file models/none\.$"),
        ("resnet50", r"^resnet50 has not been pulled yet; run `booth pull resnet50`\.$"),
        ("places356", r"^There is no model 'places356'; did you mean places365\?$"),
        ("resnet5", r"^There is no model 'resnet5'; did you mean resnet"),
        ("zzz", r"^There is no model 'zzz'; there is: places365, |there is: efficientnet_lite0, "),
    ],
)
def test_what_is_not_there_is_told_with_what_to_do(
    name: str, sentence: str, tmp_path: Path
) -> None:
    with pytest.raises(ModelNotFound, match=sentence):
        find_model(name, tmp_path)


def test_a_file_of_another_kind_is_told_what_it_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A checkpoint by its path, or by its name in the folder where one is."""
    (tmp_path / "mine.pt").touch()
    monkeypatch.chdir(tmp_path)
    for name in ("mine.pt", "./mine.pt", str(tmp_path / "mine.pt")):
        with pytest.raises(ModelNotFound, match=r"mine\.pt is no model file: those end in \.onnx"):
            find_model(name, tmp_path)
