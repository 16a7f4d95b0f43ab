"""Evaluation: the arithmetic against hand-made cases, the data sets against real files."""

from __future__ import annotations

import io
import os
import tarfile
from collections.abc import Iterator
from concurrent.futures import Executor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from models.card import Bin
from service.engine.classifier import Classifier, Limits
from service.fleet.identity import read_model_file
from service.lab.dataset import BadDataset, Labelled, read_dataset
from service.lab.evaluation import BINS, Group, calibration_error, evaluate, reliability
from service.runtimes.session import Session


@pytest.fixture
def classifier(tiny: Path, decoders: Executor) -> Iterator[Classifier]:
    made = Classifier(Session(read_model_file(tiny)), decoders, Limits(queue_size=4))
    yield made
    made.close(10)


def png(colour: str) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (9, 9), colour).save(file, "PNG")
    return file.getvalue()


def labelled(colour: str, *targets: int) -> Labelled:
    return Labelled(colour, png(colour), frozenset(targets))


def test_accuracies_count_any_of_the_right_labels_and_leave_out_the_unreadable(
    classifier: Classifier,
) -> None:
    photos = [labelled("red", 0), labelled("red", 1), labelled("lime", 0, 1), labelled("blue", 2)]
    broken = Labelled("broken", b"nothing", frozenset({0}))
    result = evaluate(classifier, iter([*photos, broken]))
    assert (result.top1, result.top5) == (0.75, 1.0)
    assert (result.photographs, result.unreadable) == (4, 1)
    assert list(result.faults) == ["broken"]
    assert result.faults["broken"].startswith("This is text, which is not decoded here")
    assert result.seconds > 0


def test_bad_files_are_named_and_lose_no_others(classifier: Classifier, tmp_path: Path) -> None:
    for name in ("red/1.png", "red/2.png", "blue/3.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(png(name.partition("/")[0]))
    bad = os.fsdecode(b"blue/caf\xe9.jpg")
    (tmp_path / bad).write_bytes(b"\xff\xd8\xff no more")
    photos = read_dataset(tmp_path, classifier.card.labels)
    (tmp_path / "red" / "2.png").unlink()
    result = evaluate(classifier, photos)
    assert (result.top1, result.photographs, result.unreadable) == (1.0, 2, 2)
    assert result.faults[r"blue/caf\xe9.jpg"]
    assert result.faults["red/2.png"] == "The file can't be read: No such file or directory."


def test_of_bad_files_alone_the_first_is_told(classifier: Classifier) -> None:
    gone = Labelled("two\nlines", b"", frozenset({0}), fault="The file can't be read: Gone.")
    with pytest.raises(BadDataset, match=r"labelled ones\. two\\nlines: The file can't be read"):
        evaluate(classifier, [gone, gone])


def test_nothing_readable_is_an_error(classifier: Classifier) -> None:
    with pytest.raises(BadDataset, match="no readable photograph"):
        evaluate(classifier, iter([]))


def test_calibration_error_is_the_mean_gap_between_confidence_and_accuracy() -> None:
    def error(confidences: list[float], right: list[bool]) -> float:
        return calibration_error(reliability(np.array(confidences), np.array(right)))

    perfect = [True, True, True, False]
    assert error([0.75] * 4, perfect) == pytest.approx(0)
    assert error([0.95] * 4, perfect) == pytest.approx(0.2)
    assert error([1.0, 1.0, 0.5, 0.5], [True, True, False, False]) == pytest.approx(0.25)


def test_the_bins_hold_every_photograph_at_the_place_of_its_confidence() -> None:
    confidences, right = np.array([0.0, 0.07, 0.95, 0.97, 1.0]), np.array([0, 1, 1, 1, 0], bool)
    bins = reliability(confidences, right)
    assert len(bins) == BINS
    filled = {place: one for place, one in enumerate(bins) if one.photographs}
    assert filled == {
        0: Bin(photographs=1, confidence=0.0, right=0.0),
        1: Bin(photographs=1, confidence=0.07, right=1.0),
        14: Bin(photographs=3, confidence=0.973333, right=0.666667),
    }


def test_the_environment_counts_where_all_right_labels_are_of_one_kind(
    scenes: Path, decoders: Executor
) -> None:
    classifier = Classifier(Session(read_model_file(scenes)), decoders)
    photos = [
        labelled("red", 0),
        labelled("red", 1),
        labelled("lime", 2),  # the wrong label, the right kind
        labelled("blue", 1, 2),
        labelled("blue", 0, 2),  # indoors or outdoors: nobody can tell
    ]
    result = evaluate(classifier, iter(photos))
    classifier.close(10)
    assert (result.environment, result.environment_photographs) == (0.75, 4)


def test_a_model_of_objects_has_no_environment_to_be_right_about(classifier: Classifier) -> None:
    result = evaluate(classifier, iter([labelled("red", 0)]))
    assert (result.environment, result.environment_photographs) == (None, 0)


def test_results_are_grouped_by_a_column(classifier: Classifier, tmp_path: Path) -> None:
    rows = ["a.png,red,day", "b.png,red,night", "c.png,blue,", "d.png,red,night"]
    (tmp_path / "set.csv").write_text("\n".join(["file,category,light", *rows]))
    for file, colour in zip("abcd", ("red", "blue", "blue", "red"), strict=True):
        (tmp_path / f"{file}.png").write_bytes(png(colour))
    photos = read_dataset(tmp_path, classifier.card.labels, by="light")
    result = evaluate(classifier, photos)
    assert result.top1 == 0.75
    assert list(result.groups.items()) == [
        ("day", Group(1, 1.0, 1.0)),
        ("night", Group(2, 0.5, 1.0)),
        ("", Group(1, 1.0, 1.0)),
    ]


def test_a_column_to_group_by_must_be_there(classifier: Classifier, tmp_path: Path) -> None:
    (tmp_path / "set.csv").write_text("file,category\na.png,red\n")
    with pytest.raises(BadDataset, match="no column 'light' to group by; it has file, category"):
        read_dataset(tmp_path, classifier.card.labels, by="light")
    (tmp_path / "set.csv").unlink()
    (tmp_path / "red").mkdir()
    with pytest.raises(BadDataset, match="give a CSV with a column 'light'"):
        read_dataset(tmp_path, classifier.card.labels, by="light")


def test_a_folder_for_each_category_is_a_data_set(classifier: Classifier, tmp_path: Path) -> None:
    for colour in ("red", "blue"):
        (tmp_path / colour).mkdir()
        (tmp_path / colour / "1.png").write_bytes(png(colour))
    photos = read_dataset(tmp_path, classifier.card.labels)
    assert len(photos) == 2
    assert evaluate(classifier, photos).top1 == 1
    (tmp_path / "mauve").mkdir()
    assert len(read_dataset(tmp_path, classifier.card.labels)) == 2  # it holds nothing
    (tmp_path / "mauve" / "1.png").write_bytes(png("red"))
    with pytest.raises(BadDataset, match="'mauve' is none"):
        read_dataset(tmp_path, classifier.card.labels)


@pytest.mark.parametrize("in_tar", [True, False])
def test_a_table_names_files_in_a_tar_or_a_folder(
    classifier: Classifier, tmp_path: Path, in_tar: bool
) -> None:
    (tmp_path / "set.csv").write_text("file,category\na.png,red\nb.png,blue|green\nc.png,\n")
    files = {"a.png": png("red"), "b.png": png("lime")}
    if in_tar:
        with tarfile.open(tmp_path / "set.tar", "w") as archive:
            for name, data in files.items():
                member = tarfile.TarInfo(name)
                member.size = len(data)
                archive.addfile(member, io.BytesIO(data))
    else:
        for name, data in files.items():
            (tmp_path / name).write_bytes(data)
    for path in (tmp_path / "set.csv", tmp_path):
        photos = read_dataset(path, classifier.card.labels)
        assert len(photos) == 2
        assert evaluate(classifier, photos).top1 == 1


@pytest.mark.parametrize(
    ("table", "sentence"),
    [
        ("when,category\na,red\n", "needs a column `file`"),
        ("file,colour\na,red\n", "one of: index, category"),
        ("file,category\na,mauve\n", "names the label 'mauve'"),
        ("file,index\na,3\n", "names the label '3'"),
        ("", "needs a column"),
    ],
)
def test_a_table_that_says_too_little_is_refused(
    classifier: Classifier, tmp_path: Path, table: str, sentence: str
) -> None:
    (tmp_path / "set.csv").write_text(table)
    with pytest.raises(BadDataset, match=sentence):
        read_dataset(tmp_path / "set.csv", classifier.card.labels)


def test_a_file_that_is_not_there_is_named(classifier: Classifier, tmp_path: Path) -> None:
    (tmp_path / "set.csv").write_text("file,index\ngone.png,0\n")
    with pytest.raises(BadDataset, match=r"names gone\.png, which is not there"):
        read_dataset(tmp_path / "set.csv", classifier.card.labels)


def test_the_shipped_model_is_as_good_as_its_card_says(shared: Path, decoders: Executor) -> None:
    shipped = Path(__file__).resolve().parents[3] / "models/zoo/efficientnet_lite0.onnx"
    classifier = Classifier(Session(read_model_file(shipped)), decoders, Limits(max_batch_size=8))
    photos = read_dataset(shared / "photos", classifier.card.labels)
    result = evaluate(classifier, photos)
    classifier.close(10)
    assert len(photos) == result.photographs == 1000
    stated = classifier.card.measured[0]
    assert (result.top1, result.top5) == pytest.approx((stated.top1, stated.top5), abs=0.003)
    assert result.top1 > 0.848  # one point below the fp32 network's 85.8 %
