"""A file of variables, as operators write them for Docker and systemd."""

from __future__ import annotations

from pathlib import Path

import pytest

from service.env_file import read_env_file


def read(folder: Path, data: bytes) -> dict[str, str]:
    file = folder / "booth.env"
    file.write_bytes(data)
    return {name: one.value for name, one in read_env_file(file).items()}


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("A=b", "b"),
        ("A=", ""),
        ("  A = b c  ", "b c"),
        ("export A=b", "b"),
        ("A=b # why", "b"),
        ("A= # why", ""),
        ("A=b#c", "b#c"),
        ("A=b=c", "b=c"),
        ("A='b # c' # why", "b # c"),
        (r"A='\"b\"'", r"\"b\""),
        (r'A="b \"c\" \\ \$d \e"', r'b "c" \ $d \e'),
        ("A=''", ""),
        ("A=${B}", "${B}"),
        ("A=it's", "it's"),
        ("A=1\r\nA=2\r", "2"),
        ("# A=b\n; A=c\n\n   \nA=d", "d"),
        ("\ufeffA=b", "b"),
        ("A=b\u2028c", "b\u2028c"),
    ],
)
def test_a_line_is_a_variable(tmp_path: Path, line: str, value: str) -> None:
    assert read(tmp_path, line.encode()) == {"A": value}


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"A=1\nsecret", "line 2 must be NAME=value"),
        (b"A: secret", "line 1 must be NAME=value"),
        (b"1A=secret", "line 1 must be NAME=value"),
        (b"A='secret", "in line 1, the value's quote must end"),
        (b'A="secret\\"', "in line 1, the value's quote must end"),
        (b"A='secret' more", "in line 1, the value's quote must end"),
        (b"A=\xff", "it must be text in UTF-8"),
        (b"#" * 1_000_001, "it must have at most 1,000,000 bytes"),
    ],
)
def test_what_is_none_is_refused_and_not_told(tmp_path: Path, data: bytes, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence) as caught:
        read(tmp_path, data)
    assert "secret" not in str(caught.value)


def test_each_has_its_line(tmp_path: Path) -> None:
    (tmp_path / "booth.env").write_text("# two\nA=1\n\nB=2")
    found = read_env_file(tmp_path / "booth.env")
    assert {name: one.line for name, one in found.items()} == {"A": 2, "B": 4}
