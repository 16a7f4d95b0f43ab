from __future__ import annotations

import codecs
from typing import TYPE_CHECKING

import pytest

from service.lab.table import BadDataset, Table

if TYPE_CHECKING:
    from pathlib import Path

ROWS = [("cat/1.jpg", ("Kätzchen",)), ("käse.png", ("bar", "cat"))]
PLAIN = "file,label\ncat/1.jpg,Kätzchen\nkäse.png,bar|cat\n"


def read(folder: Path, content: str | bytes, name: str = "set.csv") -> Table:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return Table.read(path)


def rows(table: Table) -> list[tuple[str, tuple[str, ...]]]:
    return [(row.file, row.targets) for row in table.rows]


@pytest.mark.parametrize(
    "content",
    [
        PLAIN.encode(),
        codecs.BOM_UTF8 + PLAIN.encode(),
        PLAIN.encode("utf-16"),
        codecs.BOM_UTF16_BE + PLAIN.encode("utf-16-be"),
        PLAIN.encode("utf-16-le"),
        PLAIN.encode("utf-16-be"),
        PLAIN.encode("utf-32"),
        PLAIN.replace("\n", "\r\n").encode(),
        PLAIN.replace("\n", "\r").encode(),
        PLAIN.replace("\n", "\n\n").encode(),
        ("\n\r\n" + PLAIN).encode(),
        PLAIN.rstrip().encode(),
        PLAIN.replace(",", ";").encode(),
        PLAIN.replace(",", "\t").encode(),
        ("sep=;\n" + PLAIN.replace(",", ";")).encode(),
        ('"sep=;"\r\n' + PLAIN.replace(",", ";")).encode(),
        ("SEP=~\n" + PLAIN.replace(",", "~")).encode(),
        codecs.BOM_UTF8 + ("sep=,\r\n" + PLAIN).encode(),
        ("sep=\t\n" + PLAIN.replace(",", "\t")).encode("utf-16"),
        '"file","label"\n"cat/1.jpg","Kätzchen"\n"käse.png","bar|cat"\n'.encode(),
        PLAIN.replace(",", ",,").encode(),
        PLAIN.replace("\n", ",\n").encode(),
        (PLAIN + ",\n, \n").encode(),
        PLAIN.replace(",", " , ").encode(),
        PLAIN.replace("file,label", "FILE,Label").encode(),
        PLAIN.replace("file,label", "filename,class").encode(),
        PLAIN.replace("file,label", "File Name,Class Name").encode(),
        PLAIN.replace("file,label", "image-path,target").encode(),
        PLAIN.replace("file,label", '"path","Category"').encode(),
        "Kommentar;label;file\n;Kätzchen;cat/1.jpg\nx;bar|cat;käse.png\n".encode(),
    ],
)
def test_a_table_is_read_however_it_was_saved(content: bytes, tmp_path: Path) -> None:
    table = read(tmp_path, content)
    assert rows(table) == ROWS
    assert table.notes == ()


@pytest.mark.parametrize("codec", ["latin-1", "cp1252"])
def test_old_encodings_are_read_and_told(codec: str, tmp_path: Path) -> None:
    table = read(tmp_path, PLAIN.encode(codec))
    assert rows(table) == ROWS
    assert table.notes == ("set.csv is no UTF-8: read as Windows-1252.",)


def test_signs_of_windows_1252_and_the_bytes_that_it_lacks(tmp_path: Path) -> None:
    assert rows(read(tmp_path, b"file,label\na,\x80\x99\n")) == [("a", ("€™",))]
    assert rows(read(tmp_path, b"file,label\na,\x81\xe9\n")) == [("a", ("\x81é",))]


@pytest.mark.parametrize("name", ["SET.CSV", "set.tsv", "Set.Tsv"])
def test_the_separator_is_seen_and_not_guessed_of_the_name(name: str, tmp_path: Path) -> None:
    assert rows(read(tmp_path, PLAIN, name)) == ROWS


def test_quotes_hold_separators_and_lines(tmp_path: Path) -> None:
    content = 'file,label,note\n"a, b.jpg","cat","two\nlines ""here"""\n'
    table = read(tmp_path, content)
    assert rows(table) == [("a, b.jpg", ("cat",))]
    assert table.column("note") == {"a, b.jpg": 'two\nlines "here"'}


def test_the_most_exact_column_counts(tmp_path: Path) -> None:
    table = read(tmp_path, "label,path,index,file\ncat,x,3,a\n")
    assert (table.target, rows(table)) == ("index", [("a", ("3",))])


def test_rows_that_say_too_little_or_too_much_are_counted(tmp_path: Path) -> None:
    table = read(tmp_path, "file,label\n,cat\na, b.jpg,cat\nc.jpg,cat\nshort\n")
    assert rows(table) == [("c.jpg", ("cat",)), ("short", ())]
    assert table.notes == (
        "Rows without a file, left out: 1.",
        "Rows with more cells than columns, left out: 1.",
    )


def test_columns_are_found_in_any_case_and_of_a_file_named_twice_the_first_counts(
    tmp_path: Path,
) -> None:
    table = read(tmp_path, "file,label,Teacher Weight\na,cat,0.5\na,bar,0.7\nb,cat,\n")
    assert table.column("teacher_weight") == {"a": "0.5", "b": ""}
    assert table.column("repeats") == {}


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", r"set\.csv needs a column `file` and one of: index, category, .*; it has none\."),
        (b"\n\n", "it has none"),
        (b"a.jpg,cat\nb.jpg,bar\n", r"it has a\.jpg, cat\."),
        (b"file;colour\na;red\n", "it has file, colour"),
        (b"name\tlabel\na\tred\n", "it has name, label"),
        (codecs.BOM_UTF16_LE + b"f\0i\0l", r"set\.csv is no UTF-16-LE all through; save it as"),
        (codecs.BOM_UTF8 + b"file,label\n\xe9,cat\n", r"set\.csv is no UTF-8 all through"),
        (b"file,label\na," + b"x" * 200_000, r"set\.csv is no table: field larger"),
        (b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR", "needs a column `file`"),
    ],
)
def test_what_is_no_table_of_photographs_is_told(
    content: bytes, sentence: str, tmp_path: Path
) -> None:
    with pytest.raises(BadDataset, match=sentence):
        read(tmp_path, content)


def test_a_table_that_can_t_be_read_is_told(tmp_path: Path) -> None:
    with pytest.raises(BadDataset, match=r"set\.csv can't be read: No such file"):
        Table.read(tmp_path / "set.csv")
