"""Well-known objects on photographs that packages ship get the label that a person would give.

The labels stand here because somebody looked at the photographs; where several of ImageNet's names
are right for one, each is. The twenty of foolbox carry theirs in their file names.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path

import pytest

from models import zoo
from service.engine.classifier import Classifier
from service.fleet.identity import read_model_file
from service.runtimes.session import Session

CAT = {"Tabby cat", "Tiger cat", "Egyptian cat"}
COFFEE = {"Espresso", "Cup", "Coffee mug"}
CAMERA = {"Tripod", "Reflex camera"}

OBJECTS = {
    "gradio/media_assets/images/cheetah.jpg": {"Cheetah"},
    "gradio/media_assets/images/cheetah1.jpg": {"Cheetah"},
    "gradio/test_data/cheetah2.jpg": {"Cheetah"},
    "gradio/media_assets/images/lion.jpg": {"Lion"},
    "skimage/data/chelsea.png": CAT,
    "skimage/data/coffee.png": COFFEE,
    "skimage/data/camera.png": CAMERA,
    "foolbox/data/imagenet_00_243.jpg": {"Bullmastiff"},
    "foolbox/data/imagenet_01_559.jpg": {"Folding chair"},
    "foolbox/data/imagenet_02_438.jpg": {"Beaker"},
    "foolbox/data/imagenet_04_949.jpg": {"Strawberry"},
    "foolbox/data/imagenet_08_915.jpg": {"Yurt"},
    "foolbox/data/imagenet_09_455.jpg": {"Bottle cap"},
    "foolbox/data/imagenet_10_541.jpg": {"Drum"},
    "foolbox/data/imagenet_13_471.jpg": {"Cannon"},
    "foolbox/data/imagenet_15_99.jpg": {"Goose"},
    "foolbox/data/imagenet_16_251.jpg": {"Dalmatian"},
    "foolbox/data/imagenet_17_22.jpg": {"Bald eagle"},
}
SHIPPED = {"chelsea": CAT, "coffee": COFFEE, "camera": CAMERA}


@pytest.fixture(scope="module")
def classifier() -> Iterator[Classifier]:
    with ThreadPoolExecutor(1) as decoders:
        made = Classifier(
            Session(read_model_file(Path(zoo.__file__).with_name("efficientnet_lite0.onnx"))),
            decoders,
        )
        yield made
        made.close(10)


def installed(path: str) -> Path:
    """A file that a package brings; the package is not imported."""
    package, _, rest = path.partition("/")
    found = find_spec(package)
    if not found or not found.submodule_search_locations:
        pytest.skip(f"{package}, which brings the photograph, is not installed")
    return Path(found.submodule_search_locations[0]) / rest


@pytest.mark.parametrize("path", OBJECTS)
def test_an_object_gets_the_label_that_a_person_would_give(
    path: str, classifier: Classifier
) -> None:
    (first,) = classifier.classify(installed(path).read_bytes(), top_k=1).predictions
    assert first.label in OBJECTS[path]


@pytest.mark.parametrize("name", SHIPPED)
def test_so_do_the_photographs_that_booth_ships(
    name: str, photos: dict[str, bytes], classifier: Classifier
) -> None:
    (first,) = classifier.classify(photos[name], top_k=1).predictions
    assert first.label in SHIPPED[name]


def test_a_motorcycle_is_a_small_one_for_imagenet_which_has_no_other(
    classifier: Classifier,
) -> None:
    data = installed("skimage/data/motorcycle_left.png").read_bytes()
    labels = {one.label for one in classifier.classify(data).predictions}
    assert labels >= {"Moped", "Motor scooter"}


def test_of_foolbox_s_twenty_photographs_four_fifths_get_their_own_label(
    classifier: Classifier,
) -> None:
    files = sorted(installed("foolbox/data").glob("imagenet_*.jpg"))
    truth = [int(file.stem.rpartition("_")[2]) for file in files]
    answers = [classifier.classify(file.read_bytes()).predictions for file in files]
    assert len(files) == 20
    first = sum(index == given[0].index for index, given in zip(truth, answers, strict=True))
    among = sum(
        index in {p.index for p in given} for index, given in zip(truth, answers, strict=True)
    )
    assert first >= 16
    assert among >= 18
