from __future__ import annotations

from typing import TYPE_CHECKING, Any

import onnx
import pytest

from export.cli.adopt import adopt
from service.fleet.identity import read_card
from tests.export.adoption.networks import CLASSES, Network
from tests.export.cli.invoking import refused, run

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    Network().save(tmp_path / "My Flowers.onnx")
    (tmp_path / "labels.txt").write_text("".join(f"label {i}\n" for i in range(CLASSES)))
    return tmp_path


def test_the_model_lands_where_serve_finds_it_by_name(folder: Path, home: Path) -> None:
    words = (folder / "My Flowers.onnx", "--labels", folder / "labels.txt")
    result = run(adopt, *words)
    assert result.exit_code == 0, result.output
    assert (home / "my-flowers.onnx").is_file()
    assert result.stdout.endswith("Serve it with `booth serve --models my-flowers`.\n")
    assert "is there already; replace it with --force." in refused(run(adopt, *words))
    assert run(adopt, *words, "--force").exit_code == 0


def test_a_further_version_lies_beside_the_first(folder: Path, home: Path) -> None:
    words = (folder / "My Flowers.onnx", "--labels", folder / "labels.txt", "--version")
    result = run(adopt, *words, "2")
    assert result.exit_code == 0, result.output
    card = read_card(home / "my-flowers-2.onnx")
    assert (card.name, card.version) == ("my-flowers", "2")
    assert result.stdout.endswith("Serve it with `booth serve --models my-flowers-2`.\n")
    assert "version" in refused(run(adopt, *words, "second version"))


def test_the_original_is_never_overwritten(folder: Path) -> None:
    path = folder / "My Flowers.onnx"
    sentence = refused(run(adopt, path, "--labels", folder / "labels.txt", "--out", path))
    assert sentence == f"{path} is the original itself; name another file with --out."


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ("--mean .5 .5 .5", "Give --mean and --std together"),
        ("--mean 0 0 0 --std 1 1 1", "leave pixels as they are: give --range"),
        ("--range -1..1 --mean .5 .5 .5 --std .5 .5 .5", "leave out --mean, --std"),
        ("--size 64", "is 32 pixels wide and high, but 64 by as asked for"),
        ("--resize 16", "resize (16) must be at least size (32)"),
        ("--layout nhwc", "which is nchw; leave --layout out"),
        ("--output nothing", "has no output 'nothing' of numbers; it has 'output' (float32 N x 5)"),
        ("--outputs probabilities", "The numbers of My Flowers.onnx are no probabilities"),
    ],
)
def test_options_that_can_not_be_are_refused(folder: Path, words: str, sentence: str) -> None:
    path, out = folder / "My Flowers.onnx", folder / "out.onnx"
    labels = folder / "labels.txt"
    assert sentence in refused(run(adopt, path, "--labels", labels, "--out", out, *words.split()))
    assert not out.exists()


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "is no ONNX file, or one that is cut short or damaged"),
        (b"\x08\x07" * 99, "is no ONNX file, or one that is cut short or damaged"),
        (b"PK\x03\x04 archive", "is a PyTorch checkpoint or another ZIP archive, not ONNX"),
        (b"\x89HDF\r\n", "is an HDF5 file, as Keras saves them, not ONNX"),
        (b"\x1c\0\0\0TFL3", "is a TensorFlow Lite model, not ONNX"),
        (b"version https://git-lfs.github.com/spec/v1", "is the pointer that Git LFS leaves"),
    ],
)
def test_what_is_no_onnx_is_named(folder: Path, content: bytes, sentence: str) -> None:
    path = folder / "bad.onnx"
    path.write_bytes(content)
    assert sentence in refused(run(adopt, path, "--out", folder / "out.onnx"))


@pytest.mark.parametrize(
    ("location", "sentence"),
    [
        ("missing.data", "has its weights in 'missing.data', which is not beside it"),
        ("../labels.txt", "outside its own folder; they have to lie beside it"),
        ("/etc/hostname", "outside its own folder; they have to lie beside it"),
        ("labels.txt", "labels.txt is cut short: bad.onnx has weights beyond its end"),
    ],
)
def test_external_data_lies_beside_the_file_and_whole(
    folder: Path, location: str, sentence: str
) -> None:
    path = folder / "bad.onnx"
    model = Network().model()
    where: dict[str, Any] = {"location": "weights.data", "size_threshold": 0}
    onnx.save(model, path, save_as_external_data=True, **where)
    model = onnx.load(path, load_external_data=False)
    for tensor in model.graph.initializer:
        for entry in tensor.external_data:
            if entry.key == "location":
                entry.value = location
    path.write_bytes(model.SerializeToString())
    assert sentence in refused(run(adopt, path, "--out", folder / "out.onnx"))


def test_a_file_too_large_is_not_read(folder: Path) -> None:
    path = folder / "huge.onnx"
    with path.open("wb") as file:
        file.truncate(3_000_000_000)
    sentence = refused(run(adopt, path, "--out", folder / "out.onnx"))
    assert sentence == "huge.onnx has 3.0 GB of weights, and a model file can hold 2 GB at most."
