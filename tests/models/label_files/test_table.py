from __future__ import annotations

import pytest

from models.label_files.entries import BadLabels, Entry
from models.label_files.table import parse_table

PAIR = [Entry("Dog, small", index=1), Entry("Cat", index=0)]


@pytest.mark.parametrize(
    "text",
    [
        '1,"Dog, small"\n0,Cat\n',
        '"Dog, small",1\nCat,0\n',
        'index,name\n1,"Dog, small"\n0,Cat\n',
        'name,index\r\n"Dog, small",1\r\nCat,0\r\n',
        ',label\n1,"Dog, small"\n0,Cat\n',
        'ID,Class Name\n1,"Dog, small"\n0,Cat\n',
        'class,label\n"Dog, small",1\nCat,0\n',
        'label,class\n1,"Dog, small"\n0,Cat\n',
        "1;Dog, small\n0;Cat\n",
        "sep=;\n1;Dog, small\n0;Cat\n",
        "name;id\nDog, small;1\nCat;0\n",
        "1\tDog, small\n0\tCat\n",
    ],
)
def test_an_index_is_known_by_its_column_or_its_numbers(text: str) -> None:
    assert parse_table(text, "my.csv", is_tabbed=False) == PAIR


def test_categories_and_kinds_have_columns_of_their_own() -> None:
    text = "index,category,name,kind\n1,b/in,Indoor booth,indoor\n0,sky,Sky,\n"
    assert parse_table(text, "my.csv", is_tabbed=False) == [
        Entry("Indoor booth", "b/in", "indoor", 1),
        Entry("Sky", "sky", None, 0),
    ]
    without_head = "\n".join(text.splitlines()[1:])
    assert parse_table(without_head, "my.csv", is_tabbed=False)[0] == Entry(
        "Indoor booth", "b/in", "indoor", 1
    )


def test_a_column_of_names_is_enough() -> None:
    for text in ("cat\ndog\n", "name\ncat\ndog\n", "Label\r\ncat\r\ndog\r\n", '"cat"\n"dog"\n'):
        assert parse_table(text, "x", is_tabbed=False) == [Entry("cat"), Entry("dog")]


def test_a_column_of_numbers_alone_is_one_of_names() -> None:
    assert parse_table("1\n0\n", "x", is_tabbed=False) == [Entry("1"), Entry("0")]


def test_tabs_alone_separate_a_tsv() -> None:
    assert parse_table("1\tDog, small\n0\tCat\n", "x", is_tabbed=True) == PAIR


def test_columns_of_other_things_are_left() -> None:
    text = "id,name,photos\n0,cat,12\n1,dog,7\n"
    assert parse_table(text, "x", is_tabbed=False) == [
        Entry("cat", index=0),
        Entry("dog", index=1),
    ]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("Audi,2012\nAcura,2011\n", "has columns of numbers that are no index"),
        ("0,1,cat\n1,0,dog\n", "has columns of numbers that are no index"),
        ("index,name\n0,cat\n,dog\n", "has the line ', dog', where"),
        ("index,name\n0,cat\nx,dog\n", "has the line 'x, dog', where"),
        ("0,cat\n1,dog,small\n", "has the line '1, dog, small', where|has the line '0, cat'"),
        ("index,name\n0,\n1,dog\n", "has the line '0, ', where"),
    ],
)
def test_a_row_that_does_not_fit_is_told(text: str, sentence: str) -> None:
    with pytest.raises(BadLabels, match=sentence):
        parse_table(text, "x", is_tabbed=False)
