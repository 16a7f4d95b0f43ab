"""Start-up: whatever goes wrong in loading is told, and ends the process with 1."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
from itertools import islice
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import onnx
import pytest

from models import shelf
from models.errors import ModelError
from service.fleet.fleet import Fleet
from service.run import startup
from service.run.app import create_app, create_state
from service.run.page import PageMount
from service.run.startup import reload
from service.settings import Settings, read_settings
from service.web.state import CAN_NOT_START, ServiceState
from tests.servers import Inside, Serve, clean_environment, serving_inside
from tests.service.asking import samples
from tests.service.conftest import MakeBroken, MakeTiny
from tests.waiting import eventually


@pytest.fixture
def foreign(make_tiny: MakeTiny, tmp_path: Path) -> Path:
    """A network that another program might have written: it has no card."""
    model = onnx.load(make_tiny("foreign"))
    del model.metadata_props[:]
    (tmp_path / "foreign").mkdir()
    onnx.save(model, tmp_path / "foreign" / "foreign.onnx")
    return tmp_path / "foreign" / "foreign.onnx"


def serve_to_its_end(**settings: object) -> subprocess.CompletedProcess[str]:
    """`booth serve`, which is expected to end by itself."""
    given = {f"BOOTH_{name.upper()}": str(value) for name, value in settings.items()}
    return subprocess.run(
        [sys.executable, "-m", "service", "serve"],
        env=clean_environment(BOOTH_PORT="0", BOOTH_DEMO="off", **given),
        capture_output=True, encoding="utf-8", timeout=60, check=False,
    )  # fmt: skip


@pytest.mark.parametrize("how", ["never runs", "runs one at a time", "answers once a batch"])
def test_a_file_that_fails_in_warm_up_ends_the_start(make_broken: MakeBroken, how: str) -> None:
    # OpenVINO runs a larger batch in parts, so one of these would do there.
    ended = serve_to_its_end(models=make_broken(how, "bad"), providers="cpu")
    assert ended.returncode == 1
    told = [line for line in ended.stderr.splitlines() if "bad.onnx can't run here" in line]
    assert len(told) == 1
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize(
    ("content", "sentence"),
    [(b"", "no ONNX file that can run here"), (b"\x08\x07" * 99, "no ONNX file that can run here")],
)
def test_a_file_that_is_no_model_ends_the_start(
    tmp_path: Path, content: bytes, sentence: str
) -> None:
    file = tmp_path / "bad.onnx"
    file.write_bytes(content)
    ended = serve_to_its_end(models=file)
    assert (ended.returncode, ended.stderr.count(sentence)) == (1, 1)
    assert "Traceback" not in ended.stderr


def test_what_nobody_foresaw_ends_the_start_too(
    monkeypatch: pytest.MonkeyPatch, tiny: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("the moon")

    monkeypatch.setattr(Fleet, "refresh", fail)
    state = create_state(read_settings({"BOOTH_MODELS": str(tiny), "BOOTH_DEMO": "off"}))
    asyncio.run(startup.start(state, PageMount(state.settings)))
    assert state.fatal
    assert "RuntimeError" in state.fatal
    assert "the moon" in caplog.text
    state.fleet.close()


def test_livez_and_readyz_say_why_it_can_not_go_on(tiny: Path) -> None:
    state = create_state(read_settings({"BOOTH_MODELS": str(tiny), "BOOTH_DEMO": "off"}))
    state.fatal = "bad.onnx can't run here."

    async def ask() -> list[httpx.Response]:
        transport = httpx.ASGITransport(create_app(state))
        async with httpx.AsyncClient(transport=transport, base_url="http://booth") as client:
            return [await client.get(path) for path in ("/livez", "/readyz")]

    answers = asyncio.run(ask())
    state.fleet.close()
    assert [one.status_code for one in answers] == [503, 503]
    assert [one.json()["detail"] for one in answers] == [CAN_NOT_START] * 2


def test_at_sighup_the_old_model_stays_and_log_and_metric_say_why(
    serve: Serve, make_tiny: MakeTiny, make_broken: MakeBroken
) -> None:
    file = make_tiny("swap")
    with serve(models=file, drain_ms=0) as server:
        before = httpx.get(f"{server.url}/models").json()
        make_broken("never runs", "other", version="2").replace(file)
        server.process.send_signal(signal.SIGHUP)
        unusable = 'booth_loads_total{outcome="unusable"} 1.0'
        with httpx.Client(base_url=server.url) as client:
            eventually(lambda: client.get("/metrics").text, lambda page: unusable in page)
        assert httpx.get(f"{server.url}/models").json() == before
        assert "What was loaded stays." in server.log.read_text()
        assert server.end() == 0


def test_the_metrics_say_that_a_model_asked_for_is_missing(inside: Any, tiny: Path) -> None:
    assert samples(inside.url)["booth_models_complete"] == 1
    wanted = {"models": (str(tiny), "nothing_of_that_name")}
    inside.state.settings = inside.state.settings.model_copy(update=wanted)
    before = samples(inside.url)
    asyncio.run(reload(inside.state))
    after = samples(inside.url)
    assert (before["booth_models_complete"], after["booth_models_complete"]) == (1, 0)
    unusable = 'booth_loads_total{outcome="unusable"}'
    assert after[unusable] == before[unusable] + 1


def test_what_the_star_stands_for_and_cant_be_used_keeps_nothing_else_from_being_served(
    make_tiny: MakeTiny,
    foreign: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    make_tiny("good").replace(folder / "good.onnx")
    foreign.replace(folder / "foreign.onnx")
    (folder / "damaged.onnx").write_bytes(b"no model")
    (folder / "._good.onnx").write_bytes(b"what macOS leaves")
    monkeypatch.setattr(shelf, "ZOO", tmp_path / "none")
    settings = read_settings(
        {"BOOTH_MODELS": "*", "BOOTH_MODEL_DIR": str(folder), "BOOTH_DEMO": "off"}
    )
    state = create_state(settings)
    asyncio.run(startup.start(state, PageMount(state.settings)))
    metrics = state.metrics.registry.get_sample_value
    assert state.not_ready() is None
    assert [one.card.name for one in state.fleet.loaded()] == ["good"]
    told = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert [line.partition(" ")[0] for line in told] == ["damaged.onnx", "foreign.onnx"]
    assert all(line.endswith("by * alone, so the other models are served.") for line in told)
    assert metrics("booth_models_unusable") == 2
    assert metrics("booth_models_complete") == 1
    state.fleet.close()


@pytest.mark.parametrize("models", ["*,foreign", "foreign,*"])
def test_a_model_that_is_named_has_to_be_usable_beside_the_star_too(
    foreign: Path, monkeypatch: pytest.MonkeyPatch, models: str
) -> None:
    monkeypatch.setattr(shelf, "ZOO", foreign.parent / "none")
    settings = read_settings(
        {"BOOTH_MODELS": models, "BOOTH_MODEL_DIR": str(foreign.parent), "BOOTH_DEMO": "off"}
    )
    state = create_state(settings)
    asyncio.run(startup.start(state, PageMount(state.settings)))
    assert state.fatal
    assert f"`booth adopt {foreign} --labels LABELS` makes one of it." in state.fatal
    state.fleet.close()


def test_the_star_alone_needs_one_file_that_can_be_used(
    foreign: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shelf, "ZOO", foreign.parent / "none")
    settings = read_settings(
        {"BOOTH_MODELS": "*", "BOOTH_MODEL_DIR": str(foreign.parent), "BOOTH_DEMO": "off"}
    )
    state = create_state(settings)
    asyncio.run(startup.start(state, PageMount(state.settings)))
    assert state.fatal
    assert "foreign.onnx carries no card" in state.fatal
    state.fleet.close()


def test_the_default_is_the_first_that_is_named_and_the_star_adds_the_rest(tmp_path: Path) -> None:
    for name in ("a.onnx", "b.onnx"):
        (tmp_path / name).touch()
    found = startup.wanted_files(Settings(models=("places365", "*"), model_dir=tmp_path))
    assert [(Path(path).stem, named) for path, named in found.items()] == [
        ("places365", True),
        ("a", False),
        ("b", False),
        ("efficientnet_lite0", False),
        ("lenet5", False),
    ]


def test_reloads_that_have_yet_to_begin_are_one(
    inside: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    times: list[None] = []

    def note(*_: object) -> dict[Path, ModelError]:
        times.append(None)
        return {}

    monkeypatch.setattr(inside.state.fleet, "refresh", note)

    async def ask_often() -> None:
        with inside.state.loading:
            reloads = [asyncio.create_task(reload(inside.state)) for _ in range(99)]
            for done in islice(asyncio.as_completed(reloads), len(reloads) - 1):
                await done
        await asyncio.gather(*reloads)

    asyncio.run(asyncio.wait_for(ask_often(), 10))
    assert len(times) == 1


def test_requests_get_what_the_models_leave_of_the_memory(
    inside: Inside, caplog: pytest.LogCaptureFixture
) -> None:
    state = inside.state
    bodies = startup._LEAST_BODIES * state.settings.max_body_bytes
    state.settings = state.settings.model_copy(update={"memory_bytes": 100_000_000_000})
    startup.budget_memory(state)
    assert 80_000_000_000 < state.memory.size < 90_000_000_000
    assert not caplog.records
    state.settings = state.settings.model_copy(update={"memory_bytes": 1})
    startup.budget_memory(state)
    assert state.memory.size == bodies
    assert "too little of BOOTH_MEMORY_BYTES (0 MB)" in caplog.text


def test_after_a_storm_its_memory_is_given_back(
    inside: Inside, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[int] = []
    memory = inside.state.memory
    monkeypatch.setattr(startup, "give_back_memory", lambda: given.append(memory.held))

    async def storm() -> None:
        keeping = asyncio.create_task(startup.keep_small(inside.state, every_s=0.001))
        memory.size = 2 * startup._STORM
        with memory.reserve(startup._STORM + 1):
            await asyncio.sleep(0.05)
            assert given == []
        while not given:  # noqa: ASYNC110 (there is nothing to wait for but what it calls)
            await asyncio.sleep(0.001)
        await asyncio.sleep(0.05)
        keeping.cancel()

    asyncio.run(asyncio.wait_for(storm(), 10))
    assert given == [0]


@pytest.mark.parametrize(
    ("settings", "prepared"),
    [({}, True), ({"BOOTH_DEMO": "off"}, False), ({"BOOTH_API_KEYS": "k" * 32}, False)],
    ids=["a page", "no page", "keys, and so no page"],
)
def test_what_explains_is_loaded_before_the_pages_first_visitor(
    settings: dict[str, str], prepared: bool
) -> None:
    begun: list[str] = []
    session = SimpleNamespace(explainer=lambda: begun.append("begun"))
    model = SimpleNamespace(classifier=SimpleNamespace(session=session))
    fleet = SimpleNamespace(loaded=lambda: [model])
    state: Any = SimpleNamespace(settings=read_settings(settings), fleet=fleet)
    startup._prepare_explanations(state)
    assert begun == ["begun"] * prepared


def started_over(repository: Path, **settings: str) -> ServiceState:
    """The state of a service over a repository, after its start."""
    given = {"BOOTH_DEMO": "off", "BOOTH_REPOSITORY": str(repository)}
    named = {f"BOOTH_{name.upper()}": value for name, value in settings.items()}
    state = create_state(read_settings({**given, **named}))
    asyncio.run(startup.start(state, PageMount(state.settings)))
    return state


@pytest.fixture
def repository(make_tiny: MakeTiny, tmp_path: Path) -> Path:
    folder = tmp_path / "repository"
    folder.mkdir()
    for name in ("alpha", "beta"):
        make_tiny(name).replace(folder / f"{name}.onnx")
    return folder


@pytest.mark.parametrize(
    ("models", "expected"),
    [
        (None, ["alpha", "beta"]),
        ("{shelf}", ["shelf", "alpha", "beta"]),
        ("beta", ["beta", "alpha"]),
        ("beta,{shelf}", ["beta", "shelf", "alpha"]),
    ],
    ids=["the repository alone", "a file before it", "one of it", "one of it before a file"],
)
def test_what_stands_in_booth_models_comes_before_the_rest_of_the_repository(
    repository: Path, make_tiny: MakeTiny, models: str | None, expected: list[str]
) -> None:
    wanted = {"models": models.format(shelf=make_tiny("shelf"))} if models else {}
    state = started_over(repository, **wanted)
    loaded = [one.card.name for one in state.fleet.loaded()]
    state.fleet.close()
    assert (state.fatal, loaded) == (None, expected)


def test_a_model_that_neither_has_ends_the_start(repository: Path) -> None:
    state = started_over(repository, models="gamma")
    state.fleet.close()
    assert state.fatal == (
        "BOOTH_MODELS asks for gamma, which neither BOOTH_MODEL_DIR nor the repository has."
    )


def test_a_repository_with_nothing_that_can_be_used_starts_and_is_not_ready(
    repository: Path,
) -> None:
    for file in repository.iterdir():
        file.write_bytes(b"no model")
    state = started_over(repository)
    assert state.not_ready() == "No model is loaded."
    assert state.metrics.registry.get_sample_value("booth_models_unusable") == 2
    state.fleet.close()


def test_a_repository_that_stays_away_ends_the_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(startup, "REACHING_S", 0.6)
    state = started_over(tmp_path / "none")
    state.fleet.close()
    assert state.fatal == (
        "The repository can't be read: No such file or directory. "
        "It was tried for 0.6 s; put BOOTH_REPOSITORY right."
    )


def test_the_repository_is_followed(repository: Path, make_tiny: MakeTiny) -> None:
    with serving_inside(repository=repository, repository_poll_ms=20) as inside:
        (repository / "beta.onnx").unlink()
        make_tiny("gamma").replace(repository / "gamma.onnx")

        def names() -> list[str]:
            return [one.card.name for one in inside.state.fleet.loaded()]

        eventually(names, lambda seen: seen == ["alpha", "gamma"])


def test_at_sighup_the_repository_is_looked_into(repository: Path, make_tiny: MakeTiny) -> None:
    with serving_inside(repository=repository, repository_poll_ms=0) as inside:
        make_tiny("gamma").replace(repository / "gamma.onnx")
        asyncio.run(reload(inside.state))
        assert [one.card.name for one in inside.state.fleet.loaded()] == ["alpha", "beta", "gamma"]
