"""Providers are tried fastest first, and the CPU always last."""

from __future__ import annotations

import onnxruntime as ort
import pytest

from models.errors import ModelError
from service.runtimes import onnx_runtime, open_vino
from service.runtimes.registry import PROVIDERS, choose


def names(*wanted: str) -> list[str]:
    return [provider.name for provider in choose(wanted)]


@pytest.fixture
def everything(monkeypatch: pytest.MonkeyPatch) -> None:
    """All that there is, as far as can be told without a GPU."""
    installed = [*onnx_runtime.EXECUTION_PROVIDERS.values()]
    monkeypatch.setattr(ort, "get_available_providers", lambda: installed)
    monkeypatch.setattr(open_vino, "find_spec", lambda _name: object())


@pytest.fixture
def nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """ONNX Runtime for CPUs alone."""
    monkeypatch.setattr(ort, "get_available_providers", lambda: ["CPUExecutionProvider"])
    monkeypatch.setattr(open_vino, "find_spec", lambda _name: None)


@pytest.mark.usefixtures("everything")
def test_all_that_is_installed_is_tried_fastest_first() -> None:
    assert names() == ["tensorrt", "cuda", "openvino", "cpu"]


@pytest.mark.usefixtures("everything")
def test_what_is_wanted_is_tried_in_its_order_and_the_cpu_at_last() -> None:
    assert names("openvino", "cuda", "openvino") == ["openvino", "cuda", "cpu"]
    assert names("cpu") == ["cpu"]


@pytest.mark.usefixtures("nothing")
def test_what_is_not_installed_is_left_out_or_told_where_it_is_wanted() -> None:
    assert names() == ["cpu"]
    for absent in ("openvino", "cuda", "tpu"):
        with pytest.raises(ModelError, match=rf"'{absent}' is not installed here; there is: cpu\."):
            choose([absent])


def test_those_on_a_gpu_leave_the_cores_free() -> None:
    assert [one.name for one in PROVIDERS if one.on_gpu] == ["tensorrt", "cuda"]
