"""Loading and unloading over HTTP: with a management key alone, and beside who asks for labels."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from service.fleet.store import Folder, StoreError
from service.run import managing
from tests.servers import Inside, serving_inside
from tests.service.asking import RED, first, problem
from tests.service.conftest import tiny_card, write_tiny
from tests.waiting import eventually

KEY = {"Authorization": "Bearer manager"}
ROUTES = [
    *("/models/tiny/load", "/models/tiny/unload"),
    *("/v2/repository/models/tiny/load", "/v2/repository/models/tiny/unload"),
]


def put(folder: Path, key: str, name: str = "tiny", version: str = "1") -> Path:
    (folder / key).parent.mkdir(parents=True, exist_ok=True)
    return write_tiny(folder / key, tiny_card(name, version))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    put(tmp_path, "other-1.onnx", "other")
    put(tmp_path, "tiny/1/model.onnx")
    return tmp_path


@pytest.fixture
def managed(folder: Path) -> Iterator[Inside]:
    """A service over a repository that it looks into when it is asked to."""
    with serving_inside(
        repository=folder, repository_poll_ms=0, management_keys="manager"
    ) as inside:
        yield inside


@pytest.fixture
def http(managed: Inside) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=managed.url, headers=KEY, timeout=30) as client:
        yield client


def models(answer: httpx.Response) -> list[str]:
    assert answer.status_code == 200, answer.text
    return [f"{one['name']}{one['version']}" for one in answer.json()["models"]]


def refused(answer: httpx.Response, status: int, kind: str) -> None:
    """Looks at a problem, which has another media type for Triton's clients."""
    assert (answer.status_code, answer.json()["type"]) == (status, f"/problems/{kind}")


def test_without_management_keys_there_are_no_such_routes(tiny_server: str) -> None:
    for route in ROUTES:
        refused(httpx.post(f"{tiny_server}{route}", headers=KEY), 404, "not-found")


def test_nobody_loads_without_such_a_key(managed: Inside) -> None:
    for route in ROUTES:
        refused(httpx.post(f"{managed.url}{route}"), 401, "unauthorized")
        wrong = {"Authorization": "Bearer guess"}
        refused(httpx.post(f"{managed.url}{route}", headers=wrong), 401, "unauthorized")
    assert models(httpx.get(f"{managed.url}/models")) == ["other1", "tiny1"]


def test_a_new_file_is_served_once_it_is_loaded_and_a_removed_one_no_longer(
    http: httpx.Client, folder: Path
) -> None:
    new = put(folder, "tiny/2/model.onnx", version="2")
    assert models(http.get("/models")) == ["other1", "tiny1"]
    loaded = http.post("/models/tiny/load")
    assert models(loaded) == ["other1", "tiny1", "tiny2"]
    assert loaded.json() == http.get("/models").json()
    assert http.post("/classify?model=tiny", content=RED).json()["version"] == "2"
    new.unlink()
    assert models(http.post("/models/tiny/load")) == ["other1", "tiny1"]


def test_what_is_unloaded_stays_away_until_it_is_loaded(http: httpx.Client, folder: Path) -> None:
    assert models(http.post("/models/other/unload")) == ["tiny1"]
    assert http.post("/classify", content=RED).json()["model"] == "tiny"
    put(folder, "other-2.onnx", "other", "2")
    assert models(http.post("/models/tiny/load")) == ["tiny1"]
    problem(http.post("/models/other/unload"), 404, "unknown-model")
    assert models(http.post("/models/other/load", json={"version": "2"})) == ["other2", "tiny1"]
    problem(http.post("/models/other/load", json={"version": "9"}), 404, "unknown-version")
    assert models(http.post("/models/tiny/load")) == ["other2", "tiny1"]
    assert models(http.post("/models/other/load")) == ["other1", "other2", "tiny1"]
    assert models(http.post("/models/other/unload", json={"version": "2"})) == ["other1", "tiny1"]
    problem(http.post("/models/other/unload", json={"version": "2"}), 404, "unknown-version")


def test_the_last_one_may_go_and_come_back(http: httpx.Client) -> None:
    for name in ("other", "tiny"):
        http.post(f"/models/{name}/unload").raise_for_status()
    assert models(http.get("/models")) == []
    assert "No model is loaded." in problem(http.get("/readyz"), 503, "not-ready")
    problem(http.post("/classify", content=RED), 404, "unknown-model")
    assert models(http.post("/models/tiny/load")) == ["tiny1"]
    assert http.get("/readyz").is_success
    assert first(http.post("/classify", content=RED).json()) == "Red"


def test_as_tritons_clients_ask(http: httpx.Client) -> None:
    # As tritonclient.http's load_model and unload_model send it, without any Content-Type.
    unload = b'{"parameters":{"unload_dependents":false}}'
    assert models(http.post("/v2/repository/models/tiny/unload", content=unload)) == ["other1"]
    assert models(http.post("/v2/repository/models/tiny/load", content=b"{}")) == [
        *("other1", "tiny1"),
    ]
    config = http.post("/v2/repository/models/tiny/load", json={"parameters": {"config": "{}"}})
    assert "leave config and files out" in config.json()["error"]
    assert config.status_code == 422


def test_a_file_that_cant_be_used_is_told_without_its_place_and_harms_no_neighbour(
    http: httpx.Client, folder: Path
) -> None:
    (folder / "tiny/2").mkdir()
    (folder / "tiny/2/model.onnx").write_bytes(b"no model")
    put(folder, "third.onnx", "third")
    sentence = problem(http.post("/models/tiny/load"), 422, "unusable-model")
    assert sentence.startswith("tiny/2/model.onnx is no ONNX file that can run here;")
    assert str(folder) not in sentence
    assert models(http.get("/models")) == ["other1", "third1", "tiny1"]
    assert models(http.post("/models/third/load")) == ["other1", "third1", "tiny1"]
    assert models(http.post("/models/tiny/load", json={"version": "1"}))
    problem(http.post("/models/nothing/load"), 404, "unknown-model")


def test_a_repository_that_is_away_is_told_and_all_stays(
    http: httpx.Client, managed: Inside, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: Folder) -> None:
        raise StoreError("The repository can't be read: s3://secret-place is away.")

    monkeypatch.setattr(Folder, "entries", fail)
    answer = http.post("/models/tiny/load")
    assert "secret" not in problem(answer, 503, "repository-unreachable")
    assert answer.headers["retry-after"] == "10"
    assert http.get("/readyz").is_success
    assert models(http.get("/models")) == ["other1", "tiny1"]
    page = http.get("/metrics").text
    assert "booth_repository_failures_total 1.0" in page
    assert managed.state.repository
    assert f"{managed.state.repository.last_success_s:.3f}"[:10] in page.replace(".", "")


@pytest.mark.parametrize(
    ("route", "sent"),
    [
        ("/models/tiny/load", b"{"),
        ("/models/tiny/load", b"[]"),
        ("/models/tiny/load", b'{"version": 2}'),
        ("/models/tiny/load", b'{"version": ""}'),
        ("/models/tiny/load", b'{"versoin": "2"}'),
        ("/models/tiny/load?version=2", b""),
        ("/v2/repository/models/tiny/load", b'{"parameters": []}'),
        ("/v2/repository/models/tiny/unload", b'{"parameters": {"unload_dependents": 1}}'),
        ("/v2/repository/models/tiny/unload", b'{"parameters": {"x": true}}'),
    ],
)
def test_what_is_not_understood_changes_nothing(
    managed_once: httpx.Client, route: str, sent: bytes
) -> None:
    assert managed_once.post(route, content=sent).status_code == 422
    assert models(managed_once.get("/models")) == ["other1", "tiny1"]


@pytest.fixture(scope="module")
def managed_once(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    folder = tmp_path_factory.mktemp("repository")
    put(folder, "other-1.onnx", "other")
    put(folder, "tiny/1/model.onnx")
    with (
        serving_inside(
            repository=folder, repository_poll_ms=0, management_keys="manager"
        ) as inside,
        httpx.Client(base_url=inside.url, headers=KEY, timeout=30) as client,
    ):
        yield client


def test_a_body_has_its_bounds(managed_once: httpx.Client) -> None:
    problem(managed_once.post("/models/tiny/load", content=bytes(65_537)), 413, "too-large")


def test_loads_that_wait_are_bounded_and_each_is_done(
    http: httpx.Client, managed: Inside, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(managing, "MOST_WAITING", 3)
    with managed.state.loading, ThreadPoolExecutor(4) as pool:
        asked = [pool.submit(http.post, "/models/tiny/load") for _ in range(4)]
        refused = eventually(lambda: [one for one in asked if one.done()])
        problem(refused[0].result(), 503, "overloaded")
        assert http.post("/classify", content=RED).is_success
        managed.state.loading.release()  # so that the others can go on within the pool's block
        answers = [one.result() for one in asked if one not in refused]
        managed.state.loading.acquire()
    assert [models(one) for one in answers] == [["other1", "tiny1"]] * 3


def test_loading_and_unloading_under_load_fails_no_request(
    http: httpx.Client, managed: Inside, folder: Path
) -> None:
    over = threading.Event()
    seen: list[Any] = []

    def ask() -> None:
        with httpx.Client(base_url=managed.url, timeout=30) as client:
            while not over.is_set():
                seen.append(client.post("/classify?model=tiny", content=RED).status_code)

    with ThreadPoolExecutor(2) as pool:
        asking = [pool.submit(ask) for _ in range(2)]
        for version in ("2", "3"):
            path = put(folder, f"tiny/{version}/model.onnx", version=version)
            assert f"tiny{version}" in models(http.post("/models/tiny/load"))
            path.unlink()
            assert f"tiny{version}" not in models(http.post("/models/other/load"))
        http.post("/models/other/unload").raise_for_status()
        over.set()
        for one in asking:
            one.result(30)
    assert set(seen) == {200}
