"""The application: its parts come from the settings, and what it began it ends."""

from __future__ import annotations

import pytest

from service.run.app import create_state, limits_of
from service.settings import BadSettings, read_settings
from tests.servers import ServeInside
from tests.service.asking import RED, samples
from tests.service.conftest import own_threads
from tests.waiting import eventually


def test_what_a_model_takes_on_is_in_seconds_as_the_settings_say() -> None:
    settings = read_settings(
        {"BOOTH_QUEUE_SIZE": "7", "BOOTH_DEADLINE_MS": "1500", "BOOTH_STALL_MS": "2500"}
    )
    limits = limits_of(settings)
    assert (limits.queue_size, limits.deadline_s, limits.stall_s) == (7, 1.5, 2.5)
    assert limits.max_pixels == settings.max_pixels


def test_a_format_whose_library_is_missing_is_left_out_unless_it_was_asked_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("service.run.app.FORMATS", ("JPEG", "PNG"))
    assert limits_of(read_settings({})).formats == ("JPEG", "PNG")
    assert limits_of(read_settings({"BOOTH_FORMATS": "png"})).formats == ("PNG",)
    with pytest.raises(BadSettings, match=r"names HEIC, .* extra `heic` .* or leave it out\.$"):
        limits_of(read_settings({"BOOTH_FORMATS": "jpeg,heic"}))


def test_a_fresh_state_has_loaded_nothing_and_is_not_ready() -> None:
    state = create_state(read_settings({}))
    assert state.fleet.loaded() == []
    assert state.not_ready() == "The models are still being loaded."
    assert state.traces is None


def test_the_buckets_of_batches_reach_what_may_be_run_at_once(serve_inside: ServeInside) -> None:
    with serve_inside(max_batch_size=8) as service:
        service.state.model().classifier.classify(RED)
        page = samples(service.url)
    buckets = [name for name in page if name.startswith("booth_batch_size_bucket")]
    assert [name.split('le="')[1].partition('"')[0] for name in buckets] == [
        "1.0", "2.0", "4.0", "8.0", "+Inf",
    ]  # fmt: skip


def test_at_its_end_the_threads_of_decoders_and_batches_end(serve_inside: ServeInside) -> None:
    before = own_threads()
    with serve_inside(slots=2) as service:
        service.state.model().classifier.classify(RED)
        assert own_threads() - before
    # The thread that loaded the models has told so before it ends.
    eventually(own_threads, lambda threads: threads <= before)
