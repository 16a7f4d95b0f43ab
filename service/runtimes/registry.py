"""The execution providers, fastest first: which are installed, and how each opens a file."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from models.errors import ModelError
from service.runtimes import onnx_runtime, open_vino
from service.runtimes.base import Layout, ModelFile, Runtime
from service.runtimes.explaining import ManyOutputs
from service.runtimes.gpu import open_on_gpu, open_outputs_on_gpu
from service.runtimes.onnx_runtime import OnnxRuntime
from service.runtimes.open_vino import OpenVino

__all__ = ["PROVIDERS", "Provider", "choose"]


@dataclass(frozen=True, slots=True)
class Provider:
    """One way to run a network.

    Attributes:
        name: as ``BOOTH_PROVIDERS`` has it.
        on_gpu: whether it leaves the CPU's cores free.
        packages: distributions that may bring it; the first that is installed does.
        is_installed: whether it is there; that it runs here is not said.
        open: a file, laid out; raises whatever goes wrong.
        open_outputs: likewise, for several outputs, which are asked for rarely.

    """

    name: str
    on_gpu: bool
    packages: tuple[str, ...]
    is_installed: Callable[[], bool]
    open: Callable[[ModelFile, Layout], Runtime]
    open_outputs: Callable[[ModelFile, Layout, Sequence[str]], ManyOutputs]


def _on_gpu(name: str) -> Provider:
    return Provider(
        name,
        on_gpu=True,
        packages=("onnxruntime-gpu", "onnxruntime"),
        is_installed=partial(onnx_runtime.is_installed, name),
        open=partial(open_on_gpu, name),
        open_outputs=open_outputs_on_gpu,
    )


# In the order to try. The last one runs on any machine.
PROVIDERS = (
    _on_gpu("tensorrt"),
    _on_gpu("cuda"),
    Provider(
        "openvino",
        on_gpu=False,
        packages=("openvino",),
        is_installed=open_vino.is_installed,
        open=OpenVino,
        open_outputs=open_vino.open_outputs,
    ),
    Provider(
        "cpu",
        on_gpu=False,
        packages=("onnxruntime", "onnxruntime-gpu"),
        is_installed=lambda: True,
        open=OnnxRuntime,
        open_outputs=OnnxRuntime,
    ),
)


def choose(wanted: Sequence[str] = ()) -> list[Provider]:
    """The providers to try, in order: those wanted, or all that are installed; then the CPU.

    Raises:
        ModelError: a wanted provider is unknown or not installed.

    """
    there = {provider.name: provider for provider in PROVIDERS if provider.is_installed()}
    for name in wanted:
        if name not in there:
            raise ModelError(
                f"The provider {name!r} is not installed here; there is: {', '.join(there)}."
            )
    return [there[name] for name in dict.fromkeys([*(wanted or there), "cpu"])]
