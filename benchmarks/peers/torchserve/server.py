"""TorchServe: its Java front, and a worker process for each core with one thread of ONNX Runtime.

Run as ``python server.py MODEL PORT``; it answers ``POST /predictions/classify``. Needs Java 17.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path

from benchmarks.peers.ports import free_ports
from benchmarks.peers.work import Settings

HERE = Path(__file__).resolve().parent
BIN = Path(sys.executable).parent
CONFIGURATION = """
inference_address=http://127.0.0.1:{port}
management_address=http://127.0.0.1:{management}
metrics_address=http://127.0.0.1:{metrics}
grpc_inference_port={grpc}
grpc_management_port={grpc_management}
model_store={store}
load_models=classify.mar
models={{"classify":{{"1":{{"minWorkers":{workers},"maxWorkers":{workers},"batchSize":{batch},"maxBatchDelay":{window_ms},"responseTimeout":120}}}}}}
job_queue_size=1000
disable_token_authorization=true
disable_system_metrics=true
enable_envvars_config=false
"""


def archive(model: Path, store: Path) -> None:
    """Pack the model and its handler as TorchServe wants them."""
    subprocess.run(
        [
            *(BIN / "torch-model-archiver", "--model-name", "classify"),
            *("--version", "1", "--serialized-file", str(model), "--export-path", str(store)),
            *("--handler", str(HERE / "handler.py"), "--archive-format", "default"),
        ],
        check=True,
    )


def configuration(port: int, store: Path) -> str:
    """The text of ``config.properties``."""
    ports = ("management", "metrics", "grpc", "grpc_management")
    others = dict(zip(ports, free_ports(len(ports)), strict=True))
    return CONFIGURATION.format(
        port=port, store=store, **others, **asdict(Settings.read(batch=8, window_ms=1))
    )


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda _signal, _frame: sys.exit())
    with tempfile.TemporaryDirectory() as folder:
        store = Path(folder)
        archive(Path(sys.argv[1]), store)
        file = store / "config.properties"
        file.write_text(configuration(int(sys.argv[2]), store), encoding="utf-8")
        subprocess.run(
            [
                *(BIN / "torchserve", "--start", "--foreground", "--ncs"),
                *("--ts-config", file, "--log-config", HERE / "log4j2.xml"),
            ],
            check=False,
            cwd=folder,
            env={**os.environ, "TMPDIR": folder},
        )
