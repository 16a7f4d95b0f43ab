"""The repository: what is fetched when, what is served of it, and what is told, once."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from models.errors import ModelError
from service.fleet import repository as repository_module
from service.fleet.fleet import Fleet, Wanted
from service.fleet.repository import Repository, told_of
from service.fleet.rollout import Plan
from service.fleet.store import PLAN, Entry, Folder, StoreError
from tests.service.conftest import tiny_card, write_tiny


class Shelves:
    """A store that is what a test says."""

    def __init__(self, *, is_atomic: bool = True) -> None:
        self.is_atomic = is_atomic
        self.stamps: dict[str, str] = {}
        self.away = False
        self.unreadable: set[str] = set()
        self.fetched: list[str] = []
        self.size = 1
        self.kept: set[Path] = set()

    def entries(self) -> dict[str, Entry]:
        if self.away:
            raise StoreError("The repository can't be read: no route.")
        return {key: Entry(key, stamp, self.size) for key, stamp in self.stamps.items()}

    def fetch(self, entry: Entry) -> Path:
        if entry.key in self.unreadable:
            raise StoreError(f"{entry.key} can't be read: denied.")
        self.fetched.append(f"{entry.key}@{entry.stamp}")
        return Path("/", entry.stamp, entry.key)

    def keep(self, paths: set[Path]) -> None:
        self.kept = paths


@pytest.fixture
def shelves(monkeypatch: pytest.MonkeyPatch) -> Shelves:
    monkeypatch.setattr(Path, "exists", lambda _: True)
    return Shelves()


@pytest.fixture
def repository(shelves: Shelves) -> Repository:
    return Repository(shelves, dict)


@pytest.fixture
def fleet() -> Iterator[Fleet]:
    made = Fleet()
    yield made
    made.close()


def paths(repository: Repository) -> list[str]:
    return [str(one.path) for one in repository.wanted()]


def test_what_is_new_or_changed_is_fetched_and_what_is_gone_is_forgotten(
    shelves: Shelves, repository: Repository
) -> None:
    shelves.stamps = {"b.onnx": "1", "a/2/model.onnx": "1"}
    repository.poll()
    assert repository.is_news
    assert paths(repository) == ["/1/a/2/model.onnx", "/1/b.onnx"]
    assert not repository.is_news
    repository.poll()
    assert not repository.is_news
    shelves.stamps = {"b.onnx": "2"}
    repository.poll()
    assert repository.is_news
    assert paths(repository) == ["/2/b.onnx"]
    assert shelves.kept == {Path("/2/b.onnx")}
    assert shelves.fetched == ["b.onnx@1", "a/2/model.onnx@1", "b.onnx@2"]


def test_where_files_may_be_half_written_one_is_taken_once_it_stays_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Path, "exists", lambda _: True)
    shelves = Shelves(is_atomic=False)
    repository = Repository(shelves, dict)
    seen = []
    for stamp in ("1", "2", "2", "3", "3"):
        shelves.stamps = {"a.onnx": stamp}
        repository.poll()
        seen.append(paths(repository))
    assert seen == [[], [], ["/2/a.onnx"], ["/2/a.onnx"], ["/3/a.onnx"]]
    shelves.stamps = {"a.onnx": "4"}
    repository.poll(settle=False)
    assert paths(repository) == ["/4/a.onnx"]


def test_a_store_that_is_away_or_empty_leaves_all_as_it_was_and_is_told_once(
    shelves: Shelves, repository: Repository, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    shelves.stamps = {"a.onnx": "1"}
    repository.poll()
    first, shelves.away = repository.last_success_s, True
    for _ in range(3):
        with pytest.raises(StoreError, match="no route"):
            repository.poll()
    shelves.away, shelves.stamps = False, {PLAN: "1"}
    with pytest.raises(StoreError, match=r"^The repository is empty\.$"):
        repository.poll()
    assert paths(repository) == ["/1/a.onnx"]
    assert (repository.failures, repository.last_success_s) == (4, first)
    shelves.stamps = {"a.onnx": "1"}
    repository.poll()
    assert caplog.messages == [
        "The repository can't be read: no route. What is loaded stays.",
        "The repository can be read again.",
    ]


def test_a_file_that_is_too_large_is_told_once_and_not_fetched(
    shelves: Shelves, caplog: pytest.LogCaptureFixture
) -> None:
    repository = Repository(shelves, dict, most_bytes=99)
    shelves.stamps = {"a.onnx": "1"}
    repository.poll()
    shelves.stamps, shelves.size = {"a.onnx": "2", "b.onnx": "1"}, 100
    repository.poll()
    repository.poll()
    told = "a.onnx has 100 bytes, and a model file may have 99 here."
    assert repository.why_not("a") == (told, True)
    assert paths(repository) == ["/1/a.onnx"]
    assert [line for line in caplog.messages if line.startswith("a")] == [
        f"{told} The other models are served."
    ]
    assert repository.learn({}, []) == 2


def test_a_store_that_hangs_holds_up_nobody_else(
    repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(repository_module, "PATIENCE_S", 0.01)
    with repository._polling, pytest.raises(StoreError, match="still being read"):
        repository.poll()
    repository.poll()


def test_a_repository_may_be_empty_at_first(repository: Repository) -> None:
    repository.poll()
    assert repository.wanted() == []
    assert repository.last_success_s


def test_a_file_that_cant_be_fetched_is_tried_again_and_harms_no_other(
    shelves: Shelves, repository: Repository, caplog: pytest.LogCaptureFixture
) -> None:
    shelves.stamps, shelves.unreadable = {"a.onnx": "1", "b.onnx": "1"}, {"a.onnx"}
    repository.poll()
    repository.poll()
    assert paths(repository) == ["/1/b.onnx"]
    assert repository.why_not("a") == ("a.onnx can't be read: denied.", False)
    assert repository.failures == 2
    assert caplog.messages == ["a.onnx can't be read: denied. It is tried again."]
    shelves.unreadable = set()
    repository.poll()
    assert paths(repository) == ["/1/a.onnx", "/1/b.onnx"]
    assert repository.why_not("a") == ("", True)


def test_a_file_that_cant_be_used_is_told_once_and_not_tried_until_it_changes(
    shelves: Shelves, repository: Repository, caplog: pytest.LogCaptureFixture
) -> None:
    shelves.stamps = {"a/2/model.onnx": "1"}
    repository.poll()
    (wanted,) = repository.wanted()
    assert wanted == Wanted(Path("/1/a/2/model.onnx"))
    error = ModelError(f"model.onnx can't run here; `booth adopt {wanted.path}` does it.")
    assert repository.learn({wanted.path: error}, []) == 1
    told = "a/2/model.onnx can't run here; `booth adopt a/2/model.onnx` does it."
    assert caplog.messages == [f"{told} The other models are served."]
    assert repository.why_not("a") == (told, True)
    assert repository.why_not("b") == ("", True)
    repository.poll()
    assert repository.wanted() == [Wanted(wanted.path, is_unusable=True)]
    assert repository.learn({}, []) == 1
    assert len(caplog.messages) == 1
    shelves.stamps = {"a/2/model.onnx": "2"}
    repository.poll()
    assert repository.wanted() == [Wanted(Path("/2/a/2/model.onnx"))]


def test_a_file_that_has_changed_while_it_was_tried_is_tried_again(
    shelves: Shelves, repository: Repository
) -> None:
    shelves.stamps = {"a.onnx": "1"}
    repository.poll()
    (wanted,) = repository.wanted()
    shelves.stamps = {"a.onnx": "2"}
    repository.poll()
    assert repository.learn({wanted.path: ModelError("It was cut.")}, []) == 0
    assert repository.wanted() == [Wanted(Path("/2/a.onnx"))]


@pytest.mark.parametrize(
    ("key", "names"),
    [
        ("places365/2/model.onnx", ["places365"]),
        ("places365-2.onnx", ["places365", "places365-2"]),
        ("places365_v1.1.onnx", ["places365"]),
        ("team/places365.onnx", ["team", "places365"]),
    ],
)
def test_what_cant_be_read_is_found_by_its_path(
    shelves: Shelves, repository: Repository, key: str, names: list[str]
) -> None:
    shelves.stamps = {key: "1"}
    repository.poll()
    repository.learn({one.path: ModelError("It is broken.") for one in repository.wanted()}, [])
    assert [name for name in names if repository.why_not(name)[0]] == names
    assert repository.why_not("places") == ("", True)


def test_a_path_on_this_machine_is_told_by_that_in_the_repository() -> None:
    path = Path("/my models/it's/model.onnx")
    error = ModelError("The model file '/my models/it'\"'\"'s/model.onnx' and model.onnx.")
    assert told_of(error, path, "a/1/model.onnx") == (
        "The model file a/1/model.onnx and a/1/model.onnx."
    )


def test_the_plan_is_read_when_it_changes_and_one_that_wont_do_is_told_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    taken: list[Mapping[str, Plan]] = []
    repository = Repository(Folder(tmp_path), taken.append)
    for text in (None, '{"tiny": {"weights": {"1": 95, "2": 5}}}', "{", '{"tiny": {}}', None):
        file = tmp_path / PLAN
        file.unlink() if text is None and file.exists() else file.write_text(text or "")
        for _ in range(2):
            repository.poll(settle=False) if text is not None or taken else None
    plan = {"tiny": Plan({"1": 95, "2": 5})}
    assert taken == [plan, {"tiny": Plan()}, {}]
    (told,) = caplog.messages
    assert told.startswith("rollout.json of the repository won't do: It is no JSON")
    assert told.endswith("The rollout stays.")


def test_models_come_go_and_change_side_by_side(fleet: Fleet, tmp_path: Path) -> None:
    repository = Repository(Folder(tmp_path), dict)

    def follow() -> list[str]:
        repository.poll(settle=False)
        repository.learn(fleet.refresh(repository.wanted()), fleet.loaded())
        return [f"{one.card.name}{one.card.version}" for one in fleet.loaded()]

    def put(key: str, version: str) -> Path:
        path = tmp_path / key
        path.parent.mkdir(parents=True, exist_ok=True)
        return write_tiny(path, tiny_card(version=version))

    first = put("tiny/1/model.onnx", "1")
    assert follow() == ["tiny1"]
    second = put("tiny/2/model.onnx", "2")
    assert follow() == ["tiny1", "tiny2"]
    second.write_bytes(b"half")
    assert follow() == ["tiny1", "tiny2"]
    assert repository.why_not("tiny")[0].startswith("tiny/2/model.onnx is no ONNX file")
    assert follow() == ["tiny1", "tiny2"]
    second.unlink()
    assert follow() == ["tiny1"]
    double = put("tiny/3/model.onnx", "1")
    assert follow() == ["tiny1"]
    first.unlink()
    assert follow() == ["tiny1"]
    assert fleet.get().path == double
    assert repository.why_not("tiny") == ("", True)


def test_what_was_loaded_of_a_bucket_stays_where_its_new_file_cant_be_used(
    fleet: Fleet, shelves: Shelves, repository: Repository, tmp_path: Path, monkeypatch: Any
) -> None:
    files = {"1": write_tiny(tmp_path / "1.onnx", tiny_card()), "2": tmp_path / "2.onnx"}
    files["2"].write_bytes(b"no model")
    monkeypatch.setattr(shelves, "fetch", lambda entry: files[entry.stamp])
    for stamp in ("1", "2", "2"):
        shelves.stamps = {"tiny.onnx": stamp}
        repository.poll()
        failed = fleet.refresh(repository.wanted())
        repository.learn(failed, fleet.loaded())
    assert [one.path for one in fleet.loaded()] == [files["1"]]
    assert failed == {}
    assert shelves.kept == set(files.values())
