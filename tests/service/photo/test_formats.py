from __future__ import annotations

import io
from pathlib import Path

import httpx
import pytest
from PIL import Image

from booth_client.errors import UnsupportedFormat
from models.card import Input
from service.photo.decode import decode
from service.photo.formats import FORMATS, format_of, is_image
from service.settings import read_settings
from tests.servers import Serve
from tests.service.asking import RED, problem
from tests.service.photo.heif import four_fields, saved

INPUT = Input(size=8, resize=8)


@pytest.mark.parametrize("name", FORMATS)
def test_each_decoded_format_is_known_by_its_first_bytes(name: str) -> None:
    data = saved(Image.new("RGB", (8, 8)), name)
    assert format_of(data) == name
    assert format_of(memoryview(data)[:32]) == name


@pytest.mark.parametrize(
    ("head", "name"),
    [
        (b"\0\0\0\x14ftypavif\0\0\0\0", "AVIF"),
        (b"\0\0\0\x20ftypmif1\0\0\0\0mif1miafMA1Bavif", "AVIF"),
        (b"\0\0\0\x14ftypavis\0\0\0\0msf1", "AVIF"),
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "HEIC"),
        (b"\0\0\0\x18ftypmif1\0\0\0\0miafMiHB", "HEIC"),
        (b"\0\0\0\x18ftypmsf1\0\0\0\0hevcheic", "HEIC"),
        (b"\0\0\0\x18ftypheix\0\0\0\0mif1heix", "HEIC"),
        (b"\xff\xff\xff\xffftypmif1\0\0\0\0heim", "HEIC"),
    ],
)
def test_heif_is_told_by_all_its_brands(head: bytes, name: str) -> None:
    assert format_of(head, ("AVIF", "HEIC")) == name


def test_what_follows_the_brands_is_none() -> None:
    with pytest.raises(UnsupportedFormat, match="neither AVIF nor HEIC"):
        format_of(b"\0\0\0\x14ftypmif1\0\0\0\0miafheicavif")


@pytest.mark.parametrize(
    ("data", "looks_like"),
    [
        (b"\0\0\0\x18ftypmif1\0\0\0\0mif1miaf", "neither AVIF nor HEIC"),
        (b"\0\0\0\x18ftypmif1\0\0\0\0j2kimif1", "neither AVIF nor HEIC"),
        (b"\0\0\0\x18ftypavci\0\0\0\0mif1avci", "neither AVIF nor HEIC"),
        (b"\0\0\0\x18ftypmp42\0\0\0\0isommp42", "video"),
        (b"\0\0\0\x14ftypqt  \0\0\0\0qt  ", "video"),
        (b"\0\0\0\x18ftypcrx \0\0\0\1", "raw"),
        (b"\0\0\0\x18ftypisom\0\0\2\0", "video"),
        (b"\x1aE\xdf\xa3\x01\0\0\0", "video"),
        (b"RIFF\x24\0\0\0WAVEfmt ", "sound"),
        (b"\0\0\0\x0cJXL \r\n\x87\n", "JPEG XL"),
        (b"\0\0\0\x0cjP  \r\n\x87\n", "JPEG 2000"),
        (b"8BPS\0\1\0\0", "Photoshop"),
        (b"%PDF-1.7\n", "PDF"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n", "PostScript"),
        (b"\0\0\1\0\1\0\x10\x10", "icon"),
        (b"\0\0\2\0\3\0\x20\x20\0\0", "icon"),
        (b"\0\0\2\0\0\0\0\0\0\0\0\0\x80\2\xaa\1\x18\x20", "a Targa"),
        (b"\x05\0\x0a\0\0\0\0\0\0\0\0\0\x80\2\0\1\x20\x08", "a Targa"),
        (b"\0\1\1\0\0\0\1\x18\0\0\0\0\x80\2\xaa\1\x08\0", "a Targa"),
        (b"\x89PNG\r\n\x1a\n\0\0\0\4CgBI\x50\0\x20\6", "Xcode"),
        (b"BMW is a maker of cars.", "This is text"),
        (b"BMW\n", "This is text"),
        (b"P1 is a car. ID3 is another. P5 a third.", "This is text"),
        (b"ID3v2 is how songs are tagged.", "This is text"),
        (b"ID3\4\0\0", "sound"),
        (b"PK\3\4\x14\0\0\0", "archive"),
        (b"<!DOCTYPE html><html><svg></svg>", "HTML"),
        (b'<?xml version="1.0"?>\n<!-- drawn -->\n<svg viewBox="0 0 1 1"/>', "SVG"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "SVG"),
        (b"data:image/png;base64,iVBORw0KGgo=", "base64"),
        (b"/9j/4AAQSkZJRgABAQ", "base64"),
        (b"P6 1 1 255 \0\0\0", "Netpbm"),
        (b'{"image": "cat"}\n', "text"),
        (b"\xef\xbb\xbfHello", "text"),
    ],
)
def test_a_foreign_file_is_named(data: bytes, looks_like: str) -> None:
    with pytest.raises(UnsupportedFormat, match=looks_like) as caught:
        format_of(data)
    assert "send a JPEG, PNG, WebP, GIF, BMP, TIFF" in caught.value.detail


def test_what_a_targa_or_icon_may_begin_with_is_not_enough() -> None:
    for data in (b"\0\0\2\0\0\0" + bytes(12), b"\0\0\1\0\0\0", b"BM\xff" + b"\xff" * 60):
        with pytest.raises(UnsupportedFormat, match="no known image format"):
            format_of(data)


@pytest.mark.parametrize("data", [b"\xff", b"\x89PNG", b"\x93\x01\x02\x03", bytes(100)])
def test_garbage_is_told_to_be_no_image(data: bytes) -> None:
    with pytest.raises(UnsupportedFormat, match="no known image format"):
        format_of(data)


def test_settings_know_the_same_formats() -> None:
    assert {*FORMATS} <= {name.upper() for name in read_settings({}).formats}


@pytest.mark.parametrize(
    ("allowed", "asked"),
    [(("JPEG",), "send a JPEG."), (("JPEG", "WEBP"), "send a JPEG or WebP.")],
)
@pytest.mark.parametrize("name", ["PNG", "GIF", "BMP", "TIFF", *FORMATS[6:]])
def test_a_format_that_is_not_allowed_is_named_with_those_that_are(
    name: str, allowed: tuple[str, ...], asked: str
) -> None:
    called = {"AVIF": "an AVIF image", "HEIC": "a HEIC photograph"}.get(name, f"a {name} image")
    with pytest.raises(UnsupportedFormat) as caught:
        decode(saved(Image.new("RGB", (8, 8)), name), INPUT, formats=allowed)
    assert caught.value.detail == f"This is {called}, which is not decoded here: {asked}"


def test_a_service_decodes_the_formats_of_its_settings(serve: Serve, tiny: Path) -> None:
    jpeg = io.BytesIO()
    Image.new("RGB", (8, 8), "red").save(jpeg, "JPEG")
    with serve(models=tiny, formats="jpeg") as server:
        assert httpx.post(f"{server.url}/classify", content=jpeg.getvalue()).status_code == 200
        refused = httpx.post(f"{server.url}/classify", content=RED)
        problem(refused, 415, "unsupported-format")
        assert refused.json()["detail"].endswith("send a JPEG.")


def test_an_image_is_told_by_its_first_bytes() -> None:
    assert is_image(b"\xff\xd8\xff\xe0")
    assert not is_image(b"some text")


def test_avif_and_heic_get_the_answer_of_the_lossless_picture(serve: Serve, tiny: Path) -> None:
    picture = four_fields(128, 64)
    files = {"PNG": saved(picture, "PNG")}
    files["AVIF"] = saved(picture, "AVIF", quality=100, subsampling="4:4:4")
    if "HEIC" in FORMATS:
        files["HEIC"] = saved(picture, "HEIC", quality=95, chroma=444)
    with serve(models=tiny) as server:
        answers = {
            name: httpx.post(f"{server.url}/classify", content=data, timeout=30).json()[
                "predictions"
            ]
            for name, data in files.items()
        }
    for labels in answers.values():
        assert [one["label"] for one in labels] == [one["label"] for one in answers["PNG"]]
        assert labels[0]["confidence"] == pytest.approx(answers["PNG"][0]["confidence"], abs=0.05)
