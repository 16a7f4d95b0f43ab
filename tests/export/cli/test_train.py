"""``booth train`` as a user runs it, on real photographs: as a process where a signal ends it."""

from __future__ import annotations

import csv
import itertools
import json
import os
import signal
import subprocess
import sys
import tarfile
import threading
from importlib.metadata import PackageNotFoundError, distribution
from io import BytesIO
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
import torch
from click.testing import Result
from PIL import Image

from export.cli.train import _parts, train
from models.card import Card
from models.shelf import ZOO
from models.sources import SOURCES
from models.training.curves import read
from service.fleet.identity import read_card
from tests.export.checkpoints import random_network, save_as_torchvision
from tests.export.cli.invoking import refused, run

LITE0 = SOURCES["efficientnet_lite0"]
BOOTH = Path(sys.executable).with_name("booth")
TRAINED = pytest.mark.xdist_group("trained")  # one worker trains for all of these
SCENES = ("bedroom", "highway", "coast", "skyscraper")
USUAL = ("--size", 64, "--epochs", 4)
ALONE = {**os.environ, "OMP_NUM_THREADS": "1"}


@pytest.fixture(scope="module", autouse=True)
def _published_weights() -> None:
    """Those that training starts from, in the package that the dev extra installs."""
    assert LITE0.package
    try:
        distribution(LITE0.package.name)
    except PackageNotFoundError:
        pytest.skip(f"{LITE0.package.name} is not installed; the dev extra brings it")


def booth(*words: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [BOOTH, *map(str, words)],
        env=ALONE,
        capture_output=True,
        encoding="utf-8",
        check=False,
        timeout=250,
    )


def told(*words: object) -> str:
    """The sentence with which the command ends before any training."""
    return refused(run(train, *words))


def _crops(photo: bytes, count: int, seed: int) -> list[Image.Image]:
    """Square parts of a photograph, a third to six tenths of its shorter side."""
    image, random = Image.open(BytesIO(photo)).convert("RGB"), np.random.default_rng(seed)
    crops = []
    for _ in range(count):
        side = int(min(image.size) * random.uniform(0.35, 0.6))
        left, top = (int(random.integers(0, extent - side + 1)) for extent in image.size)
        crops.append(image.crop((left, top, left + side, top + side)).resize((96, 96)))
    return crops


@pytest.fixture(scope="module")
def crops(photos: dict[str, bytes], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five categories of 16 photographs: parts of the five that ship. One file is none."""
    folder = tmp_path_factory.mktemp("data") / "crops"
    for seed, (name, photo) in enumerate(photos.items()):
        (folder / name).mkdir(parents=True)
        for number, crop in enumerate(_crops(photo, 16, seed)):
            crop.save(folder / name / f"{number}.jpg", quality=90)
    (folder / "rocket" / "notes.txt").write_text("a launch")
    return folder


class Trained(NamedTuple):
    """A training that SIGTERM stopped, and the same command once more."""

    out: Path
    was_made_when_stopped: bool
    progress_when_stopped: float
    stopped: subprocess.CompletedProcess[str]
    done: Result

    @property
    def run(self) -> Path:
        return self.out.with_suffix(".run")


@pytest.fixture(scope="module")
def trained(crops: Path) -> Trained:
    out, plan = crops.with_name("crops.onnx"), crops.with_name("plan.toml")
    plan.write_text("batch = 16\n")
    words = ["--out", out, "--plan", plan, *USUAL, "--title", "Parts", "--licence", "CC0-1.0"]
    stopped = _stopped(BOOTH, "train", crops, *words)
    was_made, progress = out.exists(), read(out.with_suffix(".run") / "log.csv")[-1].progress
    # From wherever it is called, the folder of photographs is the same.
    return Trained(out, was_made, progress, stopped, run(train, crops / ".." / "crops", *words))


def _stopped(*command: object) -> subprocess.CompletedProcess[str]:
    """Run a command until it has measured once, and send it SIGTERM."""
    words, pipe = list(map(str, command)), subprocess.PIPE
    with subprocess.Popen(words, env=ALONE, encoding="utf-8", stdout=pipe, stderr=pipe) as process:
        assert process.stdout
        overdue = threading.Timer(120, process.kill)  # ends the reading, and fails the test
        overdue.start()
        measured = next((line for line in process.stdout if "top-1" in line), "")
        process.send_signal(signal.SIGTERM)
        rest, errors = process.communicate(timeout=60)
        overdue.cancel()
        return subprocess.CompletedProcess(words, process.returncode, measured + rest, errors)


@TRAINED
def test_sigterm_saves_and_the_same_command_goes_on(trained: Trained) -> None:
    assert trained.stopped.returncode == 0, trained.stopped.stderr
    assert "validation top-1" in trained.stopped.stdout
    assert 0 < trained.progress_when_stopped < 1
    last = trained.stopped.stderr.splitlines()[-1]
    assert last.endswith("%; the same command goes on from there.")
    assert not trained.was_made_when_stopped

    assert trained.done.exit_code == 0, trained.done.output
    progress = [one.progress for one in read(trained.run / "log.csv")]
    assert progress == sorted(progress)
    assert "Fitting the classifier" in trained.stopped.stderr
    assert "Fitting the classifier" not in trained.done.stderr


@TRAINED
def test_a_folder_of_photographs_becomes_a_model_file(trained: Trained) -> None:
    assert "crops: Skipped: .txt 1." in trained.done.stderr.splitlines()
    card = read_card(trained.out)
    assert (card.name, card.title, card.precision) == ("crops", "Parts", "int8")
    assert (card.weights.origin, card.weights.licence) == ("trained on crops", "CC0-1.0")
    named = [label.name for label in card.labels]
    assert named == ["Astronaut", "Camera", "Chelsea", "Coffee", "Rocket"]
    assert {(label.basis, label.photographs) for label in card.labels} == {("labelled", 14)}
    assert not card.input.keep_aspect
    _judged(card, 10, least=0.8)
    assert "crops: 10 photographs, top-1 " in trained.done.stdout
    _drawn(trained.run)


def _judged(card: Card, photographs: int, least: float) -> None:
    """It was calibrated on one half of the validation photographs, and measured on all."""
    assert card.calibration
    assert (
        card.calibration.fitted_photographs + card.calibration.measured_photographs == photographs
    )
    assert 0.05 <= card.calibration.temperature <= 20
    measured = card.measured[0]
    assert measured.photographs == photographs
    assert measured.top1 >= least
    assert card.parity
    assert card.parity.top1_agreement > 0.5


def _drawn(run: Path) -> None:
    entries = read(run / "log.csv")
    assert entries[-1].progress == 1
    assert any(one.top1 is not None for one in entries)
    for name in ("curves.png", "reliability.png"):
        with Image.open(run / name) as picture:
            assert picture.format == "PNG"
            assert len(np.unique(np.asarray(picture.convert("L")))) > 20


@TRAINED
def test_the_model_file_classifies(trained: Trained, crops: Path, photos: dict[str, bytes]) -> None:
    (unseen,) = _crops(photos["chelsea"], 1, seed=99)
    unseen.save(crops.with_name("unseen.png"))
    done = booth("classify", crops.with_name("unseen.png"), "--model", trained.out, "--top-k", 1)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[1].endswith("Chelsea")


@TRAINED
@pytest.mark.parametrize(
    ("words", "setting"),
    [
        (("--epochs", 3), "plan"),
        (("--validation",), "validation"),
        (("--arch", "resnet18"), "architecture"),
    ],
)
def test_a_checkpoint_of_other_settings_is_refused(
    words: tuple[object, ...], setting: str, trained: Trained, crops: Path
) -> None:
    words = (*words, crops) if words[-1] == "--validation" else words
    usual = ("--out", trained.out, "--plan", crops.with_name("plan.toml"), *USUAL)
    assert f"holds a run with another {setting}: give the same" in told(crops, *usual, *words)


@pytest.fixture(scope="module")
def scenes(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four categories of MiniPlaces as CSVs with a tar each.

    ``train``: 30 photographs of each, of which a few have a set of labels, or none; and one of
    those that judge. ``judge`` and ``test``: 10 others each.
    """
    folder = tmp_path_factory.mktemp("scenes")
    with (shared / "scenes/miniplaces_val.csv").open(encoding="utf-8", newline="") as table:
        named = [(row["file"], row["places365"]) for row in csv.DictReader(table)]
    files = {name: [file for file, label in named if label == name] for name in SCENES}
    train, judge, test = (
        {file: name for name in SCENES for file in files[name][start:end]}
        for start, end in ((0, 30), (30, 40), (40, 50))
    )
    train |= dict.fromkeys(files["coast"][:5], "coast|beach")
    train |= dict.fromkeys(files["highway"][:3], "") | {files["bedroom"][30]: "bedroom"}
    with tarfile.open(shared / "scenes/miniplaces_val.tar") as archive:
        members = {member.name: member for member in archive}
        for name, rows in (("train", train), ("judge", judge), ("test", test)):
            with tarfile.open(folder / f"{name}.tar", "w") as subset:
                for file in rows:
                    subset.addfile(members[file], archive.extractfile(members[file]))
            with (folder / f"{name}.csv").open("w", encoding="utf-8", newline="") as table:
                writer = csv.writer(table)
                writer.writerows([("file", "places365"), *rows.items()])
    return folder


def test_scenes_are_learned_from_labels_and_a_teacher(scenes: Path, shared: Path) -> None:
    """All 365 categories compete, of which four have photographs and the teacher knows the rest."""
    out = scenes / "scenes.onnx"
    words: list[object] = ["--size", 64, "--epochs", 3, "--labels", "places365"]
    words += ["--validation", scenes / "judge.csv", "--test", scenes / "test.csv"]
    words += ["--teacher", shared / "scenes/teacher.onnx"]
    done = run(train, scenes / "train.csv", "--out", out, *words)
    assert done.exit_code == 0, done.output
    assert "1 photographs repeat one that judges: left out." in done.stderr
    card = read_card(out)
    # By chance 1 in 365, or 1 in 4 for those who know which four there are.
    _judged(card, 40, least=0.45)
    assert [one.dataset for one in card.measured] == ["judge", "test"]
    assert card.measured[1].photographs == 40
    assert card.measured[1].top1 >= 0.45
    assert card.measured[1].top5
    assert card.measured[1].top5 >= 0.9
    learned = {one.category: (one.basis, one.photographs) for one in card.labels}
    assert {name: learned[name] for name in SCENES} == {
        "bedroom": ("labelled", 30),
        "coast": ("labelled", 30),
        "highway": ("labelled", 27),
        "skyscraper": ("labelled", 30),
    }
    assert learned["beach"] == ("labelled", 5)
    assert learned["booth/indoor"] == ("distilled", 0)
    assert sum(basis == "distilled" for basis, _ in learned.values()) == 360
    _drawn(out.with_suffix(".run"))


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--size", 100), "size can't be '100': Input should be a multiple of 32."),
        (("--epochs", 0), "epochs can't be '0.0': Input should be greater than 0."),
        (("--stored", 0), "Invalid value for '--stored'"),
        (("--name", "My Model"), "name can't be 'My Model': String should match pattern"),
        (("--labels", "nowhere.txt"), "nowhere.txt can't be read as labels; give imagenet, "),
        (("--labels", "places365"), "should hold a folder for each of the model's categories"),
        (("--arch", "densenet121"), "Invalid value for '--arch'"),
        (
            ("--teacher", ZOO / "efficientnet_lite0.onnx"),
            "tells 1000 classes apart, and there are 5",
        ),
    ],
)
def test_a_mistake_is_told_in_a_sentence(
    words: tuple[object, ...], sentence: str, crops: Path, tmp_path: Path
) -> None:
    usual = ("--out", tmp_path / "my.onnx", "--size", 64)
    assert sentence in told(crops, *usual, *words)


@pytest.mark.parametrize(
    ("plan", "sentence"),
    [
        ("learning_rate = 1", "A plan has no 'learning_rate'; it has size, epochs, minutes, "),
        ("rate = -1.0", "rate can't be '-1.0': Input should be greater than 0."),
        ("sides = [[0, 50]]", "each side must be a multiple of 32 pixels."),
        ("rate: 1", "plan.toml is no plan in TOML: "),
    ],
)
def test_a_plan_that_cannot_be_is_told(
    plan: str, sentence: str, crops: Path, tmp_path: Path
) -> None:
    (tmp_path / "plan.toml").write_text(plan)
    words = ("--out", tmp_path / "my.onnx", "--plan", tmp_path / "plan.toml")
    assert sentence in told(crops, *words)


def test_data_that_cannot_be_learned_from_is_told(crops: Path, tmp_path: Path) -> None:
    out = ("--out", tmp_path / "my.onnx", "--size", 64)
    (tmp_path / "none").mkdir()
    assert "none names 0 categories; a classifier needs at least 2" in told(tmp_path / "none", *out)
    for name, categories in (("cat", 1), ("dog", 2)):
        (tmp_path / "one" / name).mkdir(parents=True)
        (tmp_path / "one" / name / "0.jpg").write_text("no photograph")
        sentence = told(tmp_path / "one", *out)
        assert ("one names 1 categories; a classifier needs at" in sentence) == (categories == 1)
    assert "one holds no readable photograph." in told(tmp_path / "one", *out)
    for name, number in itertools.product(("cat", "dog"), range(1)):
        photo = (crops / "chelsea" / f"{number}.jpg").read_bytes()
        (tmp_path / "one" / name / f"{number}.jpg").write_bytes(photo)
    assert "too few photographs to set some aside; give --valid" in told(tmp_path / "one", *out)
    assert "give an --out or --run elsewhere." in told(crops, "--out", crops / "my.onnx")


def test_a_split_is_used_as_it_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for part in ("Train", "val", "test"):
        (tmp_path / "set" / part / "cat").mkdir(parents=True)
    folder = tmp_path / "set"
    assert _parts(tmp_path, None, ()) == (folder / "Train", folder / "val", (folder / "test",))
    assert capsys.readouterr().err == f"{tmp_path} is split: Train, test, val are used as such.\n"
    other = tmp_path / "set" / "val" / "cat"
    assert _parts(folder, other, (other,)) == (folder / "Train", other, (other,))
    assert _parts(other, folder, (folder,)) == (other, folder / "val", (folder / "test",))
    assert _parts(other, None, ()) == (other, None, ())


def test_a_split_without_training_photographs_is_told(tmp_path: Path) -> None:
    (tmp_path / "val" / "cat").mkdir(parents=True)
    sentence = told(tmp_path, "--out", tmp_path / "my.onnx")
    assert sentence.endswith(f"{tmp_path} is split, and has no labelled photographs for train.")


def test_a_split_is_trained_on(crops: Path, tmp_path: Path) -> None:
    """Each part is decoded for what it is for; then a setting is refused, before any training."""
    for part, numbers in (("train", range(5)), ("valid", (5, 6))):
        for name, number in itertools.product(("chelsea", "coffee"), numbers):
            photo = tmp_path / "set" / part / name / f"{number}.jpg"
            photo.parent.mkdir(parents=True, exist_ok=True)
            photo.write_bytes((crops / name / f"{number}.jpg").read_bytes())
    teacher = ("--teacher", ZOO / "efficientnet_lite0.onnx")
    sentence = told(tmp_path / "set", "--out", tmp_path / "my.onnx", "--size", 32, *teacher)
    assert "tells 1000 classes apart, and there are 2" in sentence
    decoded = {
        json.loads(names.read_text())[0][0]: len(json.loads(names.read_text())[0])
        for names in (tmp_path / "my.run").glob("*/names.json")
    }
    assert decoded == {"chelsea/0.jpg": 10, "chelsea/5.jpg": 4}


def _table(folder: Path, crops: Path, *rows: str) -> Path:
    """A CSV of five photographs of each of two categories, and these rows besides."""
    lines = [f"{name}/{i}.jpg,{name}" for name in ("chelsea", "coffee") for i in range(5)]
    content = "\n".join(["file,category,teacher_weight", *lines, *rows])
    (folder / "my.csv").write_text(content + "\n")
    (folder / "my").symlink_to(crops)
    return folder / "my.csv"


@pytest.mark.parametrize(
    ("row", "sentence"),
    [
        ("rocket/1.jpg,", "my.csv has no label for rocket/1.jpg; give one, or a --teacher."),
        (
            "rocket/1.jpg,coffee,2",
            "my.csv has '2' in the column teacher_weight, where a share from",
        ),
    ],
)
def test_rows_that_cannot_be_learned_from_are_told(
    row: str, sentence: str, crops: Path, tmp_path: Path
) -> None:
    words = ("--out", tmp_path / "my.onnx", "--size", 64)
    assert sentence in told(_table(tmp_path, crops, row), *words)


def test_a_label_that_nothing_shows_is_told(crops: Path, tmp_path: Path) -> None:
    (tmp_path / "labels.txt").write_text("chelsea\ncoffee\ntiger\n")
    words = ("--out", tmp_path / "my.onnx", "--size", 64, "--labels", tmp_path / "labels.txt")
    sentence = "my.csv shows tiger; add some, or a --teacher."
    assert sentence in told(_table(tmp_path, crops), *words)


def test_weights_of_another_network_are_told(crops: Path, tmp_path: Path) -> None:
    words = ("--out", tmp_path / "my.onnx", "--size", 64, "--weights")
    save_as_torchvision(random_network("resnet18", 7, 64), tmp_path / "resnet.pth")
    assert "resnet.pth is no efficientnet_lite0: " in told(crops, *words, tmp_path / "resnet.pth")
    torch.save({"count": torch.tensor(1)}, tmp_path / "count.pth")
    assert "count.pth is no efficientnet_lite0: " in told(crops, *words, tmp_path / "count.pth")
    (tmp_path / "text.pth").write_text("no weights")
    assert "text.pth is no checkpoint of PyTorch" in told(crops, *words, tmp_path / "text.pth")
