from __future__ import annotations

import io
import json
import os
import pickle
import resource
import struct
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from models.networks.storage import TensorView
from models.networks.tensor_file import CheckpointError, read_content
from tests.export.checkpoints import save_as_python2

Save = Callable[..., Path]
STATE = {"a": torch.arange(12.0).view(3, 4).T, "b": torch.tensor([1, 2]), "c": torch.zeros(2)[1:]}


def same(found: Any, expected: dict[str, torch.Tensor]) -> None:
    assert list(found) == list(expected)
    for name, value in expected.items():
        assert isinstance(found[name], TensorView)
        assert torch.equal(found[name].read(), value), name


def write_safetensors(path: Path, state: dict[str, torch.Tensor], **head: Any) -> None:
    """As its specification says: the length of the head, the head, the numbers."""
    names = {torch.float32: "F32", torch.int64: "I64", torch.float16: "F16", torch.bfloat16: "BF16"}
    entries: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    body = b""
    for name, value in state.items():
        data = value.contiguous().view(-1).view(torch.uint8).numpy().tobytes()
        entries[name] = {
            "dtype": names[value.dtype],
            "shape": list(value.shape),
            "data_offsets": [len(body), len(body) + len(data)],
        }
        body += data
    text = json.dumps(entries | head).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + body)


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
@pytest.mark.parametrize("is_zip", [True, False], ids=["zip", "legacy"])
def test_both_formats_are_read_in_every_protocol(is_zip: bool, protocol: int, saved: Save) -> None:
    path = saved(
        {"epoch": 3, "model": STATE},
        _use_new_zipfile_serialization=is_zip,
        pickle_protocol=protocol,
    )
    found = read_content(path)
    assert found["epoch"] == 3
    same(found["model"], STATE)


def test_a_pickle_of_tensors_is_read(checkpoint: Path) -> None:
    checkpoint.write_bytes(pickle.dumps(STATE))
    same(read_content(checkpoint), STATE)


def test_safetensors_are_read(checkpoint: Path) -> None:
    state = STATE | {"half": torch.tensor([0.5]).half(), "brain": torch.tensor([2.0]).bfloat16()}
    write_safetensors(checkpoint, state)
    same(read_content(checkpoint), state)


def test_parameters_and_tensors_with_attributes_are_read(saved: Save) -> None:
    weight = torch.nn.Parameter(torch.ones(2))
    noted = torch.ones(3)
    noted.note = "hello"  # type: ignore[attr-defined]
    found = read_content(saved({"weight": weight, "noted": noted}))
    same(found, {"weight": torch.ones(2), "noted": torch.ones(3)})


@pytest.mark.parametrize("dtype", [torch.uint16, torch.float8_e4m3fn])
def test_types_of_today_are_read_or_have_no_numbers(dtype: torch.dtype, saved: Save) -> None:
    found = read_content(saved({"weight": torch.ones(2).to(dtype)}))["weight"]
    if dtype.is_floating_point:
        assert found.read().tolist() == [1, 1]
    else:
        assert not found.is_floating_point


def test_a_file_from_a_big_endian_machine_is_read(saved: Save) -> None:
    path = saved({"w": torch.arange(3.0)})
    swapped = io.BytesIO()
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(swapped, "w") as new:
        for entry in old.infolist():
            data = old.read(entry)
            if entry.filename.endswith("byteorder"):
                data = b"big"
            elif "/data/" in entry.filename:
                data = struct.pack(">3f", *struct.unpack("<3f", data))
            new.writestr(entry.filename, data)
    path.write_bytes(swapped.getvalue())
    assert read_content(path)["w"].read().tolist() == [0, 1, 2]


def test_python_2_strings_that_are_no_text_are_read(checkpoint: Path) -> None:
    save_as_python2(
        {"note": "r\xe9sum\xe9", "state_dict": {"module.w": torch.arange(3.0)}}, checkpoint
    )
    found = read_content(checkpoint)
    assert found["note"] == "r\xe9sum\xe9"
    same(found["state_dict"], {"module.w": torch.arange(3.0)})


class Bomb:
    """Runs a command where a careless loader unpickles it."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[Callable[[str], int], tuple[str]]:
        return os.system, (f"touch {self.marker}",)


@pytest.mark.parametrize("is_zip", [True, False], ids=["zip", "legacy"])
@pytest.mark.parametrize("wrap", [lambda b: b, lambda b: {"state_dict": STATE, "extra": [b]}])
def test_a_checkpoint_that_wants_to_run_code_is_refused(
    is_zip: bool, wrap: Callable[[Bomb], Any], saved: Save, tmp_path: Path
) -> None:
    marker = tmp_path / "it-ran"
    path = saved(wrap(Bomb(marker)), _use_new_zipfile_serialization=is_zip)

    with pytest.raises(CheckpointError, match=r"refused.* it asks for posix\.system; give"):
        read_content(path)

    assert not marker.exists()
    torch.load(path, weights_only=False)
    assert marker.exists(), "the test's checkpoint should be dangerous"


def test_a_bomb_within_a_pickled_storage_is_refused(checkpoint: Path, tmp_path: Path) -> None:
    marker = tmp_path / "it-ran"
    inner = io.BytesIO()
    torch.save(Bomb(marker), inner, _use_new_zipfile_serialization=False)

    class Outer:
        def __reduce__(self) -> Any:
            return torch.storage._load_from_bytes, (inner.getvalue(),)

    checkpoint.write_bytes(pickle.dumps(Outer()))
    with pytest.raises(CheckpointError, match="refused"):
        read_content(checkpoint)
    assert not marker.exists()


def rezipped(path: Path, compression: int = zipfile.ZIP_STORED, **changed: bytes) -> Path:
    """The same archive, with some of its entries, by the ends of their names, changed."""
    copy = io.BytesIO()
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(copy, "w", compression) as new:
        for entry in old.infolist():
            last = entry.filename.rpartition("/")[2]
            new.writestr(entry.filename, changed.get(last, old.read(entry)))
    path.write_bytes(copy.getvalue())
    return path


def test_a_zip_bomb_is_refused(saved: Save) -> None:
    path = rezipped(saved({"w": torch.zeros(1_000_000)}), zipfile.ZIP_DEFLATED)
    assert path.stat().st_size < 20_000
    with pytest.raises(CheckpointError, match="was compressed afterwards"):
        read_content(path)


def test_a_compressed_pickle_is_refused(saved: Save) -> None:
    path = saved({"w": torch.rand(1000)})
    copy = io.BytesIO()
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(copy, "w") as new:
        for entry in old.infolist():
            is_pickle = entry.filename.endswith("pkl")
            kind = zipfile.ZIP_DEFLATED if is_pickle else zipfile.ZIP_STORED
            new.writestr(entry.filename, old.read(entry), kind)
        new.writestr("padding", bytes(1000))
    path.write_bytes(copy.getvalue())
    with pytest.raises(CheckpointError, match="damaged"):
        read_content(path)


def test_entries_that_overlap_are_refused(saved: Save) -> None:
    path = saved({"a": torch.rand(500), "b": torch.rand(500), "c": torch.rand(500)})
    data = bytearray(path.read_bytes())
    with zipfile.ZipFile(path) as archive:
        sizes = [entry for entry in archive.infolist() if "/data/" in entry.filename]
    for entry in sizes:
        place = data.rindex(entry.filename.encode()) - 46
        assert data[place : place + 4] == b"PK\x01\x02"
        struct.pack_into("<II", data, place + 20, 6000, 6000)
    path.write_bytes(data)
    with pytest.raises(CheckpointError, match=r"compressed afterwards|damaged"):
        read_content(path)


@pytest.mark.parametrize(
    "head",
    [
        {"w": {"dtype": "F32", "shape": [1], "data_offsets": [0, 1 << 40]}},
        {"w": {"dtype": "F32", "shape": [1], "data_offsets": [-4, 0]}},
        {"w": {"dtype": "F32", "shape": [1], "data_offsets": [4, 0]}},
        {"w": {"dtype": "F32", "shape": [1]}},
        {"w": {"dtype": "F32", "shape": 1, "data_offsets": [0, 4]}},
        {"w": {"dtype": "F32", "shape": [-1], "data_offsets": [0, 4]}},
        {"w": []},
    ],
    ids=str,
)
def test_a_head_of_safetensors_that_lies_is_refused(head: Any, checkpoint: Path) -> None:
    write_safetensors(checkpoint, {"a": torch.ones(1)}, **head)
    with pytest.raises(CheckpointError, match="damaged"):
        read_content(checkpoint)


@pytest.mark.parametrize("text", [b"[[", b"{", b'{"a":' * 50_000], ids=len)
def test_a_head_of_safetensors_that_is_no_head_is_refused(text: bytes, checkpoint: Path) -> None:
    checkpoint.write_bytes(struct.pack("<Q", len(text)) + text)
    with pytest.raises(CheckpointError, match="damaged"):
        read_content(checkpoint)


def test_a_length_that_lies_is_refused(checkpoint: Path) -> None:
    checkpoint.write_bytes(struct.pack("<Q", 1 << 50) + b'{"a": 1}')
    with pytest.raises(CheckpointError, match="damaged"):
        read_content(checkpoint)


@pytest.mark.parametrize("is_zip", [True, False], ids=["zip", "legacy"])
def test_a_truncated_checkpoint_is_told(is_zip: bool, saved: Save) -> None:
    path = saved({"weight": torch.zeros(1000)}, _use_new_zipfile_serialization=is_zip)
    path.write_bytes(path.read_bytes()[:2000])
    with pytest.raises(CheckpointError, match="damaged"):
        read_content(path)


@pytest.mark.parametrize("is_zip", [True, False], ids=["zip", "legacy"])
def test_damage_anywhere_is_told_or_does_not_matter(is_zip: bool, saved: Save) -> None:
    path = saved({"w": torch.zeros(3)}, _use_new_zipfile_serialization=is_zip)
    whole = path.read_bytes()
    for place in range(0, len(whole), 7):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 0xFF]) + whole[place + 1 :])
        try:
            read_content(path)
        except CheckpointError as fault:
            assert "\n" not in str(fault)  # noqa: PT017


@pytest.mark.parametrize(
    "name", ["model-00001-of-00002.safetensors", "pytorch_model-00002-of-00002.bin"]
)
def test_a_shard_is_named(name: str, tmp_path: Path) -> None:
    torch.save(STATE, tmp_path / name)
    with pytest.raises(CheckpointError, match=f"^{name} is one of 2 shards"):
        read_content(tmp_path / name)


def test_an_empty_file_is_told(checkpoint: Path) -> None:
    checkpoint.touch()
    with pytest.raises(CheckpointError, match="is empty"):
        read_content(checkpoint)


def test_a_large_file_is_not_read_into_memory(saved: Save) -> None:
    path = saved({"w": torch.zeros(20_000_000)})
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert read_content(path)["w"].size == 20_000_000
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown * (1 if sys.platform == "darwin" else 1024) < 40_000_000
