"""The running service: photographs in, labels out."""

import os
import sys

# Booth speaks to nobody it was not told to. Both are read when the libraries are first imported:
# ONNX Runtime would report to its maker and leave an identifier in the user's folder; so would
# OpenVINO's converter, which goes without its reporter where there is none.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"
sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
