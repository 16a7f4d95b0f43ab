"""`booth classify`: labels without a server."""

from __future__ import annotations

import json
import os
from pathlib import Path

from tests.service.cli.running import PHOTOS, booth
from tests.service.conftest import MakeBroken


def test_a_photograph_is_labelled_without_a_server() -> None:
    result = booth("classify", PHOTOS / "coffee.jpg")
    assert result.returncode == 0
    labels = [line.split("%")[1].strip() for line in result.stdout.decode().splitlines()[1:]]
    assert len(labels) == 5
    assert "Coffee shop" in labels


def test_standard_input_folders_and_json(photos: dict[str, bytes]) -> None:
    objects = ["--model", "efficientnet_lite0", "--top-k", 1]
    piped = booth("classify", "-", "--json", *objects, photo=photos["coffee"])
    assert json.loads(piped.stdout)["answer"]["predictions"][0]["label"] == "Espresso"
    folder = booth("classify", PHOTOS, "--json")
    lines = [json.loads(line) for line in folder.stdout.splitlines()]
    named = {Path(line["photo"]).name for line in lines if "answer" in line}
    assert named == {path.name for path in PHOTOS.glob("*.jpg")}
    # README.md lies there too.
    assert (folder.returncode, folder.stderr) == (0, b"Skipped: .md 1.\n")


def test_a_bad_file_in_a_folder_is_told_and_loses_no_other(
    photos: dict[str, bytes], tmp_path: Path, tiny: Path
) -> None:
    for name in (b"a.jpg", b"caf\xe9.JPG", b"no suffix", b"two\nlines.png", b".hidden.jpg"):
        Path(tmp_path, os.fsdecode(name)).write_bytes(photos["coffee"])
    (tmp_path / "bad.jpg").write_text("an error of a server, and no photograph")
    (tmp_path / "empty.jpg").touch()
    (tmp_path / "notes.txt").write_text("no photograph either")
    os.mkfifo(tmp_path / "pipe.jpg")
    (tmp_path / "gone.jpg").symlink_to(tmp_path / "nowhere")

    result = booth("classify", tmp_path, "--json", "--model", tiny)

    lines = [json.loads(line) for line in result.stdout.splitlines()]
    names = [Path(line["photo"]).name for line in lines]
    assert names == ["a.jpg", "bad.jpg", r"caf\xe9.JPG", "no suffix", "two\nlines.png"]
    assert ["answer" in line for line in lines] == [True, False, True, True, True]
    assert lines[1]["error"].startswith("This is text, which is not decoded here")
    assert result.returncode == 1
    skipped = "hidden or system 1, empty 1, pipes and devices 1, broken links 1, .txt 1"
    told = result.stderr.decode().splitlines()[0]
    assert set(told.removeprefix("Skipped: ")[:-1].split(", ")) == set(skipped.split(", "))
    text = booth("classify", tmp_path, "--model", tiny).stdout.decode().splitlines()
    assert str(tmp_path / r"caf\xe9.JPG") in text
    assert str(tmp_path / r"two\nlines.png") in text


def test_folders_without_a_photograph_are_told(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("no photograph")
    result = booth("classify", tmp_path)
    assert (result.returncode, result.stdout) == (1, b"")
    assert result.stderr.decode().splitlines() == [
        "Skipped: .txt 1.",
        "Error: There is no photograph in there; name files or another folder.",
    ]


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    result = booth("classify", tmp_path / "none.jpg")
    assert result.returncode == 1
    assert "can't be read" in result.stdout.decode()


def test_a_distilled_label_is_marked(scenes: Path) -> None:
    lines = booth("classify", PHOTOS / "coffee.jpg", "--model", scenes).stdout.decode().splitlines()
    assert {line.split("%")[1] for line in lines[1:]} == {"  Red", "  Green  (distilled)", "  Blue"}


def test_a_model_that_can_t_run_is_told_in_a_sentence(make_broken: MakeBroken) -> None:
    environment = {"BOOTH_MODEL_DIR": str(make_broken("never runs").parent)}
    result = booth("classify", PHOTOS / "coffee.jpg", "--model", "tiny", environment=environment)
    assert result.returncode == 1
    last = result.stderr.decode().splitlines()[-1]
    assert last.startswith("Error: tiny.onnx can't run here: its first photographs failed;")
