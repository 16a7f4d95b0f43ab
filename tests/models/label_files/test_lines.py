from __future__ import annotations

import pytest

from models.label_files.entries import BadLabels, Entry
from models.label_files.lines import parse_lines


def parsed(text: str) -> list[tuple[int | None, str]]:
    return [(entry.index, entry.name) for entry in parse_lines(text, "my.txt")]


@pytest.mark.parametrize(
    "line",
    ["{i} {n}", "{i},{n}", "{i}: {n}", "{i}:{n}", "{i}\t{n}", "{i};{n}", "{i}. {n}", "{i}) {n}",
     "{i} - {n}", "{i} \u2013 {n}", "{i} -> {n}", "{i} = {n}", "{i}|{n}", "0{i}  {n}",
     "{n} {i}", "{n},{i}", "{n}: {i}", "{n}\t{i}", "{n}; {i}", "{n} = {i}", "{n} => {i}",
     '{i} "{n}"', "{i}: '{n}',"],
)  # fmt: skip
@pytest.mark.parametrize("names", [("cat", "polar bear", "dog, small"), ("7 eleven", "b", "c")])
@pytest.mark.parametrize("first", [0, 1])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_an_index_counts_wherever_it_stands(
    line: str, names: tuple[str, ...], first: int, end: str
) -> None:
    indexed = list(enumerate(names, first))
    shuffled = [indexed[2], indexed[0], indexed[1]]
    text = end.join(line.format(i=index, n=name) for index, name in shuffled)
    assert parsed(text) == shuffled


@pytest.mark.parametrize(
    "names",
    [
        ("7 eleven", "area 51", "cat"),
        ("7 eleven", "24 hour gym"),
        ("7 eleven",),
        ("area 51",),
        ("label 0", "label 1", "label 2"),
        ("1 euro", "2 euro", "3 euro"),
        ("Audi TT 2012", "Audi TT 2011", "Acura RL 2012"),
        ("0", "1", "2"),
        ("2 door", "4 door", "convertible"),
        ("cat, tabby", "dog"),
        ("a: 1", "b"),
        ("3D printer", "2CV", "1st aid"),
        ("#1 dad", "# of things"),
        ("C#", "F"),
        ('the "best" one', "cat"),
        ('"cat', "dog"),
    ],
    ids=str,
)
def test_numbers_in_names_stay_there(names: tuple[str, ...]) -> None:
    assert parsed("\n".join(names)) == [(None, name) for name in names]


def test_blank_lines_and_comments_count_for_nothing() -> None:
    assert parsed("# the pets\n\n  cat  \n\t\n#dog\nbird\n") == [(None, "cat"), (None, "bird")]


def test_quotes_around_every_name_are_none_of_them() -> None:
    assert parsed('"cat",\n"dog \'small\'"\n') == [(None, "cat"), (None, "dog 'small'")]
    assert parsed("'cat'\n'dog'\n") == [(None, "cat"), (None, "dog")]


def test_a_gap_leaves_indices_what_they_are() -> None:
    assert parsed("0 cat\n1 dog\n3 bird\n") == [(0, "cat"), (1, "dog"), (3, "bird")]
    assert parsed("cat 0\ndog 1\nbird 1\n") == [(0, "cat"), (1, "dog"), (1, "bird")]


def test_indices_at_both_ends_are_told() -> None:
    with pytest.raises(BadLabels, match=r"^my\.txt has numbers that could be indices at both ends"):
        parsed("0 cat 1\n1 dog 0\n")
    assert parsed("0 cat 0\n1 dog 1\n") == [(0, "cat 0"), (1, "dog 1")]


def test_wordnets_ids_are_categories() -> None:
    text = "n01440764 tench, Tinca tinca\nn01443537 goldfish, Carassius auratus\n"
    assert parse_lines(text, "x") == [
        Entry("tench, Tinca tinca", "n01440764"),
        Entry("goldfish, Carassius auratus", "n01443537"),
    ]
    assert parse_lines("1 n01443537 goldfish\n0 n01440764 tench\n", "x") == [
        Entry("goldfish", "n01443537", index=1),
        Entry("tench", "n01440764", index=0),
    ]
    assert parse_lines("n02119789 2 kit_fox\nn02100735 1 setter\n", "x") == [
        Entry("kit_fox", "n02119789", index=2),
        Entry("setter", "n02100735", index=1),
    ]
    assert parse_lines("n01440764\nn01443537\n", "x")[1] == Entry("n01443537", "n01443537")


def test_mits_lists_of_scenes_are_read() -> None:
    assert parse_lines("/a/alley 1\n/b/booth/indoor 0\n/z/zoo 2\n", "x") == [
        Entry("alley", "alley", index=1),
        Entry("booth/indoor", "booth/indoor", index=0),
        Entry("zoo", "zoo", index=2),
    ]
    assert parse_lines("/a/alley 2\n/b/booth/indoor 1\n/z/zoo 2\n", "x") == [
        Entry("alley", "alley", "outdoor"),
        Entry("booth/indoor", "booth/indoor", "indoor"),
        Entry("zoo", "zoo", "outdoor"),
    ]


def test_no_line_takes_long() -> None:
    text = "\n".join(" " * 20_000 + "a" + " " * 20_000 + "b" for _ in range(3))
    assert len(parsed(text)) == 3
    text = "\n".join("a" + " " * 20_000 + f"b {number}" for number in range(3))
    assert len(parsed(text)) == 3
    assert len(parsed("1" * 5_000 + "\n" + "a" * 50_000)) == 2
