"""Bring a source's files here: from their publisher, from a package, or from a mirror of one's own.

What was fetched before is taken again, after a look at its hash.
"""

from __future__ import annotations

import hashlib
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from shutil import copyfileobj
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, BinaryIO, cast
from zipfile import ZipFile

from export.fetch.download import DEFAULT_RETRY, DownloadError, RetryPolicy, download

if TYPE_CHECKING:
    from collections.abc import Callable

    from models.sources import Package, Source

__all__ = ["fetch_attributes", "fetch_weights", "sha256_of"]


def fetch_weights(
    source: Source,
    folder: Path,
    *,
    mirror: str | None = None,
    sha256: str | None = None,
    retry: RetryPolicy = DEFAULT_RETRY,
    progress: Callable[[int, int | None], None] = lambda _done, _total: None,
) -> Path:
    """Bring the weights of a source into a folder, unless they are there.

    Args:
        source: Whose weights.
        folder: Where the file will lie, under its publisher's name.
        mirror: Address of a folder to take it from instead of the publisher, by the same name.
        sha256: The expected hash, or its first digits; None takes the published one, if any.
        retry: When to give up on a download.
        progress: Called with the bytes so far and the bytes in all, as far as known.

    Raises:
        DownloadError: They could not be had, or are not the right ones.

    """
    target = folder / source.filename
    expected = sha256 or source.sha256
    if _is_here(target, expected):
        return target
    if source.package is not None and mirror is None:
        _take_from_package(source.package, target, expected)
    else:
        url = _address(str(source.url), source.filename, mirror)
        download(url, target, sha256=expected, retry=retry, progress=progress)
    return target


def fetch_attributes(
    source: Source,
    folder: Path,
    *,
    mirror: str | None = None,
    retry: RetryPolicy = DEFAULT_RETRY,
) -> Path | None:
    """Bring the attribute matrix of a source into a folder, if the source has one.

    Raises:
        DownloadError: It could not be had.

    """
    if source.attributes is None:
        return None
    name = source.attributes.url.rpartition("/")[2]
    target = folder / name
    if not _is_here(target, source.attributes.sha256):
        url = _address(source.attributes.url, name, mirror)
        download(url, target, sha256=source.attributes.sha256, retry=retry)
    return target


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file, 64 hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _is_here(target: Path, sha256: str | None) -> bool:
    return target.is_file() and sha256_of(target).startswith((sha256 or "").lower())


def _address(url: str, name: str, mirror: str | None) -> str:
    return f"{mirror.rstrip('/')}/{name}" if mirror else url


def _take_from_package(package: Package, target: Path, sha256: str | None) -> None:
    installed = _installed(package)
    if installed is not None:
        with installed.open("rb") as file:
            return _copy_verified(file, target, sha256, package)
    with TemporaryDirectory() as folder:
        wheel = _pip_download(package, Path(folder))
        with ZipFile(wheel) as archive, archive.open(package.member) as member:
            return _copy_verified(cast("BinaryIO", member), target, sha256, package)


def _installed(package: Package) -> Path | None:
    """The file, if its package is installed beside Booth."""
    try:
        path = Path(str(distribution(package.name).locate_file(package.member)))
    except PackageNotFoundError:
        return None
    return path if path.is_file() else None


def _pip_download(package: Package, folder: Path) -> Path:
    """Let pip fetch the wheel, with the index and the proxy that the user has set for it."""
    wanted = f"{package.name}=={package.version}"
    options = ["--no-deps", "--only-binary=:all:", "--quiet", "--no-input", "--dest", str(folder)]
    command = [sys.executable, "-m", "pip", "download", *options, wanted]
    done = subprocess.run(command, check=False, capture_output=True)  # noqa: S603 (our own words)
    wheels = list(folder.glob("*.whl"))
    if done.returncode or not wheels:
        raise DownloadError(
            f"pip could not fetch {wanted} from the package index that it is set to; check the "
            f"network, or pass {Path(package.member).name} out of that package with --weights FILE."
        )
    return wheels[0]


def _copy_verified(file: BinaryIO, target: Path, sha256: str | None, package: Package) -> None:
    """Copy a file to its place in one step, if its hash is right."""
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f"{target.name}.part")
    with part.open("wb") as copy:
        copyfileobj(file, copy)
    if _is_here(part, sha256):
        part.replace(target)
        return
    found = sha256_of(part)
    part.unlink()
    raise DownloadError(
        f"{package.name}=={package.version} holds weights with SHA-256 {found} where {sha256} was "
        "expected; they were deleted: pass the right ones with --weights FILE."
    )
