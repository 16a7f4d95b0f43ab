"""How GPUs are asked for. What they then do is not tested: these tests need none."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path

import onnxruntime as ort
import pytest

from models.home import cache_folder
from service.fleet.identity import read_model_file
from service.runtimes import gpu, onnx_runtime
from service.runtimes.base import Layout
from service.runtimes.gpu import cuda_options, engine_folder, provider_options, tensorrt_options
from service.runtimes.session import Session
from tests.service.conftest import MakeTiny

Providers = Mapping[str, Mapping[str, str]]


class Opened:
    """Stands for a session on a GPU, and keeps how it was asked for."""

    def __init__(self, active: str, *, fails: tuple[str, ...] = ()) -> None:
        self.asked: list[Providers] = []
        self._active = active
        self._fails = fails

    def __call__(self, content: bytes, providers: Providers, threads: int) -> Opened:
        del content, threads
        self.asked.append(providers)
        if next(iter(providers)) in self._fails:
            raise RuntimeError("no such library")
        return self

    def get_providers(self) -> list[str]:
        return [onnx_runtime.EXECUTION_PROVIDERS[self._active], "CPUExecutionProvider"]


class Buffers:
    """Stands for the runtime on a GPU."""

    def __init__(self, session: Opened, provider: str, device: str, slots: int) -> None:
        self.session, self.provider, self.device, self.slots = session, provider, device, slots


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> Opened:
    return install(monkeypatch, Opened("cuda"))


def install(monkeypatch: pytest.MonkeyPatch, opened: Opened) -> Opened:
    """An ONNX Runtime for GPUs, as far as can be told without one."""
    monkeypatch.setattr(
        ort, "get_available_providers", lambda: [*onnx_runtime.EXECUTION_PROVIDERS.values()]
    )
    monkeypatch.setattr(gpu, "open_session", opened)
    monkeypatch.setattr(gpu, "BoundRuntime", Buffers)
    return opened


def test_only_a_file_in_float16_is_run_in_it() -> None:
    assert cuda_options("fp16")["prefer_nhwc"] == "1"
    assert cuda_options("fp32")["prefer_nhwc"] == cuda_options("int8")["prefer_nhwc"] == "0"
    assert cuda_options("fp32")["use_tf32"] == "0"
    for precision, fp16 in (("fp16", "True"), ("fp32", "False"), ("int8", "False")):
        assert tensorrt_options(precision, 224, 32, None)["trt_fp16_enable"] == fp16


def test_one_engine_takes_all_batches_and_is_tuned_for_the_largest() -> None:
    options = tensorrt_options("fp16", 240, 24, None)
    assert options["trt_profile_min_shapes"] == "photo:1x240x240x3"
    assert options["trt_profile_opt_shapes"] == "photo:24x240x240x3"
    assert options["trt_profile_max_shapes"] == "photo:24x240x240x3"


def test_files_of_other_content_have_engines_of_their_own_and_timings_together(
    make_tiny: MakeTiny,
) -> None:
    path = make_tiny("model")
    file, same = read_model_file(path), read_model_file(path)
    make_tiny("model", version="2")
    found = [
        provider_options("tensorrt", one, 32)["tensorrt"]
        for one in (file, same, read_model_file(path))
    ]
    engines = [options["trt_engine_cache_path"] for options in found]
    assert engines[0] == engines[1] != engines[2]
    for folder, options in zip(engines, found, strict=True):
        assert Path(folder).is_dir()
        assert Path(folder).parent == cache_folder() / "tensorrt"
        assert options["trt_timing_cache_path"] == str(cache_folder() / "tensorrt")


def test_another_onnx_runtime_has_an_engine_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    before = engine_folder("0" * 64)
    monkeypatch.setattr(ort, "__version__", "0.0.1")
    assert engine_folder("0" * 64) != before


def test_where_nothing_can_be_written_no_engine_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_the_way = tmp_path / "file"
    in_the_way.write_bytes(b"")
    monkeypatch.setenv("XDG_CACHE_HOME", str(in_the_way))
    assert engine_folder("0" * 64) is None
    assert not any("cache" in name for name in tensorrt_options("fp32", 224, 32, None))


def test_cuda_is_asked_with_its_options_and_the_cpu_behind_it(tiny: Path, opened: Opened) -> None:
    session = Session(read_model_file(tiny), providers=["cuda"])
    assert session.provider == "cuda"
    assert session.leaves_cores_free
    assert opened.asked == [{"cuda": cuda_options("fp32"), "cpu": {}}]


def test_tensorrt_has_cuda_behind_it_and_knows_the_largest_batch(
    tiny: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = install(monkeypatch, Opened("tensorrt"))
    file, layout = read_model_file(tiny), Layout(max_batch_size=16)
    assert Session(file, providers=["tensorrt"], layout=layout).provider == "tensorrt"
    (asked,) = opened.asked
    assert list(asked) == ["tensorrt", "cuda", "cpu"]
    assert asked["tensorrt"]["trt_profile_max_shapes"] == "photo:16x8x8x3"
    assert asked["cuda"] == cuda_options("fp32")


def test_where_tensorrt_can_t_run_it_cuda_does_and_the_log_says_so(
    tiny: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    opened = install(monkeypatch, Opened("cuda", fails=("tensorrt",)))
    with caplog.at_level(logging.WARNING):
        assert Session(read_model_file(tiny), providers=["tensorrt", "cuda"]).provider == "cuda"
    assert list(opened.asked[-1]) == ["cuda", "cpu"]
    assert "tensorrt can't run tiny.onnx: RuntimeError: no such library" in caplog.messages


def test_where_no_gpu_can_the_cpu_runs_it_unbound(
    tiny: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(monkeypatch, Opened("cpu"))
    session = Session(read_model_file(tiny), providers=["cuda"])
    assert session.provider == "cpu"
    assert not session.leaves_cores_free
