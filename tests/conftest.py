"""What all rooms' tests use: servers, the photographs that ship, and those that may not."""

from __future__ import annotations

import contextlib
import itertools
import os
import zlib
from collections.abc import Generator, Iterator
from functools import cache, partial
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import coverage
import httpx
import pytest

from demo.samples import FOLDER as SAMPLES
from models.sources import SOURCES
from tests.servers import Serve, is_up, opened, serving
from tests.waiting import eventually

EXPLAINS_WITHIN_S = 90.0
ROOT = Path(__file__).resolve().parent.parent
LONGEST_ID = 60

# What whole processes go through here is covered by the rooms' own tests, and to trace it would
# take half as much time again.
UNTRACED = (
    *("tests/attack/", "tests/benchmarks/", "tests/docs/", "tests/foreign/", "tests/fuzz/"),
    *("tests/deploy/", "tests/models/zoo/", "tests/test_privacy.py"),
    *("tests/demo/views/", "tests/demo/test_accessibility.py", "tests/demo/test_pictures.py"),
    "tests/demo/test_shell.py",
)
TRACES_PROCESSES = "COVERAGE_PROCESS_CONFIG"  # coverage's own, for the processes that are started


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Leave some rooms' tests, and the processes that they start, out of the coverage."""
    with _untraced() if item.nodeid.startswith(UNTRACED) else contextlib.nullcontext():
        return (yield)


@contextlib.contextmanager
def _untraced() -> Iterator[None]:
    running = coverage.Coverage.current()
    if running is None:
        yield
        return
    running.stop()
    config = os.environ.pop(TRACES_PROCESSES, None)
    try:
        yield
    finally:
        if config is not None:
            os.environ[TRACES_PROCESSES] = config
        running.start()


def pytest_make_parametrize_id(val: object) -> str | None:
    """Name a long value by its length and checksum: the workers of a run send names around."""
    if isinstance(val, bytes | str) and len(val) > LONGEST_ID:
        data = val if isinstance(val, bytes) else val.encode(errors="surrogatepass")
        return f"{len(val)}-{zlib.crc32(data):08x}"
    return None


@pytest.fixture(scope="session", autouse=True)
def _one_ssl_context() -> Iterator[None]:
    """Else each of thousands of `httpx.get` reads all certificates, in 30 ms and to no use."""
    with pytest.MonkeyPatch.context() as patch:
        once = cache(httpx.create_ssl_context)
        patch.setattr("httpx._transports.default.create_ssl_context", once)
        yield


@pytest.fixture(scope="session", autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """What a runtime compiles is kept for the next test, and leaves the user's folder alone."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="session")
def photos() -> dict[str, bytes]:
    """The JPEG files of ``export/photos`` by their names without the suffix: ``"chelsea"``."""
    return {path.stem: path.read_bytes() for path in sorted((ROOT / "export/photos").glob("*.jpg"))}


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


@pytest.fixture(scope="session")
def site(serve: Serve) -> Iterator[str]:
    """The address of `booth serve` as a fresh clone runs it, once its page is open."""
    with serve(demo="on", trusted_proxies="127.0.0.1") as service:
        url = is_up(service.process, service.log, lambda: opened(service.url))
        _explain_once(url)
        yield url


def _explain_once(url: str) -> None:
    """Have both models load what explains their answers: on a busy machine that takes long."""
    photo = (SAMPLES / "coffee.jpg").read_bytes()
    for model in ("places365", "efficientnet_lite0"):
        asked = f"{url}/classify?model={model}&explain=region"
        ask = partial(httpx.post, asked, content=photo, timeout=EXPLAINS_WITHIN_S)
        eventually(ask, lambda answer: answer.is_success, within_s=EXPLAINS_WITHIN_S)
