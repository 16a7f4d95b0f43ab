from __future__ import annotations

import csv
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from models.card import Label
from models.labels import LABEL_SETS, BadLabels, label_set, read_labels, sun_attributes

if TYPE_CHECKING:
    from pathlib import Path


def _by_category(name: str) -> dict[str, str]:
    return {label.category: label.name for label in label_set(name)}


@pytest.mark.parametrize(("name", "count"), [("imagenet", 1000), ("places365", 365)])
def test_a_set_has_as_many_labels_as_its_networks_have_outputs(name: str, count: int) -> None:
    assert len(label_set(name)) == count


@pytest.mark.parametrize("name", LABEL_SETS)
def test_no_two_names_or_categories_of_a_set_collide_even_in_lower_case(name: str) -> None:
    names = Counter(label.name.lower() for label in label_set(name))
    categories = Counter(label.category for label in label_set(name))

    assert names.most_common(1)[0][1] == 1
    assert categories.most_common(1)[0][1] == 1


@pytest.mark.parametrize("name", LABEL_SETS)
def test_names_are_words_for_people(name: str) -> None:
    for label in label_set(name):
        assert label.name == "iPod" or label.name[0].isupper()
        assert label.name == label.name.strip()
        assert not set("_/,;") & set(label.name)


@pytest.mark.parametrize(
    ("category", "name"),
    [
        ("n02099601", "Golden retriever"),
        ("n02012849", "Crane (bird)"),
        ("n03126707", "Crane (machine)"),
        ("n03710637", "Maillot (leotard)"),
        ("n03710721", "Maillot (swimsuit)"),
        ("n02113186", "Cardigan Welsh corgi"),
        ("n02963159", "Cardigan"),
        ("n02134084", "Polar bear"),
    ],
)
def test_an_object_bears_the_name_a_person_would_use(category: str, name: str) -> None:
    assert _by_category("imagenet")[category] == name


@pytest.mark.parametrize(
    ("category", "name"),
    [
        ("booth/indoor", "Indoor booth"),
        ("phone_booth", "Phone booth"),
        ("church/outdoor", "Outdoor church"),
        ("lake/natural", "Natural lake"),
        ("arena/hockey", "Hockey arena"),
        ("archaelogical_excavation", "Archaeological excavation"),
        ("childs_room", "Child's room"),
        ("train_station/platform", "Train station platform"),
        ("veterinarians_office", "Veterinarian's office"),
    ],
)
def test_a_scene_bears_the_name_a_person_would_use(category: str, name: str) -> None:
    assert _by_category("places365")[category] == name


def test_every_scene_is_indoor_or_outdoor_and_no_object_is_either() -> None:
    kinds = Counter(label.kind for label in label_set("places365"))

    assert kinds == {"indoor": 160, "outdoor": 205}
    assert {label.kind for label in label_set("imagenet")} == {None}


def test_a_scene_named_indoor_or_outdoor_has_that_word_in_its_category() -> None:
    for label in label_set("places365"):
        first = label.name.split()[0].lower()
        assert (first in {"indoor", "outdoor"}) == label.category.endswith(("/indoor", "/outdoor"))
        assert first not in {"indoor", "outdoor"} or label.category.endswith(f"/{first}")


def test_objects_stand_in_the_order_of_imagenet(shared: Path) -> None:
    with (shared / "photos/imagenet_1000.csv").open(newline="") as rows:
        synsets = {int(row["index"]): row["synset"] for row in csv.DictReader(rows)}

    assert [label.category for label in label_set("imagenet")] == [
        synsets[index] for index in range(1000)
    ]


def test_scenes_stand_in_the_order_and_have_the_kind_of_mits_lists(shared: Path) -> None:
    lines = (shared / "scenes/IO_places365.txt").read_text().splitlines()
    kinds = {"1": "indoor", "2": "outdoor"}

    assert [(label.category, label.kind) for label in label_set("places365")] == [
        (line.split()[0][3:], kinds[line.split()[1]]) for line in lines
    ]


def test_there_are_102_attributes_each_once() -> None:
    assert len(sun_attributes()) == len(set(sun_attributes())) == 102
    assert sun_attributes()[0] == "boating"
    assert sun_attributes()[-1] == "stressful"


def test_an_unknown_set_is_refused_with_the_names_there_are() -> None:
    with pytest.raises(ValueError, match="'imagenett'; there are imagenet and places365"):
        label_set("imagenett")


def test_a_label_set_is_known_by_name() -> None:
    assert read_labels("places365") == label_set("places365")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("my.txt", "cat\n\ndog, small \n"),
        ("my.csv", 'cat,cat\n"dog, small","dog, small"\n'),
        ("my.csv", 'category,name\ncat,cat\n"dog, small","dog, small"\n'),
        ("my.tsv", "cat\tcat\r\ndog, small\tdog, small\r\n"),
    ],
)
def test_labels_are_read_from_text_and_tables(name: str, text: str, tmp_path: Path) -> None:
    file = tmp_path / name
    file.write_text(text, encoding="utf-8-sig", newline="")
    assert read_labels(str(file)) == (
        Label(name="cat", category="cat"),
        Label(name="dog, small", category="dog, small"),
    )


def test_a_scenes_kind_is_read(tmp_path: Path) -> None:
    file = tmp_path / "scenes.csv"
    file.write_text("booth/indoor,Indoor booth,indoor\nbeach,Beach,outdoor\nsky,Sky,\n")
    assert [label.kind for label in read_labels(str(file))] == ["indoor", "outdoor", None]


@pytest.mark.parametrize("row", ["booth", "booth,Booth,inside", ",Booth"])
def test_a_bad_line_is_told(row: str, tmp_path: Path) -> None:
    file = tmp_path / "scenes.csv"
    file.write_text(f"beach,Beach\n{row}\n")
    with pytest.raises(BadLabels, match="where category, name and, for scenes,"):
        read_labels(str(file))


@pytest.mark.parametrize("content", [None, b"\xff\xfe\x00", b"\x89PNG\r\n\x1a\n\0"])
def test_what_is_no_text_is_told(content: bytes | None, tmp_path: Path) -> None:
    file = tmp_path / "labels.txt"
    if content:
        file.write_bytes(content)
    with pytest.raises(BadLabels, match=r"can't be read as labels; give imagenet, places365, or"):
        read_labels(str(file))


def test_what_is_no_table_is_told(tmp_path: Path) -> None:
    file = tmp_path / "labels.csv"
    file.write_text("beach," + "B" * 200_000)
    with pytest.raises(BadLabels, match="no table of labels: field larger than"):
        read_labels(str(file))


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("my.txt", "1 dog, small\n0 cat\n"),
        ("my.txt", "dog, small 2\ncat 1\n"),
        ("labels", "1: dog, small\n0: cat\n"),
        ("my.csv", 'index,name\n1,"dog, small"\n0,cat\n'),
        ("MY.CSV", "1;dog, small\n0;cat\n"),
        ("my.tsv", "dog, small\t1\ncat\t0\n"),
        ("my.json", '{"1": "dog, small", "0": "cat"}'),
        ("config.json", '{"id2label": {"1": "dog, small", "0": "cat"}}'),
        ("my.txt", '["cat", "dog, small"]'),
        ("my.txt", "{0: 'cat',\n 1: 'dog, small'}"),
        ("data.yaml", "names:\n  1: dog, small\n  0: cat\n"),
        ("data.yml", "names: [cat, 'dog, small']\n"),
        ("map.pbtxt", "item { id: 2 name: 'dog, small' } item { id: 1 name: 'cat' }"),
        ("my.txt", "item {\n id: 2\n name: 'dog, small'\n}\nitem {\n id: 1\n name: 'cat'\n}"),
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_the_index_counts_whatever_the_order(
    name: str, text: str, encoding: str, tmp_path: Path
) -> None:
    file = tmp_path / name
    file.write_text(text, encoding=encoding, newline="")
    assert [label.name for label in read_labels(str(file))] == ["cat", "dog, small"]


def test_names_in_brackets_are_no_json(tmp_path: Path) -> None:
    file = tmp_path / "my.txt"
    file.write_text("[other]\ncat\n")
    assert [label.name for label in read_labels(str(file))] == ["[other]", "cat"]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("0 cat\n1 dog\n3 bird\n", r"^my\.txt has no label with the index 2, though one with 3;"),
        ("0 cat\n1 dog\n1 bird\n", r"^my\.txt has the index 1 twice; give each"),
        ("\n \n", r"^my\.txt holds no labels; give a label for each"),
    ],
)
def test_a_wrong_index_is_told(text: str, sentence: str, tmp_path: Path) -> None:
    file = tmp_path / "my.txt"
    file.write_text(text)
    with pytest.raises(BadLabels, match=sentence):
        read_labels(str(file))


@pytest.mark.parametrize("name", ["categories_places365.txt", "IO_places365.txt"])
def test_mits_own_files_give_the_scenes_that_booth_knows(name: str, shared: Path) -> None:
    assert read_labels(str(shared / "scenes" / name)) == label_set("places365")


def test_wordnets_ids_alone_give_the_objects_that_booth_knows(tmp_path: Path) -> None:
    file = tmp_path / "synsets.txt"
    file.write_text("n01443537\nn01440764\n")
    assert [label.name for label in read_labels(str(file))] == ["Goldfish", "Tench"]


def test_keras_index_of_imagenet_is_read(tmp_path: Path) -> None:
    file = tmp_path / "imagenet_class_index.json"
    file.write_text('{"1": ["n01443537", "goldfish"], "0": ["n01440764", "tench"]}')
    assert read_labels(str(file)) == (
        Label(name="tench", category="n01440764"),
        Label(name="goldfish", category="n01443537"),
    )
