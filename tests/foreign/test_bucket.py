"""A bucket as boto's clients know it, with moto's server: models come, get their share, and go."""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from service.fleet.store import StoreError, store_of
from tests.foreign import foreign_python
from tests.servers import Serve, free_port, started
from tests.service.asking import RED
from tests.service.conftest import tiny_card, write_tiny
from tests.waiting import eventually

pytest.importorskip("obstore", reason="the extra `repository` brings it")
pytestmark = pytest.mark.xdist_group("bucket")

# moto's server for S3 alone, and what that imports.
MOTO = (
    *("moto==5.2.5", "boto3==1.44.8", "botocore==1.44.8", "jmespath==1.1.0", "s3transfer==0.19.3"),
    *("python-dateutil==2.9.0.post0", "six==1.17.0", "urllib3==2.8.0", "requests==2.34.2"),
    *("idna==3.20", "certifi==2026.10.19.post1", "charset-normalizer==3.5.3", "responses==0.26.3"),
    *("flask==3.1.3", "flask-cors==6.0.5", "werkzeug==3.1.9", "jinja2==3.1.6", "click==8.5.1"),
    *("markupsafe==3.0.4", "blinker==1.9.0", "itsdangerous==2.2.0", "pyyaml==6.0.4"),
    *("cryptography==50.0.2", "cffi==2.1.1", "xmltodict==1.0.4", "py-partiql-parser==0.6.3"),
)
KEY = {"Authorization": "Bearer manager"}
# Who asks is not looked at, but that somebody does.
ASKING = {
    "Content-Type": "application/octet-stream",
    "Authorization": "AWS4-HMAC-SHA256 Credential=anybody/20261127/us-east-1/s3/aws4_request, "
    "SignedHeaders=host, Signature=0",
}


@pytest.fixture(scope="module")
def bucket(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """An empty bucket, to put files into; what asks for it finds it by the usual variables."""
    python, port = foreign_python(*MOTO), free_port()
    url, log = f"http://127.0.0.1:{port}", tmp_path_factory.mktemp("moto") / "log"
    command = [str(python), "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    with (
        pytest.MonkeyPatch.context() as patch,
        started(command, log),
        httpx.Client(base_url=f"{url}/models", timeout=30, headers=ASKING) as client,
    ):
        for name, value in {
            "AWS_ENDPOINT_URL": url,
            "AWS_ACCESS_KEY_ID": "anybody",
            "AWS_SECRET_ACCESS_KEY": "a-secret",
            "AWS_REGION": "us-east-1",
        }.items():
            patch.setenv(name, value)
        eventually(lambda: _is_made(client), within_s=60)
        yield client


def _is_made(client: httpx.Client) -> bool:
    try:
        return client.put("").is_success
    except httpx.TransportError:
        return False


def put(bucket: httpx.Client, key: str, content: bytes | Path | dict[str, object]) -> None:
    if isinstance(content, Path):
        content = content.read_bytes()
    if isinstance(content, dict):
        content = json.dumps(content).encode()
    bucket.put(f"/{key}", content=content).raise_for_status()


def test_files_are_listed_fetched_and_told_apart(bucket: httpx.Client, tmp_path: Path) -> None:
    for key in ("a-1.onnx", "b/2/model.onnx", "b/2/deep/er/model.onnx", "notes.txt"):
        put(bucket, f"lists/{key}", key.encode())
    store = store_of("s3://models/lists/", tmp_path)
    before = store.entries()
    assert store.is_atomic
    assert list(before) == ["a-1.onnx", "b/2/model.onnx"]
    assert [one.size for one in before.values()] == [8, 14]
    assert store.fetch(before["b/2/model.onnx"]).read_bytes() == b"b/2/model.onnx"
    put(bucket, "lists/a-1.onnx", b"another")
    after = store.entries()
    assert [key for key in after if after[key] != before[key]] == ["a-1.onnx"]
    assert store.fetch(after["a-1.onnx"]).read_bytes() == b"another"
    assert store_of("s3://models/nothing-yet", tmp_path).entries() == {}
    with pytest.raises(StoreError, match=r"^The repository can't be read: .*404"):
        store_of("s3://no-such-bucket", tmp_path).entries()


class Asking:
    """Asks for labels, again and again, and keeps which version answered."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._over = threading.Event()
        self.answers: list[str] = []
        self.failed: list[str] = []

    def run(self) -> None:
        """Ask until it is over."""
        with httpx.Client(base_url=self._url, timeout=30) as client:
            while not self._over.is_set():
                answer = client.post("/classify?model=tiny", content=RED)
                if answer.is_success:
                    self.answers.append(answer.json()["version"])
                else:
                    self.failed.append(answer.text)

    def end(self) -> None:
        self._over.set()

    def next(self, count: int) -> Counter[str]:
        """Which versions give the next answers."""
        first = len(self.answers)
        eventually(lambda: len(self.answers) >= first + count, within_s=60)
        return Counter(self.answers[first : first + count])


def test_a_new_version_takes_its_share_then_all_then_is_taken_back_and_no_request_fails(
    bucket: httpx.Client, serve: Serve, tmp_path: Path
) -> None:
    def plan(**weights: int) -> None:
        shares = {version.strip("v"): weight for version, weight in weights.items()}
        put(bucket, "canary/rollout.json", {"tiny": {"weights": shares}})

    def model(version: str) -> Path:
        return write_tiny(tmp_path / "tiny.onnx", tiny_card(version=version))

    put(bucket, "canary/tiny/1/model.onnx", model("1"))
    plan(v1=95, v2=5)
    with (
        serve(
            repository="s3://models/canary", repository_poll_ms=200, management_keys="manager"
        ) as server,
        httpx.Client(base_url=server.url, headers=KEY, timeout=30) as http,
        ThreadPoolExecutor(2) as pool,
    ):

        def shares() -> object:
            return http.get("/models/tiny/rollout").json()["shares"]

        asking = Asking(server.url)
        runs = [pool.submit(asking.run) for _ in range(2)]
        try:
            assert asking.next(20) == {"1": 20}
            put(bucket, "canary/tiny/2/model.onnx", model("2"))
            eventually(shares, lambda seen: seen == {"1": 0.95, "2": 0.05}, within_s=30)
            assert 3 <= asking.next(400)["2"] <= 50
            plan(v1=0, v2=1)
            eventually(shares, lambda seen: seen == {"1": 0, "2": 1}, within_s=30)
            asking.next(2)  # that were under way
            assert asking.next(50) == {"2": 50}
            plan(v1=1)
            bucket.delete("/canary/tiny/2/model.onnx").raise_for_status()
            eventually(shares, lambda seen: seen == {"1": 1}, within_s=30)
            asking.next(2)
            assert asking.next(50) == {"1": 50}
        finally:
            asking.end()
            for run in runs:
                run.result(30)
        assert asking.failed == []
        told = server.log.read_text("utf-8")
        assert "a-secret" not in told
        assert "Traceback" not in told
