"""The command line, run as a user runs it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from service.cli.local import local_classifier
from tests.service.conftest import MakeBroken, own_threads

PHOTOS = Path(__file__).resolve().parents[2] / "photos"


def booth(
    *arguments: object, photo: bytes | None = None, environment: dict[str, str] | None = None
) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-m", "service", *map(str, arguments)],
        input=photo,
        capture_output=True,
        timeout=60,
        check=False,
        env={**os.environ, **(environment or {})},
    )


def test_help_lists_the_commands_without_loading_any() -> None:
    result = booth("--help")
    assert result.returncode == 0
    for command in (b"serve", b"classify", b"models", b"pull", b"export", b"evaluate", b"verify"):
        assert command in result.stdout


def test_serving_never_imports_torch_or_gradio() -> None:
    code = (
        "import sys, service.cli.local, service.run.server\n"
        "print({'torch', 'gradio', 'onnx', 'export', 'demo'} & set(sys.modules))"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, check=True, timeout=60
    )
    assert result.stdout == b"set()\n"


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


def test_models_lists_what_is_there_and_what_can_be_pulled(tmp_path: Path) -> None:
    empty = {"BOOTH_MODEL_DIR": str(tmp_path)}
    lines = booth("models", environment=empty).stdout.decode().splitlines()
    for name in ("places365", "efficientnet_lite0"):
        shipped = next(line for line in lines if line.startswith(f"{name} "))
        assert "int8" in shipped
    assert any(line.endswith("booth pull resnet50") for line in lines)
    as_json = booth("models", "--json", environment=empty).stdout.splitlines()
    assert {json.loads(line)["ready"] for line in as_json} == {True, False}


def test_models_prints_a_card() -> None:
    card = json.loads(booth("models", "efficientnet_lite0").stdout)
    assert (card["precision"], card["input"]["size"]) == ("int8", 224)


def test_models_prints_the_whole_card_as_json() -> None:
    card = json.loads(booth("models", "efficientnet_lite0", "--json").stdout)
    assert len(card["labels"]) == 1000


def test_a_distilled_label_is_marked(scenes: Path) -> None:
    lines = booth("classify", PHOTOS / "coffee.jpg", "--model", scenes).stdout.decode().splitlines()
    assert {line.split("%")[1] for line in lines[1:]} == {"  Red", "  Green  (distilled)", "  Blue"}


def test_evaluate_shows_groups_and_reliability_and_draws_it(
    tiny: Path, tmp_path: Path, photos: dict[str, bytes]
) -> None:
    (tmp_path / "coffee.jpg").write_bytes(photos["coffee"])
    (tmp_path / "set.csv").write_text("file,category,shot\ncoffee.jpg,red,close\n")
    plot = tmp_path / "plot.png"
    options = ("--by", "shot", "--reliability", "--reliability-plot", plot, "--model", tiny)
    shown = booth("evaluate", tmp_path / "set.csv", *options).stdout.decode()
    assert "\nclose            1  100.00%  100.00%\nall              1" in shown
    assert "\nconfidence  photographs  mean confidence   right\n0-7%" in shown
    assert plot.read_bytes().startswith(b"\x89PNG")


def test_evaluate_prints_the_accuracies(tmp_path: Path, photos: dict[str, bytes]) -> None:
    (tmp_path / "n07920052").mkdir()
    (tmp_path / "n07920052" / "coffee.jpg").write_bytes(photos["coffee"])
    evaluate = ["evaluate", tmp_path, "--model", "efficientnet_lite0"]
    evaluation = json.loads(booth(*evaluate, "--json").stdout)
    assert (evaluation["top1"], evaluation["photographs"]) == (1.0, 1)
    assert b"top-1              100.00%" in booth(*evaluate).stdout


@pytest.mark.parametrize(
    ("arguments", "environment", "sentence"),
    [
        (["classify", "x.jpg", "--model", "efficientnet"], {}, "did you mean efficientnet_lite0"),
        (["classify", "x.jpg", "--model", "resnet50"], {}, "run `booth pull resnet50`"),
        (["evaluate", PHOTOS], {}, "should hold a folder for each"),
        (["evaluate", PHOTOS, "--by", "size"], {}, "give a CSV with a column 'size'"),
        (["serve"], {"BOOTH_PROT": "1"}, "did you mean BOOTH_PORT?"),
    ],
)
def test_a_mistake_is_told_in_a_sentence(
    tmp_path: Path, arguments: list[object], environment: dict[str, str], sentence: str
) -> None:
    result = booth(*arguments, environment={"BOOTH_MODEL_DIR": str(tmp_path), **environment})
    assert result.returncode == 1
    assert sentence in result.stderr.decode()
    assert "Traceback" not in result.stderr.decode()


def test_a_model_that_can_t_run_is_told_in_a_sentence(make_broken: MakeBroken) -> None:
    environment = {"BOOTH_MODEL_DIR": str(make_broken("never runs").parent)}
    result = booth("classify", PHOTOS / "coffee.jpg", "--model", "tiny", environment=environment)
    assert result.returncode == 1
    last = result.stderr.decode().splitlines()[-1]
    assert last.startswith("Error: tiny.onnx can't run here: its first photographs failed;")


def test_the_classifier_of_a_command_ends_its_threads(tiny: Path) -> None:
    before = own_threads()
    with local_classifier(str(tiny)) as classifier:
        assert own_threads() - before
        assert classifier.classify((PHOTOS / "coffee.jpg").read_bytes(), top_k=1).model == "tiny"
    assert own_threads() <= before


def test_a_provider_that_is_not_installed_ends_the_start_with_a_sentence() -> None:
    result = booth("serve", environment={"BOOTH_PROVIDERS": "tpu", "BOOTH_PORT": "0"})
    assert result.returncode == 1
    assert result.stderr.decode().startswith("Error: The provider 'tpu' is not installed here;")
