"""What TorchServe's workers run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from benchmarks.peers.work import Settings, Work


class Classifier:
    """Labels photographs; TorchServe makes one in each worker."""

    def initialize(self, context: Any) -> None:
        """Load the model."""
        folder = Path(context.system_properties["model_dir"])
        self.work = Work(
            str(folder / context.manifest["model"]["serializedFile"]), Settings.read().threads
        )
        self.work.warm_up()

    def handle(self, data: list[dict[str, Any]], context: Any) -> list[dict[str, Any]]:
        """Label the photographs of a batch."""
        del context
        return self.work.predict_batch([bytes(one["body"]) for one in data])
