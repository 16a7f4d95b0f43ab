"""What the GPU's benchmark says without a GPU, and how it finds what limits."""

from __future__ import annotations

import onnxruntime as ort
import pytest

from benchmarks import gpu
from benchmarks.gpu import Outcome, limit
from benchmarks.load import Figures, Plan
from benchmarks.runs import Run
from models.shelf import ZOO
from service.fleet.identity import read_model_file


def run_at(throughput: float, errors: int = 0) -> Run:
    figures = Figures(throughput, 100, errors, 1, 2, 3, 4, 50, [])
    return Run("closed loop", Plan(connections=1), figures, cpu_ms=2.5, memory_mb=300)


def test_it_refuses_where_no_onnx_runtime_for_gpus_is_installed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(ort, "get_available_providers", lambda: ["CPUExecutionProvider"])
    monkeypatch.setattr("sys.argv", ["benchmarks.gpu"])
    with pytest.raises(SystemExit, match="install onnxruntime-gpu in place of onnxruntime"):
        gpu.main()


def test_the_fastest_provider_for_gpus_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    everything = ["TensorrtExecutionProvider", "CUDAExecutionProvider", "CPUExecutionProvider"]
    monkeypatch.setattr(ort, "get_available_providers", lambda: everything)
    assert gpu.the_provider() == "tensorrt"
    monkeypatch.setattr(ort, "get_available_providers", lambda: everything[1:])
    assert gpu.the_provider() == "cuda"


def test_it_refuses_to_measure_a_session_that_fell_back_to_the_cpu() -> None:
    with pytest.raises(SystemExit, match="'cpu' is installed but does not run here"):
        gpu.session_of(read_model_file(ZOO / "efficientnet_lite0.onnx"), "cpu", batch=2)


def test_the_slowest_stage_limits_if_what_is_reached_is_near_it() -> None:
    stages = {"decoding": 1000.0, "copies": 9000.0, "computing": 4000.0}
    assert limit(stages, reached=950) == "decoding"
    assert limit(stages, reached=500) == "HTTP and Python"


def test_a_share_is_the_median_of_the_rounds_shares_and_errors_are_summed() -> None:
    booth = [run_at(90, errors=1), run_at(80), run_at(140, errors=2)]
    cells = Outcome("fp16", [100.0, 100.0, 200.0], booth, {"computing": 95.0}).cells()
    assert cells == ["fp16", "computing", "100", "90", "0.80", "2.50", "3"]
