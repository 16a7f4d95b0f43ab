"""The record of each request: how it begins, and who is told at its end."""

from __future__ import annotations

import pytest
from starlette.types import Scope

from service.run.app import create_state
from service.settings import read_settings
from service.web.recorder import Recorder
from service.web.scope import record_of
from service.web.state import ServiceState


@pytest.fixture(scope="module")
def state() -> ServiceState:
    return create_state(read_settings({}))


def scope_of(path: str, request_id: bytes = b"my-id.7") -> Scope:
    headers = [(b"x-request-id", request_id)]
    return {"path": path, "raw_path": path.encode(), "method": "POST", "headers": headers}


def in_flight(state: ServiceState) -> float | None:
    return state.metrics.registry.get_sample_value("booth_in_flight_requests")


@pytest.mark.parametrize(("status", "outcome"), [(200, "ok"), (503, "error")])
def test_what_asks_for_labels_is_counted_and_logged(
    state: ServiceState, caplog: pytest.LogCaptureFixture, status: int, outcome: str
) -> None:
    caplog.set_level("INFO", "booth.access")
    recorder, scope = Recorder(state), scope_of("/classify")
    record = recorder.begin(scope, classifies=True)
    assert record_of(scope) is record
    assert record.request_id == "my-id.7"
    assert in_flight(state) == 1
    record.status = status
    recorder.end(scope, record)
    assert in_flight(state) == 0
    assert record.outcome == outcome
    assert caplog.messages[0].startswith(f"POST /classify {status} ")


def test_what_looks_into_a_network_counts_by_itself(state: ServiceState) -> None:
    recorder, scope = Recorder(state), scope_of("/occlusion")
    record = recorder.begin(scope, classifies=False, inspects="occlusion")
    assert in_flight(state) == 0
    record.status = 200
    recorder.end(scope, record)
    assert record.outcome == "ok"
    labels = {"model": "unknown", "what": "occlusion", "outcome": "ok"}
    counted = state.metrics.registry.get_sample_value("booth_inspection_requests_total", labels)
    assert counted == 1


def test_what_watches_leaves_no_line(state: ServiceState, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "booth.access")
    recorder, scope = Recorder(state), scope_of("/readyz", b"no id")
    record = recorder.begin(scope, classifies=False)
    assert len(record.request_id) == 16
    recorder.end(scope, record)
    assert not caplog.messages
