"""`booth classify`: labels without a server."""

from __future__ import annotations

import json
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
    # README.md lies there too: it is told, and the rest is labelled all the same.
    assert folder.returncode == 1
    assert [Path(line["photo"]).name for line in lines if "error" in line] == ["README.md"]


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
