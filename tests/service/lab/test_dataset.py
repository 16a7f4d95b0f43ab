from __future__ import annotations

import os
from pathlib import Path
from unicodedata import normalize

import pytest

from models.card import Label
from service.lab.dataset import BadDataset, categories_of, few, part_of, read_dataset
from service.lab.layout import table_of

LABELS = tuple(Label(name=name, category=name) for name in ("bar", "booth/indoor", "cat"))


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """Three rows: a label, a set of two, and none; the files hold their names."""
    (tmp_path / "set").mkdir()
    for name in ("a", "b", "c"):
        (tmp_path / "set" / name).write_text(name)
    rows = "file,label\na,cat\nb,bar | booth/indoor\nc,\n"
    (tmp_path / "set.csv").write_text(rows)
    return tmp_path / "set.csv"


def test_rows_without_a_label_are_read_where_they_are_asked_for(table: Path) -> None:
    labelled = read_dataset(table, LABELS)
    assert [(one.name, one.photo, one.targets) for one in labelled] == [
        ("a", b"a", frozenset({2})),
        ("b", b"b", frozenset({0, 1})),
    ]
    assert len(labelled) == 2
    labelled = read_dataset(table, LABELS, unlabelled=True)
    assert [(one.name, one.targets) for one in labelled][2] == ("c", frozenset())
    assert len(labelled) == 3


def test_photographs_in_folders_are_named_by_their_path_in_the_data_set(tmp_path: Path) -> None:
    for name in ("cat/deep/2.jpg", "cat/1.jpg", "booth-indoor/3.jpg"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    labelled = read_dataset(tmp_path, LABELS)
    assert [(one.name, one.targets) for one in labelled] == [
        ("booth-indoor/3.jpg", frozenset({1})),
        ("cat/1.jpg", frozenset({2})),
        ("cat/deep/2.jpg", frozenset({2})),
    ]
    assert len(labelled) == 3


def test_categories_are_those_of_rows_or_folders(table: Path, tmp_path: Path) -> None:
    assert categories_of(table) == ["bar", "booth/indoor", "cat"]
    assert categories_of(tmp_path) == ["bar", "booth/indoor", "cat"]  # the one CSV in it
    for name in ("tiger", "cat"):
        (tmp_path / "set" / name).mkdir()
        (tmp_path / "set" / name / "1.jpg").write_text("a photograph")
    assert categories_of(tmp_path / "set") == ["cat", "tiger"]


def test_indices_name_no_categories(tmp_path: Path) -> None:
    (tmp_path / "set.csv").write_text("file,index,label\na,10,cat\n")
    with pytest.raises(BadDataset, match=r"set\.csv names labels by index alone"):
        categories_of(tmp_path)


def test_the_table_of_a_data_set_is_found(table: Path, tmp_path: Path) -> None:
    assert table_of(table) == table
    assert table_of(tmp_path) == table
    assert table_of(tmp_path / "set") is None
    (tmp_path / "other.csv").write_text("file,label\na,cat\n")
    with pytest.raises(BadDataset, match="There are several CSV files in "):
        table_of(tmp_path)
    with pytest.raises(BadDataset, match=r"a is no folder and no CSV of labelled photographs"):
        table_of(tmp_path / "set" / "a")


def labels(*categories: str) -> tuple[Label, ...]:
    return tuple(Label(name=category, category=category) for category in categories)


def fill(folder: Path, *names: str, content: str = "photo") -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content)


def targets(path: Path, *categories: str) -> dict[str, set[int]]:
    """The right labels of each photograph, and that as many are read as were counted."""
    dataset = read_dataset(path, labels(*categories))
    read = list(dataset)
    assert len(read) == len(dataset)
    return {one.name: set(one.targets) for one in read}


def test_hidden_and_system_folders_are_no_categories(tmp_path: Path) -> None:
    fill(tmp_path, "cat/1.jpg", "dog/2.JPG", "dog/.ipynb_checkpoints/2-checkpoint.jpg")
    fill(tmp_path, ".ipynb_checkpoints/3.jpg", "__MACOSX/cat/._1.jpg", "@eaDir/cat/1.jpg/t.jpg")
    fill(tmp_path, "cat/._1.jpg", "cat/Thumbs.db", "cat/notes.txt", "4.jpg", "README.md")
    assert categories_of(tmp_path) == ["cat", "dog"]
    assert targets(tmp_path, "cat", "dog") == {"cat/1.jpg": {0}, "dog/2.JPG": {1}}
    assert read_dataset(tmp_path, labels("cat", "dog")).told == (
        "Skipped: hidden or system 6, .md 1, photographs in no category's folder 1, .txt 1."
    )


def test_a_split_is_judged_by_its_test_part_or_else_by_validation(tmp_path: Path) -> None:
    fill(tmp_path, "train/cat/1.jpg", "val/cat/2.jpg", "test/cat/3.jpg", "train/dog/4.jpg")
    assert targets(tmp_path, "cat", "dog") == {"cat/3.jpg": {0}}
    assert read_dataset(tmp_path, labels("cat")).told == f"{tmp_path} is split: test is taken."
    (tmp_path / "test" / "cat" / "3.jpg").rename(tmp_path / "test" / "3.jpg")
    (tmp_path / "test" / "cat").rmdir()
    assert targets(tmp_path, "cat", "dog") == {"cat/2.jpg": {0}}
    assert read_dataset(tmp_path, labels("cat")).told == (
        f"{tmp_path} is split: val is taken; beside it, passed over: test."
    )


def test_a_part_that_is_not_there_is_told(tmp_path: Path) -> None:
    fill(tmp_path, "val/cat/2.jpg", "test/cat/3.jpg")
    assert part_of(tmp_path, "train", "validation")[0] == tmp_path / "val"
    with pytest.raises(BadDataset, match=r"is split, and has no labelled photographs for train\.$"):
        part_of(tmp_path, "train")


def test_numbers_are_in_their_own_order(tmp_path: Path) -> None:
    fill(tmp_path, *(f"{number}/1.jpg" for number in (10, 9, 2, 0, 1)))
    assert categories_of(tmp_path) == ["0", "1", "2", "9", "10"]
    (tmp_path / "set.csv").write_text("path;class\na;10\nb;9\nc;9|1\n")
    assert categories_of(tmp_path / "set.csv") == ["1", "9", "10"]
    fill(tmp_path / "mixed", "10/1.jpg", "9/1.jpg", "a/1.jpg")
    assert categories_of(tmp_path / "mixed") == ["10", "9", "a"]


def test_numbers_that_are_no_categories_are_indices(tmp_path: Path) -> None:
    fill(tmp_path / "set", "0/1.jpg", "2/1.jpg", "01/1.jpg")
    names = ("red", "green", "blue")
    assert targets(tmp_path / "set", *names) == {"0/1.jpg": {0}, "01/1.jpg": {1}, "2/1.jpg": {2}}
    assert read_dataset(tmp_path / "set", labels(*names)).told == (
        "The folders' names are numbers: each is taken as the index of a label."
    )
    assert targets(tmp_path / "set", "2", "01", "0") == {  # they are categories
        "0/1.jpg": {2},
        "01/1.jpg": {1},
        "2/1.jpg": {0},
    }
    (tmp_path / "set.csv").write_text("file,label\n0/1.jpg,2.0\n2/1.jpg,0|1\n")
    assert targets(tmp_path / "set.csv", *names) == {"0/1.jpg": {2}, "2/1.jpg": {0, 1}}
    fill(tmp_path / "set", "3/1.jpg")
    with pytest.raises(BadDataset, match="'0' is none"):
        read_dataset(tmp_path / "set", labels(*names))


def test_names_are_the_same_composed_or_not_and_in_any_case(tmp_path: Path) -> None:
    fill(tmp_path, f"{normalize('NFD', 'Käse')}/1.jpg", f"{normalize('NFC', 'Käse')}/2.jpg")
    fill(tmp_path, "Tennis Court/3.jpg", "booth_indoor/4.jpg")
    assert categories_of(tmp_path) == ["Käse", "Tennis Court", "booth_indoor"]
    found = targets(tmp_path, "käse", "tennis-court", "booth/indoor", "cheese")
    assert sorted(map(min, found.values())) == [0, 0, 1, 2]
    ambiguous = labels("tennis_court", "tennis-court", "Käse", "booth/indoor")
    with pytest.raises(BadDataset, match="'Tennis Court' is none"):
        read_dataset(tmp_path, ambiguous)


@pytest.mark.parametrize("pair", [("Cat", "cat"), ("cat", "cat "), ("STRASSE", "straße")])
def test_names_that_people_can_t_tell_apart_are_refused(
    pair: tuple[str, str], tmp_path: Path
) -> None:
    fill(tmp_path, *(f"{name}/1.jpg" for name in pair))
    with pytest.raises(BadDataset, match="; make them one category, or let them differ in more"):
        categories_of(tmp_path)
    assert len(targets(tmp_path, pair[0].casefold())) == 2  # there it is clear what they mean


def test_a_name_that_is_no_text_is_refused(tmp_path: Path) -> None:
    fill(tmp_path, os.fsdecode(b"caf\xe9/1.jpg"), "cat/1.jpg")
    with pytest.raises(BadDataset, match=r"category 'caf\\\\xe9', which is no text in UTF-8"):
        categories_of(tmp_path)
    with pytest.raises(BadDataset, match=r"'caf\\\\xe9' is none"):
        read_dataset(tmp_path, labels("cat"))


def test_folders_without_a_photograph_are_named(tmp_path: Path) -> None:
    fill(tmp_path, "cat/1.jpg", "dog/2.jpg", "fox/notes.txt", "owl/deep/.DS_Store")
    (tmp_path / "emu").mkdir()
    fill(tmp_path, "ant/1.jpg", content="")
    assert categories_of(tmp_path) == ["cat", "dog"]
    assert read_dataset(tmp_path, labels("cat", "dog")).told == (
        "Folders without a photograph: ant, emu, fox, owl. "
        "Skipped: empty 1, .txt 1, hidden or system 1."
    )


def test_what_lies_deeper_or_behind_links_is_taken_and_told(tmp_path: Path) -> None:
    fill(tmp_path / "elsewhere", "2.jpg", "deep/3.jpg")
    fill(tmp_path / "set", "cat/1.jpg", "cat/deep/4.jpg")
    (tmp_path / "set" / "dog").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "set" / "all").symlink_to(tmp_path / "set")
    (tmp_path / "set" / "cat" / "5.jpg").symlink_to(tmp_path / "elsewhere" / "2.jpg")
    (tmp_path / "set" / "cat" / "root").symlink_to(tmp_path)
    assert categories_of(tmp_path / "set") == ["cat", "dog"]
    assert targets(tmp_path / "set", "cat", "dog") == {
        "cat/1.jpg": {0},
        "cat/5.jpg": {0},
        "cat/deep/4.jpg": {0},
        "dog/2.jpg": {1},
        "dog/deep/3.jpg": {1},
    }
    assert read_dataset(tmp_path / "set", labels("cat", "dog")).told == (
        "Photographs deeper in a category's folder, taken as its: 2. Skipped: links in a circle 2."
    )


def test_places365_is_read_as_mit_packs_it(tmp_path: Path) -> None:
    names = ("a/abbey/1.jpg", "b/booth/indoor/1.jpg", "b/bar/1.jpg")
    fill(tmp_path, *names)
    assert categories_of(tmp_path) == ["abbey", "bar", "booth/indoor"]
    expected = {"a/abbey/1.jpg": {0}, "b/bar/1.jpg": {1}, "b/booth/indoor/1.jpg": {2}}
    assert targets(tmp_path, "abbey", "bar", "booth/indoor") == expected
    rows = ["file,places365", *(f"{name},/{Path(name).parent}" for name in names)]
    (tmp_path / "list.csv").write_text("\n".join(rows))
    assert targets(tmp_path / "list.csv", "abbey", "bar", "booth/indoor") == expected


def test_categories_in_two_levels_are_found_where_they_are_known(tmp_path: Path) -> None:
    fill(tmp_path, "booth/indoor/1.jpg", "booth/outdoor/2.jpg", "cat/3.jpg")
    found = targets(tmp_path, "booth/indoor", "booth/outdoor", "cat")
    assert found == {"booth/indoor/1.jpg": {0}, "booth/outdoor/2.jpg": {1}, "cat/3.jpg": {2}}


def test_one_category_alone_is_no_wrapping(tmp_path: Path) -> None:
    fill(tmp_path, "cat/deep/1.jpg", "cat/more/2.jpg")
    assert targets(tmp_path, "cat", "dog") == {"cat/deep/1.jpg": {0}, "cat/more/2.jpg": {0}}
    assert targets(tmp_path, "deep", "more") == {"deep/1.jpg": {0}, "more/2.jpg": {1}}


def test_a_file_that_goes_after_counting_is_read_as_a_fault(tmp_path: Path) -> None:
    fill(tmp_path, "cat/1.jpg", "cat/2.jpg", "cat/3.jpg")
    dataset = read_dataset(tmp_path, labels("cat"))
    (tmp_path / "cat" / "1.jpg").unlink()
    (tmp_path / "cat" / "2.jpg").unlink()
    os.mkfifo(tmp_path / "cat" / "2.jpg")
    assert [(one.name, one.photo, one.fault) for one in dataset] == [
        ("cat/1.jpg", b"", "The file can't be read: No such file or directory."),
        ("cat/2.jpg", b"", "The file can't be read: It is no regular file."),
        ("cat/3.jpg", b"photo", None),
    ]
    assert dataset.state() == [("cat/1.jpg", [0], -1), ("cat/2.jpg", [0], 0), ("cat/3.jpg", [0], 5)]


def test_rows_that_can_t_be_used_are_told_and_lose_no_others(tmp_path: Path) -> None:
    fill(tmp_path, "1.jpg", "2.jpg", ".ipynb_checkpoints/3.jpg", "4.jpg")
    (tmp_path / "set.csv").write_text(
        "File;Category\n1.jpg;cat\n.ipynb_checkpoints\\3.jpg;cat\n4.jpg;\n1.jpg;dog\n"
        "gone\x1b.jpg;cat\n2.jpg;dog\n2.jpg;dog\n;cat\n"
    )
    dataset = read_dataset(tmp_path, labels("cat", "dog"))
    assert [(one.name, set(one.targets)) for one in dataset] == [("1.jpg", {0, 1}), ("2.jpg", {1})]
    assert dataset.told == (
        "Rows without a file, left out: 1. Rows without a label, left out: 1. "
        r"Named in set.csv and not there, left out: gone\x1b.jpg. "
        "Rows that name a file again, whose labels are added: 2. Skipped: hidden or system 1."
    )


def test_a_table_without_a_label_is_told(tmp_path: Path) -> None:
    (tmp_path / "set.csv").write_text("file,label\na,\n")
    with pytest.raises(BadDataset, match=r"^set\.csv names no photograph with a label\.$"):
        read_dataset(tmp_path, labels("cat"))


def test_indices_may_be_written_as_spreadsheets_do(tmp_path: Path) -> None:
    fill(tmp_path, "a", "b")
    (tmp_path / "set.csv").write_text("file,index\na,1.0\nb,00\n")
    assert targets(tmp_path / "set.csv", "cat", "dog") == {"a": {1}, "b": {0}}
    (tmp_path / "set.csv").write_text("file,index\na,1.5\n")
    with pytest.raises(BadDataset, match=r"set\.csv names the label '1\.5'"):
        read_dataset(tmp_path / "set.csv", labels("cat", "dog"))


def test_groups_are_found_by_a_column_in_any_case(tmp_path: Path) -> None:
    fill(tmp_path, "a", "b")
    (tmp_path / "set.csv").write_text("file\tlabel\tLight Level\na\tcat\tday\nb\tcat\t\n")
    dataset = read_dataset(tmp_path, labels("cat"), by="light level")
    assert [one.group for one in dataset] == ["day", ""]


def test_many_names_are_cut_short() -> None:
    assert few(["a", "b\n"]) == r"a, b\n"
    assert few([str(number) for number in range(9)]) == "0, 1, 2, 3, 4 and 4 more"
