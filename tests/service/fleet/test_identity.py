"""A model file is read once, and only one that keeps the contract of model files is taken."""

from __future__ import annotations

import hashlib
import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnx
import pytest

from models.card import METADATA_KEY
from models.errors import ModelError
from service.fleet import identity
from service.fleet.fleet import Fleet
from service.fleet.identity import answers_identity, read_card, read_model_file
from service.fleet.layout import Layouts
from service.runtimes.session import Session
from tests.service.conftest import MakeTiny

OPENED: list[str] = []


@pytest.fixture(scope="module")
def opened() -> Iterator[list[str]]:
    """The path of every file that Python opens from now on."""
    listening = True

    def note(event: str, arguments: tuple[object, ...]) -> None:
        if listening and event == "open":
            OPENED.append(str(arguments[0]))

    sys.addaudithook(note)  # there is no taking it away
    yield OPENED
    listening = False


def test_a_load_reads_the_file_once(make_tiny: MakeTiny, tmp_path: Path, opened: list[str]) -> None:
    path = make_tiny("once")
    (tmp_path / "tuning").mkdir()
    fleet = Fleet(layouts=Layouts(tunings=tmp_path))
    opened.clear()
    fleet.load(path)
    fleet.refresh([path])
    assert opened.count(str(path)) == 1
    fleet.close()


def test_what_runs_is_what_was_hashed_whatever_becomes_of_the_file(make_tiny: MakeTiny) -> None:
    path = make_tiny("one")
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    file = read_model_file(path)
    path.write_bytes(b"another file by now")
    photos = np.full((2, 8, 8, 3), (0, 0, 255), np.uint8)
    for providers in ((), ("cpu",)):
        session = Session(file, providers=providers)
        assert session.run(photos).argmax(axis=1).tolist() == [2, 2]
        assert session.card.name == "one"
        session.close()
    assert file.sha256 == sha256


def test_what_answers_depend_on_is_the_content_the_provider_and_this_booth(
    make_tiny: MakeTiny, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = make_tiny("one")
    again = tmp_path / "again.onnx"
    shutil.copy(path, again)
    file = read_model_file(path)
    known = answers_identity(file, "cpu")
    assert answers_identity(read_model_file(again), "cpu") == known
    assert answers_identity(file, "cuda") != known
    assert answers_identity(read_model_file(make_tiny("two")), "cpu") != known
    monkeypatch.setattr(identity, "version", lambda _name: "another")
    assert answers_identity(file, "cpu") != known


def test_a_loaded_model_has_the_identity_of_its_file(make_tiny: MakeTiny) -> None:
    path = make_tiny("one")
    fleet = Fleet()
    loaded = fleet.load(path)
    provider = loaded.classifier.session.provider
    assert loaded.identity == answers_identity(read_model_file(path), provider)
    assert fleet.load(path).identity == loaded.identity
    make_tiny("one", version="2")
    assert fleet.load(path).identity != loaded.identity
    fleet.close()


def test_the_card_is_read_without_the_contract(make_tiny: MakeTiny) -> None:
    path = make_tiny(outputs=4)
    with pytest.raises(ModelError, match="an unknown number of outputs but its card names 3"):
        read_model_file(path)
    assert len(read_card(path).labels) == 3


def test_a_file_without_a_card_is_refused(make_tiny: MakeTiny) -> None:
    path = make_tiny(card=False)
    advice = rf"carries no card, .*; `booth adopt {path} --labels LABELS` makes one of it\.$"
    with pytest.raises(ModelError, match=advice):
        read_model_file(path)


def with_card(path: Path, before: str, after: str) -> Path:
    """The file, a part of its card replaced."""
    model = onnx.load(path)
    entry = next(one for one in model.metadata_props if one.key == METADATA_KEY)
    assert before in entry.value
    entry.value = entry.value.replace(before, after)
    onnx.save(model, path)
    return path


@pytest.mark.parametrize(
    ("before", "after", "sentence"),
    [
        ('"size":8', '"size":-8', r"The card of tiny\.onnx is not valid: input\.size: "),
        (
            ',{"name":"Blue","category":"blue"}',
            "",
            "3 outputs but its card names 2 labels; they must be as many",
        ),
        ('"size":8,"resize":8', '"size":9,"resize":9', "asks for uint8 N x 9 x 9 x 3"),
    ],
)
def test_a_card_that_is_not_valid_or_not_of_this_network_is_refused(
    make_tiny: MakeTiny, before: str, after: str, sentence: str
) -> None:
    with pytest.raises(ModelError, match=sentence):
        read_model_file(with_card(make_tiny(), before, after))


def test_a_network_without_the_input_is_refused(make_tiny: MakeTiny) -> None:
    path = make_tiny()
    model = onnx.load(path)
    model.graph.input[0].name = model.graph.node[0].input[0] = "image"
    onnx.save(model, path)
    with pytest.raises(ModelError, match="tiny has no tensor 'photo'"):
        read_model_file(path)


def test_a_damaged_or_missing_file_is_refused_in_a_sentence(tmp_path: Path, tiny: Path) -> None:
    damaged = tmp_path / "damaged.onnx"
    damaged.write_bytes(tiny.read_bytes()[:100])
    with pytest.raises(ModelError, match=r"damaged\.onnx is no ONNX file"):
        read_model_file(damaged)
    with pytest.raises(ModelError, match=r"There is no model file .*gone\.onnx\."):
        read_model_file(tmp_path / "gone.onnx")
    with pytest.raises(ModelError, match=r"can't be read: Is a directory\."):
        read_model_file(tmp_path)
    os.mkfifo(tmp_path / "pipe.onnx")
    with pytest.raises(ModelError, match=r"can't be read: it is a pipe or a device\."):
        read_model_file(tmp_path / "pipe.onnx")
