"""ONNX Runtime's CUDA and TensorRT providers: whether they run a file, and how they are set.

What their options mean: https://onnxruntime.ai/docs/execution-providers/CUDA-ExecutionProvider.html
and https://onnxruntime.ai/docs/execution-providers/TensorRT-ExecutionProvider.html
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path

import onnxruntime as ort

from models.home import cache_folder
from service.runtimes.base import Layout, ModelFile
from service.runtimes.bound import BoundRuntime
from service.runtimes.onnx_runtime import EXECUTION_PROVIDERS, OnnxRuntime, open_session

__all__ = [
    "cuda_options",
    "engine_folder",
    "open_on_gpu",
    "open_outputs_on_gpu",
    "provider_options",
    "tensorrt_options",
]


def open_on_gpu(provider: str, file: ModelFile, layout: Layout) -> BoundRuntime:
    """The file on a GPU, in buffers of its own.

    Args:
        provider: "tensorrt" or "cuda".
        file: the model file.
        layout: how many runs at the same time, the CPU threads of what a GPU can't do, and the
            largest batch that will be prepared.

    Raises:
        Exception: whatever keeps it from running there.

    """
    options = provider_options(provider, file, layout.max_batch_size)
    session = open_session(file.content, options, layout.threads)
    return BoundRuntime(session, _active(session), "cuda", layout.slots)


def open_outputs_on_gpu(file: ModelFile, layout: Layout, outputs: Sequence[str]) -> OnnxRuntime:
    """The file in CUDA for several outputs, whose batches are not prepared.

    TensorRT would build another engine, which takes minutes, for what is asked for rarely.

    Raises:
        Exception: whatever keeps it from running there.

    """
    options = provider_options("cuda", file, layout.max_batch_size)
    return OnnxRuntime(file, layout, outputs, options)


def provider_options(
    provider: str, file: ModelFile, max_batch_size: int
) -> dict[str, dict[str, str]]:
    """The provider with its options, and behind it those that take the operators it lacks."""
    card = file.card
    cuda = cuda_options(card.precision)
    if provider == "cuda":
        return {"cuda": cuda, "cpu": {}}
    folder = engine_folder(file.sha256)
    tensorrt = tensorrt_options(card.precision, card.input.size, max_batch_size, folder)
    return {"tensorrt": tensorrt, "cuda": cuda, "cpu": {}}


def cuda_options(precision: str) -> dict[str, str]:
    """How CUDA runs a file of this precision ("fp32", "fp16" or "int8").

    Kernels are searched for exhaustively: the few batch sizes are run once before any client comes,
    and no others. Memory grows by what is asked for, not to the next power of two, as it stops
    growing then. Tensor cores read channels last in float16; float32 stays float32, not TF32, as
    the file was proven in it. Left as they are: copies on the stream that computes, since ONNX
    Runtime warns of data races with another one; and no CUDA graphs, which allow one run at a time.
    """
    return {
        "cudnn_conv_algo_search": "EXHAUSTIVE",
        "arena_extend_strategy": "kSameAsRequested",
        "prefer_nhwc": "1" if precision == "fp16" else "0",
        "use_tf32": "0",
    }


def tensorrt_options(
    precision: str, side: int, max_batch_size: int, folder: Path | None
) -> dict[str, str]:
    """How TensorRT builds the engine of a file, and where it keeps it.

    One engine serves every batch from 1 to the largest, for which it is tuned. It computes in
    float16 only if the file does, which was proven in it.

    Args:
        precision: of the file: "fp32", "fp16" or "int8".
        side: S, of the photographs.
        max_batch_size: the largest batch.
        folder: for the engine; None keeps nothing. Beside it lie the timings of kernels, which
            hold for the GPU and serve all models.

    """
    largest = f"photo:{max_batch_size}x{side}x{side}x3"
    options = {
        "trt_fp16_enable": str(precision == "fp16"),
        "trt_profile_min_shapes": f"photo:1x{side}x{side}x3",
        "trt_profile_opt_shapes": largest,
        "trt_profile_max_shapes": largest,
    }
    if folder:
        options |= {
            "trt_engine_cache_enable": "True",
            "trt_engine_cache_path": str(folder),
            "trt_timing_cache_enable": "True",
            "trt_timing_cache_path": str(folder.parent),
        }
    return options


def engine_folder(sha256: str) -> Path | None:
    """A folder for the engine of the file with this hash; None where nothing can be written.

    TensorRT's provider names engines by the graph's structure: another file of the same structure
    would be answered with the weights of the first.
    """
    digest = hashlib.sha256(f"{sha256} {ort.__version__}".encode())
    folder = cache_folder() / "tensorrt" / digest.hexdigest()[:32]
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return None  # a read-only system builds engines at each start
    return folder if os.access(folder, os.W_OK) else None


def _active(session: ort.InferenceSession) -> str:
    """The provider that runs the graph.

    Raises:
        RuntimeError: it is the CPU, since those that don't load are left out.

    """
    first = session.get_providers()[0]
    short = {full: name for name, full in EXECUTION_PROVIDERS.items()}[first]
    if short == "cpu":
        raise RuntimeError("It was left out; ONNX Runtime itself has written why.")
    return short
