from __future__ import annotations

import codecs

import pytest

from models.label_files.text import NoText, decode

TEXT = "Café\r\nÄpfel\nstraße\n"


@pytest.mark.parametrize(
    "data",
    [
        TEXT.encode(),
        TEXT.encode("utf-8-sig"),
        TEXT.encode("utf-16"),
        codecs.BOM_UTF16_LE + TEXT.encode("utf-16-le"),
        codecs.BOM_UTF16_BE + TEXT.encode("utf-16-be"),
        codecs.BOM_UTF32_LE + TEXT.encode("utf-32-le"),
        codecs.BOM_UTF32_BE + TEXT.encode("utf-32-be"),
        TEXT.encode("utf-16-le"),
        TEXT.encode("utf-16-be"),
        TEXT.encode("latin-1"),
        TEXT.encode("cp1252"),
    ],
)
def test_text_is_decoded_whichever_way_it_was_saved(data: bytes) -> None:
    assert decode(data) == TEXT


@pytest.mark.parametrize("text", ["", "a", "鳥\n犬\n", "жук\n", "été", "a\tb\n"])
def test_utf_8_of_any_language_is_decoded(text: str) -> None:
    assert decode(text.encode()) == text


@pytest.mark.parametrize(
    "data",
    [
        "жук".encode("cp1251"),
        "жук".encode("koi8-r"),
        "鳥と犬".encode("shift-jis"),
        "中文".encode("gbk"),
        "한국".encode("euc-kr"),
        "“quoted”".encode("cp1252"),
        b"\xff\xfe\x00",
        b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR",
        b"a\0b",
        b"cat\x07",
        bytes(range(256)),
    ],
)
def test_what_can_not_be_told_for_certain_is_refused(data: bytes) -> None:
    with pytest.raises(NoText):
        decode(data)
