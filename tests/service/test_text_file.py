from __future__ import annotations

from pathlib import Path

import pytest

from service.text_file import read_text_file


def test_a_mark_of_the_byte_order_is_no_text(tmp_path: Path) -> None:
    file = tmp_path / "keys"
    file.write_bytes(b"\xef\xbb\xbfone\r\ntwo")
    assert read_text_file(file, "one key a line") == "one\r\ntwo"


@pytest.mark.parametrize(
    ("content", "told"),
    [(b"a" * 1_000_001, "at most 1,000,000 bytes"), (b"\xff\xfe", "UTF-8, one key a line")],
)
def test_what_is_no_small_text_is_told(tmp_path: Path, content: bytes, told: str) -> None:
    file = tmp_path / "keys"
    file.write_bytes(content)
    with pytest.raises(ValueError, match=told):
        read_text_file(file, "one key a line")
