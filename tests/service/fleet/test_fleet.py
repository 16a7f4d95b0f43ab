"""Models come and go while others serve."""

from __future__ import annotations

import io
import os
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path

import onnxruntime as ort
import pytest
from PIL import Image

from booth_client.errors import InternalError, ShuttingDown, UnknownModel, UnknownVersion
from models.errors import ModelError
from service.fleet import fleet as fleet_module
from service.fleet.fleet import Double, Fleet, Wanted
from service.fleet.layout import Layouts
from service.runtimes.session import Session
from tests.service.conftest import MakeBroken, MakeTiny, own_threads
from tests.waiting import eventually


@pytest.fixture
def fleet() -> Iterator[Fleet]:
    made = Fleet()
    yield made
    made.close()


def photo_of(colour: str) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (9, 9), colour).save(file, "PNG")
    return file.getvalue()


def red() -> bytes:
    return photo_of("red")


def names(fleet: Fleet) -> list[tuple[str, str]]:
    return [(one.card.name, one.card.version) for one in fleet.loaded()]


def test_the_first_model_is_the_default_and_the_newest_version_too(
    fleet: Fleet, make_tiny: MakeTiny
) -> None:
    for name, version in (("one", "1"), ("two", "1"), ("one", "2")):
        fleet.load(make_tiny(name, version=version))
    assert fleet.get().card.version == "2"
    assert fleet.get("one", "1").card.version == "1"
    assert fleet.get("two").card.name == "two"


def test_what_is_not_loaded_is_told_with_what_is(fleet: Fleet, make_tiny: MakeTiny) -> None:
    with pytest.raises(UnknownModel, match="No model is loaded"):
        fleet.get()
    fleet.load(make_tiny("places"))
    with pytest.raises(UnknownModel, match="did you mean 'places'"):
        fleet.get("place")
    with pytest.raises(UnknownModel, match="there is: places"):
        fleet.get("x" * 10_000)
    with pytest.raises(UnknownModel, match=r"'x{64}'; there is: places"):
        fleet.get("x" * 10_000_000)  # compared whole it takes two seconds
    with pytest.raises(UnknownVersion, match="version 1 only"):
        fleet.get("places", "3")


def test_loading_never_stalls_those_that_serve(
    fleet: Fleet, make_tiny: MakeTiny, monkeypatch: pytest.MonkeyPatch
) -> None:
    serving = fleet.load(make_tiny("serving")).classifier
    opened, gate = threading.Event(), threading.Event()

    class SlowSession(Session):
        def __init__(self, *arguments: object, **more: object) -> None:
            opened.set()
            assert gate.wait(10)
            super().__init__(*arguments, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(fleet_module, "Session", SlowSession)
    loading = threading.Thread(target=fleet.load, args=[make_tiny("slow")])
    loading.start()
    assert opened.wait(10)
    assert serving.classify(red()).predictions[0].label == "Red"
    assert names(fleet) == [("serving", "1")]
    gate.set()
    loading.join(10)
    assert names(fleet) == [("serving", "1"), ("slow", "1")]


def test_a_model_answers_only_when_every_batch_size_class_has_run(
    fleet: Fleet, make_tiny: MakeTiny, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes: list[int] = []
    loaded_meanwhile: list[object] = []
    warm_up = Session.warm_up

    def noting(session: Session, batch_sizes: Iterable[int], *, wait: bool) -> None:
        sizes.extend(batch_sizes)
        warm_up(session, sizes, wait=wait)
        loaded_meanwhile.extend(fleet.loaded())

    monkeypatch.setattr(Session, "warm_up", noting)
    fleet.load(make_tiny())
    assert sizes == [1, 2, 4]
    assert loaded_meanwhile == []


def test_an_unloaded_model_answers_what_it_accepted(fleet: Fleet, make_tiny: MakeTiny) -> None:
    classifier = fleet.load(make_tiny()).classifier
    tickets = classifier.submit([red()] * 20)
    fleet.unload("tiny")
    assert [ticket.wait().predictions[0].label for ticket in tickets] == ["Red"] * 20
    assert names(fleet) == []
    with pytest.raises(ShuttingDown):
        classifier.classify(red())


def test_one_version_can_be_unloaded(fleet: Fleet, make_tiny: MakeTiny) -> None:
    fleet.load(make_tiny(version="1"))
    fleet.load(make_tiny(version="2"))
    fleet.unload("tiny", "1")
    assert names(fleet) == [("tiny", "2")]


def test_refreshing_loads_what_is_new_or_changed_and_unloads_what_is_gone(
    fleet: Fleet, make_tiny: MakeTiny
) -> None:
    kept, gone, changed = make_tiny("kept"), make_tiny("gone"), make_tiny("changed")
    fleet.refresh([kept, gone, changed])
    before = {one.card.name: one for one in fleet.loaded()}
    os.utime(make_tiny("changed", version="2"), (1, 1))
    fleet.refresh([kept, changed, make_tiny("new")])
    assert sorted(names(fleet)) == [("changed", "2"), ("kept", "1"), ("new", "1")]
    assert fleet.get("kept") is before["kept"]


def test_a_file_that_cant_be_used_leaves_the_rest_as_it_was(
    fleet: Fleet, make_tiny: MakeTiny, tmp_path: Path
) -> None:
    good = make_tiny("good")
    fleet.load(good)
    bad = tmp_path / "bad.onnx"
    bad.write_bytes(b"not a model")
    failed = fleet.refresh([good, bad])
    assert list(failed) == [bad]
    assert str(failed[bad]).startswith("bad.onnx is no ONNX file")
    assert names(fleet) == [("good", "1")]
    with pytest.raises(ModelError, match="There is no model file"):
        fleet.load(tmp_path / "none.onnx")


def test_two_files_of_one_name_and_version_are_refused(
    fleet: Fleet, make_tiny: MakeTiny, tmp_path: Path
) -> None:
    original = make_tiny("tiny")
    copy = tmp_path / "copy.onnx"
    copy.write_bytes(original.read_bytes())
    failed = fleet.refresh([original, copy])
    assert isinstance(failed[copy], Double)
    assert str(failed[copy]) == "copy.onnx has the name and version of another; serve one."
    assert [one.path for one in fleet.loaded()] == [original]


def test_a_file_that_is_known_to_be_unusable_is_not_tried(
    fleet: Fleet, make_tiny: MakeTiny, tmp_path: Path
) -> None:
    good, bad = make_tiny("good"), tmp_path / "bad.onnx"
    bad.write_bytes(b"not a model")
    fleet.refresh([good])
    before = fleet.get()
    assert fleet.refresh([Wanted(bad, former=good, is_unusable=True)]) == {}
    assert fleet.loaded() == [before]
    assert list(fleet.refresh([Wanted(bad, former=good)])) == [bad]
    assert fleet.loaded() == [before]
    assert fleet.refresh([Wanted(good, former=bad)]) == {}
    assert fleet.loaded() == [before]


def test_a_new_file_takes_the_place_of_its_former_one(fleet: Fleet, make_tiny: MakeTiny) -> None:
    old, new = make_tiny("old"), make_tiny("new")
    fleet.refresh([old])
    fleet.refresh([Wanted(new, former=old)])
    assert names(fleet) == [("new", "1")]


def test_what_was_unloaded_stays_away_until_it_is_admitted(
    fleet: Fleet, make_tiny: MakeTiny
) -> None:
    paths = [make_tiny("one"), make_tiny("two")]
    fleet.refresh(paths)
    fleet.unload("one")
    assert fleet.refresh(paths) == {}
    assert names(fleet) == [("two", "1")]
    fleet.withheld = fleet.withheld.admitting("one")
    fleet.refresh(paths)
    assert names(fleet) == [("one", "1"), ("two", "1")]


def test_the_order_decides_which_one_is_the_default(fleet: Fleet, make_tiny: MakeTiny) -> None:
    paths = [make_tiny("one"), make_tiny("two")]
    fleet.refresh(paths, lambda model: ["two", "one"].index(model.card.name))
    assert fleet.get().card.name == "two"


def test_without_any_model_it_is_not_ready(fleet: Fleet, make_tiny: MakeTiny) -> None:
    assert fleet.not_ready() == "No model is loaded."
    fleet.load(make_tiny("one"))
    assert fleet.not_ready() is None
    fleet.unload("one")
    assert fleet.not_ready() == "No model is loaded."


def test_the_default_stays_where_another_file_has_its_name_and_version(
    fleet: Fleet, make_tiny: MakeTiny
) -> None:
    first, second = make_tiny("first"), make_tiny("second")
    fleet.refresh([first, second])
    second.write_bytes(first.read_bytes())  # it now says that it is "first", too
    assert isinstance(fleet.refresh([first, second])[second], Double)
    assert fleet.get().path == first
    assert fleet.get().classifier.classify(red()).predictions[0].label == "Red"


def test_the_default_is_the_first_that_is_asked_for_after_each_reload(
    fleet: Fleet, make_tiny: MakeTiny
) -> None:
    paths = [make_tiny("first"), make_tiny("second")]
    fleet.refresh(paths)
    os.utime(paths[0], (1, 1))
    fleet.refresh(paths)
    assert names(fleet) == [("first", "1"), ("second", "1")]
    fleet.refresh(paths[::-1])
    assert fleet.get().card.name == "second"


def test_the_newest_version_is_the_highest_and_not_the_last_to_be_loaded(
    fleet: Fleet, make_tiny: MakeTiny, tmp_path: Path
) -> None:
    paths = [
        make_tiny(version=version).rename(tmp_path / f"v{version}.onnx")
        for version in ("10", "9", "1.2")
    ]
    fleet.refresh(paths)
    assert fleet.get("tiny").card.version == "10"
    os.utime(paths[1], (1, 1))
    fleet.refresh(paths)
    assert fleet.get("tiny").card.version == "10"


def test_a_fleet_that_is_closed_takes_no_model_any_more(fleet: Fleet, make_tiny: MakeTiny) -> None:
    fleet.close(0)
    with pytest.raises(ModelError, match="The service has ended"):
        fleet.load(make_tiny())
    assert fleet.loaded() == []


def test_a_file_that_was_renamed_answers_under_its_new_path(
    fleet: Fleet, make_tiny: MakeTiny, tmp_path: Path
) -> None:
    path = make_tiny("tiny")
    fleet.refresh([path])
    renamed = path.rename(tmp_path / "renamed.onnx")
    fleet.refresh([renamed])
    assert names(fleet) == [("tiny", "1")]
    assert fleet.get("tiny").path == renamed
    assert fleet.get("tiny").classifier.classify(red()).predictions[0].label == "Red"


def test_a_provider_that_can_not_be_used_is_told(
    fleet: Fleet,
    make_tiny: MakeTiny,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    assert not fleet.load(make_tiny("before")).fell_back
    assert caplog.messages == []
    available = ["CUDAExecutionProvider", *ort.get_available_providers()]
    monkeypatch.setattr(ort, "get_available_providers", lambda: available)
    loaded = fleet.load(make_tiny("after"))
    assert (loaded.wanted_provider, loaded.fell_back) == ("cuda", True)
    cause, line = caplog.messages
    assert cause.startswith("cuda can't run after.onnx: ")
    assert line.startswith(f"after runs on {loaded.classifier.session.provider}, since cuda could")


@pytest.mark.parametrize("provider", ["openvino", "cpu"])
def test_loads_that_fail_leave_no_thread_behind(
    make_tiny: MakeTiny, make_broken: MakeBroken, monkeypatch: pytest.MonkeyPatch, provider: str
) -> None:
    if provider == "openvino":
        pytest.importorskip("openvino", reason="the extra of that name brings it")
    fleet = Fleet(layouts=Layouts([provider]))
    fleet.load(make_tiny("good"))
    before = own_threads()
    never = make_broken("never runs")
    for _ in range(5):
        with pytest.raises(ModelError, match="can't run here: its first photographs failed"):
            fleet.load(never)

    def fail(*_: object, **__: object) -> None:
        raise MemoryError

    monkeypatch.setattr("service.engine.classifier.measure_quickly", fail)
    for number in range(5):
        with pytest.raises(ModelError, match=r"can't be loaded here: MemoryError"):
            fleet.load(make_tiny(f"late{number}"))
    assert own_threads() <= before
    fleet.close()


def test_whatever_goes_wrong_in_loading_is_one_sentence_with_its_cause(
    fleet: Fleet, make_tiny: MakeTiny, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise MemoryError("no room")

    monkeypatch.setattr(fleet_module, "Classifier", fail)
    with pytest.raises(
        ModelError, match=r"tiny\.onnx can't be loaded here: MemoryError: no room"
    ) as failure:
        fleet.load(make_tiny())
    assert isinstance(failure.value.__cause__, MemoryError)
    assert names(fleet) == []


def test_the_old_model_stays_where_its_new_file_can_t_run(
    make_tiny: MakeTiny, make_broken: MakeBroken
) -> None:
    fleet = Fleet(layouts=Layouts(["cpu"]))
    path = make_tiny("tiny")
    os.utime(path, (1, 1))
    fleet.refresh([path])
    before = fleet.get("tiny")
    make_broken("answers once a batch", version="2")
    failed = fleet.refresh([path, make_tiny("other")])
    assert str(failed[path]).startswith("tiny.onnx can't run here")
    assert fleet.get("tiny") is before
    assert before.classifier.classify(red()).predictions[0].label == "Red"
    assert sorted(names(fleet)) == [("other", "1"), ("tiny", "1")]
    fleet.close()


def test_closing_it_ends_every_thread(make_tiny: MakeTiny) -> None:
    before = own_threads()
    fleet = Fleet()
    for name in ("one", "two"):
        fleet.load(make_tiny(name))
    fleet._decoders.submit(red).result(10)
    fleet.close()
    assert own_threads() <= before


def test_a_model_that_never_ends_is_refused_in_time_and_leaves_no_thread(
    fleet: Fleet, make_tiny: MakeTiny, make_broken: MakeBroken, monkeypatch: pytest.MonkeyPatch
) -> None:
    fleet.load(make_tiny("old"))
    before = own_threads()
    monkeypatch.setattr(fleet_module, "LOADING_S", 0.5)
    with pytest.raises(
        ModelError, match=r"^endless\.onnx was not ready within 0\.5 s, which .*\?$"
    ):
        fleet.load(make_broken("never ends", "endless"))
    assert names(fleet) == [("old", "1")]
    eventually(own_threads, lambda threads: threads <= before)


def test_unloading_ends_where_a_photograph_never_does(
    fleet: Fleet, make_tiny: MakeTiny, make_broken: MakeBroken, monkeypatch: pytest.MonkeyPatch
) -> None:
    fleet.load(make_tiny("old"))
    before = own_threads()
    stuck = fleet.load(make_broken("never ends on white", "stuck")).classifier
    tickets = stuck.submit([photo_of("white")])
    monkeypatch.setattr(fleet_module, "UNLOADING_S", 0.2)
    fleet.unload("stuck")
    with pytest.raises(InternalError):
        tickets[0].wait()
    eventually(own_threads, lambda threads: threads <= before)
