from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from onnx import TensorProto, helper

from models.networks.tensor_file import CheckpointError, read_content

Save = Callable[[Path], object]


def zip_of(*names: str) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name in names:
            archive.writestr(name, b"x")
    return file.getvalue()


def onnx_model() -> bytes:
    value = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1])
    graph = helper.make_graph([helper.make_node("Relu", ["x"], ["x2"])], "g", [value], [value])
    model: bytes = helper.make_model(graph).SerializeToString()
    return model


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("my.h5", b"\x89HDF\r\n\x1a\n" + bytes(99), "an HDF5 file, as Keras saves networks; make"),
        ("my.keras", zip_of("metadata.json", "model.weights.h5"), "a network of Keras; make"),
        ("my.tflite", b"\x1c\0\0\0TFL3" + bytes(99), "a network of TensorFlow Lite; make"),
        ("saved_model.pb", b"\x08\x01\x50" + bytes(99), "a file of TensorFlow; make"),
        ("my.ckpt.data-00000-of-00001", bytes(99), "a file of TensorFlow; make"),
        ("my.onnx", onnx_model(), "an ONNX model; take it with `booth adopt my.onnx --labels"),
        ("my.pth", onnx_model(), "an ONNX model; take it with `booth adopt my.pth --labels"),
        ("my.pth", b"version https://git-lfs.github.com/spec/v1\noid", "a Git LFS pointer, not"),
        ("my.pth", b"<!DOCTYPE html><html>", "a web page, not the file that it leads to; down"),
        ("my.pth", b"\xef\xbb\xbf\r\n <HTML>", "a web page, not the file that it leads to; down"),
        ("my.pth", b'<?xml version="1.0"?><Error>', "a web page, not the file"),
        ("my.pth.gz", b"\x1f\x8b\x08" + bytes(99), "compressed with gzip; unpack it first"),
        ("my.7z", b"7z\xbc\xaf\x27\x1c" + bytes(99), "a 7-Zip archive; unpack it first"),
        ("my.tar", bytes(257) + b"ustar\x0000" + bytes(99), "a tar archive; unpack it, and give"),
        ("my.zip", zip_of("runs/best.pth", "runs/log.txt"), "a zip of something else; unpack it"),
        ("my.npz", zip_of("a.npy", "b.npy"), "an archive of NumPy's arrays; give a checkpoint"),
        ("my.json", b'{"metadata": {}, "weight_map": {"a": "b"}}', "the index of weights that lie"),
        ("config.json", b'{"architectures": ["ResNet"]}', "JSON, which holds no weights; give"),
    ],
    ids=lambda one: one if isinstance(one, str) else "content",  # an archive holds the time
)  # fmt: skip
def test_a_file_of_another_kind_is_named(
    name: str, content: bytes, sentence: str, tmp_path: Path
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(CheckpointError) as fault:
        read_content(tmp_path / name)
    assert str(fault.value).startswith(f"{name} is {sentence}")
    assert str(fault.value).endswith(".")


def test_an_array_of_numpy_is_named(tmp_path: Path) -> None:
    np.save(tmp_path / "my.npy", np.zeros(3))
    with pytest.raises(CheckpointError, match="is an array of NumPy"):
        read_content(tmp_path / "my.npy")


def weights_by(sentence: str, folder: Path) -> dict[str, torch.Tensor]:
    """Do what the sentence says, there."""
    lines = sentence.rpartition(": ")[2].removesuffix(".").replace('"my', f'"{folder}/my')
    exec(lines.replace('"weights', f'"{folder}/weights'), {"torch": torch})  # noqa: S102
    found: dict[str, torch.Tensor] = torch.load(folder / "weights.pth")
    return found


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_torchscript_is_named_with_the_lines_that_save_it_rightly(tmp_path: Path) -> None:
    layer = torch.nn.Linear(2, 1)
    torch.jit.save(torch.jit.script(layer), tmp_path / "my.pt")
    with pytest.raises(CheckpointError, match=r"^my\.pt is a TorchScript archive; save") as fault:
        read_content(tmp_path / "my.pt")
    assert str(fault.value).endswith(
        'weights.pth: model = torch.jit.load("my.pt"); '
        'torch.save(model.state_dict(), "weights.pth").'
    )
    assert torch.equal(weights_by(str(fault.value), tmp_path)["weight"], layer.weight)


@pytest.mark.parametrize(
    "names",
    [
        ("my/models/model.json", "my/archive_format"),
        ("serialized_exported_program.json", "version"),
    ],
)
def test_an_exported_program_is_named_with_the_lines_that_save_it_rightly(
    names: tuple[str, ...], tmp_path: Path
) -> None:
    (tmp_path / "my.pt2").write_bytes(zip_of(*names))
    with pytest.raises(CheckpointError) as fault:
        read_content(tmp_path / "my.pt2")
    assert str(fault.value) == (
        "my.pt2 is a program of torch.export; save its weights with these two lines, and give "
        'weights.pth: model = torch.export.load("my.pt2"); '
        'torch.save(model.state_dict, "weights.pth").'
    )


@pytest.mark.parametrize("content", [b"PK\x03\x04" + bytes(100), b"\x80\x02", b"hello", bytes(500)])
def test_what_is_nothing_known_is_told(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "my.pth").write_bytes(content)
    with pytest.raises(CheckpointError, match="no checkpoint of PyTorch, or a damaged one"):
        read_content(tmp_path / "my.pth")
