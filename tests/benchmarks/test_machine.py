"""A figure says where and when it was measured."""

from __future__ import annotations

import datetime as dt
from importlib.metadata import version

from benchmarks.machine import describe
from service.machine import cores


def test_date_processor_memory_and_versions_are_told() -> None:
    before = dt.datetime.now(dt.UTC).replace(second=0, microsecond=0)
    found = describe()
    at = dt.datetime.strptime(str(found["date"]), "%Y-%m-%d %H:%M UTC").replace(tzinfo=dt.UTC)
    assert before <= at <= dt.datetime.now(dt.UTC)
    assert found["processor"]
    assert found["cores"] == cores()
    assert float(found["memory_gb"]) > 0.5
    assert found["onnxruntime"] == version("onnxruntime")
