"""What all rooms' tests use: servers, the photographs that ship, and those that may not."""

from __future__ import annotations

import itertools
import zlib
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import pytest

from models.sources import SOURCES
from tests.servers import Serve, serving

ROOT = Path(__file__).resolve().parent.parent
LONGEST_ID = 60


def pytest_make_parametrize_id(val: object) -> str | None:
    """Name a long value by its length and checksum: the workers of a run send names around."""
    if isinstance(val, bytes | str) and len(val) > LONGEST_ID:
        data = val if isinstance(val, bytes) else val.encode(errors="surrogatepass")
        return f"{len(val)}-{zlib.crc32(data):08x}"
    return None


@pytest.fixture(scope="session", autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """What a runtime compiles is kept for the next test, and leaves the user's folder alone."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="session")
def photos() -> dict[str, bytes]:
    """The JPEG files of ``tests/photos`` by their names without the suffix: ``"chelsea"``."""
    return {path.stem: path.read_bytes() for path in sorted((ROOT / "tests/photos").glob("*.jpg"))}


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of files whose terms keep them out of the repository; skips without it."""
    folder = ROOT.parent / "shared"
    if not folder.is_dir():
        pytest.skip("../shared, with photographs that may not be shipped, is not on this machine")
    return folder


@pytest.fixture(scope="session")
def weights() -> Path:
    """EfficientNet-Lite0's own, from the package that the dev extra installs."""
    package = SOURCES["efficientnet_lite0"].package
    assert package
    try:
        file = distribution(package.name).locate_file(package.member)
    except PackageNotFoundError:
        pytest.skip(f"{package.name} is not installed; the dev extra brings it")
    return Path(str(file))


@pytest.fixture(scope="session")
def serve(tmp_path_factory: pytest.TempPathFactory) -> Serve:
    """Starts a server with settings: ``with serve(models=path, queue_size=1) as server``."""
    folder = tmp_path_factory.mktemp("logs")
    numbers = itertools.count()
    return lambda **settings: serving(folder / f"{next(numbers)}.log", **settings)


@pytest.fixture(scope="session")
def server(serve: Serve) -> Iterator[str]:
    """The address of a server with the shipped models and default settings."""
    with serve() as running:
        yield running.url
