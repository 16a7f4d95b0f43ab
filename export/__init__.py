"""Weights into one proven ONNX file."""

import service  # noqa: F401 (first: it keeps the libraries from reporting to their makers)
